package cloudformation

import "fmt"

// condition evaluates the condition with the name.
func (s *scope) condition(name string) (bool, error) {
	definition, ok := s.conditions[name]
	if !ok {
		return false, invalid(
			"Template format error: Unresolved condition dependency %s in the Resources block of the template", name,
		)
	}
	// A condition is hidden from its own definition while it is evaluated, so that a circular
	// definition ends.
	inner := *s
	inner.conditions = make(map[string]any, len(s.conditions))
	for other, value := range s.conditions {
		if other != name {
			inner.conditions[other] = value
		}
	}
	return inner.truth(definition)
}

// truth evaluates a condition expression.
func (s *scope) truth(value any) (bool, error) {
	members := object(value)
	if len(members) != 1 {
		return false, invalid(
			"Template format error: Conditions can only be boolean operations on parameters and other conditions",
		)
	}
	for name, argument := range members {
		switch name {
		case "Condition":
			return s.condition(fmt.Sprint(argument))
		case "Fn::Equals":
			return s.equals(argument)
		case "Fn::Not":
			items, _ := argument.([]any)
			if len(items) != 1 {
				return false, invalid("Template error: every Fn::Not object requires one boolean parameter.")
			}
			is, err := s.truth(items[0])
			return !is, err
		case "Fn::And":
			return s.combineConditions(name, argument, true)
		case "Fn::Or":
			return s.combineConditions(name, argument, false)
		}
	}
	return false, invalid(
		"Template format error: Conditions can only be boolean operations on parameters and other conditions",
	)
}

func (s *scope) equals(argument any) (bool, error) {
	items, _ := argument.([]any)
	if len(items) != 2 {
		return false, invalid("Template error: every Fn::Equals object requires a list of 2 string parameters.")
	}
	left, err := s.resolve(items[0])
	if err != nil {
		return false, err
	}
	right, err := s.resolve(items[1])
	return canonical(left) == canonical(right), err
}

// combineConditions computes And (start is true) or Or (start is false) of two to ten conditions.
func (s *scope) combineConditions(name string, argument any, start bool) (bool, error) {
	items, _ := argument.([]any)
	if len(items) < 2 || len(items) > 10 {
		return false, invalid(
			"Template error: every %s object requires a list of at least 2 and at most 10 boolean parameters.", name,
		)
	}
	for _, item := range items {
		is, err := s.truth(item)
		if err != nil || is != start {
			return is, err
		}
	}
	return start, nil
}

// branch returns the branch of an Fn::If that its condition selects, unresolved.
func (s *scope) branch(argument any) (any, error) {
	items, _ := argument.([]any)
	if len(items) != 3 {
		return nil, invalid("Template error: every Fn::If object requires a condition name and two values")
	}
	is, err := s.condition(fmt.Sprint(items[0]))
	if err != nil {
		return nil, err
	}
	if is {
		return items[1], nil
	}
	return items[2], nil
}

// prune replaces every Fn::If by its branch, so that a branch that is not used causes no
// dependencies.
func (s *scope) prune(value any) (any, error) {
	if name, argument, ok := asFunction(value); ok && name == "Fn::If" {
		branch, err := s.branch(argument)
		if err != nil {
			return nil, err
		}
		return s.prune(branch)
	}
	switch value := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(value))
		for key, member := range value {
			pruned, err := s.prune(member)
			if err != nil {
				return nil, err
			}
			out[key] = pruned
		}
		return out, nil
	case []any:
		out := make([]any, len(value))
		for i, item := range value {
			pruned, err := s.prune(item)
			if err != nil {
				return nil, err
			}
			out[i] = pruned
		}
		return out, nil
	}
	return value, nil
}
