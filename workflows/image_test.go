package workflows

import (
	"slices"
	"testing"

	"go.temporal.io/sdk/temporal"

	"perch"
)

func TestS200AnImageIsWaitedForBeforeTheFirstChange(t *testing.T) {
	w := newWorld(t)
	w.unbuilt = true
	result, next, err := w.run(Provision, up(commitOne))
	if err != nil || next != nil || result.Outcome != perch.OutcomeReady {
		t.Errorf("result %+v, handed on %+v, %v", result, next, err)
	}
	w.did(
		"Admit up",
		"AwaitImage shop:1 for 900 s",
		"Admit up",
		"CreateStack",
		"AwaitStack CREATE_IN_PROGRESS",
		"DescribeStack",
		"SeedData",
		"AwaitReady https://login.example.com",
	)
}

func TestS201AnImageThatDoesNotComeFailsTheRun(t *testing.T) {
	w := newWorld(t)
	w.unbuilt = true
	w.fails["AwaitImage"] = temporal.NewNonRetryableApplicationError(
		"image shop:1 is not in its registry",
		perch.ErrorImageMissing,
		nil,
	)
	if _, next, err := w.run(Provision, up(commitOne)); err == nil || next != nil {
		t.Errorf("handed on %+v, %v", next, err)
	}
	w.did("Admit up", "AwaitImage shop:1 for 900 s")
}

func TestS202S203ANewerRequestEndsTheWaitForAnImage(t *testing.T) {
	first, second, removal := up(commitOne), up(commitTwo), gone()
	for name, c := range map[string]struct {
		newer perch.Request
		want  perch.RunInput
	}{
		"a newer commit": {second, perch.RunInput{Request: &second}},
		"a removal":      {removal, perch.RunInput{Request: &removal, Below: &first}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.unbuilt = true
			w.retrying("AwaitImage", c.newer)
			_, next, err := w.goOn(Provision, perch.RunInput{Request: &first})
			handsOn(t, next, err, c.want)
			w.did("Admit up", "AwaitImage shop:1 for 900 s")
		})
	}
}

func TestS206WarningsAreInTheResult(t *testing.T) {
	w := newWorld(t)
	w.admitted.Warnings = []string{"the registry cannot be asked"}
	w.unchecked = []string{"Route 53 cannot be asked"}
	result, _, err := w.run(Provision, up(commitOne))
	want := []string{"the registry cannot be asked", "Route 53 cannot be asked"}
	if err != nil || !slices.Equal(result.Warnings, want) {
		t.Errorf("result %+v, %v", result, err)
	}
}
