package cleanup

import (
	"crypto/sha256"
	"encoding/hex"

	"perch"
	"perch/activities/contract"
)

// RemovalRequest is the same for every retry within one run of cleanup.
func RemovalRequest(in contract.AskInput, cleanupRun string) perch.Request {
	sum := sha256.Sum256([]byte(cleanupRun + "\x00" + in.Judged.StackID))
	return perch.Request{
		ID: hex.EncodeToString(
			sum[:16],
		), Goal: perch.GoalGone, Project: in.Environment.Project, Branch: in.Environment.Branch,
		By: "cleanup", Reason: in.Reason, Judged: &in.Judged,
	}
}

// DeploymentRequest is the same for every retry within one run of cleanup.
func DeploymentRequest(in contract.DeploymentInput, cleanupRun string) perch.Request {
	sum := sha256.Sum256([]byte(cleanupRun + "\x00" + in.Environment.Branch + "\x00" + in.Commit))
	return perch.Request{
		ID: hex.EncodeToString(
			sum[:16],
		), Goal: perch.GoalUp, Project: in.Environment.Project, Branch: in.Environment.Branch,
		Commit: in.Commit, Head: true, By: "cleanup", Reason: "the branch has no environment",
		Trigger: perch.TriggerWebhook,
	}
}
