package run

import (
	"strings"
	"testing"

	"perch/sandbox/aws"
)

func TestS107TheReasonOfARetryIsVisible(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	lift := b.order(t, aws.Fault{
		Service: "cloudformation", Action: "CreateStack", Contains: "StackName=shop-again",
		Status: 500, Code: "InternalFailure", Message: "the control plane is down",
	})
	b.repo.commit(t, "again", map[string]string{"a.txt": "1"})
	b.must(t, "up", "again", "--no-wait")
	eventually(t, "status shows the retry", func() (any, bool) {
		status := b.must(t, "status", "again")
		retries, _ := status["retries"].([]any)
		if len(retries) != 1 {
			return status, false
		}
		failed, _ := retries[0].(map[string]any)
		failure, _ := failed["failure"].(string)
		attempt, _ := failed["attempt"].(float64)
		return status, failed["activity"] == "CreateStack" && attempt > 1 &&
			strings.Contains(failure, "the control plane is down")
	})
	shown := b.starter(t.Context(), "status", "again")
	contains(
		t, shown.stdout, "starting the creation of the stack failed and is tried again (attempt ",
		"the control plane is down",
	)

	// Each request is admitted again, which on a busy machine may take the two seconds.
	failed := "starting the creation of the stack failed and is tried again (attempt "
	shows := func(text string) bool {
		return strings.Contains(text, failed) && strings.Contains(text, "the control plane is down")
	}
	eventually(t, "up shows the retry in its document", func() (any, bool) {
		exit, up := b.ask(t, "up", "again", "--timeout", "2s")
		said := up.text("error")
		return up, exit == 3 && strings.Contains(said, "not done after 2s; "+failed) && shows(said)
	})
	eventually(t, "up shows the retry to people", func() (any, bool) {
		text := b.starter(t.Context(), "up", "again", "--timeout", "2s")
		return text, shows(text.stderr)
	})

	lift()
	equal(t, b.must(t, "up", "again"), document{"outcome": "ready"})
	if status := b.must(t, "status", "again"); len(status["retries"].([]any)) > 0 {
		t.Errorf("retries of a run that has ended: %v", status["retries"])
	}
}
