package run

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/client"
)

// knownList is what AWS lists.
type knownList struct {
	environmentReader
	listed perch.ListResult
}

func (k knownList) ListEnvironments(context.Context, perch.ListInput) (perch.ListResult, error) {
	return k.listed, nil
}

// countedRuns counts the runs that are asked how far they are.
type countedRuns struct {
	knownRuns
	asked int
}

func (c *countedRuns) Latest(ctx context.Context, e perch.Environment) (client.Progress, client.Run, error) {
	c.asked++
	return c.knownRuns.Latest(ctx, e)
}

func TestTheOverviewSaysHowFarOperationsAre(t *testing.T) {
	beat := perch.Progress{Status: "CREATE_IN_PROGRESS", Done: 3, Total: 9}
	runs := &countedRuns{knownRuns: knownRuns{beat: &beat}}
	list := perch.ListResult{Environments: []perch.EnvironmentStatus{
		{Branch: "ready", Status: "CREATE_COMPLETE"}, {Branch: "being-made", Status: "CREATE_IN_PROGRESS"},
		{Branch: "failed", Status: "ROLLBACK_COMPLETE"},
		{
			Branch: "seeding", Status: "CREATE_COMPLETE",
			LastReport: &perch.LastReport{Goal: perch.GoalUp, Phase: perch.PhaseSeeding},
		},
	}}
	r := &reads{policy: &perch.Policy{Project: "shop"}, stacks: knownList{listed: list}, runs: runs}
	got, err := r.readOverview(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(
		map[string]perch.Progress{"being-made": beat, "seeding": beat}, got.Beats,
	); diff != "" || runs.asked != 2 {
		t.Errorf("%d runs are asked; the heartbeats (-want +got):\n%s", runs.asked, diff)
	}
}

func TestAnOverviewAsksAFewRunsOnly(t *testing.T) {
	runs, list := &countedRuns{}, perch.ListResult{}
	for i := range 95 {
		list.Environments = append(
			list.Environments, perch.EnvironmentStatus{Branch: fmt.Sprint("b", i), Status: "UPDATE_IN_PROGRESS"},
		)
	}
	r := &reads{policy: &perch.Policy{Project: "shop"}, stacks: knownList{listed: list}, runs: runs}
	if got, err := r.readOverview(t.Context(), ""); err != nil || runs.asked != mostBeats || len(got.Beats) != 0 {
		t.Errorf("%d runs are asked, of which %d are known; %v", runs.asked, len(got.Beats), err)
	}
}
