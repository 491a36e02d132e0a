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

// messy are checks that end badly and leave resources that are not deleted with their stacks.
var messy = []Belief{
	{Name: "test/panic", check: func(ctx context.Context, w *World) error {
		in := w.creation("", template(versionedBucket))
		in.EnableTerminationProtection = aws.Bool(true)
		id, err := w.createAs(ctx, in)
		if err != nil {
			return err
		}
		if _, err := w.filled(ctx, id); err != nil {
			return err
		}
		panic("in the middle")
	}},
	{Name: "test/kept", check: func(ctx context.Context, w *World) error {
		id, err := w.create(ctx, "", template("Bucket: {Type: AWS::S3::Bucket, DeletionPolicy: Retain}",
			database("Snapshot", "DeletionProtection: true")))
		if err != nil {
			return err
		}
		if _, err := w.filled(ctx, id); err != nil {
			return err
		}
		return differs("as it should")
	}},
	{Name: "test/exports", check: func(ctx context.Context, w *World) error {
		if _, err := w.shared(ctx); err != nil {
			return err
		}
		slices.Reverse(w.created) // The cleanup then begins with the stack that another one imports from.
		return errors.New("cannot go on")
	}},
}

// TestS213AllIsDeletedAlsoIfChecksFail makes checks fail at the worst moments, and interrupts one.
func TestS213AllIsDeletedAlsoIfChecksFail(t *testing.T) {
	t.Parallel()
	target, ctx := newSandbox(t), t.Context()
	stranger := newWorld(target, "0a1b2c3d", "s/stranger")
	in := stranger.creation("", template(plainBucket))
	in.Tags = nil
	if _, err := stranger.createAs(ctx, in); err != nil {
		t.Fatal(err)
	}
	other := newWorld(target, "another0", "s/other")
	if _, err := other.create(ctx, "", parameter("1")); err != nil {
		t.Fatal(err)
	}

	run, verdicts := newRun(), []string{}
	for _, o := range Run(ctx, target, run, messy) {
		verdicts = append(verdicts, o.Verdict)
		if o.Left != "" {
			t.Errorf("%s: left over: %s", o.Belief.Name, o.Left)
		}
	}
	if want := []string{NotChecked, Differs, NotChecked}; !slices.Equal(verdicts, want) {
		t.Errorf("the verdicts are %v, want %v", verdicts, want)
	}
	kept, err := Sweep(ctx, target, run, true)
	if err != nil || len(kept) != 2 {
		t.Errorf("the sweep deleted %v, %v; want the bucket that its stack keeps, and a snapshot", kept, err)
	}
	left, err := Sweep(ctx, target, "", false)
	if err != nil || len(left) != 1 || !strings.Contains(left[0], "another0") {
		t.Errorf("left are %v, %v; want the stack of another run only", left, err)
	}
	if _, err := Sweep(ctx, target, "", true); err != nil {
		t.Error(err)
	}
	wantNothingLeft(t, target)
	if stack, err := stranger.describe(ctx, stranger.created[0]); err != nil ||
		stack.StackStatus != types.StackStatusCreateComplete {
		t.Errorf("the stack without the tag is %s, %v", stack.StackStatus, err)
	}
}

// TestASweepDeletesWhatEarlierRunsLeft sweeps after a run that was killed.
func TestASweepDeletesWhatEarlierRunsLeft(t *testing.T) {
	t.Parallel()
	command, target, out := newCommand(t)
	killed := newWorld(target, "0a1b2c3d", "test/killed")
	id, err := killed.create(t.Context(), "", template(versionedBucket))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := killed.filled(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if _, _, err := newWorld(target, "0a1b2c3d", "test/review").reviewed(t.Context()); err != nil {
		t.Fatal(err)
	}
	command.Yes, command.Sweep = true, true
	if code := command.Run(t.Context()); code != exitDone || !strings.Contains(out.String(), "deleted 2: ") {
		t.Errorf("exit code %d: %s", code, out)
	}
	wantNothingLeft(t, target)
}

// TestACheckThatIsCutOffIsCleanedUp ends the context while a bucket is being created.
func TestACheckThatIsCutOffIsCleanedUp(t *testing.T) {
	t.Parallel()
	target := newSandbox(t)
	ctx, stop := context.WithCancel(t.Context())
	cutOff := Belief{Name: "test/cut-off", check: func(ctx context.Context, w *World) error {
		if _, err := w.hold(ctx, "Bucket", "create", w.stackName("")); err != nil {
			return err
		}
		if _, err := w.begin(ctx, w.creation("", template(plainBucket))); err != nil {
			return err
		}
		stop()
		return w.pause(ctx)
	}}
	target.Parallel = 1
	for _, o := range Run(ctx, target, newRun(), []Belief{cutOff, Beliefs()[1]}) {
		if o.Verdict != NotChecked || o.Left != "" {
			t.Errorf("the outcome is %v", o)
		}
	}
	wantNothingLeft(t, target)
}
