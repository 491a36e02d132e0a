// Package seed runs seed steps. They copy files of the commit or objects of S3 into an
// environment's buckets, send requests to its app, and run commands in the app's container.
//
// When a step has succeeded, its mark is stored in the artifact bucket, under the stack's id and
// the step's hash. For a step that changes the app's database, the hash also covers where the
// database is. A step that was interrupted starts again from its beginning. Only a command that has
// started is not sent again: the next attempt waits for it. All attempts of a request have the same
// Idempotency-Key.
package seed

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"go.temporal.io/sdk/activity"

	"perch"
	"perch/activities/awserr"
	"perch/activities/pulse"
	"perch/source"
)

// Source has the files of a commit.
type Source interface {
	File(ctx context.Context, commit, path string) (data []byte, found bool, err error)
	Files(ctx context.Context, commit, folder string) ([]source.File, error)
}

// Config has what a Seeder needs from the worker's other activities.
type Config struct {
	Policy *perch.Policy
	Source Source
	// HasObject reports whether a bucket has an object with this key. StoreObject stores one.
	HasObject   func(ctx context.Context, bucket, key string) (bool, error)
	StoreObject func(ctx context.Context, bucket, key string, body []byte) error
	// Environments returns the names of a stack's Elastic Beanstalk environments.
	Environments func(ctx context.Context, stackID string) ([]string, error)
	// Interval is the pause between two requests while a step waits.
	Interval time.Duration
}

// Seeder runs seed steps.
type Seeder struct {
	Config

	stacks    *cloudformation.Client
	s3        *s3.Client
	beanstalk *elasticbeanstalk.Client
	secrets   *secretsmanager.Client
	systems   *ssm.Client
}

// New returns a Seeder.
func New(cfg aws.Config, config Config) *Seeder {
	return &Seeder{
		Config: config, stacks: cloudformation.NewFromConfig(cfg), s3: s3.NewFromConfig(cfg),
		beanstalk: elasticbeanstalk.NewFromConfig(
			cfg,
		), secrets: secretsmanager.NewFromConfig(cfg), systems: ssm.NewFromConfig(cfg),
	}
}

// Target is what is seeded.
type Target struct {
	// StackID is the environment's stack. If the stack is created again, all steps run again.
	StackID string
	// Commit is the commit whose files are used. Settings are the environment's settings at that
	// commit.
	Commit   string
	Settings perch.Settings
	// Artifacts is the bucket with the steps' marks.
	Artifacts string
	// URL is the environment's address. Endpoint is the host to connect to. Both are outputs of its
	// stack.
	URL, Endpoint string
}

// Result says which steps ran, and what they did.
type Result struct {
	Seeded  bool
	Objects int
	Steps   []perch.SeedDone
	// Before are the steps that had already run for this stack.
	Before []string
}

// seeding is one call of Run.
type seeding struct {
	*Seeder
	in    Target
	beats *pulse.Pulse
	// progress is the next heartbeat. Its Done is the index of the current step, and its Since is
	// when that step began. earlier is the last heartbeat of an earlier attempt.
	progress, earlier perch.Progress
	// resuming means that an earlier attempt may have begun the current step. That can only be the
	// first step without a mark.
	resuming bool
}

// Run runs, in order, the steps that have no mark. earlier is the last heartbeat of an earlier
// attempt.
func (s *Seeder) Run(
	ctx context.Context, in Target, steps []perch.SeedStep, beats *pulse.Pulse, earlier perch.Progress,
) (Result, error) {
	work := &seeding{Seeder: s, in: in, beats: beats, earlier: earlier, resuming: activity.GetInfo(ctx).Attempt > 1}
	return work.runSteps(ctx, steps)
}

// Phase returns the steps that run before the environment answers or, if later is true, those that
// run after.
func Phase(steps []perch.SeedStep, later bool) []perch.SeedStep {
	var chosen []perch.SeedStep
	for _, step := range steps {
		if step.Later() == later {
			chosen = append(chosen, step)
		}
	}
	return chosen
}

// runSteps runs the steps that have no mark.
func (s *seeding) runSteps(ctx context.Context, steps []perch.SeedStep) (Result, error) {
	var result Result
	for i, step := range steps {
		mark := Mark(s.in.StackID, s.in.Settings.Database, step)
		done, err := s.HasObject(ctx, s.in.Artifacts, mark)
		if err != nil {
			return result, err
		}
		if done {
			result.Before = append(result.Before, step.String())
			continue
		}
		s.enterStep(
			perch.Progress{
				Status:   "SEEDING",
				Done:     i,
				Total:    len(steps),
				Resource: step.String(),
				Since:    time.Now().UTC(),
			},
		)
		did, err := s.runStep(ctx, step, mark)
		if err == nil {
			err = s.StoreObject(ctx, s.in.Artifacts, mark, []byte(s.in.Commit))
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

// enterStep makes a step the current one. If an earlier attempt was at the same step, it continues
// from its heartbeat.
func (s *seeding) enterStep(step perch.Progress) {
	s.progress = step
	if s.earlier.Done == step.Done && s.earlier.Resource == step.Resource {
		s.progress = s.earlier
	}
	s.beats.Set(s.progress)
}

func (s *seeding) runStep(ctx context.Context, step perch.SeedStep, mark string) (perch.SeedDone, error) {
	switch {
	case step.HTTP != nil:
		return s.sendRequest(ctx, *step.HTTP, mark)
	case step.Run != nil:
		return s.runCommand(ctx, *step.Run, mark)
	}
	objects, err := s.copyStep(ctx, s.in, *step.S3)
	return perch.SeedDone{Objects: objects}, err
}

// fail returns the failure of a step. No retry fixes it.
func (s *seeding) fail(format string, args ...any) error {
	return s.failAfter("", format, args...)
}

// failAfter is like fail, for a step that has left an output.
func (s *seeding) failAfter(output, format string, args ...any) error {
	message := fmt.Sprintf(
		"seed step %q: %s; the environment stays, and the next `perch up` goes on from this step",
		s.progress.Resource,
		fmt.Sprintf(format, args...),
	)
	if output != "" {
		message += ". The end of its output:\n" + output
	}
	return awserr.Final(perch.ErrorSeedFailed, "%s", message)
}

// Mark returns the key of a step's mark: the object that exists if the step has run for the stack.
// A step that uses the app changes its database. So if a stack gets another database, in the shared
// instance or from a snapshot, the step has another mark and runs again.
func Mark(stackID string, database *perch.Database, step perch.SeedStep) string {
	text, _ := json.Marshal(step) // It cannot fail: the step has only strings and numbers.
	if step.Later() && database != nil && database.Mode != "" && database.Mode != perch.DatabaseDedicated {
		text = fmt.Appendf(text, "\x00%s\x00%s", database.Mode, database.Snapshot)
	}
	sum := sha256.Sum256(text)
	return "seeds/" + path.Base(stackID) + "/" + hex.EncodeToString(sum[:16])
}

// idempotencyKey returns a key by which the app recognises a step of this stack. It is the same in
// every attempt and different for every other stack.
func idempotencyKey(mark string) string {
	return strings.ReplaceAll(strings.TrimPrefix(mark, "seeds/"), "/", "-")
}
