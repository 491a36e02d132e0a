package lifecycle

import (
	"fmt"
	"strings"
	"time"
)

// Failure is a resource that CloudFormation could not delete.
type Failure struct {
	// LogicalID and Type describe the resource in the template. PhysicalID is its id.
	LogicalID  string `json:"logical_id"`
	Type       string `json:"type"`
	PhysicalID string `json:"physical_id,omitempty"`
	// Reason is CloudFormation's message.
	Reason string `json:"reason,omitempty"`
}

// Cure is a way to fix a Failure.
type Cure string

// The cures.
const (
	// CureAgain: the message is unknown. Another deletion may succeed after a pause.
	CureAgain Cure = "again"
	// CureEmpty: a bucket is not empty any more. Every deletion empties it first.
	CureEmpty Cure = "empty"
	// CurePatience: another resource that is being deleted still uses this one.
	CurePatience Cure = "patience"
	// CureRetain: CloudFormation fails because the resource is already deleted. Retain exactly this
	// resource.
	CureRetain Cure = "retain"
	// CureDetach: something outside the stack uses the resource. The deletion may already have
	// removed that use, and the service notices it late. If it fails again after a pause, a person
	// has to decide.
	CureDetach Cure = "detach"
	// CurePerson: the cause is protection, a lock or a missing permission, which only a person may
	// change.
	CurePerson Cure = "person"
)

// signs map error messages of AWS services to cures, the most certain first. Sources of the less
// common messages: access points, rebuy-de/aws-nuke#660; images, ECR's RepositoryNotEmptyException;
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

// Diagnose returns the cure for f.
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

// pauses are the waits before the next deletion if a resource is still in use or the error message
// is unknown. Network interfaces of load balancers and instances have been seen to linger for 20
// minutes and more.
var pauses = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute}

// MaxDeletions is the maximum number of deletions of a stack: the first, one after each pause, one
// that retains the remaining resources, and a last one. A retained resource may have blocked others
// until it was swept, and the last deletion deletes those. For example, a database blocks the
// deletion of its subnet group.
const MaxDeletions = 6

// Repair is the action after a failed deletion.
type Repair struct {
	// Stop is the error message that ends the teardown; empty if the teardown continues.
	Stop string
	// Pause is the wait before the next deletion.
	Pause time.Duration
	// Force makes CloudFormation skip what it cannot delete: FORCE_DELETE_STACK.
	Force bool
	// Retain has the logical ids of resources that the next deletion skips.
	Retain []string
	// Sweep has the retained resources that still exist. They must be deleted through the APIs of
	// their services.
	Sweep []Failure
}

// remedy is what a person does about resources that Perch cannot delete.
const remedy = ". Fix the cause and run `perch down` again, or leave these resources behind with `perch down --force`"

// RepairFor returns the action after the stack's deletion has failed for the deletions-th time with
// these failures. If force is set, it makes one more attempt where it would otherwise stop.
func RepairFor(failures []Failure, deletions int, force bool) Repair {
	stop := needsPerson(failures, deletions)
	switch {
	case force && deletions <= MaxDeletions && (stop != "" || deletions == MaxDeletions):
		return Repair{Force: true, Sweep: failures}
	case stop != "":
		return Repair{Stop: stop + remedy}
	case deletions >= MaxDeletions:
		return Repair{Stop: fmt.Sprintf("it failed %d times: %s", deletions, Describe(failures)) + remedy}
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

// needsPerson names the failures that only a person can fix, after so many deletions.
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
	return Describe(stuck)
}

// Describe formats failures for people.
func Describe(failures []Failure) string {
	var words []string
	for _, f := range failures {
		words = append(words, fmt.Sprintf("%s (%s): %s", f.LogicalID, f.Type, f.Reason))
	}
	return strings.Join(words, "; ")
}
