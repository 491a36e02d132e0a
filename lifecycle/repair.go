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
	// CurePatience: something that is going away still uses the resource.
	CurePatience Cure = "patience"
	// CureRetain: the resource is gone already, and CloudFormation stumbles over that; leave
	// exactly it out.
	CureRetain Cure = "retain"
	// CureDetach: something that is not the stack's keeps the resource. It may be about to go, as
	// the services forget with a delay what the deletion itself removed; after a pause only a
	// person can decide what to do with it.
	CureDetach Cure = "detach"
	// CurePerson: protection, a lock or a missing permission; only a person can decide to change
	// that.
	CurePerson Cure = "person"
)

// signs tell cures by what AWS's services say, the surest first. Sources of the less common words:
// access points, rebuy-de/aws-nuke#660; images, ECR's RepositoryNotEmptyException; policies and
// profiles, IAM's DeleteConflict; subnets, aws-cdk#14456 (interfaces of functions linger for up to
// 45 minutes, terraform-provider-aws#10347); Beanstalk, aws-elastic-beanstalk-cli (strings.py).
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

// Diagnose says what helps against f.
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
	// Sweep are the resources that are left out although they are there: they have to be removed
	// through their own services.
	Sweep []Failure
}

// RepairFor says what to do after a stack's deletion has failed for the deletions-th time, with
// what remains. A person's force goes where it would stop, once.
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
		// What was swept takes its time to go, and words for what it holds vary.
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
