package lifecycle

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"perch"
)

func TestWhatALookRequests(t *testing.T) {
	const head = "1111111111111111111111111111111111111111"
	stack := func(changes ...func(*Found)) *Found {
		found := stackOf(t, "login", changes...)
		return &found
	}
	in := func(status string) func(*Found) { return func(f *Found) { f.Status = status } }
	at := func(f *Found) { f.Commit = head }
	up := LookStep{Goal: perch.GoalUp, Reason: "the head of the branch is 1111111"}
	off := []PullRequest{{Number: 3, Open: true, Head: head, Labels: []string{"bug", perch.LabelOff}}}
	const offReason = "pull request #3 has the label perch:off"
	nothing := func(reason string) LookStep { return LookStep{Reason: reason} }
	for name, c := range map[string]struct {
		seen Seen
		want LookStep
	}{
		"a new branch":               {Seen{Head: head}, up},
		"another commit is deployed": {Seen{Head: head, Stack: stack()}, up},
		"the head is deployed": {
			Seen{Head: head, Stack: stack(at), Run: RunEnded}, nothing("commit 1111111 is deployed"),
		},
		"and Temporal has lost the run": {Seen{Head: head, Stack: stack(at)}, nothing("commit 1111111 is deployed")},
		"and its run failed":            {Seen{Head: head, Stack: stack(at), Run: RunFailed}, up},
		"and it is still checked":       {Seen{Head: head, Stack: stack(at), Run: RunUp}, up},
		"and its removal waits":         {Seen{Head: head, Stack: stack(at), Run: RunRemoval}, up},
		"and is being deleted": {
			Seen{Head: head, Stack: stack(at, in("DELETE_IN_PROGRESS")), Run: RunEnded}, up,
		},
		"the branch is gone": {
			Seen{Stack: stack(), Run: RunEnded}, LookStep{Goal: perch.GoalGone, Reason: "branch missing"},
		},
		"gone, and its last run failed": {
			Seen{Stack: stack(), Run: RunFailed}, LookStep{Goal: perch.GoalGone, Reason: "branch missing"},
		},
		"gone, and a removal waits": {
			Seen{Stack: stack(), Run: RunRemoval}, LookStep{Goal: perch.GoalGone, Reason: "branch missing"},
		},
		"gone, and there is no stack": {Seen{Run: RunEnded}, nothing("branch missing; there is no environment")},
		"gone, and the stack is deleted": {
			Seen{Stack: stack(in("DELETE_COMPLETE"))}, nothing("branch missing; there is no environment"),
		},
		"gone while it is created": {
			Seen{Stack: stack(), Run: RunUp},
			LookStep{Busy: true, Reason: "branch missing; a run works for an `up` of this branch"},
		},
		"gone before it is created": {
			Seen{Run: RunUp}, LookStep{Busy: true, Reason: "branch missing; a run works for an `up` of this branch"},
		},
		"gone, and protected": {
			Seen{Stack: stack(tagged(perch.TagProtect, "true"))},
			nothing("branch missing; protected: the tag perch:protect=true"),
		},
		"gone, and of kind staging": {
			Seen{Stack: stack(tagged(perch.TagKind, "staging"))},
			nothing("branch missing; protected: its kind is staging"),
		},
		"gone, and the stack is not ours": {
			Seen{Stack: stack(tagged(perch.TagProject, "blog"))},
			nothing("branch missing; stack shop-login is not managed by Perch for this repository"),
		},
		"gone, and another repository's": {
			Seen{Stack: stack(tagged(perch.TagRepositoryID, "8")), RepositoryID: "7"},
			nothing("branch missing; stack shop-login is not managed by Perch for this repository")},
		"nothing was pushed": {Seen{Head: head, NoUp: true}, nothing("nothing was pushed")},
		"a label": {
			Seen{Head: head, PullRequests: off, Stack: stack(at)},
			LookStep{Goal: perch.GoalGone, Reason: offReason, Unwanted: true},
		},
		"a label, and it is removed already": {
			Seen{Head: head, PullRequests: off}, nothing(offReason + "; there is no environment"),
		},
		"a label, and it is protected": {
			Seen{Head: head, PullRequests: off, Stack: stack(tagged(perch.TagProtect, "true"))},
			nothing(offReason + "; protected: the tag perch:protect=true")},
		"a label while it is created": {
			Seen{Head: head, PullRequests: off, Stack: stack(), Run: RunUp},
			LookStep{Busy: true, Reason: offReason + "; a run works for an `up` of this branch"}},
		"labels are not read": {
			Seen{Head: head, Unread: "403"},
			LookStep{Goal: perch.GoalUp, Reason: up.Reason + "; labels of pull requests have no effect: 403"},
		},
		"archived":            {Seen{Head: head, Archived: true}, nothing(Archived)},
		"archived without it": {Seen{Stack: stack(), Archived: true}, nothing(Archived)},
	} {
		t.Run(name, func(t *testing.T) {
			c.seen.Branch = "login"
			if diff := cmp.Diff(c.want, NextByLook(c.seen, shopPolicy())); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestATriggerThatThePolicyDoesNotNameStartsNothing(t *testing.T) {
	ci, webhook := []perch.Trigger{perch.TriggerCI}, []perch.Trigger{perch.TriggerWebhook}
	for name, c := range map[string]struct {
		request  perch.Request
		triggers []perch.Trigger
		want     string
	}{
		"CI, and it is named": {perch.Request{Goal: perch.GoalUp, Trigger: perch.TriggerCI}, ci, ""},
		"CI, and it is not named": {
			perch.Request{Goal: perch.GoalUp, Trigger: perch.TriggerCI}, webhook,
			"`triggers` in the policy does not name ci, so it starts no deployment",
		},
		"a webhook, not named": {
			perch.Request{Goal: perch.GoalUp, Trigger: perch.TriggerWebhook}, ci,
			"`triggers` in the policy does not name webhook, so it starts no deployment",
		},
		"both": {
			perch.Request{Goal: perch.GoalUp, Trigger: perch.TriggerWebhook}, append(ci, webhook...), "",
		},
		"a person":                 {perch.Request{Goal: perch.GoalUp}, webhook, ""},
		"a removal that CI starts": {perch.Request{Goal: perch.GoalGone, Trigger: perch.TriggerCI}, webhook, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Untriggered(&perch.Policy{Triggers: c.triggers}, c.request); got != c.want {
				t.Errorf("got %q", got)
			}
		})
	}
}
