// Package seed carries out seed steps: it copies files of the commit or objects of S3 into an
// environment's buckets, sends requests to its app, and runs commands in the app's container.
//
// A step is marked as done in the artifact bucket when it has succeeded, by the stack's id and the
// step's hash, and where the app does it also by where its database is. A step that breaks off is
// done again from its beginning, but a command that was begun is waited for. A request carries the
// same Idempotency-Key on every try.
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

// Source is where the files of a commit come from.
type Source interface {
	File(ctx context.Context, commit, path string) (data []byte, found bool, err error)
	Files(ctx context.Context, commit, folder string) ([]source.File, error)
}

// Config is what a Seeder needs of the worker's other activities.
type Config struct {
	Policy *perch.Policy
	Source Source
	// HasObject reports whether a bucket has an object of that key, and StoreObject makes one.
	HasObject   func(ctx context.Context, bucket, key string) (bool, error)
	StoreObject func(ctx context.Context, bucket, key string, body []byte) error
	// Environments are the names of the Elastic Beanstalk environments that a stack has.
	Environments func(ctx context.Context, stackID string) ([]string, error)
	// Interval is the pause between two looks at what is waited for.
	Interval time.Duration
}

// Seeder carries out seed steps.
type Seeder struct {
	Config

	stacks    *cloudformation.Client
	s3        *s3.Client
	beanstalk *elasticbeanstalk.Client
	secrets   *secretsmanager.Client
	systems   *ssm.Client
}

// New makes a Seeder.
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
	// StackID is the environment's stack; one that is created again is seeded again.
	StackID string
	// Commit is the commit whose files are used, and Settings are the environment's at that commit.
	Commit   string
	Settings perch.Settings
	// Artifacts is the bucket that has the marks.
	Artifacts string
	// URL is the environment's address, and Endpoint the host to dial, both from its stack's
	// outputs.
	URL, Endpoint string
}

// Result is what the steps did that were carried out.
type Result struct {
	Seeded  bool
	Objects int
	Steps   []perch.SeedDone
	// Before are the steps that were done for this stack before.
	Before []string
}

// seeding is one Run at work.
type seeding struct {
	*Seeder
	in    Target
	beats *pulse.Pulse
	// progress is the heartbeat: its Done is the index of the step at work, its Since when that
	// began. earlier is what another try left.
	progress, earlier perch.Progress
	// resuming says that an earlier try may have begun the step at work: only the first that is not
	// marked as done.
	resuming bool
}

// Run carries out the steps that are not marked as done, in order. earlier is the heartbeat of an
// earlier try.
func (s *Seeder) Run(
	ctx context.Context, in Target, steps []perch.SeedStep, beats *pulse.Pulse, earlier perch.Progress,
) (Result, error) {
	work := &seeding{Seeder: s, in: in, beats: beats, earlier: earlier, resuming: activity.GetInfo(ctx).Attempt > 1}
	return work.runSteps(ctx, steps)
}

// Phase are the steps that are carried out before the environment answers, or after.
func Phase(steps []perch.SeedStep, later bool) []perch.SeedStep {
	var chosen []perch.SeedStep
	for _, step := range steps {
		if step.Later() == later {
			chosen = append(chosen, step)
		}
	}
	return chosen
}

// runSteps carries out what is not marked as done.
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

// enterStep makes a step the one at work, as an earlier try has left it.
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

// fail ends a step that no retry fixes.
func (s *seeding) fail(format string, args ...any) error {
	return s.failAfter("", format, args...)
}

// failAfter is failed for a step that has left an output.
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

// Mark is the key of the object that says that the step was done for the stack. What the app does
// changes its database: a stack that gets another one, in the shared instance or from a snapshot,
// has not seen the step.
func Mark(stackID string, database *perch.Database, step perch.SeedStep) string {
	text, _ := json.Marshal(step) // Plain strings and numbers: it cannot fail.
	if step.Later() && database != nil && database.Mode != "" && database.Mode != perch.DatabaseDedicated {
		text = fmt.Appendf(text, "\x00%s\x00%s", database.Mode, database.Snapshot)
	}
	sum := sha256.Sum256(text)
	return "seeds/" + path.Base(stackID) + "/" + hex.EncodeToString(sum[:16])
}

// idempotencyKey names the step of this stack to the app: the same on every try, another for every
// other stack.
func idempotencyKey(mark string) string {
	return strings.ReplaceAll(strings.TrimPrefix(mark, "seeds/"), "/", "-")
}
