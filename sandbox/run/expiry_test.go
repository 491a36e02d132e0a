package run

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"perch"
	"perch/client"
)

// newHome returns a separate project in a separate sandbox, because all projects of a sandbox share
// its clock. Its environments expire after a week. It deploys one for each branch.
func newHome(t *testing.T, branches ...string) *bench {
	t.Helper()
	told, _ := newSandbox(t, func(o *options) { o.worker = false }).withSlack(t)
	b := told.newProject(t, "home",
		map[string]string{"perch.yaml": bare("home", "  expiry: {idle: 168h, max: 1440h}")},
		func(p *perch.Policy) { p.Cleanup.Grace, p.Reports.Slack = 100*time.Millisecond, true })
	var ups []func() (int, document)
	for _, branch := range branches {
		b.repo.commit(t, branch, map[string]string{"a.txt": branch})
		ups = append(ups, b.begin(t, "up", branch))
	}
	for _, up := range ups {
		if exit, d := up(); exit != 0 {
			t.Fatalf("up: exit code %d: %v", exit, d)
		}
	}
	return b
}

// awaitWarnings waits until the cards of all environments have the warnings that were sent. The end
// of an environment counts from then.
func (b *bench) awaitWarnings(t *testing.T) {
	t.Helper()
	eventually(t, "the warnings are delivered", func() (any, bool) {
		verdicts := b.expire(t, true)
		return verdicts, !slices.ContainsFunc(
			slices.Collect(maps.Values(verdicts)),
			func(v perch.ExpiryVerdict) bool { return v.Action == perch.ExpiryWarn },
		)
	})
}

// expire judges the expiry of the environments; a dry run only judges.
func (b *bench) expire(t *testing.T, dryRun bool) map[string]perch.ExpiryVerdict {
	t.Helper()
	result, err := client.New(b.connect(t)).Expire(
		t.Context(), perch.ExpiryInput{Project: b.project, DryRun: dryRun}, patience, nil,
	)
	if err != nil || result.Problem != "" {
		t.Fatalf("%+v, %v", result, err)
	}
	verdicts := map[string]perch.ExpiryVerdict{}
	for _, verdict := range result.Verdicts {
		verdicts[verdict.Branch] = verdict
	}
	return verdicts
}

// wantActions compares what expiry does with each branch.
func wantActions(t *testing.T, verdicts map[string]perch.ExpiryVerdict, want map[string]perch.ExpiryAction) {
	t.Helper()
	got := map[string]perch.ExpiryAction{}
	for branch, verdict := range verdicts {
		got[branch] = verdict.Action
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("actions (-want +got):\n%s\n%+v", diff, verdicts)
	}
}

// keep sends a pin, an unpin or an extension.
func (b *bench) keep(ctx context.Context, t *testing.T, branch string, note perch.Note) (perch.KeepResult, error) {
	t.Helper()
	environment, err := perch.NewEnvironment(b.project, branch)
	if err != nil {
		t.Fatal(err)
	}
	note.ID, note.By = uuid.NewString(), "ana"
	return client.New(b.connect(t)).Keep(ctx, perch.KeepInput{Environment: environment, Note: note}, nil)
}

// TestS58ExpiryWarnsRemovesAndLosesAgainstAPushAPinAndAnExtension puts the sandbox's clock forward
// by weeks.
func TestS58ExpiryWarnsRemovesAndLosesAgainstAPushAPinAndAnExtension(t *testing.T) {
	t.Parallel()
	b := newHome(t, "unused", "pushed", "pinned", "extended")
	all := func(action perch.ExpiryAction) map[string]perch.ExpiryAction {
		return map[string]perch.ExpiryAction{"unused": action, "pushed": action, "pinned": action, "extended": action}
	}
	wantActions(t, b.expire(t, false), all(perch.ExpiryKeep))
	b.aws.Forward(150 * time.Hour)
	wantActions(t, b.expire(t, true), all(perch.ExpiryWarn))
	wantActions(t, b.expire(t, false), all(perch.ExpiryWarn))
	b.awaitWarnings(t)
	pinned, err := b.keep(t.Context(), t, "pinned", perch.Note{Kind: perch.NotePin, Reason: "demo on Friday"})
	if err != nil || pinned.Pin == nil || pinned.Pin.Reason != "demo on Friday" {
		t.Fatalf("%+v, %v", pinned, err)
	}
	eventually(t, "status shows the deployment and not the run that took the pin", func() (any, bool) {
		status := b.must(t, "status", "pinned")
		return status, status.text("phase") == "ready"
	})
	if extended, err := b.keep(
		t.Context(), t, "extended", perch.Note{Kind: perch.NoteExtend, Longer: 100},
	); err != nil || extended.Expires.IsZero() {
		t.Fatalf("%+v, %v", extended, err)
	}
	b.repo.commit(t, "pushed", map[string]string{"a.txt": "again"})
	b.must(t, "up", "pushed")
	b.aws.Forward(30 * time.Hour)
	want := all(perch.ExpiryKeep)
	want["unused"] = perch.ExpiryRemove
	verdicts := b.expire(t, false)
	wantActions(t, verdicts, want)
	if verdicts["unused"].RunID == "" || verdicts["unused"].Reason != "not used for 168h" {
		t.Errorf("%+v", verdicts["unused"])
	}
	eventually(t, "the environment is removed", func() (any, bool) {
		left := slices.Sorted(maps.Keys(b.deployed(t)))
		return left, slices.Equal(left, []string{"extended", "pinned", "pushed"})
	})
	if exit, d := b.ask(t, "up", "unused"); exit != 0 {
		t.Errorf("it is not brought back: exit code %d, %v", exit, d)
	}
	wantActions(t, b.expire(t, false), all(perch.ExpiryKeep))
}

// TestPinHoldsCleanup deletes the branch of a pinned environment. A pin that is set during the
// grace period also keeps it.
func TestPinHoldsCleanup(t *testing.T) {
	t.Parallel()
	b := newHome(t, "pinned")
	if _, err := b.keep(t.Context(), t, "pinned", perch.Note{Kind: perch.NotePin, Reason: "demo"}); err != nil {
		t.Fatal(err)
	}
	b.repo.drop(t, "pinned")
	_, held := b.ask(t, "cleanup")
	wantReason := func(d document, beginning string) {
		t.Helper()
		if verdict := d.verdicts()["pinned"]; len(verdict) < len(beginning) || verdict[:len(beginning)] != beginning {
			t.Errorf("verdict %q, want %q...", verdict, beginning)
		}
	}
	wantReason(held, "hold: pinned by ana until ")
	if _, err := b.keep(t.Context(), t, "pinned", perch.Note{Kind: perch.NoteUnpin}); err != nil {
		t.Fatal(err)
	}
	_, removed := b.ask(t, "cleanup")
	wantReason(removed, "remove: branch missing")
	if left := b.deployed(t); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
