package workflows

import (
	"testing"

	"perch"
	"perch/activities/contract"
)

// notHead is a world in which the branch's head is commitTwo and is not deployed.
func notHead(t *testing.T) *world {
	w := newWorld(t)
	w.admitted = contract.AdmitResult{
		Outcome: perch.OutcomeSuperseded, SupersededBy: commitTwo, Deploy: true, Reason: "it is older",
	}
	return w
}

func headRequest() perch.Request {
	return perch.Request{
		ID: "up-1111-22222222", Goal: perch.GoalUp, Project: "shop", Branch: "login", Commit: commitTwo, Head: true,
		By: "perch", Reason: "it is older",
	}
}

func TestS99ARequestForAnotherCommitThanTheHeadLeadsToTheHead(t *testing.T) {
	first, second, removal, head := up(commitOne), up(commitTwo), gone(), headRequest()
	t.Run("the run goes on with it", func(t *testing.T) {
		w := notHead(t)
		_, next, err := w.goOn(Provision, perch.RunInput{Request: &first})
		handsOn(t, next, err, perch.RunInput{Request: &head})
		w.did("Admit up")

		w = newWorld(t)
		result, next, err := w.goOn(Provision, *next)
		if err != nil || next != nil || result.Outcome != perch.OutcomeReady || result.Commit != commitTwo {
			t.Errorf("result %+v, handed on %+v, %v", result, next, err)
		}
	})
	t.Run("but not before a newer request", func(t *testing.T) {
		for _, newer := range []perch.Request{second, removal} {
			w := notHead(t)
			w.during["Admit"] = func() { w.ask(newer) }
			_, next, err := w.goOn(Provision, perch.RunInput{Request: &first})
			if err != nil || next == nil || next.Request.ID != newer.ID {
				t.Errorf("handed on %+v, %v", next, err)
			}
		}
	})
	t.Run("and not if the head is deployed", func(t *testing.T) {
		w := notHead(t)
		w.admitted.Deploy = false
		result, next, err := w.goOn(Provision, perch.RunInput{Request: &first})
		if err != nil || next != nil || result.Outcome != perch.OutcomeSuperseded || result.SupersededBy != commitTwo {
			t.Errorf("result %+v, handed on %+v, %v", result, next, err)
		}
	})
	t.Run("and a rejected removal does not stop it", func(t *testing.T) {
		w := rejecting(t)
		_, next, err := w.goOn(Teardown, perch.RunInput{Request: &removal, Below: &head})
		handsOn(t, next, err, perch.RunInput{
			Request: &head, Ended: &perch.EndedRemoval{Request: removal, Rejection: perch.Reject("main is protected")},
		})
	})
}

// TestS102 shows that a branch that moves all the time is deployed: what Perch requested follows
// the branch, and no run leads to another.
func TestS102ARequestForTheHeadFollowsABranchThatMoves(t *testing.T) {
	head := headRequest()
	w := newWorld(t)
	w.moved = commitOne
	result, next, err := w.goOn(Provision, perch.RunInput{Request: &head, Begun: begunAt(commitTwo)})
	if err != nil || next != nil || result.Outcome != perch.OutcomeReady || result.Commit != commitOne {
		t.Errorf("result %+v, handed on %+v, %v", result, next, err)
	}
	w.did(
		"Admit up", "CreateStack", "AwaitStack CREATE_IN_PROGRESS", "DescribeStack", "SeedData",
		"AwaitReady https://login.example.com",
	)
}
