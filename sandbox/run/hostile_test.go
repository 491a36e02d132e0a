package run

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/client"

	"perch"
	"perch/activities/activitytest"
	"perch/sandbox/postgrestest"
)

// attack is a call of an activity with a forged input.
type attack struct {
	// activity is the activity's type. name says what the attacker wants to achieve.
	activity, name string
	// input returns what the attacker sends. It may have fields that no input has any more.
	input func(*victims) in
	// answered means that the activity may return a result, because it only reads or does what the
	// policy lets anyone request. Otherwise it must return an error.
	answered bool
	// calls are AWS calls that the activity makes and that change nothing.
	calls []string
}

// in is a forged input.
type in = map[string]any

// TestS148AnAttackerChangesNothingThatThePolicyProtects schedules every activity that the worker
// registers from a workflow of an attacker, with forged inputs. After each call, everything in the
// account must be the same, no changing call was made, and nothing was sent to the attacker's
// server.
func TestS148AnAttackerChangesNothingThatThePolicyProtects(t *testing.T) {
	skipUnlessProof(t)
	t.Parallel()
	v := newVictims(t)
	queues := registered(v.project)
	// This one waits for half a minute, as long as a listing of AWS may be stale. The others run
	// meanwhile, and each verifies that nothing has changed.
	claim := v.claimOperation(t)
	for _, a := range slices.Concat(stackAttacks, dataAttacks, requestAttacks, readingAttacks) {
		t.Run(a.activity+"/"+a.name, func(t *testing.T) { v.suffer(t, a, queues[a.activity]) })
	}
	t.Run("sequences", v.sequences)
	t.Run("runs", v.runs)
	t.Run("an up that claims to have begun an operation on production", func(t *testing.T) {
		calls := len(v.aws.Calls())
		result, err := ended(t, claim)
		if err == nil && result.text("outcome") == string(perch.OutcomeReady) {
			t.Errorf("it ended with %v", result)
		}
		v.unchanged(t, calls)
	})
}

// TestEveryActivityHasAnAttack compares the attacks with the activities that the worker registers.
// A new activity needs an attack.
func TestEveryActivityHasAnAttack(t *testing.T) {
	attacked := map[string]bool{}
	for _, a := range slices.Concat(stackAttacks, dataAttacks, requestAttacks, readingAttacks) {
		attacked[a.activity] = true
	}
	for _, a := range databaseAttacks {
		attacked[a.activity] = true
	}
	queues := registered("store")
	for _, name := range slices.Sorted(maps.Keys(queues)) {
		if !attacked[name] {
			t.Errorf("no attacker calls %s: add an attack with a forged input", name)
		}
	}
	for name := range attacked {
		if queues[name] == "" {
			t.Errorf("an attacker calls %s, which no worker registers", name)
		}
	}
}

// suffer makes the attacker's call, and checks that the account has not changed.
func (v *victims) suffer(t *testing.T, a attack, queue string) {
	calls := len(v.aws.Calls())
	input := a.input(v)
	out := v.attacker.call(t, queue, a.activity, input)
	t.Log(out)
	if a.activity == "AskRemoval" && out.Failure == "" {
		v.awaitRun(t, input, out)
	}
	if out.Failure == "" && !a.answered {
		t.Errorf("it was not rejected: %s", out)
	}
	if strings.Contains(out.Failure, "the input of activity") {
		t.Errorf("the attack went no further than its input: %s", out)
	}
	v.unchanged(t, calls, a.calls...)
	said := out.String()
	for _, id := range v.ids {
		said = strings.ReplaceAll(said, id, "") // The attacker named this id themselves.
	}
	if strings.Contains(strings.ToLower(said), "canary") {
		t.Errorf("the answer tells of what is not the project's: %s", out)
	}
}

// awaitRun waits for the end of the run that AskRemoval started.
func (v *victims) awaitRun(t *testing.T, input in, told answer) {
	t.Helper()
	environment, err := perch.NewEnvironment(v.project, input["environment"].(in)["branch"].(string))
	fatal(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	run := v.attacker.temporal.GetWorkflow(ctx, environment.StackName(), readJSON(t, told.Result).text("run_id"))
	t.Logf("the run ended: %v", run.Get(ctx, nil))
}

// unchanged checks that the account has not changed. It reports each change once.
func (v *victims) unchanged(t *testing.T, calls int, allowed ...string) {
	t.Helper()
	after := v.look(t)
	for _, difference := range v.before.changed(after) {
		t.Error(difference)
	}
	v.before = after
	for _, call := range v.writes(calls) {
		if !slices.ContainsFunc(allowed, func(prefix string) bool { return strings.HasPrefix(call, prefix) }) {
			t.Errorf("the worker called %s", call)
		}
	}
	if hits := v.hits.Swap(0); hits > 0 {
		t.Errorf("the attacker's server got %d requests", hits)
	}
}

// TestS149AnAttackerDropsNoDatabaseOfALivingEnvironment attacks the databases in the shared
// instance.
func TestS149AnAttackerDropsNoDatabaseOfALivingEnvironment(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t, postgrestest.Trust)
	server.Master(t, "perch", "")
	v := &victims{ids: map[string]string{}, bench: newSandbox(t, func(o *options) { o.postgres = server.Address })}
	v.attacker = newAttacker(t, v.temporal.Address())
	v.must(t, "application", "up")
	for _, branch := range []string{"carts", "other"} {
		v.repo.commit(t, branch, map[string]string{"perch.yaml": bare("shop", "  database: {mode: shared}")})
		v.must(t, "up", branch)
		v.remember(t, v.stackOf(t, branch))
	}
	look := func() []string {
		return slices.Concat(
			server.Exec(t, "SELECT datname, datdba, shobj_description(oid, 'pg_database') FROM pg_database ORDER BY 1"),
			server.Exec(t, "SELECT rolname, rolpassword FROM pg_authid ORDER BY 1"))
	}
	before, queues := look(), registered("shop")
	for _, a := range databaseAttacks {
		t.Run(a.activity+"/"+a.name, func(t *testing.T) {
			out := v.attacker.call(t, queues[a.activity], a.activity, a.input(v))
			if out.Failure == "" && !a.answered {
				t.Errorf("it was not rejected: %s", out)
			}
			if diff := cmp.Diff(before, look()); diff != "" {
				t.Errorf("databases and users (-before +after):\n%s", diff)
			}
		})
	}
}

// sequences makes attacks that consist of several calls.
func (v *victims) sequences(t *testing.T) {
	queue := perch.TaskQueue(v.project)
	up := func(branch, commit string) in {
		return in{"request": perch.Request{
			ID: "forged", Goal: perch.GoalUp, Project: v.project, Branch: branch, Commit: commit,
		}}
	}
	for name, attacked := range map[string]string{
		"a template that another branch was admitted with": "main",
		"another branch of the same kind":                  "carts",
	} {
		t.Run(name, func(t *testing.T) {
			calls := len(v.aws.Calls())
			admitted := v.attacker.call(t, queue, "Admit", up("evil", v.evil))
			hash := readJSON(t, admitted.Result).text("prepared", "rendered", "hash")
			url := readJSON(t, admitted.Result).text("prepared", "rendered", "template_url")
			if hash == "" {
				t.Fatalf("evil was not admitted: %s", admitted)
			}
			out := v.attacker.call(t, queue, "UpdateStack", in{
				"environment": named(v.project, attacked), "stack_id": v.ids[v.stackOf(t, attacked)],
				"token":    "forged-" + attacked,
				"template": hash, "template_url": url, "kind": "branch",
			})
			if !out.Final {
				t.Errorf("it was not rejected: %s", out)
			}
			v.unchanged(t, calls)
		})
	}
	t.Run("a commit of another branch is admitted for production", func(t *testing.T) {
		calls := len(v.aws.Calls())
		admitted := readJSON(t, v.attacker.call(t, queue, "Admit", up("main", v.evil)).Result)
		if prepared := admitted.at("prepared"); prepared != nil {
			v.attacker.call(t, queue, "UpdateStack", in{
				"environment": named(v.project, "main"), "stack_id": v.ids["store-main"], "token": "forged-other",
				"template":     admitted.text("prepared", "rendered", "hash"),
				"template_url": admitted.text("prepared", "rendered", "template_url"),
			})
		}
		v.unchanged(t, calls)
	})
}

// runs starts Perch's workflows as the attacker, with the state of a run that is nearly finished.
func (v *victims) runs(t *testing.T) {
	gone := func(branch string) *perch.Request {
		return &perch.Request{
			ID: "forged", Goal: perch.GoalGone, Project: v.project, Branch: branch, By: "attacker", Force: true,
		}
	}
	for _, branch := range []string{"main", "staging", "release/1", "guarded"} {
		t.Run("a removal of "+branch+" that claims to be due", func(t *testing.T) {
			calls := len(v.aws.Calls())
			input := perch.RunInput{
				Environment: activitytest.Environment(v.project, branch), Request: gone(branch), Due: true,
			}
			result, err := v.attacker.run(t, v.project, "forged-teardown-"+branch, perch.WorkflowTeardown, input)
			if err == nil && result.text("outcome") != string(perch.OutcomeRejected) {
				t.Errorf("it ended with %v", result)
			}
			v.unchanged(t, calls)
		})
	}
	for name, input := range map[string]any{
		"no environment":    in{"project": v.project, "branch": "carts"},
		"an invalid branch": in{"environment": named(v.project, "a..b")},
		"no object":         "carts",
	} {
		t.Run("a removal with "+name, func(t *testing.T) {
			calls := len(v.aws.Calls())
			if _, err := v.attacker.run(
				t, v.project, "forged-input-"+strings.ReplaceAll(name, " ", "-"), perch.WorkflowTeardown, input,
			); err == nil {
				t.Error("it was not rejected")
			} else {
				t.Log(err)
			}
			v.unchanged(t, calls)
		})
	}
}

// claimOperation starts an `up` of the attacker's branch that claims to have started an operation
// on production.
func (v *victims) claimOperation(t *testing.T) client.WorkflowRun {
	t.Helper()
	request := &perch.Request{ID: "forged", Goal: perch.GoalUp, Project: v.project, Branch: "evil", Commit: v.evil}
	return v.attacker.start(t, v.project, "forged-provision", perch.WorkflowProvision, perch.RunInput{
		Environment: activitytest.Environment(v.project, "evil"), Request: request,
		Begun: &perch.Operation{Commit: v.evil, StackID: v.ids["store-main"], Token: "forged"},
	})
}
