package custom

import (
	"regexp"
	"slices"
	"strings"

	"perch/document"
)

var substitution = regexp.MustCompile(`\$\{([^!}][^}]*)\}`)

// reference is a name that something refers to, and where.
type reference struct {
	name string
	at   *document.Node
}

// references returns the names that Ref, Fn::GetAtt and Fn::Sub in n refer to.
func references(n *document.Node) []reference {
	var found []reference
	n.Walk(func(n *document.Node) {
		switch name, argument := function(n); name {
		case "Ref":
			if argument.Shape == document.Scalar {
				found = append(found, reference{argument.Text, argument})
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

// firstText returns the logical id in the argument of Fn::GetAtt.
func firstText(argument *document.Node) string {
	if argument.Shape == document.List && len(argument.Items) > 0 {
		argument = argument.Items[0]
	}
	if argument.Shape != document.Scalar {
		return ""
	}
	id, _, _ := strings.Cut(argument.Text, ".")
	return id
}

func substituted(argument *document.Node) []reference {
	text, own := argument, []string(nil)
	if argument.Shape == document.List && len(argument.Items) == 2 {
		text, own = argument.Items[0], argument.Items[1].Names()
	}
	var found []reference
	for _, match := range substitution.FindAllStringSubmatch(text.Text, -1) {
		name, _, _ := strings.Cut(strings.TrimSpace(match[1]), ".")
		if !slices.Contains(own, name) && !slices.Contains(own, match[1]) {
			found = append(found, reference{name, text})
		}
	}
	return found
}

// checkReferences reports names that the template does not define, and resources that wait for each
// other.
func (t *Template) checkReferences(p *document.Report) {
	for _, section := range []string{"Resources", "Outputs"} {
		for _, r := range references(t.root.Get(section)) {
			if !strings.HasPrefix(r.name, "AWS::") && t.resource(r.name) == nil && t.parameter(r.name) == nil {
				p.Fail(r.at, "%s is neither a resource nor a parameter of the template", r.name)
			}
		}
	}
	needs := map[string][]string{}
	for _, r := range t.resources {
		value := t.root.Get("Resources").Get(r.id)
		for _, name := range dependsOn(value.Get("DependsOn")) {
			if t.resource(name.Text) == nil {
				p.Fail(name, "resource %s depends on %s, which is not a resource of the template", r.id, name.Text)
			}
			needs[r.id] = append(needs[r.id], name.Text)
		}
		for _, name := range references(r.properties) {
			if t.resource(name.name) != nil {
				needs[r.id] = append(needs[r.id], name.name)
			}
		}
	}
	if circle := circular(needs); len(circle) > 0 {
		p.Fail(
			t.resource(circle[0]).at, "these resources wait for each other, so none can be made first: %s",
			strings.Join(circle, ", "),
		)
	}
}

func dependsOn(n *document.Node) []*document.Node {
	switch {
	case n == nil:
		return nil
	case n.Shape == document.List:
		return n.Items
	}
	return []*document.Node{n}
}

// circular returns the ids that wait for each other, sorted; none if there is an order in which all
// can be created.
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
