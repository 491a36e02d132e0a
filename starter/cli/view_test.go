package cli

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"perch"
	"perch/client"
)

var creating = client.Progress{
	Phase: perch.PhaseStack, Activity: "AwaitStack",
	Beat: &perch.Progress{Status: "CREATE_IN_PROGRESS", Done: 7, Total: 12, Resource: "Database", ResourceStatus: "CREATE_IN_PROGRESS"},
}

var throttled = client.Retry{Activity: "CreateStack", Attempt: 3, Failure: "Rate exceeded", Next: "2026-11-22T09:30:00Z"}

// TestS107ALineForEachAttempt has one line for each attempt, whether it waits or runs.
func TestS107ALineForEachAttempt(t *testing.T) {
	var out strings.Builder
	view := &lines{out: &out}
	for _, attempt := range []int{2, 3} {
		failed := throttled
		failed.Attempt = attempt
		view.Show(client.Progress{Phase: perch.PhaseStack, Activity: "CreateStack", Retries: []client.Retry{failed}})
		failed.Next = ""
		view.Show(client.Progress{Phase: perch.PhaseStack, Activity: "CreateStack", Retries: []client.Retry{failed}})
	}
	again := "stack CreateStack; CreateStack is tried again (attempt %d, next try at 2026-11-22T09:30:00Z) after: Rate exceeded\n"
	if want := fmt.Sprintf(again+again, 2, 3); out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
}

func TestLinesShowOnlyChanges(t *testing.T) {
	var shown strings.Builder
	view := &lines{out: &shown}
	for look := range 6 {
		beat := &perch.Progress{Status: "CREATE_IN_PROGRESS", Done: look / 4, Total: 3}
		view.Show(client.Progress{Phase: perch.PhaseStack, Activity: "AwaitStack", Beat: beat})
	}
	if want := "stack CREATE_IN_PROGRESS 0/3\nstack CREATE_IN_PROGRESS 1/3\n"; shown.String() != want {
		t.Errorf("shown:\n%s\nwant:\n%s", shown.String(), want)
	}
}

func TestLines(t *testing.T) {
	tests := map[string]struct {
		progress client.Progress
		want     string
	}{
		"nothing is known yet":            {client.Progress{}, ""},
		"a stack is being made":           {creating, "stack CREATE_IN_PROGRESS 7/12 Database CREATE_IN_PROGRESS"},
		"the number is not known":         {client.Progress{Phase: perch.PhaseStack, Beat: &perch.Progress{Status: "CREATE_IN_PROGRESS"}}, "stack CREATE_IN_PROGRESS"},
		"an activity without a heartbeat": {client.Progress{Phase: perch.PhaseAdmitting, Activity: "Admit"}, "admitting Admit"},
		"the first failure is shown": {
			client.Progress{Phase: perch.PhaseStack, Beat: &perch.Progress{Status: "ROLLBACK_IN_PROGRESS", Reason: "no\ncapacity"}}, "stack ROLLBACK_IN_PROGRESS: no capacity",
		},
		"an activity that is tried again": {
			client.Progress{Phase: perch.PhaseStack, Activity: "CreateStack", Retries: []client.Retry{throttled}},
			"stack CreateStack; CreateStack is tried again (attempt 3, next try at 2026-11-22T09:30:00Z) after: Rate exceeded",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := progressLine(test.progress); got != test.want {
				t.Errorf("line is %q, want %q", got, test.want)
			}
		})
	}
}

func TestFrameAtFortyColumns(t *testing.T) {
	p := creating
	p.Retries = []client.Retry{{Activity: "EmptyBucket", Attempt: 2, Failure: "Rate exceeded"}}
	got := frame("up feature/a-rather-long-branch-name at 1a2b3c4", p, 75*time.Second, 40, false)
	want := []string{
		"up feature/a-rather-long-branch-name a…",
		"1m15s stack",
		"███████░░░░░ 7/12 CREATE_IN_PROGRESS",
		"Database CREATE_IN_PROGRESS",
		"EmptyBucket is tried again (attempt 2)…",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("frame (-want +got):\n%s", diff)
	}
}

func TestFrameNeverWraps(t *testing.T) {
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z漢字 ]{0,80}`))
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(40, 200).Draw(t, "width")
		p := client.Progress{
			Phase: perch.PhaseStack, Activity: text.Draw(t, "activity"),
			Retries: []client.Retry{{Activity: "Admit", Attempt: 2, Failure: text.Draw(t, "failure")}},
			Beat: &perch.Progress{
				Status: text.Draw(t, "status"), Done: rapid.IntRange(-5, 600).Draw(t, "done"), Total: rapid.IntRange(-5, 500).Draw(t, "total"),
				Resource: text.Draw(t, "resource"), Reason: text.Draw(t, "reason"),
			},
		}
		for _, line := range frame(text.Draw(t, "title"), p, time.Hour, width, rapid.Bool().Draw(t, "color")) {
			if lipgloss.Width(line) >= width || strings.ContainsAny(line, "\n\r\t") {
				t.Fatalf("line %q is %d columns wide, terminal %d", line, lipgloss.Width(line), width)
			}
		}
	})
}

func TestFrameWithoutColorHasNoEscapes(t *testing.T) {
	if text := strings.Join(frame("up main", creating, 0, 80, false), ""); strings.Contains(text, "\x1b") {
		t.Errorf("frame %q has escapes", text)
	}
	if text := strings.Join(frame("up main", creating, 0, 80, true), ""); !strings.Contains(text, "\x1b[") {
		t.Errorf("frame %q has no colors", text)
	}
}

func TestLiveViewRedrawsInPlace(t *testing.T) {
	var out strings.Builder
	now := time.Unix(1700000000, 0)
	view := &live{out: &out, title: "up main", width: func() int { return 40 }, began: now, now: func() time.Time { return now }}
	view.Show(client.Progress{Phase: perch.PhaseAdmitting})
	view.Remark("something to know")
	view.Show(client.Progress{Phase: perch.PhaseStack})
	view.Done()
	clear := "\x1b[2A\r\x1b[J"
	want := "up main\n0s admitting\n" + clear + "something to know\n" + "up main\n0s stack\n" + clear
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}
