package activities

import (
	"testing"

	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/sandbox/aws"
)

func TestAdmitSeesAnEnvironmentThatIsAlreadyAsRequested(t *testing.T) {
	w := newWorld(t)
	w.apply()
	commit := w.repo.commit("login", map[string]string{"perch.yaml": testConfig, "fixtures/media/a.txt": "a"})
	id := w.up("login", commit)
	seed := contract.SeedInput{Environment: activitytest.Environment("shop", "login"), Commit: commit, StackID: id}
	if got := w.admit(w.request("login", commit)); got.Settled != nil {
		t.Error("an environment that is not seeded counts as settled")
	}
	must(w, of[*Seeds](w).SeedData, seed)

	got := w.admit(w.request("login", commit))
	if got.Settled == nil || got.Settled.Stack.StackID != id || got.Settled.Stack.Commit != commit {
		t.Fatalf("%+v", got)
	}

	w.policy.URL = "https://{host}/changed"
	if got := w.admit(w.request("login", commit)); got.Settled != nil {
		t.Error("an environment whose template would change counts as settled")
	}
	w.policy.URL = ""
	other := w.repo.commit("login", map[string]string{"perch.yaml": testConfig, "fixtures/media/b.txt": "b"})
	if got := w.admit(w.request("login", other)); got.Settled != nil || got.Outcome != "" {
		t.Errorf("another commit: %+v", got)
	}
}

func TestAnEnvironmentIsSettledWhenTheStepsThatNeedTheAppAreDone(t *testing.T) {
	w, in := laterWorld(t, "  - run: {command: [\"true\"]}\n")
	if rendered := w.render("login", in.Commit); rendered.SeedSteps != 1 || rendered.LaterSteps != 1 {
		t.Errorf("rendered %+v", rendered)
	}
	w.policy.Secrets.From = []string{tokenARN}
	for _, later := range []bool{false, true} {
		if got := w.admit(w.request("login", in.Commit)); got.Outcome != "" || got.Settled != nil {
			t.Fatalf("before the steps (later: %t): %+v", later, got)
		}
		in.Later = later
		must(w, of[*Seeds](w).environments.SeedDeployed, in)
	}
	if got := w.admit(w.request("login", in.Commit)); got.Settled == nil {
		t.Errorf("when all steps are done: %+v", got)
	}
}

func TestAStackThatIsNotServingIsNotSettled(t *testing.T) {
	w := newWorld(t)
	w.apply()
	commit := w.repo.commit("login", map[string]string{"perch.yaml": testConfig, "fixtures/media/a.txt": "a"})
	w.up("login", commit)
	w.fault(aws.Fault{Stack: "shop-login", Phase: "delete", Reason: "no"})
	stack := must(
		w, of[*Stacks](w).DescribeStack, contract.StackInput{Environment: activitytest.Environment("shop", "login")},
	)
	must(w, of[*Stacks](w).DeleteStack, contract.ChangeInput{
		Environment: activitytest.Environment("shop", "login"), StackID: stack.StackID, Token: "t1",
	})
	w.settle(stack.StackID)
	if got := w.admit(w.request("login", commit)); got.Settled != nil {
		t.Errorf("%+v", got)
	}
}
