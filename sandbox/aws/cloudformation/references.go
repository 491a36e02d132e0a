package cloudformation

import (
	"regexp"
	"strings"
)

// walkFunctions calls visit for every intrinsic function in value, outermost first.
func walkFunctions(value any, visit func(name string, argument any) error) error {
	if name, argument, ok := asFunction(value); ok {
		if err := visit(name, argument); err != nil {
			return err
		}
		return walkFunctions(argument, visit)
	}
	switch value := value.(type) {
	case map[string]any:
		for _, key := range sortedKeys(value) {
			if err := walkFunctions(value[key], visit); err != nil {
				return err
			}
		}
	case []any:
		for _, item := range value {
			if err := walkFunctions(item, visit); err != nil {
				return err
			}
		}
	}
	return nil
}

type reference struct{ id, attribute string }

var substitution = regexp.MustCompile(`\$\{([^}]*)\}`)

// referencesOf returns the names to which one call of a function refers.
func referencesOf(name string, argument any) []reference {
	switch name {
	case "Ref":
		if id, ok := argument.(string); ok {
			return []reference{{id: id}}
		}
	case "Fn::GetAtt":
		if id, attribute, ok := attributePath(argument); ok {
			return []reference{{id, attribute}}
		}
	case "Fn::Sub":
		text, own := substitutionParts(argument)
		var found []reference
		for _, match := range substitution.FindAllStringSubmatch(text, -1) {
			if _, ok := own[match[1]]; ok || strings.HasPrefix(match[1], "!") {
				continue
			}
			id, attribute, _ := strings.Cut(match[1], ".")
			found = append(found, reference{id, attribute})
		}
		return found
	}
	return nil
}

func attributePath(argument any) (id, attribute string, ok bool) {
	switch argument := argument.(type) {
	case string:
		id, attribute, ok = strings.Cut(argument, ".")
		return id, attribute, ok
	case []any:
		if len(argument) < 2 {
			return "", "", false
		}
		parts := texts(argument)
		return parts[0], strings.Join(parts[1:], "."), true
	}
	return "", "", false
}

func substitutionParts(argument any) (text string, own map[string]any) {
	switch argument := argument.(type) {
	case string:
		return argument, nil
	case []any:
		if len(argument) == 2 {
			text, _ = argument[0].(string)
			return text, object(argument[1])
		}
	}
	return "", nil
}
