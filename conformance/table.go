package conformance

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// Result is the result of the last check of one assumption against a real account.
type Result struct {
	// Verdict is Holds or Differs. Detail describes the difference.
	Verdict string `json:"verdict"`
	Detail  string `json:"detail,omitempty"`
	// Date is the day of the run in UTC, for example 2026-11-28. Region is the region of the run.
	Date   string `json:"date"`
	Region string `json:"region"`
}

// Results maps the names of assumptions to their latest results on real accounts.
type Results map[string]Result

// readResults reads a file of results. If the file does not exist, there are no results.
func readResults(path string) (Results, error) {
	results := Results{}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return results, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &results)
	}
	if err != nil {
		return nil, fmt.Errorf("read results %s: %w", path, err)
	}
	return results, nil
}

func (r Results) write(path string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = os.WriteFile(path, append(data, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("write results %s: %w", path, err)
	}
	return nil
}

const (
	beginMark = "<!-- assumptions -->\n"
	endMark   = "<!-- end of assumptions -->\n"
)

// Page returns the content of docs/fidelity.md with an up-to-date table of all assumptions. text is
// the content so far; the table replaces everything between its two marks.
func Page(text string, results Results) (string, error) {
	head, rest, ok := strings.Cut(text, beginMark)
	_, tail, also := strings.Cut(rest, endMark)
	if !ok || !also {
		return "", fmt.Errorf(
			"the page lacks the marks %s and %s", strings.TrimSpace(beginMark), strings.TrimSpace(endMark),
		)
	}
	cost, duration := estimate(Assumptions(), parallel)
	size := fmt.Sprintf(
		"There are %d assumptions. To check all of them on AWS takes about %s and costs about %.2f USD.\n",
		len(Assumptions()), duration, cost,
	)
	return head + beginMark + size + Table(Assumptions(), sandboxColumn, results.column) + endMark + tail, nil
}

// WritePage writes the table of all assumptions into the page at path.
func WritePage(path string, results Results) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read page: %w", err)
	}
	text, err := Page(string(data), results)
	if err == nil {
		err = os.WriteFile(path, []byte(text), 0o644)
	}
	if err != nil {
		return fmt.Errorf("write page %s: %w", path, err)
	}
	return nil
}

const tableHead = "| name | assumption | source | relied on by | sandbox | AWS | date |\n" +
	"|---|---|---|---|---|---|---|\n"

// Table returns a Markdown table of assumptions for each service. sandbox and aws return the
// verdicts in the columns of these names.
func Table(assumptions []Assumption, sandbox, aws func(Assumption) (verdict, date string)) string {
	var b strings.Builder
	service := ""
	for _, assumption := range assumptions {
		if assumption.service() != service {
			service = assumption.service()
			fmt.Fprintf(&b, "\n### %s\n\n%s", service, tableHead)
		}
		here, _ := sandbox(assumption)
		there, date := aws(assumption)
		cells := []string{
			"`" + assumption.Name + "`", assumption.Sentence, sourceLink(assumption.Source),
			"`" + assumption.ReliedOn + "`", here, there, date,
		}
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	return b.String() + "\n"
}

// sourceLink returns the Markdown of an assumption's source: a link if text begins with a URL, and
// text otherwise.
func sourceLink(text string) string {
	address, note, _ := strings.Cut(text, " ")
	if !strings.HasPrefix(address, "https://") {
		return text
	}
	parts := strings.Split(strings.TrimSuffix(address, "/"), "/")
	return strings.TrimSpace("[" + parts[len(parts)-1] + "](" + address + ") " + note)
}

// sandboxColumn returns the expected verdict of the sandbox on an assumption. A test checks it
// against the sandbox.
func sandboxColumn(b Assumption) (verdict, date string) {
	if b.Sandbox != "" {
		return Differs + ": " + b.Sandbox, ""
	}
	return Holds, ""
}

// column returns the verdict of the last run on AWS on an assumption.
func (r Results) column(b Assumption) (verdict, date string) {
	result, ok := r[b.Name]
	switch {
	case !ok:
		return "AWS: not yet run", ""
	case result.Detail != "":
		return result.Verdict + ": " + strings.ReplaceAll(result.Detail, "|", "\\|"), result.Date + " " + result.Region
	}
	return result.Verdict, result.Date + " " + result.Region
}
