package activities

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/temporal"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/source"
)

// listings is a branch source that answers as its fields say.
type listings struct {
	Source
	branches func() (map[string]string, bool, error)
	heads    func(branches ...string) (map[string]string, error)
}

func (l listings) Branches(context.Context) (map[string]string, bool, error) { return l.branches() }

func (l listings) Heads(_ context.Context, branches ...string) (map[string]string, error) {
	return l.heads(branches...)
}

func failing(err error) listings {
	return listings{
		branches: func() (map[string]string, bool, error) { return nil, false, err },
		heads:    func(...string) (map[string]string, error) { return nil, err },
	}
}

// leftOver is a world with main and login, a stack for login and one for a branch that is gone.
func leftOver(t *testing.T) *world {
	w := newWorld(t)
	commit := w.repo.commit("main", map[string]string{"a": "b"})
	w.repo.point("login", commit)
	w.settle(w.bare("shop-login", "login", nil))
	w.settle(w.bare("shop-gone", "gone", nil))
	return w
}

// heldAnnouncer is a channel that remembers which plans were held.
type heldAnnouncer struct {
	announcer
	held []string
}

func (a *heldAnnouncer) TellHeld(_ context.Context, project string, brake perch.CleanupBrake) {
	a.held = append(a.held, project+": "+brake.Reason)
}

func TestPeopleAreToldThatCleanupIsHeld(t *testing.T) {
	w := leftOver(t)
	w.settle(w.bare("shop-other", "other", nil))
	w.policy.Cleanup.MaxRemovals = 1
	channel := &heldAnnouncer{}
	w.fill(w.set.branches.Source, channel)
	must(w, of[*Cleanups](w).PlanCleanup, perch.CleanupInput{Project: "shop", DryRun: true})
	held := must(w, of[*Cleanups](w).PlanCleanup, perch.CleanupInput{Project: "shop"})
	must(w, of[*Cleanups](w).PlanCleanup, perch.CleanupInput{Project: "shop", Approved: held.Brake.Hash})
	if diff := cmp.Diff([]string{"shop: 2 removals are more than max_removals, 1"}, channel.held); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestPlanComparesBranchesWithStacks(t *testing.T) {
	w := leftOver(t)
	w.settle(w.bare("awseb-e-1-stack", "gone", nil))
	w.policy.Cleanup.Grace = 90 * time.Minute
	plan := must(w, of[*Cleanups](w).PlanCleanup, perch.CleanupInput{Project: "shop"})
	got := map[string]string{}
	for _, v := range plan.Verdicts {
		got[v.Stack] = string(v.Verdict) + ": " + v.Reason
		if !strings.Contains(v.StackID, "stack/"+v.Stack+"/") || v.Created.IsZero() {
			t.Errorf("verdict %+v", v)
		}
	}
	want := map[string]string{"shop-login": "keep: the branch exists", "shop-gone": "remove: branch missing"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if plan.Until.Sub(plan.At) != 90*time.Minute || plan.Brake != nil || plan.Problem != "" || len(plan.Failed) != 0 {
		t.Errorf("plan %+v", plan)
	}
	if now := must(
		w, of[*Cleanups](w).PlanCleanup, perch.CleanupInput{Project: "shop", Now: true},
	); !now.Until.Equal(now.At) {
		t.Errorf("--now has a grace period until %s", now.Until)
	}
}

func TestS75ProtectionIsReadFromTheStack(t *testing.T) {
	w := leftOver(t)
	w.settle(w.bare("shop-tagged", "tagged", func(in *cloudformation.CreateStackInput) {
		in.Tags = append(in.Tags, types.Tag{Key: sdk.String(perch.TagProtect), Value: sdk.String("true")})
	}))
	w.settle(w.bare("shop-switched", "switched", func(in *cloudformation.CreateStackInput) {
		in.EnableTerminationProtection = sdk.Bool(true)
	}))
	for _, v := range must(w, of[*Cleanups](w).PlanCleanup, perch.CleanupInput{Project: "shop"}).Verdicts {
		if (v.Verdict == perch.VerdictRemove) != (v.Branch == "gone") {
			t.Errorf("verdict %+v", v)
		}
	}
}

func TestPlanOfAnotherProjectIsRejected(t *testing.T) {
	w := leftOver(t)
	_, err := activitytest.Try(of[*Cleanups](w).PlanCleanup, perch.CleanupInput{Project: "blog"})
	activitytest.WantFinal(t, err, perch.ErrorInvalid, `project "shop", not "blog"`)
}

func TestListingThatFailsIsTriedAgainOrHeld(t *testing.T) {
	t.Run("S45 a passing fault is tried again", func(t *testing.T) {
		w := leftOver(t)
		w.set.branches.Source = failing(errors.New("502 Bad Gateway"))
		_, err := activitytest.Try(of[*Cleanups](w).PlanCleanup, perch.CleanupInput{Project: "shop"})
		activitytest.WantRetry(t, err, "list branches of github.com/acme/shop", "502 Bad Gateway")
	})
	t.Run("S66 a rate limit says when", func(t *testing.T) {
		w := leftOver(t)
		w.set.branches.Source = failing(&source.RateLimited{
			Until: time.Now().Add(20 * time.Minute), Reason: "rate limit",
		})
		_, err := activitytest.Try(of[*Cleanups](w).PlanCleanup, perch.CleanupInput{Project: "shop"})
		var failure *temporal.ApplicationError
		if !errors.As(err, &failure) || failure.NextRetryDelay() < 19*time.Minute ||
			failure.NextRetryDelay() > 21*time.Minute {
			t.Errorf("error %v", err)
		}
	})
	for name, err := range map[string]error{
		"S66 a rate limit for longer than anybody waits": &source.RateLimited{
			Until: time.Now().Add(3 * time.Hour), Reason: "no token",
		},
		"S67 a token that is missing or expired": &source.Rejected{Reason: "no token"},
	} {
		t.Run(name, func(t *testing.T) {
			w := leftOver(t)
			w.set.branches.Source = failing(err)
			plan := must(w, of[*Cleanups](w).PlanCleanup, perch.CleanupInput{Project: "shop"})
			activitytest.WantWords(t, plan.Problem, "no token")
			for _, v := range plan.Verdicts {
				if v.Verdict != perch.VerdictHold {
					t.Errorf("verdict %+v", v)
				}
			}
		})
	}
}

// judged is what cleanup sees of the environment that is left over.
func (w *world) judged() contract.LastLookInput {
	w.t.Helper()
	for _, v := range must(w, of[*Cleanups](w).PlanCleanup, perch.CleanupInput{Project: "shop"}).Verdicts {
		if v.Branch == "gone" {
			return contract.LastLookInput{
				Environment: activitytest.Environment("shop", "gone"),
				Judged:      perch.Judgement{StackID: v.StackID, Commit: v.Commit},
			}
		}
	}
	w.t.Fatal("nothing is left over")
	return contract.LastLookInput{}
}

func TestLastLookSeesWhatHasChanged(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*world)
		keep   string
	}{
		"nothing": {func(*world) {}, ""},
		"S18 the branch exists again": {
			func(w *world) { w.repo.commit("gone", map[string]string{"a": "c"}) }, "branch gone exists again",
		},
		"the stack was recreated": {func(w *world) {
			id := w.judged().Judged.StackID
			if _, err := w.cfn().DeleteStack(
				w.t.Context(), &cloudformation.DeleteStackInput{StackName: &id},
			); err != nil {
				w.t.Fatal(err)
			}
			w.settle(id)
			w.settle(w.bare("shop-gone", "gone", nil))
		}, "stack shop-gone was created again since cleanup judged it"},
	} {
		t.Run(name, func(t *testing.T) {
			w := leftOver(t)
			in := w.judged()
			c.change(w)
			if out := must(w, of[*Cleanups](w).LastLook, in); out.Keep != c.keep {
				t.Errorf("keep %q, want %q", out.Keep, c.keep)
			}
		})
	}
}

func TestLastLookBelievesNoSourceThatHasLostTheDefaultBranch(t *testing.T) {
	w := leftOver(t)
	in := w.judged()
	if err := w.repo.git.Storer.RemoveReference(plumbing.Main); err != nil {
		t.Fatal(err)
	}
	_, err := activitytest.Try(of[*Cleanups](w).LastLook, in)
	activitytest.WantRetry(t, err, "does not show its default branch main")
}

func TestS67LastLookWithoutAccessEndsTheRemoval(t *testing.T) {
	w := leftOver(t)
	in := w.judged()
	w.set.branches.Source = failing(&source.Rejected{Reason: "the token is expired"})
	_, err := activitytest.Try(of[*Cleanups](w).LastLook, in)
	activitytest.WantFinal(t, err, perch.ErrorInvalid, "the token is expired")
}
