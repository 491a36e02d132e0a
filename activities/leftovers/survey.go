package leftovers

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk/types"

	"perch"
	"perch/activities/awserr"
	"perch/activities/contract"
	"perch/activities/stack"
)

// TagEnvironmentID is the tag that Beanstalk puts on everything that it creates for an environment
// (Beanstalk guide, "Tagging").
const TagEnvironmentID = "elasticbeanstalk:environment-id"

// tagSurvey checks candidates one after the other. It reads each stack and each Beanstalk
// environment only once.
type tagSurvey struct {
	v            *Verifier
	in           contract.VerifyInput
	lives        map[string]stackLife
	fates        map[string]map[string]types.ResourceStatus
	environments map[string]bool
	// living says whether the branch has a stack; nil if that was not read yet.
	living *bool
}

// look reports whether the candidate still exists, or may exist.
func (s *tagSurvey) look(ctx context.Context, r taggedResource) (survivor, bool, error) {
	found := survivor{taggedResource: r, earlier: r.stackID != s.in.StackID}
	belongs, err := s.belongs(ctx, r, &found)
	if err != nil || !belongs {
		return found, false, err
	}
	state, err := s.v.lookUps.presence(ctx, r.arn)
	if state == presenceUnknown && err == nil {
		state, err = s.fate(ctx, r)
	}
	found.confirmed = state == presenceThere
	return found, err == nil && state != presenceGone, err
}

// belongs reports whether the candidate belongs to a removed environment of the branch. A resource
// of an existing stack or Beanstalk environment does not, nor does one that the template of a
// deleted stack kept.
func (s *tagSurvey) belongs(ctx context.Context, r taggedResource, found *survivor) (bool, error) {
	switch {
	case r.stackID != "" && r.stackID == s.in.StackID:
		return true, nil
	case r.tags[TagEnvironmentID] != "" && !strings.Contains(r.arn, ":environment/"):
		lives, err := s.livesOnBeanstalk(ctx, r.tags[TagEnvironmentID])
		return !lives && s.owns(ctx, r), err
	case r.stackID == "":
		lives, err := s.branchLives(ctx)
		return !lives && s.owns(ctx, r), err
	}
	life, looked := s.lives[r.stackID]
	if !looked {
		var err error
		if life, err = s.v.life(ctx, r.stackID); err != nil {
			return false, err
		}
		s.lives[r.stackID] = life
	}
	found.untold = life.unknown
	return !life.exists && !life.contents.Keeps(r.arn), nil
}

func (s *tagSurvey) owns(ctx context.Context, r taggedResource) bool {
	return s.v.Stacks.Owner.Current(ctx).Owns(r.tags)
}

// branchLives reports whether the branch has a stack. A resource without a stack's id may belong to
// that stack.
func (s *tagSurvey) branchLives(ctx context.Context) (bool, error) {
	if s.living == nil {
		described, found, err := s.v.Stacks.Describe(ctx, s.in.Environment.StackName())
		if err != nil {
			return false, err
		}
		s.living = aws.Bool(found && described.StackStatus != stack.Deleted)
	}
	return *s.living, nil
}

// livesOnBeanstalk reports whether a Beanstalk environment exists and is not terminated.
func (s *tagSurvey) livesOnBeanstalk(ctx context.Context, id string) (bool, error) {
	if lives, asked := s.environments[id]; asked {
		return lives, nil
	}
	in := &elasticbeanstalk.DescribeEnvironmentsInput{EnvironmentIds: []string{id}}
	out, err := s.v.beanstalk.DescribeEnvironments(ctx, in)
	if err != nil {
		return false, awserr.Wrap(err, "look for Beanstalk environment %s", id)
	}
	lives := slices.ContainsFunc(out.Environments, func(e ebtypes.EnvironmentDescription) bool {
		return e.Status != ebtypes.EnvironmentStatusTerminated
	})
	if s.environments == nil {
		s.environments = map[string]bool{}
	}
	s.environments[id] = lives
	return lives, nil
}

// fate returns what CloudFormation last said about a resource that no service can confirm.
func (s *tagSurvey) fate(ctx context.Context, r taggedResource) (presence, error) {
	if r.stackID == "" {
		return presenceUnknown, nil
	}
	fates, looked := s.fates[r.stackID]
	if !looked {
		events, err := s.v.Stacks.Events(ctx, r.stackID)
		if err != nil {
			return presenceUnknown, err
		}
		fates = map[string]types.ResourceStatus{}
		for _, event := range slices.Backward(events) { // Events are newest first, so the newest is entered last.
			fates[aws.ToString(event.PhysicalResourceId)] = event.ResourceStatus
		}
		s.fates[r.stackID] = fates
	}
	for id, status := range fates {
		if id != "" && (perch.KeptResource{ID: id}).Is(r.arn) {
			if status == types.ResourceStatusDeleteComplete {
				return presenceGone, nil
			}
			return presenceThere, nil
		}
	}
	return presenceUnknown, nil
}

// stackLife is what Perch knows of a stack that created a resource.
type stackLife struct {
	// exists means that the stack is not deleted. unknown means that CloudFormation does not know
	// the stack, or that it belonged to another repository: its leftovers are reported but never
	// deleted.
	exists, unknown bool
	// contents is what the template of a deleted stack kept.
	contents perch.StackContents
}

func (v *Verifier) life(ctx context.Context, stackID string) (life stackLife, err error) {
	described, found, err := v.Stacks.Describe(ctx, stackID)
	switch {
	case err != nil:
		return life, err
	case !found:
		return stackLife{unknown: true}, nil
	case described.StackStatus != stack.Deleted:
		return stackLife{exists: true}, nil
	case !v.Stacks.Owner.Current(ctx).Owns(stack.Tags(described)):
		return stackLife{unknown: true}, nil
	}
	life.contents, err = v.namedBy(ctx, stackID)
	return life, err
}
