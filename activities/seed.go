package activities

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"go.temporal.io/sdk/activity"

	"perch"
	"perch/activities/awserr"
	"perch/activities/pulse"
	"perch/lifecycle"
)

// Seeds is the activity that puts test data into a new environment.
type Seeds struct {
	policy    *perch.Policy
	requests  *Requests
	stacks    *Stacks
	s3        *s3.Client
	beanstalk *elasticbeanstalk.Client
	secrets   *secretsmanager.Client
	systems   *ssm.Client
	interval  time.Duration
}

// seeding is one SeedData at work.
type seeding struct {
	*Seeds
	in        seedTarget
	settings  perch.Settings
	artifacts string
	beats     *pulse.Pulse
	// progress is the heartbeat: its Done is the index of the step at work, its Since when that began. earlier is what another try left.
	progress, earlier perch.Progress
	// resuming says that an earlier try may have begun the step at work: only the first that is not marked as done.
	resuming bool
}

// SeedData carries out the seed steps that this stack has not seen yet, in order. A step is marked as done in the artifact bucket, by
// stack id and by the step's hash, and where the app does it by where its database is, when it has succeeded; a step that breaks off is done again from its beginning, save that a command that
// was begun is waited for.
func (s *Seeds) SeedData(ctx context.Context, in SeedInput) (SeedResult, error) {
	_, stop := pulse.Start(ctx, pulse.Resume(ctx, perch.Progress{Status: "SEEDING", Since: time.Now().UTC()}))
	stack, err := s.deployed(ctx, in)
	stop()
	if err != nil {
		return SeedResult{}, err
	}
	return s.seed(ctx, seedTarget{SeedInput: in, URL: stack.URL, Endpoint: stack.Endpoint})
}

// seedTarget is what SeedData found to be seeded.
type seedTarget struct {
	SeedInput
	// URL is the environment's address, and Endpoint the host to dial, both from its stack's outputs.
	URL, Endpoint string
}

func (s *Seeds) seed(ctx context.Context, in seedTarget) (SeedResult, error) {
	earlier := pulse.Resume(ctx, perch.Progress{Status: "SEEDING", Since: time.Now().UTC()})
	beats, stop := pulse.Start(ctx, earlier) // Before the repository is read: a worker that does not have it yet fetches it.
	defer stop()
	file, rejection, err := s.requests.file(ctx, in.Commit)
	if err != nil {
		return SeedResult{}, err
	}
	if rejection != "" {
		return SeedResult{}, awserr.Final(perch.ErrorInvalid, "%s", rejection)
	}
	settings, _, err := file.Resolve(in.Environment.Branch, in.Commit)
	if err != nil {
		return SeedResult{}, awserr.Final(perch.ErrorInvalid, "%v", err)
	}
	application, err := s.requests.apps.outputs(ctx, file.Kind(in.Environment.Branch))
	if err != nil {
		return SeedResult{}, err
	}
	work := &seeding{
		Seeds: s, in: in, settings: settings, artifacts: application.ArtifactBucket, beats: beats, earlier: earlier, resuming: activity.GetInfo(ctx).Attempt > 1,
	}
	return work.all(ctx, phase(file.Seed, in.Later))
}

// deployed is the environment's own stack, with the commit deployed in it that is to be seeded, and admitted by the
// policy: the steps of no other commit are carried out, and no other address is told a secret.
func (s *Seeds) deployed(ctx context.Context, in SeedInput) (StackState, error) {
	stack, err := s.stacks.ownStack(ctx, StackInput{Environment: in.Environment, StackID: in.StackID})
	if err != nil {
		return stack, err
	}
	if !lifecycle.Serving(stack.Status) || stack.Commit != in.Commit {
		return stack, awserr.Final(perch.ErrorInvalid, "stack %s is %s with commit %s deployed, and not ready to be seeded at %s: run the command again", in.StackID, stack.Status, stack.Commit, in.Commit)
	}
	_, _, err = s.requests.apps.admitted(ctx, in.Environment, stack.Kind, stack.Template)
	return stack, err
}

// phase are the steps that are carried out before the environment answers, or after.
func phase(steps []perch.SeedStep, later bool) []perch.SeedStep {
	var chosen []perch.SeedStep
	for _, step := range steps {
		if step.Later() == later {
			chosen = append(chosen, step)
		}
	}
	return chosen
}

// all carries out what is not marked as done.
func (s *seeding) all(ctx context.Context, steps []perch.SeedStep) (SeedResult, error) {
	var result SeedResult
	for i, step := range steps {
		mark := seedMark(s.in.StackID, s.settings.Database, step)
		done, err := s.requests.apps.has(ctx, s.artifacts, mark)
		if err != nil {
			return result, err
		}
		if done {
			continue
		}
		s.reach(perch.Progress{Status: "SEEDING", Done: i, Total: len(steps), Resource: step.String(), Since: time.Now().UTC()})
		did, err := s.do(ctx, step, mark)
		if err == nil {
			err = s.requests.apps.store(ctx, s.artifacts, mark, []byte(s.in.Commit))
		}
		if err != nil {
			return result, err
		}
		s.resuming = false
		did.Step = step.String()
		result.Seeded, result.Objects, result.Steps = true, result.Objects+did.Objects, append(result.Steps, did)
	}
	return result, nil
}

// reach makes a step the one at work, as an earlier try has left it.
func (s *seeding) reach(step perch.Progress) {
	s.progress = step
	if s.earlier.Done == step.Done && s.earlier.Resource == step.Resource {
		s.progress = s.earlier
	}
	s.beats.Set(s.progress)
}

func (s *seeding) do(ctx context.Context, step perch.SeedStep, mark string) (perch.SeedDone, error) {
	switch {
	case step.HTTP != nil:
		return s.send(ctx, *step.HTTP, mark)
	case step.Run != nil:
		return s.command(ctx, *step.Run, mark)
	}
	objects, err := s.copy(ctx, s.in.SeedInput, *step.S3)
	return perch.SeedDone{Objects: objects}, err
}

// failed is the end of a step that no retry mends.
func (s *seeding) failed(format string, args ...any) error {
	return s.failedAfter("", format, args...)
}

// failedAfter is failed for a step that has left an output.
func (s *seeding) failedAfter(output, format string, args ...any) error {
	message := fmt.Sprintf("seed step %q: %s; the environment stays, and the next `perch up` goes on from this step", s.progress.Resource, fmt.Sprintf(format, args...))
	if output != "" {
		message += ". The end of its output:\n" + output
	}
	return awserr.Final(perch.ErrorSeedFailed, "%s", message)
}

// seedMark is the key of the object that says that the step was done for the stack. What the app does changes its database: a stack that
// gets another one, in the shared instance or from a snapshot, has not seen the step.
func seedMark(stackID string, database *perch.Database, step perch.SeedStep) string {
	text, _ := json.Marshal(step) // Plain strings and numbers: it cannot fail.
	if step.Later() && database != nil && database.Mode != "" && database.Mode != perch.DatabaseOwn {
		text = fmt.Appendf(text, "\x00%s\x00%s", database.Mode, database.Snapshot)
	}
	sum := sha256.Sum256(text)
	return "seeds/" + path.Base(stackID) + "/" + hex.EncodeToString(sum[:16])
}

// seedKey names the step of this stack to the app: the same on every try, another for every other stack.
func seedKey(mark string) string {
	return strings.ReplaceAll(strings.TrimPrefix(mark, "seeds/"), "/", "-")
}
