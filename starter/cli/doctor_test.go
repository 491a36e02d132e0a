package cli

import (
	"strings"
	"testing"

	"charm.land/lipgloss/v2"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"perch"
)

var someChecks = []perch.Check{
	{Name: "temporal", OK: true, Checked: true, Detail: "answers at 127.0.0.1:7233"},
	{Name: "worker", Checked: true, Detail: `no worker is polling task queue "perch-shop"; start one`},
	{Name: "account", Detail: "not checked, because no worker is known to be there"},
}

func TestChecksAreOneLineEachWhereNobodyReadsThemOnATerminal(t *testing.T) {
	want := []string{
		"✓ temporal: answers at 127.0.0.1:7233",
		`✗ worker: no worker is polling task queue "perch-shop"; start one`,
		"- account: not checked, because no worker is known to be there",
	}
	if diff := cmp.Diff(want, checkLines(someChecks, 0, false)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestChecksAtThirtyColumns(t *testing.T) {
	want := []string{
		"✓ temporal: answers at",
		"  127.0.0.1:7233",
		"✗ worker: no worker is polling",
		`  task queue "perch-shop";`,
		"  start one",
		"- account: not checked,",
		"  because no worker is known",
		"  to be there",
	}
	if diff := cmp.Diff(want, checkLines(someChecks, 30, false)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestChecksThatWereNotMadeForTheSameReasonAreOneLine(t *testing.T) {
	checks := []perch.Check{
		{Name: "temporal", Checked: true, Detail: "no Temporal answers"},
		{Name: "namespace", Detail: "not checked, because no Temporal answers"},
		{Name: "worker", Detail: "not checked, because no Temporal answers"},
		{Name: "certificate", Detail: "not checked, because the application stack does not name it"},
		{Name: "application production", OK: true, Detail: "there is no stack"},
		{Name: "schedule", OK: true, Checked: true, Detail: "there is no stack"},
	}
	want := []string{
		"✗ temporal: no Temporal answers",
		"- namespace, worker: not checked, because no Temporal answers",
		"- certificate: not checked, because the application stack does not name it",
		"- application production: there is no stack",
		"✓ schedule: there is no stack",
	}
	if diff := cmp.Diff(want, checkLines(checks, 0, false)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if checks[1].Name != "namespace" {
		t.Errorf("the checks themselves are changed: %+v", checks)
	}
}

func TestOnlyMarksAreColored(t *testing.T) {
	for i, line := range checkLines(someChecks, 0, true) {
		mark, text, _ := strings.Cut(line, " ")
		if mark == checkLines(someChecks, 0, false)[i][:len("✓")] || strings.Contains(text, "\x1b") ||
			lipgloss.Width(mark) != 1 {
			t.Errorf("line %q", line)
		}
	}
}

func TestNoLineIsTooLongUnlessAWordIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.StringMatching(`[a-zäß界]{1,12}`), 1, 30).Draw(t, "words")
		width := rapid.IntRange(-1, 60).Draw(t, "width")
		text := strings.Join(words, " ")
		lines := wrapped(text, width)
		if strings.Join(lines, " ") != text {
			t.Fatalf("%q became %q", text, lines)
		}
		for _, line := range lines {
			if width > 0 && lipgloss.Width(line) > width && strings.Contains(line, " ") {
				t.Fatalf("%q is wider than %d", line, width)
			}
		}
	})
}
