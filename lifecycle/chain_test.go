package lifecycle

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"perch"
)

const commitA, commitB = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

func wants(id string, goal perch.Goal, commit string) perch.Request {
	return perch.Request{ID: id, Goal: goal, Project: "shop", Branch: "login", Commit: commit}
}

var (
	login  = perch.Environment{Project: "shop", Branch: "login", Slug: "login"}
	upA    = wants("up-a", perch.GoalUp, commitA)
	upB    = wants("up-b", perch.GoalUp, commitB)
	upHead = perch.Request{
		ID: "up-a-bbbbbbbb", Goal: perch.GoalUp, Project: "shop", Branch: "login", Commit: commitB, Head: true,
		By: "perch", Reason: "it is older",
	}
	down     = wants("down", perch.GoalGone, "")
	forced   = perch.Request{ID: "forced", Goal: perch.GoalGone, Project: "shop", Branch: "login", Force: true}
	readyA   = RunEnd{Outcome: perch.OutcomeReady}
	rejected = RunEnd{Outcome: perch.OutcomeRejected, Rejection: perch.Reject("protected")}
	broken   = RunEnd{Failed: true, Failure: "denied"}
)

// judgedAt returns a removal that cleanup requested, with the end of its grace period.
func judgedAt(id string, hour int) perch.Request {
	request := wants(id, perch.GoalGone, "")
	request.Judged = &perch.Judgement{StackID: "stack-1", Until: time.Date(2026, 11, 28, hour, 0, 0, 0, time.UTC)}
	return request
}

// TestBothHalvesOfTheProtocol lets a run take requests and end. Then each requester reads its
// answer from the end of the run.
func TestBothHalvesOfTheProtocol(t *testing.T) {
	next, superseded := func(id string) Answer { return Answer{NextRun: id} }, superseded
	olderThanHead := superseded(commitB)
	olderThanHead.Result.Reason = upHead.Reason
	result := func(goal perch.Goal, outcome perch.Outcome, commit string) Answer {
		return Answer{Result: perch.Result{Goal: goal, Outcome: outcome, Commit: commit}}
	}
	denied := Answer{Result: perch.Result{Goal: perch.GoalGone, Outcome: perch.OutcomeRejected, Reason: "protected"}}
	for name, test := range map[string]struct {
		in    perch.RunInput
		taken []perch.Request
		// prepare is called before the run ends.
		prepare func(*Chain)
		end     RunEnd
		// want is the next request. phase is the last phase of a run that continues with it.
		want  *perch.Request
		phase perch.Phase
		// read is what each requester reads from the end of the run, by the id of its request.
		read map[string]Answer
	}{
		"an up is answered": {
			in: perch.RunInput{Request: &upA}, end: readyA,
			read: map[string]Answer{
				"up-a": result(perch.GoalUp, perch.OutcomeReady, commitA), "up-b": superseded(commitA),
				"down": superseded(commitA),
			},
		},
		"a removal is answered": {
			in: perch.RunInput{Request: &down}, end: RunEnd{Outcome: perch.OutcomeAbsent},
			read: map[string]Answer{
				"down": result(perch.GoalGone, perch.OutcomeAbsent, ""), "up-a": superseded("removal"),
			},
		},
		"a rejected up ends the chain": {
			in: perch.RunInput{Request: &upA}, end: rejected,
			read: map[string]Answer{"up-a": result(perch.GoalUp, perch.OutcomeRejected, "")},
		},
		"a newer commit comes next": {
			in: perch.RunInput{Request: &upA}, taken: []perch.Request{upB}, want: &upB, phase: perch.PhaseSuperseded,
			read: map[string]Answer{"up-a": superseded(commitB), "up-b": next("next")},
		},
		"a newer commit comes next, even after a failure": {
			in: perch.RunInput{Request: &upA}, taken: []perch.Request{upB}, end: broken, want: &upB,
			phase: perch.PhaseSuperseded,
			read:  map[string]Answer{"up-a": superseded(commitB), "up-b": next("next")},
		},
		"the same request again is answered by the run": {
			in: perch.RunInput{Request: &upA}, taken: []perch.Request{wants("again", perch.GoalUp, commitA)},
			end:  readyA,
			read: map[string]Answer{"again": result(perch.GoalUp, perch.OutcomeReady, commitA)},
		},
		"the branch's head comes next": {
			in: perch.RunInput{Request: &upA}, prepare: func(c *Chain) { c.RequestHead(commitB, "it is older") },
			end: RunEnd{Outcome: perch.OutcomeSuperseded}, want: &upHead, phase: perch.PhaseSuperseded,
			read: map[string]Answer{"up-a": olderThanHead},
		},
		"a removal comes next, with the up below it": {
			in: perch.RunInput{Request: &upA}, taken: []perch.Request{down}, want: &down, phase: perch.PhaseSuperseded,
			read: map[string]Answer{"up-a": next("next"), "down": next("next"), "up-b": superseded(commitA)},
		},
		"a removal of something newer keeps the newer up below it": {
			in: perch.RunInput{Request: &upA}, taken: []perch.Request{upB, down}, want: &down,
			phase: perch.PhaseSuperseded,
			read:  map[string]Answer{"up-a": superseded(commitB), "up-b": next("next"), "down": next("next")},
		},
		"a removal that is due hands on to itself": {
			in: perch.RunInput{Request: &down, Below: &upA}, prepare: func(c *Chain) { c.MakeDue() }, want: &down,
			phase: perch.PhaseRemoving,
			read:  map[string]Answer{"up-a": superseded("removal"), "down": next("next")},
		},
		"a rejected removal hands back to the up below it": {
			in: perch.RunInput{Request: &down, Below: &upA}, end: rejected, want: &upA, phase: perch.PhaseRejected,
			read: map[string]Answer{"up-a": next("next"), "down": denied},
		},
		"a removal that fails before it is due hands back": {
			in: perch.RunInput{Request: &down, Below: &upA}, end: broken, want: &upA, phase: perch.PhaseFailed,
			read: map[string]Answer{"up-a": next("next"), "down": {Failure: "denied"}},
		},
		"an up after a removal that fails takes its place": {
			in: perch.RunInput{Request: &down, Below: &upA}, taken: []perch.Request{upB}, end: broken, want: &upB,
			phase: perch.PhaseSuperseded,
			read:  map[string]Answer{"up-a": superseded(commitB), "up-b": next("next"), "down": superseded(commitB)},
		},
		"a removal that fails while it is done ends the chain": {
			in: perch.RunInput{Request: &down, Below: &upA, Due: true}, prepare: func(c *Chain) { c.Removing() },
			end: broken,
		},
		"a failed up ends the chain, regardless of its head": {
			in: perch.RunInput{Request: &upA}, prepare: func(c *Chain) { c.RequestHead(commitB, "it is older") },
			end: broken,
		},
	} {
		t.Run(name, func(t *testing.T) {
			test.in.Environment = login
			c := ResumeChain(test.in)
			c.Begin()
			for _, request := range test.taken {
				c.Take(request)
			}
			if test.prepare != nil {
				test.prepare(c)
			}
			got := c.Next(test.end)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("next (-want +got):\n%s", diff)
			}
			if got != nil {
				if phase := c.LastPhase(test.end); phase != test.phase {
					t.Errorf("the run ends in phase %q, want %q", phase, test.phase)
				}
			}
			for id, want := range test.read {
				request := map[string]perch.Request{
					"up-a": upA, "up-b": upB, "down": down, "again": wants("again", perch.GoalUp, commitA),
				}[id]
				var answer Answer
				if got != nil {
					answer = ReadNextRun(c.HandOn(*got, test.end), "next", request)
				} else {
					commit := ""
					if test.end.Outcome == perch.OutcomeReady {
						commit = c.Target.Commit
					}
					answer = ReadResult(
						perch.Result{Goal: c.Target.Goal, Outcome: test.end.Outcome, Commit: commit}, request,
					)
					if test.end.Outcome == perch.OutcomeRejected {
						want.Result.Reason = ""
					}
				}
				if diff := cmp.Diff(want, answer); diff != "" {
					t.Errorf("%s reads (-want +got):\n%s", id, diff)
				}
			}
		})
	}
}

func TestTakeKeepsTheRequestThatCounts(t *testing.T) {
	foreign := upB
	foreign.Branch = "main"
	unknown := wants("unknown", "asleep", "")
	for name, test := range map[string]struct {
		in    perch.RunInput
		taken []perch.Request
		newer *perch.Request
		below *perch.Request
	}{
		"a request of another branch changes nothing": {
			in: perch.RunInput{Request: &upA}, taken: []perch.Request{foreign},
		},
		"an unknown goal changes nothing": {
			in: perch.RunInput{Request: &upA}, taken: []perch.Request{unknown},
		},
		"the newest wins":    {in: perch.RunInput{Request: &upA}, taken: []perch.Request{down, upB}, newer: &upB},
		"back to the target": {in: perch.RunInput{Request: &upA}, taken: []perch.Request{upB, upA}},
		"a plain removal does not take the force of one": {
			in: perch.RunInput{Request: &upA}, taken: []perch.Request{forced, down}, newer: &forced, below: &upA,
		},
		"cleanup's removal was judged before a person's": {
			in: perch.RunInput{Request: &upA}, taken: []perch.Request{judgedAt("cleanup", 12)},
		},
		"an up ends the grace period of cleanup's removal": {
			in: perch.RunInput{Request: request(judgedAt("cleanup", 12))}, taken: []perch.Request{upA}, newer: &upA,
		},
	} {
		t.Run(name, func(t *testing.T) {
			test.in.Environment = login
			c := ResumeChain(test.in)
			for _, taken := range test.taken {
				c.Take(taken)
			}
			if diff := cmp.Diff(test.newer, c.Newer); diff != "" {
				t.Errorf("newer (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.below, c.Below); diff != "" {
				t.Errorf("below (-want +got):\n%s", diff)
			}
		})
	}
}

func request(r perch.Request) *perch.Request { return &r }

func TestCleanupsRemovalsShareOneGracePeriod(t *testing.T) {
	c := ResumeChain(perch.RunInput{Environment: login, Request: request(judgedAt("first", 12))})
	c.Take(judgedAt("second", 15))
	c.Take(judgedAt("third", 9))
	if until := c.Target.Judged.Until.Hour(); c.Newer != nil || until != 9 {
		t.Errorf("the grace period ends at %d, want 9; newer: %v", until, c.Newer)
	}
	c.Take(down)
	if c.Newer == nil {
		t.Error("a person's removal is not answered by cleanup's, which has a grace period")
	}
	if c.EndGrace(); c.Newer != nil {
		t.Error("after the grace period a person's removal is answered")
	}
}

func TestAnOperationBelongsToItsCommit(t *testing.T) {
	operation, recreated := &perch.Operation{Commit: commitA}, upA
	in := perch.RunInput{Environment: login, Request: &upA, Begun: operation, Recreated: &recreated}
	c := ResumeChain(in)
	if c.Begin(); c.Operation == nil || c.Recreated == nil {
		t.Error("the operation of the target's commit is forgotten")
	}
	if c.MoveTo(commitB); c.Operation != nil || c.Recreated != nil {
		t.Error("the operation of another commit is kept")
	}
	c = ResumeChain(in)
	c.Take(down)
	if c.Begin(); c.Operation == nil {
		t.Error("a removal loses the stack that is just being created")
	}
	if handed := c.HandOn(down, RunEnd{}); handed.Begun != operation {
		t.Error("the operation is not handed on")
	}
	if c.Removing(); c.Operation != nil || !c.Due {
		t.Error("a removal that has begun keeps what it superseded")
	}
}

func TestRemovalByHandGoesOnInItsOwnRun(t *testing.T) {
	byHand := perch.Request{ID: "hand", Goal: perch.GoalGone}
	cleanups := perch.Request{ID: "cleanup", Goal: perch.GoalGone, Judged: &perch.Judgement{StackID: "a"}}
	if v := ReadNextRun(perch.RunInput{Request: &byHand}, "next", cleanups); v.NextRun != "next" {
		t.Errorf("cleanup's request is not answered by the removal that a person requested: %+v", v)
	}
	if v := ReadNextRun(perch.RunInput{Request: &cleanups}, "next", byHand); v.NextRun != "" {
		t.Errorf("a removal by hand is answered by cleanup's: %+v", v)
	}
}
