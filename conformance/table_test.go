package conformance

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPageIsUpToDate compares docs/fidelity.md with the assumptions and the results of real runs.
func TestPageIsUpToDate(t *testing.T) {
	results, err := readResults(resultsFile)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := WritePage(pageFile, results); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(pageFile)
	if err != nil {
		t.Fatal(err)
	}
	want, err := Page(string(data), results)
	if err != nil {
		t.Fatal(err)
	}
	if string(data) != want {
		t.Errorf("%s is not up to date: run `go test ./conformance -update`", pageFile)
	}
	for name := range results {
		if !strings.Contains(want, "`"+name+"`") {
			t.Errorf("%s has a result for %s, which is not the name of an assumption", resultsFile, name)
		}
	}
}

// TestEveryAssumptionIsComplete checks the name, the sentence, the source, the estimate and the
// file of every assumption.
func TestEveryAssumptionIsComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, b := range Assumptions() {
		switch {
		case seen[b.Name]:
			t.Errorf("two assumptions are named %s", b.Name)
		case b.service() == b.Name || b.Source == "" || b.Minutes == 0:
			t.Errorf("%s needs a name SERVICE/WHAT, a source and an estimate of minutes", b.Name)
		case !strings.HasSuffix(strings.TrimRight(b.Sentence, "`"), "."):
			t.Errorf("%s: the sentence does not end with a full stop", b.Name)
		}
		seen[b.Name] = true
		if _, err := os.Stat(filepath.Join("..", filepath.FromSlash(b.ReliedOn))); err != nil || b.ReliedOn == "" {
			t.Errorf("%s: the file %q, which ReliedOn names, does not exist", b.Name, b.ReliedOn)
		}
	}
}

func TestTableShowsResultsOnAWS(t *testing.T) {
	assumptions := []Assumption{
		{Name: "s3/a", Sentence: "A.", Source: "https://example.com/doc.html section 1", ReliedOn: "x.go"},
		{Name: "s3/b", Sentence: "B.", Source: "a recording", ReliedOn: "x.go", Sandbox: "it is simpler"},
		{Name: "s3/c", Sentence: "C.", Source: "a recording", ReliedOn: "x.go"},
	}
	results := Results{
		"s3/b": {Verdict: Holds, Date: "2026-11-28", Region: "eu-central-1"},
		"s3/c": {Verdict: Differs, Detail: "one | two", Date: "2026-11-28", Region: "eu-central-1"},
	}
	table := Table(assumptions, sandboxColumn, results.column)
	for _, row := range []string{
		"| `s3/a` | A. | [doc.html](https://example.com/doc.html) section 1 | `x.go` | holds | AWS: not yet run |  |\n",
		"| `s3/b` | B. | a recording | `x.go` | differs: it is simpler | holds | 2026-11-28 eu-central-1 |\n",
		"| `s3/c` | C. | a recording | `x.go` | holds | differs: one \\| two | 2026-11-28 eu-central-1 |\n",
	} {
		if !strings.Contains(table, row) {
			t.Errorf("the row\n%s\nis not in the table\n%s", row, table)
		}
	}
}
