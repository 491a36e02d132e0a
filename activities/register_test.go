package activities

import (
	"context"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/activity"

	"perch"
	"perch/activities/contract"
)

// taken collects what is registered with the worker of a queue.
type taken struct {
	t     *testing.T
	queue contract.Queue
	rows  *[]contract.Row
}

func (r taken) RegisterActivity(of any) { r.t.Errorf("%T is registered without a name", of) }

func (r taken) RegisterActivityWithOptions(method any, options activity.RegisterOptions) {
	function, out := reflect.TypeOf(method), reflect.TypeFor[contract.Nothing]()
	if function.NumIn() != 2 || function.In(0) != reflect.TypeFor[context.Context]() {
		r.t.Fatalf("activity %s does not take a context and one input", options.Name)
	}
	if function.NumOut() == 2 {
		out = function.Out(0)
	}
	*r.rows = append(*r.rows, contract.Row{Name: options.Name, Queue: r.queue, In: function.In(1), Out: out})
}

func (r taken) RegisterDynamicActivity(any, activity.DynamicRegisterOptions) {
	r.t.Error("an activity is registered that takes every name")
}

// TestEveryRowOfTheContractIsServedOnItsQueue compares what a worker registers with the contract: each
// activity once, with the row's input and result, and only on the worker of the row's queue.
func TestEveryRowOfTheContractIsServedOnItsQueue(t *testing.T) {
	var got []contract.Row
	set := New(sdk.Config{}, &perch.Policy{}, nil, 0)
	set.Register(taken{t, contract.QueueQuick, &got}, taken{t, contract.QueueWaits, &got})
	lines := func(rows []contract.Row) (lines []string) {
		for _, r := range rows {
			lines = append(lines, r.Name+" "+string(r.Queue)+" "+r.In.String()+" "+r.Out.String())
		}
		slices.Sort(lines)
		return lines
	}
	if diff := cmp.Diff(lines(contract.Table()), lines(got)); diff != "" {
		t.Errorf("the contract says (-), and a worker registers (+):\n%s", diff)
	}
}

// TestActivitiesBearTheNamesOfTheirMethods keeps a method from being registered under another's name.
func TestActivitiesBearTheNamesOfTheirMethods(t *testing.T) {
	for _, a := range New(sdk.Config{}, &perch.Policy{}, nil, 0).serveAll() {
		if name := functionName(a.method); name != a.name {
			t.Errorf("activity %s is carried out by method %s", a.name, name)
		}
	}
}

// functionName is the last part of a method value's name: ...activities.(*Stacks).CreateStack-fm.
func functionName(method any) string {
	name := runtime.FuncForPC(reflect.ValueOf(method).Pointer()).Name()
	return strings.TrimSuffix(name[strings.LastIndex(name, ".")+1:], "-fm")
}
