package checks

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write deploy/iam and the tables of docs/iam.md again")

const (
	workerPolicy         = "deploy/iam/worker.json"
	cloudFormationPolicy = "deploy/iam/cloudformation.json"
	beanstalkPolicy      = "deploy/iam/elasticbeanstalk.json"
	instancesPolicy      = "deploy/iam/elasticbeanstalk-instances.json"
	iamPage              = "docs/iam.md"
)

// statement is one of an IAM policy.
type statement struct {
	Sid       string
	Effect    string
	Action    []string
	Resource  []string
	Condition map[string]map[string]any `json:",omitempty"`
}

func TestIAMDocumentsAreCurrent(t *testing.T) {
	for file, want := range map[string][]byte{
		workerPolicy: document(t, workerStatements(t)), cloudFormationPolicy: document(t, cloudFormationStatements()),
		beanstalkPolicy:   document(t, allowed(slices.Concat(closer, aroundBeanstalk))),
		instancesPolicy:   document(t, allowed(instancesOfBeanstalk)),
		bootstrapTemplate: bootstrap(t), iamPage: withTable(t, page(t, iamPage)),
	} {
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		} else if diff := cmp.Diff(string(want), page(t, file)); diff != "" {
			t.Errorf(
				"%s is not current; write it with `go test ./checks -update` (from the tables: -, in the file: +):\n%s",
				file, diff,
			)
		}
	}
}

func document(t *testing.T, statements []statement) []byte {
	t.Helper()
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(struct {
		Version   string
		Statement []statement
	}{"2012-10-17", statements}); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

// workerStatements are the grants with the actions that the calls need, and the right to pass the
// one role.
func workerStatements(t *testing.T) []statement {
	t.Helper()
	actions := map[string][]string{}
	for _, needs := range rights {
		for _, need := range needs {
			actions[need.sid] = append(actions[need.sid], need.action)
		}
	}
	var all []statement
	for _, grant := range grants {
		s := statement{Sid: grant.sid, Effect: "Allow", Action: sorted(actions[grant.sid]), Resource: grant.resources}
		for operator, values := range grant.condition {
			s.Condition = map[string]map[string]any{operator: {}}
			for key, value := range values {
				s.Condition[operator][key] = value
			}
		}
		if len(s.Action) == 0 {
			t.Errorf("no call needs the statement %s: take it out of iam_rights_test.go", grant.sid)
		}
		delete(actions, grant.sid)
		all = append(all, s)
	}
	for sid := range actions {
		t.Errorf("there is no statement %s: add it to grants in iam_rights_test.go", sid)
	}
	return append(all, statement{
		Sid: "StacksAreMadeByTheirOwnRole", Effect: "Allow", Action: []string{"iam:PassRole"},
		Resource:  []string{"arn:aws:iam::ACCOUNT:role/perch-cloudformation"},
		Condition: map[string]map[string]any{"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}},
	})
}

// cloudFormationStatements are one statement for each set of resources that types have in common.
// Reads that AWS grants for all resources only are in the statement Look, unless
// ReadsOfElasticBeanstalk has them.
func cloudFormationStatements() []statement {
	byResources, sids := map[string][]string{}, map[string][]string{}
	var look []string
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		k := kinds[name]
		key := strings.Join(k.resources, "\n")
		sids[key] = append(sids[key], strings.Split(name, "::")[2])
		for _, action := range slices.Concat(append(slices.Collect(maps.Values(k.properties)), k.actions)...) {
			switch _, verb, _ := strings.Cut(action, ":"); {
			case strings.HasPrefix(verb, "Describe"):
				if !covered(readsOfBeanstalk, action) {
					look = append(look, action)
				}
			case !boundCloser(k.resources[0], action):
				byResources[key] = append(byResources[key], action)
			}
		}
	}
	all := []statement{{Sid: "Look", Effect: "Allow", Action: sorted(look), Resource: []string{"*"}}}
	for _, key := range slices.Sorted(maps.Keys(byResources)) {
		all = append(all, statement{
			Sid: strings.Join(
				sids[key],
				"",
			), Effect: "Allow", Action: sorted(byResources[key]), Resource: strings.Split(key, "\n"),
		})
	}
	return all
}

// boundCloser reports whether closer grants an action, on the type's resource or where AWS knows
// none.
func boundCloser(resource, action string) bool {
	return slices.ContainsFunc(closer, func(s statement) bool {
		on := slices.Contains(s.Resource, resource) || slices.Contains(s.Resource, "*")
		return on && slices.Contains(s.Action, action)
	})
}

func allowed(statements []statement) []statement {
	var all []statement
	for _, s := range statements {
		s.Effect, s.Action = "Allow", sorted(s.Action)
		all = append(all, s)
	}
	return all
}

func sorted(names []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(names)))
}

// withTable puts the table of calls between its marks.
func withTable(t *testing.T, text string) []byte {
	t.Helper()
	const begin, end = "<!-- calls -->\n", "<!-- end of calls -->\n"
	head, rest, ok := strings.Cut(text, begin)
	_, tail, also := strings.Cut(rest, end)
	if !ok || !also {
		t.Fatalf("%s has no marks for the table of calls", iamPage)
	}
	calls := map[string][]string{}
	for call, needs := range rights {
		for _, need := range needs {
			calls[need.sid] = append(calls[need.sid], "`"+strings.Split(call, ".")[1]+"`")
		}
	}
	table := "| statement | for the calls | on | what for |\n|---|---|---|---|\n"
	for _, grant := range grants {
		table += fmt.Sprintf(
			"| `%s` | %s | %s | %s |\n", grant.sid, strings.Join(sorted(calls[grant.sid]), ", "),
			"`"+strings.Join(grant.resources, "`, `")+"`", grant.why,
		)
	}
	return []byte(head + begin + table + end + tail)
}

// TestEveryAWSCallHasARight finds the calls in the source: an input of the SDK that is filled in,
// or a paginator.
func TestEveryAWSCallHasARight(t *testing.T) {
	made := map[string]bool{}
	for _, folder := range []string{"activities", "worker", "source", "workflows"} {
		err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			for _, call := range awsCalls(t, path) {
				made[call] = true
				if _, known := rights[call]; !known {
					t.Errorf("%s calls %s: add it to `rights` in iam_rights_test.go, with the IAM action and the "+
						"statement that grants it, and run `go test ./checks -update`", path, call)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for call := range rights {
		if !made[call] {
			t.Errorf("nothing calls %s any more: take it out of `rights` in iam_rights_test.go and run `go test "+
				"./checks -update`", call)
		}
	}
}

// awsCalls are the calls in a file, as service.Operation.
func awsCalls(t *testing.T, path string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	services := map[string]string{}
	for _, imported := range file.Imports {
		if from, ok := strings.CutPrefix(
			strings.Trim(imported.Path.Value, `"`), "github.com/aws/aws-sdk-go-v2/service/",
		); ok && !strings.Contains(from, "/") {
			name := from
			if imported.Name != nil {
				name = imported.Name.Name
			}
			services[name] = from
		}
	}
	var calls []string
	ast.Inspect(file, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.SelectorExpr:
			if from, ok := node.X.(*ast.Ident); ok && services[from.Name] != "" {
				if operation, is := strings.CutSuffix(node.Sel.Name, "Input"); is {
					calls = append(calls, services[from.Name]+"."+operation)
				}
			}
		case *ast.CallExpr:
			if selector, ok := node.Fun.(*ast.SelectorExpr); ok && len(services) > 0 && len(node.Args) > 1 &&
				unicode.IsUpper(rune(selector.Sel.Name[0])) {
				if empty, is := node.Args[1].(*ast.Ident); is && empty.Name == "nil" {
					t.Errorf(
						"%s calls %s with nil: write the empty input, so that this test sees the call", path,
						selector.Sel.Name,
					)
				}
			}
		}
		return true
	})
	return calls
}

// TestEveryTypeOfATemplateHasPermissions compares the reviewed templates with the table of types.
func TestEveryTypeOfATemplateHasPermissions(t *testing.T) {
	files, err := filepath.Glob("cfn/testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d templates: %v", len(files), err)
	}
	for _, file := range files {
		var template struct {
			Resources map[string]struct {
				Type       string
				Properties map[string]any
			}
		}
		if err := json.Unmarshal([]byte(page(t, file)), &template); err != nil {
			t.Fatal(err)
		}
		for id, resource := range template.Resources {
			k, known := kinds[resource.Type]
			if !known {
				t.Errorf("%s: %s is a %s: add the type to `kinds` in iam_types_test.go, with the permissions of its "+
					"handlers, and run `go test ./checks -update`", file, id, resource.Type)
				continue
			}
			for name := range resource.Properties {
				if _, known := k.properties[name]; !known {
					t.Errorf("%s: %s has the property %s: add it to %s in iam_types_test.go, with what it needs "+
						"beside the type's own permissions", file, id, name, resource.Type)
				}
			}
		}
	}
}

// TestIAMPoliciesAreLegalAndNarrow holds the documents, with the longest values that there are, to
// what IAM takes and to what they promise.
func TestIAMPoliciesAreLegalAndNarrow(t *testing.T) {
	const most = 6144 // Characters of a managed policy without white space (AWS docs: IAM quotas).
	values := strings.NewReplacer(
		"PROJECT", strings.Repeat("p", 15), "ACCOUNT", "123456789012", "REGION", "ap-southeast-1", "ZONE",
		"Z0123456789ABCDEFGHIJ", "SEEDS", strings.Repeat("s", 63),
	)
	for _, file := range []string{workerPolicy, cloudFormationPolicy, beanstalkPolicy, instancesPolicy} {
		var policy struct{ Statement []statement }
		text := []byte(values.Replace(page(t, file)))
		if err := json.Unmarshal(text, &policy); err != nil {
			t.Fatal(err)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, text); err != nil || compact.Len() > most {
			t.Errorf("%s has %d characters, and IAM takes %d: %v", file, compact.Len(), most, err)
		}
		seen := map[string]bool{}
		for _, s := range policy.Statement {
			if seen[s.Sid] ||
				strings.ContainsFunc(s.Sid, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
				t.Errorf("%s: the Sid %q is not legal or there twice", file, s.Sid)
			}
			seen[s.Sid] = true
			for _, action := range s.Action {
				if strings.Contains(action, "*") &&
					(file == workerPolicy || !onlyReads(action) && !onlyBeanstalks(s.Resource)) {
					t.Errorf("%s: %s grants %s", file, s.Sid, action)
				}
				if action == "iam:PassRole" && slices.Contains(s.Resource, "*") {
					t.Errorf("%s: %s passes any role", file, s.Sid)
				}
				if file == workerPolicy && slices.Contains(s.Resource, "*") && !onlyReads(action) &&
					action != "cloudformation:ValidateTemplate" && action != "route53:TestDNSAnswer" {
					t.Errorf("%s: %s grants %s on everything", file, s.Sid, strconv.Quote(action))
				}
			}
		}
	}
}

func onlyReads(action string) bool {
	return strings.Contains(action, ":Describe") || strings.Contains(action, ":Get") ||
		strings.Contains(action, ":List")
}

// onlyBeanstalks reports whether all resources have names that only Elastic Beanstalk gives.
func onlyBeanstalks(resources []string) bool {
	for _, resource := range resources {
		if !strings.Contains(resource, "/awseb-") && !strings.Contains(resource, "/eb-") {
			return false
		}
	}
	return true
}
