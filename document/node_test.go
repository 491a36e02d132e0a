package document

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestLayersMergeByRule is the table of docs/perch-yaml.md, at the top and below a key.
func TestLayersMergeByRule(t *testing.T) {
	for name, test := range map[string]struct{ base, over, want string }{
		"a mapping merges by key":           {"{a: 1, b: 2}", "{b: 3, c: 4}", `{"a":1,"b":3,"c":4}`},
		"an empty mapping changes nothing":  {"{a: 1}", "{}", `{"a":1}`},
		"a single value replaces":           {"{a: 1}", "{a: x}", `{"a":"x"}`},
		"a list replaces, it is not joined": {"{a: [1, 2]}", "{a: [3]}", `{"a":[3]}`},
		"an empty list replaces":            {"{a: [1, 2]}", "{a: []}", `{"a":[]}`},
		"a list replaces a mapping":         {"{a: {b: 1}}", "{a: [3]}", `{"a":[3]}`},
		"a mapping replaces a list":         {"{a: [3]}", "{a: {b: 1}}", `{"a":{"b":1}}`},
		"null removes":                      {"{a: 1, b: {c: 1}}", "{a: null, b: ~}", `{}`},
		"null removes what is not there":    {"{a: 1}", "{b: null}", `{"a":1}`},
		"null in a new mapping is nothing":  {"{}", "{a: {b: null, c: 1}}", `{"a":{"c":1}}`},
	} {
		for _, depth := range []string{"%s", "{x: %s}", "{x: {y: %s}}"} {
			tree := func(source string) *Node {
				root, _, err := Read(
					"a.yaml", fmt.Appendf(nil, depth, source), Limits{Bytes: 1000, Depth: 9, Column: 99, Keys: 9},
				)
				if err != nil {
					t.Fatal(err)
				}
				return root
			}
			base, over := tree(test.base), tree(test.over)
			before := fmt.Sprint(base.Value(), over.Value())
			got, err := json.Marshal(Merge(Merge(nil, base), over).Value())
			if err != nil {
				t.Fatal(err)
			}
			want := strings.NewReplacer("x:", `"x":`, "y:", `"y":`, " ", "").Replace(fmt.Sprintf(depth, test.want))
			if string(got) != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
			if after := fmt.Sprint(base.Value(), over.Value()); after != before {
				t.Errorf("%s: the layers were changed from %s to %s", name, before, after)
			}
		}
	}
}
