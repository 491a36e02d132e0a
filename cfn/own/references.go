package own

import (
	"regexp"
	"slices"
	"strings"
)

var substitution = regexp.MustCompile(`\$\{([^!}][^}]*)\}`)

// reference is a name that something refers to, and where.
type reference struct {
	name string
	at   *node
}

// references are the names that Ref, Fn::GetAtt and Fn::Sub below n refer to.
func references(n *node) []reference {
	var found []reference
	n.walk(func(n *node) {
		switch name, argument := n.function(); name {
		case "Ref":
			if argument.shape == scalar {
				found = append(found, reference{argument.text, argument})
			}
		case "Fn::GetAtt":
			if first := firstText(argument); first != "" {
				found = append(found, reference{first, argument})
			}
		case "Fn::Sub":
			found = append(found, substituted(argument)...)
		}
	})
	return found
}

// firstText is the logical id of Fn::GetAtt's argument.
func firstText(argument *node) string {
	if argument.shape == list && len(argument.items) > 0 {
		argument = argument.items[0]
	}
	if argument.shape != scalar {
		return ""
	}
	id, _, _ := strings.Cut(argument.text, ".")
	return id
}

func substituted(argument *node) []reference {
	text, own := argument, []string(nil)
	if argument.shape == list && len(argument.items) == 2 {
		text, own = argument.items[0], argument.items[1].names()
	}
	var found []reference
	for _, match := range substitution.FindAllStringSubmatch(text.text, -1) {
		name, _, _ := strings.Cut(strings.TrimSpace(match[1]), ".")
		if !slices.Contains(own, name) && !slices.Contains(own, match[1]) {
			found = append(found, reference{name, text})
		}
	}
	return found
}

// checkReferences rejects names that nothing in the template has, and resources that wait for each other.
func (t *Template) checkReferences(p *problems) {
	for _, section := range []string{"Resources", "Outputs"} {
		for _, r := range references(t.root.get(section)) {
			if !strings.HasPrefix(r.name, "AWS::") && t.resource(r.name) == nil && t.parameter(r.name) == nil {
				p.at(r.at, "%s is neither a resource nor a parameter of the template", r.name)
			}
		}
	}
	needs := map[string][]string{}
	for _, r := range t.resources {
		value := t.root.get("Resources").get(r.id)
		for _, name := range dependsOn(value.get("DependsOn")) {
			if t.resource(name.text) == nil {
				p.at(name, "resource %s depends on %s, which is no resource of the template", r.id, name.text)
			}
			needs[r.id] = append(needs[r.id], name.text)
		}
		for _, name := range references(r.properties) {
			if t.resource(name.name) != nil {
				needs[r.id] = append(needs[r.id], name.name)
			}
		}
	}
	if circle := circular(needs); len(circle) > 0 {
		p.at(t.resource(circle[0]).at, "these resources wait for each other, so none can be made first: %s", strings.Join(circle, ", "))
	}
}

func dependsOn(n *node) []*node {
	switch {
	case n == nil:
		return nil
	case n.shape == list:
		return n.items
	}
	return []*node{n}
}

// circular are the ids that wait for each other, sorted; none where all can be put in order.
func circular(needs map[string][]string) []string {
	left := map[string]bool{}
	for id := range needs {
		left[id] = true
	}
	for progress := true; progress; {
		progress = false
		for id := range left {
			if !slices.ContainsFunc(needs[id], func(need string) bool { return left[need] }) {
				delete(left, id)
				progress = true
			}
		}
	}
	var circle []string
	for id := range left {
		circle = append(circle, id)
	}
	slices.Sort(circle)
	return circle
}

func (t *Template) resource(id string) *resource {
	for i := range t.resources {
		if t.resources[i].id == id {
			return &t.resources[i]
		}
	}
	return nil
}
