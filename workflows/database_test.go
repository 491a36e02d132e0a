package workflows

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"perch"
	"perch/activities/contract"
)

func TestTheSharedDatabaseIsMadeWhileTheStackIs(t *testing.T) {
	w := newWorld(t)
	w.rendered.SharedDatabase = true
	result, _, err := w.run(Provision, up(commitOne))
	if err != nil || result.Outcome != perch.OutcomeReady {
		t.Errorf("result %+v, %v", result, err)
	}
	w.did(
		"Admit up", "CreateStack", "EnsureDatabase CREATE_IN_PROGRESS", "AwaitStack CREATE_IN_PROGRESS",
		"DescribeStack", "SeedData", "AwaitReady https://login.example.com",
	)
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
	w.did(
		"Admit up", "UpdateStack", "EnsureDatabase UPDATE_IN_PROGRESS", "AwaitStack UPDATE_IN_PROGRESS",
		"DescribeStack", "SeedData", "AwaitReady https://login.example.com",
	)
}

func TestACreationThatFailsSaysWhyAndNotThatItHasNoSecret(t *testing.T) {
	w := newWorld(t)
	w.rendered.SharedDatabase, w.secretless = true, true
	w.ends = []contract.AwaitResult{{Status: "ROLLBACK_COMPLETE", Reason: "the class is not available"}}
	if _, _, err := w.run(
		Provision, up(commitOne),
	); err == nil || !strings.Contains(err.Error(), "the class is not available") {
		t.Errorf("error %v", err)
	}
}

func TestAStackWithoutASecretIsNotReady(t *testing.T) {
	w := newWorld(t)
	w.rendered.SharedDatabase, w.secretless = true, true
	w.ours("CREATE_COMPLETE", "new")
	if _, _, err := w.run(
		Provision, up(commitOne),
	); err == nil || !strings.Contains(err.Error(), "has no secret for its database") {
		t.Errorf("error %v", err)
	}
}

func TestTheSharedDatabaseIsDroppedWhenNothingUsesItAnyMore(t *testing.T) {
	w := newWorld(t)
	w.admitted = contract.AdmitResult{SharedDatabase: true}
	w.ours("CREATE_COMPLETE", "new")
	result, _, err := w.run(Teardown, gone())
	if err != nil || result.Outcome != perch.OutcomeGone {
		t.Errorf("result %+v, %v", result, err)
	}
	w.did(
		"Admit gone", "DescribeStack", "PrepareDeletion", "DeleteStack", "AwaitStack until deleting",
		"EmptyBucket assets", "AwaitStack DELETE_IN_PROGRESS", "DescribeStack", "DropDatabase DELETE_COMPLETE",
		"VerifyGone assets db shared",
	)
}

func TestADatabaseThatAStackLeftIsDroppedToo(t *testing.T) {
	w := newWorld(t)
	w.admitted = contract.AdmitResult{SharedDatabase: true}
	result, _, err := w.run(Teardown, gone())
	if err != nil || result.Outcome != perch.OutcomeAbsent {
		t.Errorf("result %+v, %v", result, err)
	}
	w.did("Admit gone", "DescribeStack", "DropDatabase", "VerifyGone shared")
}

func TestADatabaseThatCannotBeDroppedIsNamedAndTheRestIsLookedForAllTheSame(t *testing.T) {
	const (
		database = "database perch_shop_login in the shared instance"
		undone   = database +
			" could not be dropped: the role lacks it; after you fix that, run `perch down login` again"
	)
	removed := []string{
		"Admit gone", "DescribeStack", "PrepareDeletion", "DeleteStack", "AwaitStack until deleting",
		"EmptyBucket assets", "AwaitStack DELETE_IN_PROGRESS", "DescribeStack", "DropDatabase DELETE_COMPLETE",
		"VerifyGone assets db",
	}
	for name, c := range map[string]struct {
		status   string
		left     []string
		unlooked error
		did      []string
		sentence string
		behind   []string
	}{
		"after everything else": {
			status: "CREATE_COMPLETE", did: removed, sentence: undone, behind: []string{database},
		},
		"where there was no stack": {
			did: []string{"Admit gone", "DescribeStack", "DropDatabase", "VerifyGone"}, sentence: undone,
			behind: []string{database},
		},
		"beside what else is there": {
			status: "CREATE_COMPLETE", left: []string{"bucket assets"}, did: removed,
			behind: []string{database, "bucket assets"},
			sentence: undone + "; also, the environment is not gone, this is still there: bucket assets; delete it " +
				"by hand, or fix what keeps it and run `perch down login` again",
		},
		"the rest is not visible": {
			status: "CREATE_COMPLETE", unlooked: denied(), did: removed, sentence: undone + "; also, the role lacks it",
			behind: []string{database},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.admitted = contract.AdmitResult{SharedDatabase: true}
			if c.status != "" {
				w.ours(c.status, "new")
			}
			w.left, w.fails = c.left, map[string]error{"DropDatabase": denied(), "VerifyGone": c.unlooked}
			_, _, err := w.run(Teardown, gone())
			var failure *temporal.ApplicationError
			if !errors.As(err, &failure) || failure.Type() != perch.ErrorLeftBehind || failure.Message() != c.sentence {
				t.Errorf("error %v, want %s", err, c.sentence)
			}
			var behind []string
			if failure != nil && failure.HasDetails() && failure.Details(&behind) != nil ||
				!slices.Equal(behind, c.behind) {
				t.Errorf("left behind %q, want %q", behind, c.behind)
			}
			w.did(c.did...)
		})
	}
}

func TestTheDatabaseOfAProtectedStackStays(t *testing.T) {
	w := newWorld(t)
	w.admitted = contract.AdmitResult{SharedDatabase: true}
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
		if patience[name] != 15*time.Minute {
			t.Errorf("%s may take %s, want 15 minutes", name, patience[name])
		}
	}
}
