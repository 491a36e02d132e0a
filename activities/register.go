package activities

import (
	"context"
	"errors"
	"reflect"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/worker"

	"perch"
	"perch/activities/awserr"
	"perch/activities/contract"
)

// served is a row of the contract, with the function that a worker registers for it.
type served struct {
	row      contract.Row
	activity any
}

// serve pairs a row of the contract with a method that has the row's types.
func serve[In, Out any](row contract.Activity[In, Out], method func(context.Context, In) (Out, error)) served {
	return served{row.Row(), func(ctx context.Context, raw converter.RawValue) (out Out, err error) {
		in, err := readInput[In](row.Name(), raw)
		if err != nil {
			return out, err
		}
		out, err = method(ctx, in)
		return out, settleRejection(err)
	}}
}

// serveNothing is like serve, for an activity without a result.
func serveNothing[In any](row contract.Activity[In, contract.Nothing], method func(context.Context, In) error) served {
	return served{row.Row(), func(ctx context.Context, raw converter.RawValue) error {
		in, err := readInput[In](row.Name(), raw)
		if err != nil {
			return err
		}
		return settleRejection(method(ctx, in))
	}}
}

// settleRejection makes a rejection non-retryable. Otherwise Temporal would retry the activity
// until its time limit, with the same result.
func settleRejection(err error) error {
	var rejection *perch.Rejection
	if errors.As(err, &rejection) {
		return awserr.Final(perch.ErrorInvalid, "%v", err)
	}
	return err
}

// readInput reads an activity's input, which anyone who can reach Temporal can forge. If it cannot
// be read, or names no environment, the error is non-retryable. Otherwise Temporal would retry the
// activity until its time limit.
func readInput[In any](activity string, raw converter.RawValue) (in In, err error) {
	if raw.Payload() == nil {
		return in, awserr.Final(perch.ErrorInvalid, "activity %s was given no input; nothing was touched", activity)
	}
	if err := converter.GetDefaultDataConverter().FromPayload(raw.Payload(), &in); err != nil {
		return in, awserr.Final(
			perch.ErrorInvalid,
			"read the input of activity %s: %v; nothing was touched",
			activity,
			err,
		)
	}
	if field := reflect.ValueOf(in).FieldByName("Environment"); field.IsValid() &&
		field.Interface() == (perch.Environment{}) {
		return in, awserr.Final(
			perch.ErrorInvalid,
			"the input of activity %s names no environment; nothing was touched",
			activity,
		)
	}
	return in, nil
}

// Register registers every activity with the worker of its task queue.
func (s *Set) Register(quick, waits worker.ActivityRegistry) {
	workers := map[contract.Queue]worker.ActivityRegistry{contract.QueueQuick: quick, contract.QueueWaits: waits}
	for _, a := range s.serveAll() {
		workers[a.row.Queue].RegisterActivityWithOptions(a.activity, activity.RegisterOptions{Name: a.row.Name})
	}
}

func (s *Set) serveAll() []served {
	return []served{
		serve(contract.Admit, s.requests.Admit),
		serve(contract.PlanEnvironment, s.requests.PlanEnvironment),
		serve(contract.AwaitImage, s.images.AwaitImage),

		serve(contract.DescribeStack, s.stacks.DescribeStack),
		serve(contract.CreateStack, s.stacks.CreateStack),
		serve(contract.UpdateStack, s.stacks.UpdateStack),
		serve(contract.DeleteStack, s.stacks.DeleteStack),
		serve(contract.CancelUpdate, s.stacks.CancelUpdate),
		serve(contract.ContinueRollback, s.stacks.ContinueRollback),
		serve(contract.RollbackStack, s.stacks.RollbackStack),
		serve(contract.AwaitStack, s.stacks.AwaitStack),
		serveNothing(contract.AwaitBeanstalk, s.stacks.AwaitBeanstalk),
		serveNothing(contract.WithdrawOptions, s.stacks.WithdrawOptions),

		serve(contract.SeedData, s.seeds.SeedData),
		serve(contract.ReopenBuckets, s.seeds.ReopenBuckets),
		serve(contract.EmptyBucket, s.buckets.EmptyBucket),
		serve(contract.EnsureDatabase, s.databases.EnsureDatabase),
		serve(contract.DropDatabase, s.databases.DropDatabase),
		serve(contract.AwaitReady, s.readiness.AwaitReady),

		serve(contract.PrepareDeletion, s.deletions.PrepareDeletion),
		serve(contract.DiagnoseDeletion, s.stacks.DiagnoseDeletion),
		serve(contract.SweepResources, s.verification.SweepResources),
		serve(contract.VerifyGone, s.verification.VerifyGone),

		serve(contract.PlanCleanup, s.cleanups.PlanCleanup),
		serve(contract.AskRemoval, s.cleanups.AskRemoval),
		serve(contract.AskDeployment, s.cleanups.AskDeployment),
		serve(contract.LastLook, s.cleanups.LastLook),
		serve(contract.RecheckLeftovers, s.verification.RecheckLeftovers),
		serve(contract.SweepExpiry, s.cleanups.SweepExpiry),
		serve(contract.Keep, s.cleanups.Keep),
		serve(contract.LookAtBranch, s.looks.LookAtBranch),
		serve(contract.Report, s.reports.Report),

		serve(contract.ListEnvironments, s.stacks.ListEnvironments),
		serve(contract.DescribeEnvironment, s.stacks.DescribeEnvironment),
		serve(contract.ListHistory, s.stacks.ListHistory),
		serve(contract.Examine, s.examinations.Examine),
		serve(contract.ApplyApplication, s.apps.ApplyApplication),
		serve(contract.DescribeApplication, s.apps.DescribeApplication),
	}
}
