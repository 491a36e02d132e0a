package workflows

import (
	"context"
	"strings"
	"testing"
	"time"

	sdk "go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"

	"perch"
	"perch/activities"
)

func TestTheSharedDatabaseIsMadeWhileTheStackIs(t *testing.T) {
	w := newWorld(t)
	w.rendered.SharedDatabase = true
	result, _, err := w.run(Provision, up(commitOne))
	if err != nil || result.Outcome != perch.OutcomeReady {
		t.Errorf("result %+v, %v", result, err)
	}
	w.did("Admit up", "CreateStack", "EnsureDatabase CREATE_IN_PROGRESS", "AwaitStack CREATE_IN_PROGRESS", "DescribeStack",
		"SeedData", "AwaitReady https://login.example.com")
}

func TestTheSharedDatabaseIsMadeWhereTheStackIsThereAlready(t *testing.T) {
	for status, did := range map[string][]string{
		"CREATE_COMPLETE":    {"EnsureDatabase CREATE_COMPLETE"},
		"CREATE_IN_PROGRESS": {"AwaitStack CREATE_IN_PROGRESS", "DescribeStack", "EnsureDatabase CREATE_COMPLETE"},
	} {
		w := newWorld(t)
		w.rendered.SharedDatabase = true
		w.ours(status, "new")
		if _, _, err := w.run(Provision, up(commitOne)); err != nil {
			t.Error(err)
		}
		w.did(append(append([]string{"Admit up"}, did...), "SeedData", "AwaitReady https://login.example.com")...)
	}
}

func TestTheSharedDatabaseIsMadeOnceByAnUpdate(t *testing.T) {
	w := newWorld(t)
	w.rendered.SharedDatabase = true
	w.ours("CREATE_COMPLETE", "old")
	if _, _, err := w.run(Provision, up(commitOne)); err != nil {
		t.Error(err)
	}
	w.did("Admit up", "UpdateStack", "EnsureDatabase UPDATE_IN_PROGRESS", "AwaitStack UPDATE_IN_PROGRESS", "DescribeStack",
		"SeedData", "AwaitReady https://login.example.com")
}

func TestACreationThatFailsSaysWhyAndNotThatItHasNoSecret(t *testing.T) {
	w := newWorld(t)
	w.rendered.SharedDatabase, w.secretless = true, true
	w.ends = []activities.AwaitResult{{Status: "ROLLBACK_COMPLETE", Reason: "the class is not available"}}
	if _, _, err := w.run(Provision, up(commitOne)); err == nil || !strings.Contains(err.Error(), "the class is not available") {
		t.Errorf("error %v", err)
	}
}

func TestAStackWithoutASecretIsNotReady(t *testing.T) {
	w := newWorld(t)
	w.rendered.SharedDatabase, w.secretless = true, true
	w.ours("CREATE_COMPLETE", "new")
	if _, _, err := w.run(Provision, up(commitOne)); err == nil || !strings.Contains(err.Error(), "has no secret for its database") {
		t.Errorf("error %v", err)
	}
}

func TestTheSharedDatabaseIsDroppedWhenNothingUsesItAnyMore(t *testing.T) {
	w := newWorld(t)
	w.admitted = activities.AdmitResult{SharedDatabase: true}
	w.ours("CREATE_COMPLETE", "new")
	result, _, err := w.run(Teardown, gone())
	if err != nil || result.Outcome != perch.OutcomeGone {
		t.Errorf("result %+v, %v", result, err)
	}
	w.did("Admit gone", "DescribeStack", "StackContents", "EmptyBucket assets", "DeleteStack", "AwaitStack DELETE_IN_PROGRESS", "DescribeStack",
		"DropDatabase DELETE_COMPLETE", "VerifyGone assets db shared")
}

func TestADatabaseThatAStackLeftIsDroppedToo(t *testing.T) {
	w := newWorld(t)
	w.admitted = activities.AdmitResult{SharedDatabase: true}
	result, _, err := w.run(Teardown, gone())
	if err != nil || result.Outcome != perch.OutcomeAbsent {
		t.Errorf("result %+v, %v", result, err)
	}
	w.did("Admit gone", "DescribeStack", "DropDatabase")
}

func TestTheDatabaseOfAProtectedStackStays(t *testing.T) {
	w := newWorld(t)
	w.admitted = activities.AdmitResult{SharedDatabase: true}
	w.ours("CREATE_COMPLETE", "new")
	w.stack.Protected = true
	if _, _, err := w.run(Teardown, gone()); err != nil {
		t.Error(err)
	}
	w.did("Admit gone", "DescribeStack")
}

func TestASharedInstanceThatIsOutOfReachHoldsNothingUpForLong(t *testing.T) {
	patience := map[string]time.Duration{}
	for _, first := range []perch.Request{up(commitOne), gone()} {
		w := newWorld(t)
		w.rendered.SharedDatabase, w.admitted.SharedDatabase = true, true
		w.env.SetOnActivityStartedListener(func(info *sdk.Info, _ context.Context, _ converter.EncodedValues) {
			patience[info.ActivityType.Name] = info.ScheduleToCloseTimeout
		})
		kind := map[perch.Goal]any{perch.GoalUp: Provision, perch.GoalGone: Teardown}[first.Goal]
		if _, _, err := w.run(kind, first); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"EnsureDatabase", "DropDatabase"} {
		if patience[name] != callPatience {
			t.Errorf("%s may take %s, want %s", name, patience[name], callPatience)
		}
	}
}
