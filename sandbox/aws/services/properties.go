package services

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// properties are a resource's properties as in its template. A number or a boolean may also be a
// string.
type properties map[string]any

// scalarText formats a value as text, as CloudFormation does; empty if value is nil.
func scalarText(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case map[string]any, []any:
		body, _ := json.Marshal(v)
		return string(body)
	default:
		return fmt.Sprint(v)
	}
}

func (p properties) text(key string) string { return scalarText(p[key]) }

// textOr returns the value of key as text, or fallback if it is empty.
func (p properties) textOr(key, fallback string) string {
	if text := p.text(key); text != "" {
		return text
	}
	return fallback
}

func (p properties) flag(key string) bool { return strings.EqualFold(p.text(key), "true") }

func (p properties) number(key string, fallback int) int {
	if n, err := strconv.Atoi(p.text(key)); err == nil {
		return n
	}
	return fallback
}

// texts returns the values of a list as texts. It returns a single value as a list of one.
func (p properties) texts(key string) []string {
	list, ok := p[key].([]any)
	if !ok {
		if text := p.text(key); text != "" {
			return []string{text}
		}
		return nil
	}
	texts := make([]string, len(list))
	for i, item := range list {
		texts[i] = scalarText(item)
	}
	return texts
}

// child returns the object under key; nil if there is none.
func (p properties) child(key string) properties {
	child, _ := p[key].(map[string]any)
	return child
}

// children returns the objects in the list under key.
func (p properties) children(key string) []properties {
	list, _ := p[key].([]any)
	var children []properties
	for _, item := range list {
		if child, ok := item.(map[string]any); ok {
			children = append(children, child)
		}
	}
	return children
}

// tags returns the tags in the property Tags, which is a list of Key and Value or, for some types,
// an object.
func (p properties) tags() map[string]string {
	tags := map[string]string{}
	for _, tag := range p.children("Tags") {
		tags[tag.text("Key")] = tag.text("Value")
	}
	for key, value := range p.child("Tags") {
		tags[key] = scalarText(value)
	}
	return tags
}
