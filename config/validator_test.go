package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"perch/document"
)

// validator holds JSON values against a published schema. It knows the keywords that the schemas have, and no other.
type validator struct {
	t    *testing.T
	root map[string]any
}

func newValidator(t *testing.T, schema []byte) validator {
	t.Helper()
	v := validator{t: t}
	if err := json.Unmarshal(schema, &v.root); err != nil {
		t.Fatal(err)
	}
	return v
}

// problem says why value does not fit, with its path; "" where it does.
func (v validator) problem(schema any, path string, value any) string {
	keywords, ok := schema.(map[string]any)
	if !ok {
		if schema == false {
			return path + " is not known"
		}
		return ""
	}
	for _, keyword := range slices.Sorted(maps.Keys(keywords)) {
		if problem := v.keyword(keyword, keywords, path, value); problem != "" {
			return problem
		}
	}
	return ""
}

func (v validator) keyword(keyword string, keywords map[string]any, path string, value any) string {
	of := keywords[keyword]
	number, isNumber := value.(float64)
	text, isText := value.(string)
	list, isList := value.([]any)
	object, isObject := value.(map[string]any)
	wrong := false
	switch keyword {
	case "$schema", "$defs", "title", "description", "default":
	case "$ref":
		return v.problem(v.root["$defs"].(map[string]any)[strings.TrimPrefix(of.(string), "#/$defs/")], path, value)
	case "type":
		wrong = !isType(of.(string), value)
	case "enum":
		wrong = !slices.Contains(of.([]any), value)
	case "pattern":
		wrong = isText && !regexp.MustCompile(of.(string)).MatchString(text)
	case "minLength":
		wrong = isText && float64(utf8.RuneCountInString(text)) < of.(float64)
	case "minimum":
		wrong = isNumber && number < of.(float64)
	case "maximum":
		wrong = isNumber && number > of.(float64)
	case "exclusiveMinimum":
		wrong = isNumber && number <= of.(float64)
	case "minItems":
		wrong = isList && float64(len(list)) < of.(float64)
	case "required":
		for _, key := range of.([]any) {
			_, there := object[key.(string)]
			wrong = wrong || isObject && !there
		}
	case "dependentRequired":
		for key, others := range of.(map[string]any) {
			_, there := object[key]
			_, other := object[others.([]any)[0].(string)]
			wrong = wrong || there && !other
		}
	case "items":
		for i, item := range list {
			if problem := v.problem(of, fmt.Sprintf("%s[%d]", path, i), item); problem != "" {
				return problem
			}
		}
	case "properties", "additionalProperties", "propertyNames":
		return v.members(keyword, keywords, path, object)
	case "oneOf", "anyOf":
		fitting := 0
		for _, schema := range of.([]any) {
			if v.problem(schema, path, value) == "" {
				fitting++
			}
		}
		wrong = fitting == 0 || keyword == "oneOf" && fitting > 1
	default:
		v.t.Fatalf("this test does not know the keyword %s, at %s", keyword, path)
	}
	if wrong {
		return fmt.Sprintf("%s: %v is not what %s %v wants", path, value, keyword, of)
	}
	return ""
}

func (v validator) members(keyword string, keywords map[string]any, path string, object map[string]any) string {
	properties, _ := keywords["properties"].(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(object)) {
		schema, known := properties[key]
		problem := ""
		switch {
		case keyword == "propertyNames":
			problem = v.problem(keywords[keyword], document.Join(path, key), key)
		case keyword == "properties" && known:
			problem = v.problem(schema, document.Join(path, key), object[key])
		case keyword == "additionalProperties" && !known:
			problem = v.problem(keywords[keyword], document.Join(path, key), object[key])
		}
		if problem != "" {
			return problem
		}
	}
	return ""
}

func isType(name string, value any) bool {
	switch value := value.(type) {
	case nil:
		return name == "null"
	case bool:
		return name == "boolean"
	case string:
		return name == "string"
	case float64:
		return name == "number" || name == "integer" && value == math.Trunc(value)
	case []any:
		return name == "array"
	default:
		return name == "object"
	}
}
