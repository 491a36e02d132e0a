package activities

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"golang.org/x/time/rate"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
)

// year is a project of many branches whose environments expire after a week, warned two days
// before, by a clock that the test puts forward.
type year struct {
	*world
	random  *rand.Rand
	channel *announcer
	homes   []*home
	notes   int
	removed int
}

// home is the environment of one branch, with what the test remembers of it.
type home struct {
	environment perch.Environment
	// stackID is empty if there is no environment.
	stackID                 string
	created, used, extended time.Time
	pinnedUntil             time.Time
	// warned is when a warning was delivered after the last use; zero if none was. warnedEver is
	// when the last warning of all was delivered: a use does not postpone the end of the longest
	// life.
	warned, warnedEver time.Time
}

// TestExpiryOfAYear lets three months pass over 10 branches, and as a proof a year over 30, with
// cards in S3 and stacks in CloudFormation: pushes, pins, extensions and warnings that cannot be
// delivered. A sweep each day removes no environment that is pinned, was used within a week, or
// whose last warning was delivered less than two days ago, and it removes what is not used.
func TestExpiryOfAYear(t *testing.T) {
	if testing.Short() {
		t.Skip("a year takes a while; TestExpiryYear has the rules alone")
	}
	branches, days, least := 10, 90, 5
	if os.Getenv("PERCH_PROOFS") != "" {
		branches, days, least = 30, 365, 100
	}
	w := newWorld(t)
	w.apply()
	y := &year{world: w, random: rand.New(rand.NewPCG(16, 58)), channel: &announcer{}}
	w.policy.Expiry = perch.PolicyExpiry{Extend: 400, Pin: 720}
	w.policy.Reports.Slack = true // The announcer is the channel.
	w.set = New(w.config, w.policy, w.set.branches.Source, 5*time.Millisecond, y.channel, w.aws.Now)
	of[*Stacks](w).Poller.SetBudget(rate.Inf)
	for i := range branches {
		y.homes = append(y.homes, &home{environment: activitytest.Environment("shop", fmt.Sprintf("topic-%d", i))})
	}
	for range days {
		y.channel.fails = y.random.IntN(3) == 0
		for _, h := range y.homes {
			y.live(h)
		}
		y.sweepOnce()
		w.aws.Forward(24 * time.Hour)
	}
	if y.removed < least {
		t.Errorf("%d environments were removed in %d days of %d branches", y.removed, days, branches)
	}
	for _, h := range y.homes {
		if idle := w.aws.Now().Sub(latestOf(h.used, h.extended, h.pinnedUntil)); h.stackID != "" &&
			idle > 60*24*time.Hour {
			t.Errorf("%s stays, not used for %s", h.environment.Branch, idle)
		}
	}
}

func latestOf(times ...time.Time) (latest time.Time) {
	for _, each := range times {
		if each.After(latest) {
			latest = each
		}
	}
	return latest
}

// live is what people do with one environment in a day.
func (y *year) live(h *home) {
	switch y.random.IntN(24) {
	case 0:
		y.push(h)
	case 1:
		y.keep(h, perch.Note{
			Kind: perch.NotePin, Reason: "demo",
			Until: y.aws.Now().Add(time.Duration(1+y.random.IntN(700)) * time.Hour),
		})
	case 2:
		y.keep(h, perch.Note{Kind: perch.NoteUnpin})
	case 3:
		y.keep(h, perch.Note{Kind: perch.NoteExtend, Longer: perch.Hours(1 + y.random.IntN(500))})
	}
}

func (y *year) push(h *home) {
	y.t.Helper()
	if h.stackID == "" {
		y.repo.commit(h.environment.Branch, map[string]string{"a.txt": h.environment.Branch})
		h.stackID = y.bare(h.environment.StackName(), h.environment.Branch, nil)
		y.settle(h.stackID)
		*h = home{environment: h.environment, stackID: h.stackID, created: y.aws.Now()}
	}
	now := y.aws.Now()
	run := fmt.Sprint("run-", now.UnixNano())
	y.report(h, contract.ReportInput{StackID: h.stackID, State: &perch.CardState{
		Goal: perch.GoalUp, Kind: perch.KindBranch, Phase: perch.PhaseReady, RunID: run, Begun: now, At: now, By: "ci",
		Expiry: &perch.Expiry{Idle: 168, Max: 1440, Warn: 48, Extend: 72},
	}})
	h.used, h.warned = now, time.Time{}
}

func (y *year) report(h *home, in contract.ReportInput) {
	y.t.Helper()
	in.Environment = h.environment
	must(y.world, of[*Reports](y.world).Report, in)
}

// keep sends a note as the activity Keep does, if it is not rejected.
func (y *year) keep(h *home, note perch.Note) {
	y.t.Helper()
	if h.stackID == "" {
		return
	}
	y.notes++
	note.ID, note.By = fmt.Sprint("note-", y.notes), "ana"
	in := perch.KeepInput{Environment: h.environment, Note: note}
	checked, err := of[*Cleanups](y.world).planner.CheckKeep(y.t.Context(), in)
	if err != nil {
		return // Other tests cover the rules of rejections.
	}
	y.report(h, contract.ReportInput{Notes: []perch.Note{checked}})
	result, entered, err := of[*Cleanups](y.world).planner.Kept(y.t.Context(), in)
	if !entered || err != nil {
		y.t.Fatalf("%+v was not entered: %v", note, err)
	}
	h.used, h.warned, h.pinnedUntil = y.aws.Now(), time.Time{}, time.Time{}
	if result.Pin != nil {
		h.pinnedUntil = result.Pin.Until
	}
	if note.Kind == perch.NoteExtend {
		h.extended = result.Expires
	}
}

// sweepOnce judges, and carries out what was judged.
func (y *year) sweepOnce() {
	y.t.Helper()
	planner := of[*Cleanups](y.world).planner
	result, err := planner.Expiry(y.t.Context(), perch.ExpiryInput{Project: "shop"})
	if err != nil || result.Problem != "" {
		y.t.Fatalf("%+v, %v", result, err)
	}
	byBranch := map[string]*home{}
	for _, h := range y.homes {
		byBranch[h.environment.Branch] = h
	}
	for _, verdict := range result.Verdicts {
		h := byBranch[verdict.Branch]
		if note := planner.ExpiryNote(verdict, fmt.Sprint(result.At.UnixNano()), result.At); note != nil {
			y.report(h, contract.ReportInput{Notes: []perch.Note{*note}})
			if !y.channel.fails {
				h.warned, h.warnedEver = y.aws.Now(), y.aws.Now()
			}
		}
		if verdict.Action == perch.ExpiryRemove {
			y.expire(h, planner.ExpiryRequest(verdict, "run", result.At))
		}
	}
}

// expire removes an environment as Teardown does, and checks that it may be removed.
func (y *year) expire(h *home, request perch.Request) {
	y.t.Helper()
	now := y.aws.Now()
	atItsLongest := now.Sub(h.created) >= 1440*time.Hour
	warned := h.warned
	if atItsLongest {
		warned = h.warnedEver
	}
	switch {
	case warned.IsZero() || now.Sub(warned) < 47*time.Hour:
		y.t.Fatalf("%s is removed at %s, and was warned at %s", h.environment.Branch, now, warned)
	case h.pinnedUntil.After(now):
		y.t.Fatalf("%s is removed at %s, and pinned until %s", h.environment.Branch, now, h.pinnedUntil)
	case !atItsLongest && (now.Sub(h.used) < 168*time.Hour || h.extended.After(now)):
		y.t.Fatalf(
			"%s is removed at %s, was used at %s and extended until %s", h.environment.Branch, now, h.used, h.extended,
		)
	}
	look := contract.LastLookInput{Environment: h.environment, Judged: *request.Judged}
	if out := must(y.world, of[*Cleanups](y.world).LastLook, look); out.Keep != "" {
		y.t.Fatalf("%s is kept at the last look: %s", h.environment.Branch, out.Keep)
	}
	if _, err := y.cfn().DeleteStack(
		y.t.Context(), &cloudformation.DeleteStackInput{StackName: &h.stackID},
	); err != nil {
		y.t.Fatal(err)
	}
	y.settle(h.stackID)
	y.report(h, contract.ReportInput{Removed: true, State: &perch.CardState{
		Goal: perch.GoalGone, Phase: perch.PhaseGone, RunID: fmt.Sprint("gone-", now.UnixNano()), Begun: now, At: now,
		Expired: true,
	}})
	h.stackID = ""
	y.removed++
}
