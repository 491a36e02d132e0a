package cleanup

import (
	"perch"
	"perch/activities/contract"
)

// RemovalRequest returns the request for a removal. It is identical in every retry within one run
// of cleanup.
func RemovalRequest(in contract.AskInput, cleanupRun string) perch.Request {
	return perch.Request{
		ID:   perch.StableID(cleanupRun, in.Judged.StackID),
		Goal: perch.GoalGone, Project: in.Environment.Project, Branch: in.Environment.Branch,
		By: "cleanup", Reason: in.Reason, Judged: &in.Judged,
	}
}

// DeploymentRequest returns the request for a deployment. It is identical in every retry within one
// run of cleanup.
func DeploymentRequest(in contract.DeploymentInput, cleanupRun string) perch.Request {
	return perch.Request{
		ID:   perch.StableID(cleanupRun, in.Environment.Branch, in.Commit),
		Goal: perch.GoalUp, Project: in.Environment.Project, Branch: in.Environment.Branch,
		Commit: in.Commit, Head: true, By: "cleanup", Reason: "the branch's head is not deployed",
		Trigger: perch.TriggerWebhook,
	}
}
