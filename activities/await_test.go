package activities

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	sdkactivity "go.temporal.io/sdk/activity"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/activities/pulse"
	"perch/activities/stack"
	"perch/sandbox/aws"
)

func TestAwaitStackTellsHowTheOperationEnded(t *testing.T) {
	w := newWorld(t)
	login := activitytest.Environment("shop", "login")
	id := w.bare(
		"shop-login", "login",
		func(in *cloudformation.CreateStackInput) { in.ClientRequestToken = sdk.String("token") },
	)
	out := must(w, of[*Stacks](w).AwaitStack, contract.AwaitInput{StackID: id, Token: "token", Environment: &login})
	if out.Status != "CREATE_COMPLETE" || out.Reason != "" {
		t.Errorf("got %+v", out)
	}
	if seen := must(
		w, of[*Stacks](w).DescribeStack, contract.StackInput{Environment: activitytest.Environment("shop", "login")},
	); out.Stack == nil || *out.Stack != seen || !seen.Ours {
		t.Errorf("the wait saw %+v, and a look sees %+v", out.Stack, seen)
	}
}

func TestAwaitStackNamesTheFirstFailedEvents(t *testing.T) {
	w := newWorld(t)
	w.fault(aws.Fault{LogicalID: "Files", Phase: "create", Reason: "no more buckets today"})
	id := w.bare(
		"shop-login", "login",
		func(in *cloudformation.CreateStackInput) { in.ClientRequestToken = sdk.String("token") },
	)
	out := must(w, of[*Stacks](w).AwaitStack, contract.AwaitInput{StackID: id, Token: "token"})
	if out.Status != "ROLLBACK_COMPLETE" {
		t.Errorf("status %s", out.Status)
	}
	activitytest.WantWords(t, out.Reason, "Files (AWS::S3::Bucket)", "no more buckets today")
}

func TestAwaitStackOfAnotherOperationLeavesEarlierFailuresOut(t *testing.T) {
	w := newWorld(t)
	id := w.bare("shop-login", "login", nil)
	w.settle(id)
	w.fault(aws.Fault{LogicalID: "Files", Phase: "update", Reason: "an earlier trouble", Count: 1})
	w.update(id, "two", "first")
	if out := w.settle(id); out.Status != "UPDATE_ROLLBACK_COMPLETE" {
		t.Fatalf("got %+v", out)
	}
	w.update(id, "three", "second")
	if out := w.settle(id); out.Status != "UPDATE_COMPLETE" || out.Reason != "" {
		t.Errorf("got %+v", out)
	}
}

func TestAwaitStackSeesADeletedStackByItsID(t *testing.T) {
	w := newWorld(t)
	id := w.bare("shop-login", "login", nil)
	w.settle(id)
	must(
		w, of[*Stacks](w).DeleteStack,
		contract.ChangeInput{Environment: activitytest.Environment("shop", "login"), StackID: id, Token: "gone"},
	)
	if out := must(
		w, of[*Stacks](w).AwaitStack, contract.AwaitInput{StackID: id, Token: "gone"},
	); out.Status != stack.Deleted {
		t.Errorf("got %+v", out)
	}
}

func TestS33EveryWaitSeesThatTheStackWasDeletedMeanwhile(t *testing.T) {
	w := newWorld(t)
	stacks := of[*Stacks](w)
	stacks.StaleReads = 20 * time.Millisecond
	w.fault(aws.Fault{Stack: "shop-other", Hang: true})
	// Two waits are looked at by a listing, which has no deleted stacks.
	_, stop := stacks.Poller.Watch(w.bare("shop-other", "other", nil))
	defer stop()
	id := w.bare("shop-login", "login", nil)
	w.settle(id)
	must(
		w, stacks.DeleteStack,
		contract.ChangeInput{Environment: activitytest.Environment("shop", "login"), StackID: id, Token: "theirs"},
	)
	w.settle(id)
	if out := must(w, stacks.AwaitStack, contract.AwaitInput{StackID: id, Token: "ours"}); out.Status != stack.Deleted {
		t.Errorf("got %+v", out)
	}
}

func TestS29ThrottledDescribeStacksDoesNotFailAWait(t *testing.T) {
	w := newWorld(t)
	w.fault(aws.Fault{
		Service: "cloudformation", Action: "DescribeStacks", Code: "Throttling", Message: "Rate exceeded", Count: 3,
	})
	w.fault(aws.Fault{
		Service: "cloudformation", Action: "DescribeStackEvents", Code: "Throttling", Message: "Rate exceeded",
		Count: 30,
	})
	id := w.bare("shop-login", "login", nil)
	if out := w.settle(id); out.Status != "CREATE_COMPLETE" {
		t.Errorf("got %+v", out)
	}
}

func TestS32StaleReadsAreToleratedForABoundedTime(t *testing.T) {
	stale := aws.Fault{
		Service: "cloudformation", Action: "DescribeStacks", Code: "ValidationError",
		Message: "Stack with id shop-login does not exist",
	}
	t.Run("a stack that is not visible yet", func(t *testing.T) {
		w := newWorld(t)
		stale.Count = 3
		w.fault(stale)
		if out := w.settle(w.bare("shop-login", "login", nil)); out.Status != "CREATE_COMPLETE" {
			t.Errorf("got %+v", out)
		}
	})
	t.Run("a stack that never appears", func(t *testing.T) {
		w := newWorld(t)
		of[*Stacks](w).StaleReads = 20 * time.Millisecond
		_, err := activitytest.Try(of[*Stacks](w).AwaitStack, contract.AwaitInput{
			StackID: "arn:aws:cloudformation:eu-central-1:123456789012:stack/shop-login/none", Token: "token",
		})
		activitytest.WantFinal(t, err, perch.ErrorStackFailed, "does not exist", "run the command again")
	})
	t.Run("a status from before the operation", func(t *testing.T) {
		w := newWorld(t)
		id := w.bare(
			"shop-login", "login",
			func(in *cloudformation.CreateStackInput) { in.ClientRequestToken = sdk.String("create") },
		)
		w.settle(id)
		wait := of[*Stacks](w).NewWait(contract.AwaitInput{StackID: id, Token: "update"}, perch.Progress{})
		before := w.sight(id)
		if out, done, err := wait.Take(t.Context(), before); done || err != nil {
			t.Errorf("a status that the update's events do not confirm was believed: %+v, %v", out, err)
		}
		w.update(id, "two", "update")
		w.settle(id)
		if out, done, err := wait.Take(
			t.Context(), w.sight(id),
		); !done || err != nil || out.Status != "UPDATE_COMPLETE" {
			t.Errorf("the end of the update was not believed: %+v, %v, %v", out, done, err)
		}
	})
}

func TestAStatusThatNoEventConfirmsIsBelievedInTheEnd(t *testing.T) {
	w := newWorld(t)
	of[*Stacks](w).StaleReads = 20 * time.Millisecond
	id := w.bare("shop-login", "login", nil)
	w.settle(id)
	if out := must(
		w, of[*Stacks](w).AwaitStack, contract.AwaitInput{StackID: id, Token: "a-token-without-events"},
	); out.Status != "CREATE_COMPLETE" {
		t.Errorf("got %+v", out)
	}
}

func TestS32AStackThatIsKnownByItsIDIsNeverTakenForAbsent(t *testing.T) {
	w := newWorld(t)
	id := w.bare("shop-login", "login", nil)
	w.fault(aws.Fault{Stale: 3600, Count: 2})
	if state := must(
		w, of[*Stacks](w).DescribeStack, contract.StackInput{Environment: activitytest.Environment("shop", "login")},
	); state.Status != "" {
		t.Errorf("an hour ago there was %+v", state)
	}
	_, err := activitytest.Try(
		of[*Stacks](w).DescribeStack,
		contract.StackInput{Environment: activitytest.Environment("shop", "login"), StackID: id},
	)
	activitytest.WantRetry(t, err, id, "not visible yet")
	if state := must(
		w, of[*Stacks](w).DescribeStack,
		contract.StackInput{Environment: activitytest.Environment("shop", "login"), StackID: id},
	); state.StackID != id {
		t.Errorf("described %+v", state)
	}
}

func TestS33AWaitIsForTheStackIDAndNotForTheName(t *testing.T) {
	w := newWorld(t)
	first := w.bare("shop-login", "login", nil)
	w.settle(first)
	must(
		w, of[*Stacks](w).DeleteStack,
		contract.ChangeInput{Environment: activitytest.Environment("shop", "login"), StackID: first, Token: "gone"},
	)
	w.settle(first)
	second := w.bare("shop-login", "login", nil)
	if out := w.settle(first); out.Status != stack.Deleted {
		t.Errorf("the first stack ended in %+v", out)
	}
	if out := w.settle(second); out.Status != "CREATE_COMPLETE" {
		t.Errorf("the second stack ended in %+v", out)
	}
	state := must(
		w, of[*Stacks](w).DescribeStack,
		contract.StackInput{Environment: activitytest.Environment("shop", "login"), StackID: first},
	)
	if state.StackID != first || state.Status != stack.Deleted {
		t.Errorf("described %+v", state)
	}
}

func TestS34AnotherValidationErrorDoesNotMeanThatTheStackIsGone(t *testing.T) {
	w := newWorld(t)
	id := w.bare("shop-login", "login", nil)
	w.settle(id)
	w.fault(aws.Fault{
		Service: "cloudformation", Action: "DescribeStacks", Code: "ValidationError",
		Message: "1 validation error detected",
	})
	_, err := activitytest.Try(of[*Stacks](w).AwaitStack, contract.AwaitInput{StackID: id, Token: "gone"})
	activitytest.WantFinal(t, err, perch.ErrorInvalid, "look at stack "+id, "1 validation error detected")
}

func TestAWaitThatIsDeniedEndsAtOnce(t *testing.T) {
	w := newWorld(t)
	id := w.bare("shop-login", "login", nil)
	// Another try would go through.
	w.fault(aws.Fault{
		Service: "cloudformation", Action: "DescribeStacks", Status: 403, Code: "AccessDenied", Message: "no", Count: 1,
	})
	_, err := activitytest.Try(of[*Stacks](w).AwaitStack, contract.AwaitInput{StackID: id})
	activitytest.WantFinal(t, err, perch.ErrorDenied, "cloudformation:DescribeStacks")
}

func TestAwaitStackGoesOnFromTheHeartbeat(t *testing.T) {
	w := newWorld(t)
	id := w.bare("shop-login", "login", nil)
	w.settle(id)
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	env := activitytest.NewEnvironment()
	env.SetHeartbeatDetails(perch.Progress{Status: "CREATE_IN_PROGRESS", Total: 9, Since: began})
	var beats []perch.Progress
	env.SetOnActivityHeartbeatListener(func(_ *sdkactivity.Info, details converter.EncodedValues) {
		var progress perch.Progress
		if details.Get(&progress) == nil {
			beats = append(beats, progress)
		}
	})
	if _, err := activitytest.TryIn(env, of[*Stacks](w).AwaitStack, contract.AwaitInput{StackID: id}); err != nil {
		t.Fatal(err)
	}
	if len(beats) == 0 || !beats[0].Since.Equal(began) || beats[0].Total != 9 {
		t.Errorf("heartbeats %+v", beats)
	}
}

// heartbeatCounter counts heartbeats with the same progress as the one before.
type heartbeatCounter struct {
	interceptor.ActivityOutboundInterceptorBase
	mu        sync.Mutex
	last      perch.Progress
	unchanged int
}

// RecordHeartbeat is called by the activity.
func (c *heartbeatCounter) RecordHeartbeat(ctx context.Context, details ...any) {
	progress, _ := details[0].(perch.Progress)
	c.mu.Lock()
	defer c.mu.Unlock()
	if reflect.DeepEqual(progress, c.last) {
		c.unchanged++
	}
	c.last = progress
	c.Next.RecordHeartbeat(ctx, details...)
}

// heartbeatInterceptor gives an activity its counter.
type heartbeatInterceptor struct {
	interceptor.WorkerInterceptorBase
	interceptor.ActivityInboundInterceptorBase
	counter heartbeatCounter
}

// InterceptActivity is called before the activity.
func (i *heartbeatInterceptor) InterceptActivity(
	_ context.Context, next interceptor.ActivityInboundInterceptor,
) interceptor.ActivityInboundInterceptor {
	i.ActivityInboundInterceptorBase.Next = next
	return i
}

// Init is called with what the activity calls.
func (i *heartbeatInterceptor) Init(outbound interceptor.ActivityOutboundInterceptor) error {
	i.counter.Next = outbound
	return i.ActivityInboundInterceptorBase.Init(&i.counter)
}

// TestAWaitSendsAHeartbeatForAChangeOrABeat makes twenty calls while nothing happens to the stack.
func TestAWaitSendsAHeartbeatForAChangeOrABeat(t *testing.T) {
	w := newWorld(t)
	hold := w.fault(aws.Fault{LogicalID: "Files", Hang: true})
	id := w.bare("shop-login", "login", nil)
	var calls atomic.Int64
	config := w.config
	config.HTTPClient = doer(func(r *http.Request) (*http.Response, error) {
		if calls.Add(1) == 20 {
			w.aws.DeleteFault(hold)
		}
		return http.DefaultClient.Do(r)
	})
	env, watched := activitytest.NewEnvironment(), &heartbeatInterceptor{}
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{watched}})
	stacks, started := NewStacks(config, w.policy, nil, 5*time.Millisecond), time.Now()
	stacks.Poller.SetBudget(1000)
	if _, err := activitytest.TryIn(env, stacks.AwaitStack, contract.AwaitInput{StackID: id}); err != nil {
		t.Fatal(err)
	}
	watched.counter.mu.Lock()
	defer watched.counter.mu.Unlock()
	if beats := int(time.Since(started) / pulse.Beat); watched.counter.unchanged > beats {
		t.Errorf("%d heartbeats in %d beats say what the one before said", watched.counter.unchanged, beats)
	}
	if watched.counter.last.Status != "CREATE_IN_PROGRESS" {
		t.Errorf("the last heartbeat is %+v", watched.counter.last)
	}
}

func TestAWaitReadsEventsForEveryThirdSighting(t *testing.T) {
	w := newWorld(t)
	w.fault(aws.Fault{LogicalID: "Files", Hang: true})
	id := w.bare("shop-login", "login", nil)
	wait := of[*Stacks](w).NewWait(contract.AwaitInput{StackID: id}, perch.Progress{})
	seen := w.sight(id)
	for i := range 7 {
		if out, done, err := wait.Take(t.Context(), seen); done || err != nil {
			t.Fatalf("%+v, %v", out, err)
		}
		if read := w.calls("cloudformation", "DescribeStackEvents"); read != i/3+1 {
			t.Errorf("after %d sightings the events were read %d times", i+1, read)
		}
		if awaited := wait.Progress.Awaited; awaited == nil || awaited.LogicalID != "Files" {
			t.Errorf("after %d sightings the wait is for %+v", i+1, awaited)
		}
	}
}

// TestAWaitReadsEventsUntilAResourceHasBegun fails the first reading.
func TestAWaitReadsEventsUntilAResourceHasBegun(t *testing.T) {
	w := newWorld(t)
	w.fault(aws.Fault{Service: "cloudformation", Action: "DescribeStackEvents", Code: "Throttling", Count: 1})
	w.fault(aws.Fault{LogicalID: "Files", Hang: true})
	id := w.bare("shop-login", "login", nil)
	wait := of[*Stacks](w).NewWait(contract.AwaitInput{StackID: id}, perch.Progress{})
	for range 2 {
		if out, done, err := wait.Take(t.Context(), w.sight(id)); done || err != nil {
			t.Fatalf("%+v, %v", out, err)
		}
	}
	if wait.Progress.Awaited == nil {
		t.Error("the second sighting read no events")
	}
}

func TestAWaitLeavesAStoppingWorkerAtOnce(t *testing.T) {
	w := newWorld(t)
	w.fault(aws.Fault{LogicalID: "Files", Hang: true})
	id := w.bare("shop-login", "login", nil)
	stopping := make(chan struct{})
	close(stopping)
	env := activitytest.NewEnvironment()
	env.SetWorkerStopChannel(stopping)
	_, err := activitytest.TryIn(env, of[*Stacks](w).AwaitStack, contract.AwaitInput{StackID: id})
	activitytest.WantRetry(t, err, pulse.ErrStopping.Error())
	if errors.Is(err, pulse.ErrStopping) && of[*Stacks](w).Poller.Waiting() != 0 {
		t.Error("the poller still looks for it")
	}
}

// update begins an update of a stack that bare made.
func (w *world) update(stackID, value, token string) {
	w.t.Helper()
	in := &cloudformation.UpdateStackInput{
		StackName: &stackID, TemplateBody: sdk.String(bucketTemplate(value)), ClientRequestToken: &token,
	}
	if _, err := w.cfn().UpdateStack(w.t.Context(), in); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) sight(stackID string) stack.Sighting {
	w.t.Helper()
	described, found, err := of[*Stacks](w).Describe(w.t.Context(), stackID)
	if err != nil {
		w.t.Fatal(err)
	}
	return stack.Sighting{Stack: described, Found: found}
}
