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

// noon is now in tests.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

var creating = client.Progress{
	Goal: perch.GoalUp, Phase: perch.PhaseStack, Activity: "AwaitStack",
	Beat: &perch.Progress{
		Status: "CREATE_IN_PROGRESS", Done: 7, Total: 12,
		Awaited: &perch.AwaitedResource{
			LogicalID: "Database", Type: "AWS::RDS::DBInstance", Since: noon.Add(-3 * time.Minute), TypicalSeconds: 595,
		},
	},
}

var throttled = client.Retry{
	Activity: "CreateStack", Attempt: 3, Failure: "Rate exceeded", Next: "2026-11-22T09:30:00Z",
}

// atNoon is a clock that is stopped at noon.
func atNoon() time.Time { return noon }

// TestS107ALineForEachAttempt has one line for each attempt, whether it waits or runs.
func TestS107ALineForEachAttempt(t *testing.T) {
	var out strings.Builder
	view := newLines(&out, atNoon)
	for _, attempt := range []int{2, 3} {
		failed := throttled
		failed.Attempt = attempt
		view.Show(client.Progress{Phase: perch.PhaseStack, Activity: "CreateStack", Retries: []client.Retry{failed}})
		failed.Next = ""
		view.Show(client.Progress{Phase: perch.PhaseStack, Activity: "CreateStack", Retries: []client.Retry{failed}})
	}
	again := "Starting the creation of the stack; " +
		"starting the creation of the stack failed and is tried again (attempt %d, next try at " +
		"2026-11-22T09:30:00Z): Rate exceeded\n"
	if want := fmt.Sprintf(again+again, 2, 3); out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
}

func TestLinesShowOnlyChanges(t *testing.T) {
	var shown strings.Builder
	view := newLines(&shown, atNoon)
	for look := range 6 {
		beat := &perch.Progress{Status: "CREATE_IN_PROGRESS", Done: look / 4, Total: 3}
		view.Show(client.Progress{Phase: perch.PhaseStack, Activity: "AwaitStack", Beat: beat})
	}
	if want := "Creating (0 of 3 resources done)\nCreating (1 of 3 resources done)\n"; shown.String() != want {
		t.Errorf("shown:\n%s\nwant:\n%s", shown.String(), want)
	}
}

// TestALineAMinuteWithoutAnyChange: CircleCI ends a job that writes nothing for ten minutes. A look
// is made once a second.
func TestALineAMinuteWithoutAnyChange(t *testing.T) {
	admitting := client.Progress{Goal: perch.GoalUp, Phase: perch.PhaseAdmitting, Activity: "Admit"}
	lost := admitting
	lost.Lost = true
	for name, test := range map[string]struct {
		progress client.Progress
		want     string
	}{
		"an activity that hangs": {admitting, "Checking the request\n" +
			"Checking the request (1m0s so far)\nChecking the request (2m0s so far)\nChecking the request (3m0s so " +
			"far)\n"},
		"nothing is known": {
			client.Progress{}, "Waiting (1m0s so far)\nWaiting (2m0s so far)\nWaiting (3m0s so far)\n",
		},
		"no worker": {client.Progress{Untaken: true}, "Waiting for a worker (1m0s so far)\nWaiting for a worker " +
			"(2m0s so far)\nWaiting for a worker (3m0s so far)\n"},
		"Temporal does not answer": {lost, "Checking the request\n" +
			"Temporal does not answer; the run goes on (1m0s so far)\n" +
			"Temporal does not answer; the run goes on (2m0s so far)\nTemporal does not answer; the run goes on " +
			"(3m0s so far)\n"},
		"a resource that takes minutes": {creating, "Creating: database, 3 of about 10 minutes (7 of 12 resources " +
			"done)\n" +
			"Creating: database, 4 of about 10 minutes (7 of 12 resources done)\nCreating: database, 5 of about 10 " +
			"minutes (7 of 12 resources done)\n" +
			"Creating: database, 6 of about 10 minutes (7 of 12 resources done)\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var shown strings.Builder
			now := noon
			view := newLines(&shown, func() time.Time { return now })
			for range 3*60 + 1 {
				view.Show(test.progress)
				now = now.Add(time.Second)
			}
			if diff := cmp.Diff(test.want, shown.String()); diff != "" {
				t.Errorf("shown (-want +got):\n%s", diff)
			}
		})
	}
}

func TestARemarkIsALine(t *testing.T) {
	var shown strings.Builder
	now := noon
	view := newLines(&shown, func() time.Time { return now })
	now = now.Add(50 * time.Second)
	view.Remark("no worker has taken the request yet")
	now = now.Add(50 * time.Second)
	view.Show(client.Progress{})
	now = now.Add(10 * time.Second)
	view.Show(client.Progress{})
	if want := "no worker has taken the request yet\nWaiting (1m0s so far)\n"; shown.String() != want {
		t.Errorf("shown %q, want %q", shown.String(), want)
	}
}

func TestLines(t *testing.T) {
	tests := map[string]struct {
		progress client.Progress
		want     string
	}{
		"nothing is known yet": {client.Progress{}, ""},
		"a stack is created": {
			creating, "Creating: database, 3 of about 10 minutes (7 of 12 resources done)",
		},
		"the number is not known": {
			client.Progress{Phase: perch.PhaseStack, Beat: &perch.Progress{Status: "CREATE_IN_PROGRESS"}}, "Creating",
		},
		"an activity without a heartbeat": {
			client.Progress{Phase: perch.PhaseAdmitting, Activity: "Admit"}, "Checking the request",
		},
		"cleanup lists": {
			client.Progress{Activity: "PlanCleanup", Beat: &perch.Progress{Status: "LISTING STACKS"}},
			"Listing the environments",
		},
		"the first failure is shown": {
			client.Progress{
				Phase: perch.PhaseStack,
				Beat:  &perch.Progress{Status: "ROLLBACK_IN_PROGRESS", Reason: "no\ncapacity", Done: 1, Total: 3},
			}, "Rolling back: no capacity",
		},
		"an activity that is tried again": {
			client.Progress{Phase: perch.PhaseStack, Activity: "CreateStack", Retries: []client.Retry{throttled}},
			"Starting the creation of the stack; starting the creation of the stack failed and is tried again " +
				"(attempt 3, next try at 2026-11-22T09:30:00Z): Rate exceeded",
		},
		"the run has ended": {client.Progress{Goal: perch.GoalUp, Phase: perch.PhaseReady}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := progressLine(test.progress, noon); got != test.want {
				t.Errorf("line is %q, want %q", got, test.want)
			}
		})
	}
}

func TestFrameAtFortyColumns(t *testing.T) {
	p := creating
	p.Retries = []client.Retry{{Activity: "EmptyBucket", Attempt: 2, Failure: "Rate exceeded"}}
	got := frame("up feature/a-rather-long-branch-name at 1a2b3c4", p, noon, 75*time.Second, 40, false)
	want := []string{
		"up feature/a-rather-long-branch-name a…",
		"1m15s Creating: database, 3 of about 1…",
		"███████░░░░░ 7 of 12 resources done",
		"emptying a bucket failed and is tried …",
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
				Status: text.Draw(t, "status"), Done: rapid.IntRange(-5, 600).Draw(t, "done"),
				Total:    rapid.IntRange(-5, 500).Draw(t, "total"),
				Resource: text.Draw(t, "resource"), Reason: text.Draw(t, "reason"),
			},
		}
		for _, line := range frame(text.Draw(t, "title"), p, noon, time.Hour, width, rapid.Bool().Draw(t, "color")) {
			if lipgloss.Width(line) >= width || strings.ContainsAny(line, "\n\r\t") {
				t.Fatalf("line %q is %d columns wide, terminal %d", line, lipgloss.Width(line), width)
			}
		}
	})
}

func TestFrameWithoutColorHasNoEscapes(t *testing.T) {
	if text := strings.Join(frame("up main", creating, noon, 0, 80, false), ""); strings.Contains(text, "\x1b") {
		t.Errorf("frame %q has escapes", text)
	}
	if text := strings.Join(frame("up main", creating, noon, 0, 80, true), ""); !strings.Contains(text, "\x1b[") {
		t.Errorf("frame %q has no colors", text)
	}
}

func TestLiveViewRedrawsInPlace(t *testing.T) {
	var out strings.Builder
	now := time.Unix(1700000000, 0)
	view := &live{
		out: &out, title: "up main", width: func() int { return 40 }, began: now, now: func() time.Time { return now },
	}
	view.Show(client.Progress{Phase: perch.PhaseAdmitting})
	view.Remark("something to know")
	view.Show(client.Progress{Phase: perch.PhaseStack})
	view.Done()
	clear := "\x1b[2A\r\x1b[J"
	want := "up main\n0s Checking the request\n" + clear + "something to know\n" + "up main\n0s Deploying\n" + clear
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}
