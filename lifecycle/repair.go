package lifecycle

import (
	"fmt"
	"strings"
	"time"
)

// Failure is a resource that CloudFormation could not delete.
type Failure struct {
	// LogicalID and Type are the resource's in the template, PhysicalID is its id.
	LogicalID  string `json:"logical_id"`
	Type       string `json:"type"`
	PhysicalID string `json:"physical_id,omitempty"`
	// Reason is what CloudFormation says.
	Reason string `json:"reason,omitempty"`
}

// Cure is what helps against a Failure.
type Cure string

// The cures.
const (
	// CureAgain: the words are not known; another deletion may succeed after a pause.
	CureAgain Cure = "again"
	// CureEmpty: a bucket was filled again; every deletion empties it first.
	CureEmpty Cure = "empty"
	// CurePatience: something that is being deleted still uses the resource.
	CurePatience Cure = "patience"
	// CureRetain: the resource is deleted already, and CloudFormation fails on that; retain exactly
	// this one.
	CureRetain Cure = "retain"
	// CureDetach: something outside the stack uses the resource. The deletion itself may have
	// removed it, and the service notices late; after a pause only a person can decide what to do
	// with it.
	CureDetach Cure = "detach"
	// CurePerson: protection, a lock or a missing permission; only a person can decide to change
	// that.
	CurePerson Cure = "person"
)

// signs map the messages of AWS's services to cures, the most certain first. Sources of the less
// common words: access points, rebuy-de/aws-nuke#660; images, ECR's RepositoryNotEmptyException;
// policies and profiles, IAM's DeleteConflict; subnets, aws-cdk#14456 (interfaces of functions
// linger for up to 45 minutes, terraform-provider-aws#10347); Beanstalk, aws-elastic-beanstalk-cli
// (strings.py).
var signs = []struct {
	cure Cure
	says []string
}{
	{CurePerson, []string{
		"deletion protection", "DeletionProtection", "Cannot delete protected", "is not authorized to perform",
		"AccessDenied", "explicit deny", "object lock", "Object Lock", "legal hold",
	}},
	{CureEmpty, []string{"bucket you tried to delete is not empty", "BucketNotEmpty"}},
	{CureDetach, []string{
		"access points attached", "BucketHasAccessPointsAttached", "still contains images",
		"must detach all policies first", "Cannot delete a policy attached to entities",
		"must remove roles from instance profile first", "DeleteConflict",
	}},
	{CurePatience, []string{
		"DependencyViolation", "has a dependent object", "is in use", "currently in use", "still in use", "still using",
		"has dependent", "has dependencies and cannot be deleted", "invalid state for this operation", "Must be Ready",
	}},
	{CureRetain, []string{"HandlerErrorCode: NotFound", "does not exist", "could not be found", "not found", "NoSuch"}},
}

// Diagnose chooses the cure for f.
func Diagnose(f Failure) Cure {
	for _, sign := range signs {
		for _, words := range sign.says {
			if strings.Contains(f.Reason, words) {
				return sign.cure
			}
		}
	}
	return CureAgain
}

// pauses are how long to wait before the next deletion if something is still in use, or if the
// words are not known. Network interfaces of load balancers and instances have been seen to linger
// for 20 minutes and more.
var pauses = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute}

// MaxDeletions is how often a stack is deleted: once, once after each pause, once without what
// remains, and a last time because what was left out and is swept by then may have held the rest: a
// database holds its subnet group.
const MaxDeletions = 6

// Repair is what to do after a deletion that failed.
type Repair struct {
	// Stop is the sentence that ends the teardown; empty if it goes on.
	Stop string
	// Pause is how long to wait before the next deletion.
	Pause time.Duration
	// Force tells CloudFormation to give up what it cannot delete: FORCE_DELETE_STACK.
	Force bool
	// Retain are the logical ids that the next deletion leaves out.
	Retain []string
	// Sweep are the retained resources that still exist: they have to be deleted through their
	// services.
	Sweep []Failure
}

// RepairFor says what to do after a stack's deletion has failed for the deletions-th time, with
// what remains. With a person's force it continues once where it would otherwise stop.
func RepairFor(failures []Failure, deletions int, force bool) Repair {
	stop := needsPerson(failures, deletions)
	switch {
	case force && deletions <= MaxDeletions && (stop != "" || deletions == MaxDeletions):
		return Repair{Force: true, Sweep: failures}
	case stop != "":
		return Repair{Stop: stop + "; or give them up with `perch down --force`"}
	case deletions >= MaxDeletions:
		return Repair{Stop: fmt.Sprintf("it failed %d times: %s", deletions, Describe(failures))}
	}
	leaveOut := deletions == MaxDeletions-2
	var repair Repair
	for _, f := range failures {
		switch cure := Diagnose(f); {
		case cure == CureRetain:
			repair.Retain = append(repair.Retain, f.LogicalID)
		case leaveOut:
			repair.Retain, repair.Sweep = append(repair.Retain, f.LogicalID), append(repair.Sweep, f)
		// A swept resource takes time to disappear, and the messages about what it blocks vary.
		case cure != CureEmpty, deletions > MaxDeletions-2:
			repair.Pause = pauses[min(deletions-1, len(pauses)-1)]
		}
	}
	return repair
}

// needsPerson names what only a person can decide, after so many deletions.
func needsPerson(failures []Failure, deletions int) string {
	var stuck []Failure
	for _, f := range failures {
		if cure := Diagnose(f); cure == CurePerson || cure == CureDetach && deletions > 1 {
			stuck = append(stuck, f)
		}
	}
	if len(stuck) == 0 {
		return ""
	}
	return "only you can decide this: " + Describe(stuck)
}

// Describe words failures for people.
func Describe(failures []Failure) string {
	var words []string
	for _, f := range failures {
		words = append(words, fmt.Sprintf("%s (%s): %s", f.LogicalID, f.Type, f.Reason))
	}
	return strings.Join(words, "; ")
}
