package activities

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/activity"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
)

// taken collects what is registered with the worker of a queue.
type taken struct {
	t     *testing.T
	queue contract.Queue
	names *[]string
}

func (r taken) RegisterActivity(of any) { r.t.Errorf("%T is registered without a name", of) }

func (r taken) RegisterActivityWithOptions(_ any, options activity.RegisterOptions) {
	*r.names = append(*r.names, string(r.queue)+" "+options.Name)
}

func (r taken) RegisterDynamicActivity(any, activity.DynamicRegisterOptions) {
	r.t.Error("an activity is registered that takes every name")
}

// TestEveryRowOfTheContractIsServedOnItsQueue compares what a worker registers with the contract:
// each activity once, and only on the worker of its queue. The compiler compares the types.
func TestEveryRowOfTheContractIsServedOnItsQueue(t *testing.T) {
	var want, got []string
	for _, row := range contract.Table() {
		want = append(want, string(row.Queue)+" "+row.Name)
	}
	set := New(sdk.Config{}, &perch.Policy{}, nil, 0, nil, time.Now)
	set.Register(taken{t, contract.QueueQuick, &got}, taken{t, contract.QueueWaits, &got})
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the contract says (-), and a worker registers (+):\n%s", diff)
	}
}

// TestRowsAreServedByTheMethodsOfTheirNames keeps two activities with the same types from being
// exchanged.
func TestRowsAreServedByTheMethodsOfTheirNames(t *testing.T) {
	source, err := os.ReadFile("register.go")
	if err != nil {
		t.Fatal(err)
	}
	pairs := regexp.MustCompile(`contract\.(\w+), s\.\w+\.(\w+)\)`).FindAllSubmatch(source, -1)
	if len(pairs) != len(contract.Table()) {
		t.Errorf("register.go joins %d rows with methods, and there are %d", len(pairs), len(contract.Table()))
	}
	for _, pair := range pairs {
		if string(pair[1]) != string(pair[2]) {
			t.Errorf("activity %s is served by method %s", pair[1], pair[2])
		}
	}
}

// TestInputThatCannotBeReadIsRejectedAndNotTriedAgain forges the input of every activity that is
// about an environment. The set has no working clients, so a call would fail the test.
func TestInputThatCannotBeReadIsRejectedAndNotTriedAgain(t *testing.T) {
	environment := func(project, branch any) map[string]any {
		return map[string]any{"environment": map[string]any{"project": project, "branch": branch}}
	}
	forged := map[string]struct {
		input any
		words []string
	}{
		"no environment": {map[string]any{}, []string{"names no environment"}},
		"an environment of old": {
			map[string]any{"project": "shop", "branch": "login"}, []string{"names no environment"},
		},
		"an invalid branch":       {environment("shop", "a..b"), []string{"a..b"}},
		"an invalid project":      {environment("SHOP", "login"), []string{`project "SHOP" is not a valid name`}},
		"an empty branch":         {environment("shop", ""), []string{"branch"}},
		"a number for a branch":   {environment("shop", 1), []string{"number"}},
		"an environment of words": {map[string]any{"environment": "shop/login"}, []string{"string"}},
		"no object":               {"shop", []string{"string"}},
	}
	set := New(sdk.Config{}, &perch.Policy{Project: "shop"}, nil, 0, nil, time.Now)
	tried := 0
	for _, a := range set.serveAll() {
		field, has := a.row.In.FieldByName("Environment")
		if !has || field.Type != reflect.TypeFor[perch.Environment]() {
			continue
		}
		tried++
		for name, f := range forged {
			t.Run(a.row.Name+"/"+name, func(t *testing.T) {
				env := activitytest.NewEnvironment()
				env.RegisterActivityWithOptions(a.activity, activity.RegisterOptions{Name: a.row.Name})
				_, err := env.ExecuteActivity(a.row.Name, f.input)
				activitytest.WantFinal(
					t, err, perch.ErrorInvalid, append(f.words, a.row.Name, "nothing was touched")...,
				)
			})
		}
	}
	if tried < 15 {
		t.Errorf("only %d activities are about an environment", tried)
	}
}

// TestRejectionAsAnErrorIsFinal has methods return a rejection as their error, as it is and below
// another error.
func TestRejectionAsAnErrorIsFinal(t *testing.T) {
	rejection := perch.Reject("the policy allows no branch %q", "login")
	execute := func(t *testing.T, failure error) {
		settled := func(context.Context, contract.ImageInput) (contract.ImageResult, error) {
			return contract.ImageResult{}, failure
		}
		settledNothing := func(context.Context, contract.StackInput) error { return failure }
		environment := activitytest.Environment("shop", "login")
		for _, of := range []struct {
			served
			input any
		}{
			{serve(contract.AwaitImage, settled), contract.ImageInput{}},
			{serveNothing(contract.AwaitBeanstalk, settledNothing), contract.StackInput{Environment: environment}},
		} {
			env := activitytest.NewEnvironment()
			env.RegisterActivityWithOptions(of.activity, activity.RegisterOptions{Name: of.row.Name})
			_, err := env.ExecuteActivity(of.row.Name, of.input)
			if errors.As(failure, new(*perch.Rejection)) {
				activitytest.WantFinal(t, err, perch.ErrorInvalid, failure.Error())
			} else {
				activitytest.WantRetry(t, err, failure.Error())
			}
		}
	}
	for name, failure := range map[string]error{
		"a rejection":             rejection,
		"a rejection below words": fmt.Errorf("read perch.yaml: %w", rejection),
		"another error":           errors.New("connection reset"),
	} {
		t.Run(name, func(t *testing.T) { execute(t, failure) })
	}
}
