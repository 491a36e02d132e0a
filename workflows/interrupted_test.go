package workflows

import (
	"errors"
	"testing"

	"perch"
	"perch/activities/contract"
)

// retrying makes an activity fail on every try, as it does while the source or the app does not
// answer. request arrives during the first try.
func (w *world) retrying(activity string, request perch.Request) {
	w.fails[activity] = errors.New("no route to host")
	w.during[activity] = func() {
		w.mu.Lock()
		delete(w.during, activity)
		w.mu.Unlock()
		w.ask(request)
	}
}

// waiting is a world with an environment that only has to answer.
func waiting(t *testing.T) *world {
	w := newWorld(t)
	w.ours("UPDATE_COMPLETE", "new")
	w.admitted.Settled = &contract.Settled{Stack: w.stack}
	return w
}

func TestS140ANewerRequestEndsTheWaitOfAnAdmitThatIsRetrying(t *testing.T) {
	first, second, removal := up(commitOne), up(commitTwo), gone()
	for name, c := range map[string]struct {
		newer perch.Request
		want  perch.RunInput
	}{
		"a removal":      {removal, perch.RunInput{Request: &removal, Below: &first}},
		"a newer commit": {second, perch.RunInput{Request: &second}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.retrying("Admit", c.newer)
			_, next, err := w.goOn(Provision, perch.RunInput{Request: &first})
			handsOn(t, next, err, c.want)
			w.did("Admit up")
		})
	}
}

func TestS140ARepeatOfTheRequestDoesNotEndTheWait(t *testing.T) {
	w := newWorld(t)
	w.during["Admit"] = func() { w.ask(up(commitOne)) }
	result, next, err := w.run(Provision, up(commitOne))
	if err != nil || next != nil || result.Outcome != perch.OutcomeReady {
		t.Errorf("result %+v, handed on %+v, %v", result, next, err)
	}
}

func TestS141ANewerRequestEndsTheWaitForAnAppThatDoesNotAnswer(t *testing.T) {
	first, second, removal := up(commitOne), up(commitTwo), gone()
	for name, c := range map[string]struct {
		newer perch.Request
		want  perch.RunInput
	}{
		"a newer commit": {second, perch.RunInput{Request: &second}},
		"a removal":      {removal, perch.RunInput{Request: &removal, Below: &first}},
	} {
		t.Run(name, func(t *testing.T) {
			w := waiting(t)
			w.retrying("AwaitReady", c.newer)
			_, next, err := w.goOn(Provision, perch.RunInput{Request: &first})
			handsOn(t, next, err, c.want)
			w.did("Admit up", "AwaitReady https://login.example.com")
		})
	}
}

// TestS142 follows the chain of runs: the check that the removal ends begins again when the removal
// is rejected.
func TestS142ARejectedRemovalDuringTheCheckSupersedesNothing(t *testing.T) {
	first, removal := up(commitOne), gone()
	w := waiting(t)
	w.retrying("AwaitReady", removal)
	_, next, err := w.goOn(Provision, perch.RunInput{Request: &first})
	handsOn(t, next, err, perch.RunInput{Request: &removal, Below: &first})

	w = rejecting(t)
	_, next, err = w.goOn(Teardown, *next)
	handsOn(t, next, err, perch.RunInput{
		Request: &first, Ended: &perch.EndedRemoval{Request: removal, Rejection: perch.Reject("main is protected")},
	})

	w = waiting(t)
	result, next, err := w.goOn(Provision, *next)
	if err != nil || next != nil || result.Outcome != perch.OutcomeReady || result.Commit != commitOne {
		t.Errorf("result %+v, handed on %+v, %v", result, next, err)
	}
	w.did("Admit up", "AwaitReady https://login.example.com")
}

func TestS142ASeedStepIsNeverCutOff(t *testing.T) {
	w := newWorld(t)
	w.during["SeedData"] = func() { w.ask(gone()) }
	_, next, err := w.run(Provision, up(commitOne))
	if err != nil || next == nil || next.Goal != perch.GoalGone {
		t.Errorf("handed on %+v, %v", next, err)
	}
	w.did("Admit up", "CreateStack", "AwaitStack CREATE_IN_PROGRESS", "DescribeStack", "SeedData")
}
