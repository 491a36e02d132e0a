package checks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/config"
	"perch/lifecycle"
	"perch/starter/cli"
)

// pages are the pages at the root and those in docs/, by path.
func pages(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("docs", "*.md"))
	if err != nil || len(files) == 0 {
		t.Fatalf("docs has %d pages: %v", len(files), err)
	}
	texts := map[string]string{}
	for _, file := range append(
		files, "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "examples/README.md",
	) {
		texts[file] = page(t, file)
	}
	return texts
}

func page(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

var (
	fence   = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	code    = regexp.MustCompile("`([^`]+)`")
)

// fenced are the code blocks of a page in one language, in order.
func fenced(text, language string) []string {
	var blocks []string
	for _, match := range fence.FindAllStringSubmatch(text, -1) {
		if match[1] == language {
			blocks = append(blocks, match[2])
		}
	}
	return blocks
}

func TestDocsLinkToWhatExists(t *testing.T) {
	texts := pages(t)
	for file, text := range texts {
		for _, match := range link.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			target, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			other := file
			if target != "" {
				other = filepath.Join(filepath.Dir(file), target)
			}
			if _, err := os.Stat(other); err != nil {
				t.Errorf("%s links to %s, which is not there", file, match[1])
			} else if anchor != "" && !slices.Contains(anchors(texts[other]), anchor) {
				t.Errorf("%s links to %s, and %s has no such heading", file, match[1], other)
			}
		}
	}
}

// anchors are the fragments that GitHub gives the headings of a page.
func anchors(text string) []string {
	var names []string
	for _, match := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		name := regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(strings.ToLower(match[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

// TestDocsExamplesAreRead reads the YAML blocks that begin with the name of one of Perch's files as
// that file, and any other as YAML.
func TestDocsExamplesAreRead(t *testing.T) {
	for file, text := range pages(t) {
		for _, block := range fenced(text, "yaml") {
			first, _, _ := strings.Cut(block, "\n")
			if err := readExample(first, []byte(block)); err != nil {
				t.Errorf("%s, the block that begins with %q: %v", file, first, err)
			}
		}
	}
}

func readExample(first string, block []byte) error {
	switch {
	case first == "# perch.yaml":
		file, err := config.Read(config.FileName, block)
		if err != nil {
			return err
		}
		for _, branch := range []string{"main", "staging", "feature/load-1", "docs/x"} {
			if _, _, err := file.Resolve(branch, strings.Repeat("0", 40)); err != nil {
				return fmt.Errorf("branch %s: %w", branch, err)
			}
		}
		return nil
	case first == "# policy.yaml":
		_, err := config.ReadPolicy("policy.yaml", block)
		return err
	}
	var other any
	return yaml.Unmarshal(block, &other)
}

// TestDocsDescribeEveryKeyOnce: docs/configuration.md has a row for each key of the Go types
// (package config's tests write it), and no other page has a table of them.
func TestDocsDescribeEveryKeyOnce(t *testing.T) {
	var all []string
	for _, of := range []any{config.File{}, perch.Settings{}, perch.SeedStep{}, perch.Policy{}} {
		all = append(all, keys("", reflect.TypeOf(of))...)
	}
	tables := regexp.MustCompile(`(?m)^\| key .*\n\|[-|]+\n((?:\|.*\n)+)`)
	rows := regexp.MustCompile("(?m)^\\| `([^`]+)`")
	for file, text := range pages(t) {
		var described []string
		for _, table := range tables.FindAllString(text, -1) {
			for _, match := range rows.FindAllStringSubmatch(table, -1) {
				described = append(described, match[1])
			}
		}
		for _, key := range all {
			switch here := slices.Contains(described, key); {
			case file == filepath.Join("docs", "configuration.md") && !here:
				t.Errorf("%s has no row for `%s`; write it again with `go test ./config -update`", file, key)
			case file != filepath.Join("docs", "configuration.md") && here:
				t.Errorf("%s describes `%s`, and docs/configuration.md does so already; say it in the comment of the "+
					"Go type", file, key)
			}
		}
	}
}

// keys are the dotted YAML keys of a type. Keys that people choose are written NAME.
func keys(prefix string, of reflect.Type) []string {
	switch of.Kind() {
	case reflect.Pointer:
		return keys(prefix, of.Elem())
	case reflect.Map:
		if of.Elem().Kind() != reflect.Struct {
			return nil
		}
		return keys(prefix+"NAME.", of.Elem())
	case reflect.Struct:
	default:
		return nil
	}
	var names []string
	for i := range of.NumField() {
		name, _, _ := strings.Cut(of.Field(i).Tag.Get("yaml"), ",")
		if name == "" || name == "-" {
			continue
		}
		names = append(names, prefix+name)
		names = append(names, keys(prefix+name+".", of.Field(i).Type)...)
	}
	return names
}

// TestDocsShowWhatIsSaidOfAWrongFile reads the file whose problems docs/perch-yaml.md shows.
func TestDocsShowWhatIsSaidOfAWrongFile(t *testing.T) {
	_, err := config.Read(
		config.FileName,
		[]byte("project: shop\nimage: example.org/shop:1\ndefaults:\n  instances: {mim: 3, max: \"2\"}\n"),
	)
	if err == nil {
		t.Fatal("no error")
	}
	if diff := cmp.Diff(err.Error()+"\n", fenced(page(t, "docs/perch-yaml.md"), "text")[0]); diff != "" {
		t.Errorf("said (-) and shown in docs/perch-yaml.md (+):\n%s", diff)
	}
}

// TestDocsShowWholeDocuments compares the keys that the starter prints with those that
// docs/starter.md shows.
func TestDocsShowWholeDocuments(t *testing.T) {
	shown := fenced(page(t, "docs/starter.md"), "json")
	dir := t.TempDir()
	if err := os.WriteFile(
		filepath.Join(dir, config.FileName), config.Init(config.Start{Project: "shop", Image: "example.org/shop:1"}),
		0o600,
	); err != nil {
		t.Fatal(err)
	}
	for args, block := range map[string]int{
		"up docs-no-infra --project shop": 0, "down x --project shop --timeout 0s": 1,
		"plan docs-no-infra --project shop": 2, "settings x": 8, "settings diff staging branch": 9,
	} {
		var stdout, stderr bytes.Buffer
		arguments := append(strings.Fields(args), "-o", "json", "--repo", dir)
		cli.Run(t.Context(), arguments, strings.NewReader(""), &stdout, &stderr, func(string) string { return "" })
		if diff := cmp.Diff(paths(t, stdout.String()), paths(t, shown[block])); diff != "" {
			t.Errorf("perch %s: printed (-) and shown in docs/starter.md (+):\n%s", args, diff)
		}
	}
}

// paths are the dotted keys of a JSON document, sorted.
func paths(t *testing.T, document string) []string {
	t.Helper()
	var value map[string]any
	if err := json.Unmarshal([]byte(document), &value); err != nil {
		t.Fatalf("%v in %s", err, document)
	}
	var names []string
	for key, below := range value {
		names = append(names, key)
		if object, ok := below.(map[string]any); ok {
			for inner := range object {
				names = append(names, key+"."+inner)
			}
		}
	}
	slices.Sort(names)
	return names
}

// TestDocsShowTheRules compares the table of docs/how-it-works.md with the rules.
func TestDocsShowTheRules(t *testing.T) {
	rows := 0
	for line := range strings.Lines(page(t, "docs/how-it-works.md")) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 7 || !strings.Contains(cells[0], "_") {
			continue
		}
		rows++
		status := code.FindStringSubmatch(cells[0])[1]
		stack := lifecycle.Stack{Status: status, Ours: true}
		unchanged := stack
		unchanged.Unchanged = true
		upWaits, downWaits := stack, stack
		upWaits.Pending, downWaits.Pending = perch.GoalUp, perch.GoalGone
		want := []lifecycle.Step{
			lifecycle.Next(stack, perch.GoalUp), lifecycle.Next(unchanged, perch.GoalUp),
			lifecycle.Next(upWaits, perch.GoalUp),
			lifecycle.Next(downWaits, perch.GoalUp), lifecycle.Next(stack, perch.GoalGone),
			lifecycle.Next(upWaits, perch.GoalGone),
		}
		for i, step := range want {
			if shown := strings.TrimSpace(cells[i+1]); shown != string(step) {
				t.Errorf("%s: the rule is %q and the table says %q", status, step, shown)
			}
		}
	}
	if rows != 23 {
		t.Errorf("the table has %d statuses; CloudFormation has 23", rows)
	}
}

// TestDocsShowTheKnownParameters compares the table of docs/custom-template.md with what a template
// is filled in with.
func TestDocsShowTheKnownParameters(t *testing.T) {
	var want, got []string
	for _, known := range perch.KnownParameters() {
		want = append(want, fmt.Sprintf("| `%s` | `{%s}` | %s |", known.Name, known.Placeholder, known.Meaning))
	}
	for line := range strings.Lines(page(t, "docs/custom-template.md")) {
		if strings.Contains(line, "` | `{") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the parameters are (-), and docs/custom-template.md says (+):\n%s", diff)
	}
}

// TestDocsShowTheRooms compares the table of docs/contributing.md with the rooms of rules_test.go.
func TestDocsShowTheRooms(t *testing.T) {
	shown := map[string][]string{}
	for line := range strings.Lines(page(t, "docs/contributing.md")) {
		if cells := strings.Split(line, "|"); len(cells) == 5 && code.MatchString(cells[1]) {
			shown[code.FindStringSubmatch(cells[1])[1]] = named(cells[3])
		}
	}
	for room, imports := range rooms {
		want := named("`" + strings.Join(imports, "` `") + "`")
		if diff := cmp.Diff(want, shown[strings.TrimPrefix(room, "perch/")]); diff != "" {
			t.Errorf("room %s may import (-), and docs/contributing.md says (+):\n%s", room, diff)
		}
	}
}

// named are the words in backquotes, without the module's name, sorted.
func named(text string) []string {
	names := []string{}
	for _, match := range code.FindAllStringSubmatch(text, -1) {
		names = append(names, strings.TrimPrefix(match[1], "perch/"))
	}
	slices.Sort(names)
	return names
}

// TestDoctorTriesOrNamesEveryAWSCall: anyone who lets the worker make another call says whether
// `perch doctor` tries it.
func TestDoctorTriesOrNamesEveryAWSCall(t *testing.T) {
	text := page(t, "activities/doctor/rights.go") + page(t, "activities/doctor/domain.go")
	files, err := goFilesBelow("activities")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, made := range awsCalls(t, file) {
			if _, call, _ := strings.Cut(made, "."); call != "GetCallerIdentity" &&
				!strings.Contains(text, "."+call+"Input{") && !strings.Contains(text, `"`+call+`"`) {
				t.Errorf("%s calls %s: let doctor try it in activities/doctor/rights.go, or name it there among "+
					"those that are not tried", file, call)
			}
		}
	}
}

// goFilesBelow are the Go files in a folder and below it.
func goFilesBelow(folder string) (files []string, err error) {
	err = filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".go") {
			files = append(files, path)
		}
		return err
	})
	return files, err
}

// TestEveryScenarioHasATest holds the rows of docs/scenarios.md against the names of the tests,
// both ways.
func TestEveryScenarioHasATest(t *testing.T) {
	number := regexp.MustCompile(`S\d{2,3}`)
	_, waiting, _ := strings.Cut(page(t, "docs/scenarios.md"), "have no test yet")
	pending, rows, tested := number.FindAllString(waiting, -1), map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(page(t, "docs/scenarios.md")) {
		if cells := strings.Split(line, "|"); len(cells) == 5 && number.MatchString(cells[1]) {
			rows[strings.TrimSpace(cells[1])] = true
		}
	}
	for _, name := range testNames(t) {
		for _, found := range number.FindAllString(name, -1) {
			tested[found] = true
			if !rows[found] {
				t.Errorf("%s is about %s, which docs/scenarios.md does not have", name, found)
			}
		}
	}
	if len(rows) < 78 {
		t.Errorf("docs/scenarios.md has %d rows; it has had 78", len(rows))
	}
	for row := range rows {
		if tested[row] == slices.Contains(pending, row) {
			t.Errorf("%s: tested %v, said to have no test yet %v", row, tested[row], slices.Contains(pending, row))
		}
	}
}

// testNames are the names of all top-level tests.
func testNames(t *testing.T) (names []string) {
	t.Helper()
	top := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		for _, match := range top.FindAllStringSubmatch(page(t, path), -1) {
			names = append(names, match[1])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// codePath is a file or a folder of the repository, as the pages about its structure write it.
var codePath = regexp.MustCompile("`([a-z_]+(?:/[a-z_]+)*(?:\\.go|/))`")

// TestPagesAboutTheStructureNameWhatExists checks ARCHITECTURE.md and the decisions: moved files
// leave such pages behind.
func TestPagesAboutTheStructureNameWhatExists(t *testing.T) {
	pages, err := filepath.Glob("docs/decisions/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("decisions %v: %v", pages, err)
	}
	named := 0
	for _, file := range append(pages, "ARCHITECTURE.md") {
		for _, match := range codePath.FindAllStringSubmatch(page(t, file), -1) {
			named++
			if _, err := os.Stat(match[1]); err != nil {
				t.Errorf("%s names %s, which does not exist", file, match[1])
			}
		}
	}
	if named == 0 {
		t.Error("the pages name no file")
	}
}

// TestContributingNamesTargetsOfTheMakefile checks each `make TARGET` of CONTRIBUTING.md.
func TestContributingNamesTargetsOfTheMakefile(t *testing.T) {
	makefile := page(t, "Makefile")
	calls := regexp.MustCompile("`make ([a-z]+)`").FindAllStringSubmatch(page(t, "CONTRIBUTING.md"), -1)
	if len(calls) == 0 {
		t.Error("CONTRIBUTING.md names no target of the Makefile")
	}
	for _, call := range calls {
		if !strings.Contains(makefile, "\n"+call[1]+":\n") {
			t.Errorf("CONTRIBUTING.md names `make %s`, and the Makefile has no such target", call[1])
		}
	}
}
