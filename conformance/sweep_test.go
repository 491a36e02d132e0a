package conformance

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// failingAssumptions have checks that panic or fail, and leave resources that CloudFormation does
// not delete with their stacks.
var failingAssumptions = []Assumption{
	{Name: "test/panic", check: func(ctx context.Context, w *World) error {
		in := w.createInput("", template(versionedBucket))
		in.EnableTerminationProtection = aws.Bool(true)
		id, err := w.createStackFrom(ctx, in)
		if err != nil {
			return err
		}
		if _, err := w.fillBucket(ctx, id); err != nil {
			return err
		}
		panic("after the bucket is filled")
	}},
	{Name: "test/kept", check: func(ctx context.Context, w *World) error {
		id, err := w.createStack(ctx, "", template("Bucket: {Type: AWS::S3::Bucket, DeletionPolicy: Retain}",
			database("Snapshot", "DeletionProtection: true")))
		if err != nil {
			return err
		}
		if _, err := w.fillBucket(ctx, id); err != nil {
			return err
		}
		return differencef("after the bucket is filled")
	}},
	{Name: "test/exports", check: func(ctx context.Context, w *World) error {
		if _, err := w.shareExport(ctx); err != nil {
			return err
		}
		slices.Reverse(w.created) // So cleanUp begins with the exporting stack, which cannot be deleted first.
		return errors.New("after both stacks are created")
	}},
}

// TestS213ResourcesAreDeletedWhenChecksFail makes checks fail after they have created resources.
func TestS213ResourcesAreDeletedWhenChecksFail(t *testing.T) {
	t.Parallel()
	target, ctx := newSandbox(t), t.Context()
	stranger := newWorld(target, "0a1b2c3d", "s/stranger")
	in := stranger.createInput("", template(plainBucket))
	in.Tags = nil
	if _, err := stranger.createStackFrom(ctx, in); err != nil {
		t.Fatal(err)
	}
	other := newWorld(target, "another0", "s/other")
	if _, err := other.createStack(ctx, "", parameterTemplate("1")); err != nil {
		t.Fatal(err)
	}

	run, verdicts := newRun(), []string{}
	for _, o := range Run(ctx, target, run, failingAssumptions) {
		verdicts = append(verdicts, o.Verdict)
		if o.Left != "" {
			t.Errorf("%s: left over: %s", o.Assumption.Name, o.Left)
		}
	}
	if want := []string{NotChecked, Differs, NotChecked}; !slices.Equal(verdicts, want) {
		t.Errorf("the verdicts are %v, want %v", verdicts, want)
	}
	kept, err := Sweep(ctx, target, run, true)
	if err != nil || len(kept) != 2 {
		t.Errorf("the sweep deleted %v, %v; want the retained bucket and the snapshot", kept, err)
	}
	left, err := Sweep(ctx, target, "", false)
	if err != nil || len(left) != 1 || !strings.Contains(left[0], "another0") {
		t.Errorf("the sweep left %v, %v; want only the stack of another run", left, err)
	}
	if _, err := Sweep(ctx, target, "", true); err != nil {
		t.Error(err)
	}
	wantNothingLeft(t, target)
	if stack, err := stranger.describeStack(ctx, stranger.created[0]); err != nil ||
		stack.StackStatus != types.StackStatusCreateComplete {
		t.Errorf("the stack without the tag is %s, %v", stack.StackStatus, err)
	}
}

// TestSweepDeletesLeftoversOfEarlierRuns sweeps after a run that was killed.
func TestSweepDeletesLeftoversOfEarlierRuns(t *testing.T) {
	t.Parallel()
	command, target, out := newCommand(t)
	killed := newWorld(target, "0a1b2c3d", "test/killed")
	id, err := killed.createStack(t.Context(), "", template(versionedBucket))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := killed.fillBucket(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if _, _, err := newWorld(target, "0a1b2c3d", "test/review").createChangeSet(t.Context()); err != nil {
		t.Fatal(err)
	}
	command.Yes, command.Sweep = true, true
	if code := command.Run(t.Context()); code != exitDone || !strings.Contains(out.String(), "deleted 2: ") {
		t.Errorf("exit code %d: %s", code, out)
	}
	wantNothingLeft(t, target)
}

// TestCanceledCheckIsCleanedUp cancels the context while CloudFormation creates a bucket.
func TestCanceledCheckIsCleanedUp(t *testing.T) {
	t.Parallel()
	target := newSandbox(t)
	ctx, stop := context.WithCancel(t.Context())
	canceled := Assumption{Name: "test/cut-off", check: func(ctx context.Context, w *World) error {
		if _, err := w.hold(ctx, "Bucket", "create", w.stackName("")); err != nil {
			return err
		}
		if _, err := w.startCreate(ctx, w.createInput("", template(plainBucket))); err != nil {
			return err
		}
		stop()
		return w.pause(ctx)
	}}
	target.Parallel = 1
	for _, o := range Run(ctx, target, newRun(), []Assumption{canceled, Assumptions()[1]}) {
		if o.Verdict != NotChecked || o.Left != "" {
			t.Errorf("the outcome is %v", o)
		}
	}
	wantNothingLeft(t, target)
}
