package workflows

import (
	"strings"
	"testing"

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
	w.did("Admit up", "RenderTemplate 11111111", "DescribeStack", "CreateStack", "EnsureDatabase CREATE_IN_PROGRESS", "AwaitStack CREATE_IN_PROGRESS", "DescribeStack",
		"SeedData", "AwaitReady https://login.example.com")
}

func TestTheSharedDatabaseIsMadeWhereTheStackIsThereAlready(t *testing.T) {
	for status, did := range map[string][]string{
		"CREATE_COMPLETE":    {"DescribeStack", "EnsureDatabase CREATE_COMPLETE"},
		"CREATE_IN_PROGRESS": {"DescribeStack", "AwaitStack CREATE_IN_PROGRESS", "DescribeStack", "EnsureDatabase CREATE_COMPLETE"},
	} {
		w := newWorld(t)
		w.rendered.SharedDatabase = true
		w.ours(status, "new")
		if _, _, err := w.run(Provision, up(commitOne)); err != nil {
			t.Error(err)
		}
		w.did(append(append([]string{"Admit up", "RenderTemplate 11111111"}, did...), "SeedData", "AwaitReady https://login.example.com")...)
	}
}

func TestTheSharedDatabaseIsMadeOnceByAnUpdate(t *testing.T) {
	w := newWorld(t)
	w.rendered.SharedDatabase = true
	w.ours("CREATE_COMPLETE", "old")
	if _, _, err := w.run(Provision, up(commitOne)); err != nil {
		t.Error(err)
	}
	w.did("Admit up", "RenderTemplate 11111111", "DescribeStack", "UpdateStack", "EnsureDatabase UPDATE_IN_PROGRESS", "AwaitStack UPDATE_IN_PROGRESS", "DescribeStack",
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
