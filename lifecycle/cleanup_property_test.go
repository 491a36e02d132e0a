package lifecycle

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"pgregory.net/rapid"

	"perch"
)

// fleet returns a number of environments whose branch is gone, a number whose branch exists, and a
// listing of ten times as many branches.
func fleet(t interface{ Fatal(...any) }, gone, alive int) (Listing, []Found) {
	listing := branches()
	var stacks []Found
	for i := range gone + alive {
		name := fmt.Sprintf("topic-%d", i)
		stacks = append(stacks, stackOf(t, name))
		if i >= gone {
			listing.Branches[name] = "c0ffee"
		}
	}
	return listing, stacks
}

var someBranches = []string{"main", "login", "feature/a", "feature-a", "Feature/A", "release/1", "x", "dependabot/npm"}

// drawStack draws a stack that may or may not be Perch's, and may or may not be protected.
func drawStack(t *rapid.T) Found {
	stack := stackOf(t, rapid.SampledFrom(someBranches).Draw(t, "branch"))
	stack.ID += fmt.Sprint(rapid.IntRange(0, 9).Draw(t, "id"))
	stack.Commit = rapid.SampledFrom([]string{"", "c0ffee", "beef"}).Draw(t, "commit")
	stack.Created = time.Unix(int64(rapid.IntRange(0, 3).Draw(t, "created")), 0)
	stack.Protected = rapid.IntRange(0, 4).Draw(t, "termination protection") == 0
	stack.Status = rapid.SampledFrom([]string{
		"CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "DELETE_FAILED", "CREATE_IN_PROGRESS", "DELETE_COMPLETE",
	}).Draw(t, "status")
	if rapid.IntRange(0, 3).Draw(t, "tagged") == 0 {
		key := rapid.SampledFrom([]string{
			perch.TagBranch, perch.TagProject, perch.TagRepository, perch.TagKind, perch.TagProtect,
		}).Draw(t, "tag")
		stack.Tags[key] = rapid.SampledFrom([]string{"true", "false", "staging", "shop", "login", "=zz", ""}).Draw(
			t, "value",
		)
	}
	if rapid.IntRange(1, 5).Draw(t, "renamed") == 0 {
		stack.Name = "awseb-e-1-stack"
	}
	return stack
}

// drawStacks draws stacks with distinct ids.
func drawStacks(t *rapid.T) []Found {
	stacks := rapid.SliceOfN(rapid.Custom(drawStack), 0, 8).Draw(t, "stacks")
	for i := range stacks {
		stacks[i].ID = fmt.Sprintf("%s/%d", stacks[i].ID, i)
	}
	return stacks
}

func drawListing(t *rapid.T) Listing {
	names := rapid.SliceOfDistinct(rapid.SampledFrom(someBranches), rapid.ID[string]).Draw(t, "branches")
	listing := Listing{Branches: map[string]string{}, Complete: rapid.IntRange(0, 3).Draw(t, "complete") > 0}
	for _, name := range names {
		listing.Branches[name] = "c0ffee"
	}
	return listing
}

func drawPolicy(t *rapid.T) *perch.Policy {
	policy := shopPolicy()
	policy.Cleanup = perch.PolicyCleanup{
		MaxRemovals: rapid.IntRange(1, 5).Draw(t, "max removals"),
		MaxShare:    rapid.Float64Range(0.01, 1).Draw(t, "max share"),
	}
	if rapid.Bool().Draw(t, "patterns") {
		policy.Protected = []string{rapid.SampledFrom([]string{"*", "feature/*", "x"}).Draw(t, "pattern")}
	}
	return policy
}

func TestOnlyOurUnprotectedOrphansAreRemoved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		listing, policy := drawListing(t), drawPolicy(t)
		stacks := drawStacks(t)
		plan := PlanCleanup(listing, stacks, policy, "")
		for _, removal := range plan.Removals {
			stack := stackByID(t, stacks, removal)
			e, kind, ours := perch.Owned(policy.Identity(""), stack.Name, stack.Tags)
			_, alive := listing.Branches[e.Branch]
			_, pattern := perch.MatchAny(policy.Protected, e.Branch)
			_, hasDefault := listing.Branches["main"]
			switch {
			case !ours:
				t.Fatalf("removes %s, which is not ours", stack.Name)
			case alive:
				t.Fatalf("removes %s, whose branch exists", stack.Name)
			case !listing.Complete || !hasDefault:
				t.Fatalf("removes %s by the listing %+v", stack.Name, listing)
			case pattern || e.Branch == "main" || kind != perch.KindBranch || stack.Protected ||
				(stack.Tags[perch.TagProtect] != "" && stack.Tags[perch.TagProtect] != "false"):
				t.Fatalf("removes %s, which is protected: %+v", stack.Name, stack)
			}
		}
	})
}

func TestOrphansAreAlwaysRemovedInTheEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policy := drawPolicy(t)
		stacks := drawStacks(t)
		alive := branches("x")
		first := PlanCleanup(alive, stacks, policy, "")
		second := PlanCleanup(alive, stacks, policy, first.Hash)
		if second.Brake != nil {
			t.Fatalf("the safety limit stops the approved plan: %+v", second.Brake)
		}
		left := map[string]bool{}
		for _, removal := range second.Removals {
			left[removal.StackID] = true
		}
		for _, stack := range stacks {
			e, kind, ours := perch.Owned(policy.Identity(""), stack.Name, stack.Tags)
			_, listed := alive.Branches[e.Branch]
			orphan := ours && !listed && stack.Status != "DELETE_COMPLETE" &&
				protection(subject{branch: e.Branch, kind: kind, stack: stack}, policy) == ""
			if orphan && !left[stack.ID] {
				t.Fatalf("%s stays for ever", stack.Name)
			}
		}
	})
}

func TestSafetyLimitStopsTooManyRemovals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policy := drawPolicy(t)
		stacks := drawStacks(t)
		plan := PlanCleanup(branches(), stacks, policy, "")
		bounds, n := policy.Cleanup, len(plan.Removals)
		tooMany := n > bounds.MaxRemovals || (n >= 3 && float64(n) > bounds.MaxShare*float64(len(plan.Verdicts)))
		if tooMany != (plan.Brake != nil) {
			t.Fatalf("%d removals of %d under %+v: brake %+v", n, len(plan.Verdicts), bounds, plan.Brake)
		}
		if plan.Brake != nil && n <= plan.Brake.Limit {
			t.Fatalf("%d removals are within the limit %d", n, plan.Brake.Limit)
		}
	})
}

func TestAnEnvironmentPushedToAfterTheJudgementIsKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := drawStack(t), drawStack(t)
		judged := perch.Judgement{StackID: before.ID, Commit: before.Commit}
		alive := rapid.Bool().Draw(t, "alive")
		if LastLook(judged, LastSeen{Branch: "login", Stack: &after, Alive: alive}, shopPolicy()) != "" {
			return
		}
		if alive || after.ID != before.ID || after.Commit != before.Commit || after.Protected {
			t.Fatalf("removes %+v, judged as %+v", after, judged)
		}
	})
}

func stackByID(t *rapid.T, stacks []Found, v perch.CleanupVerdict) Found {
	for _, stack := range stacks {
		if stack.ID == v.StackID {
			return stack
		}
	}
	t.Fatalf("%+v is not a stack", v)
	return Found{}
}

func BenchmarkPlanCleanup(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			listing, stacks := fleet(b, n/10, n-n/10)
			policy := shopPolicy()
			b.ReportAllocs()
			for b.Loop() {
				PlanCleanup(listing, stacks, policy, "")
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/stack")
		})
	}
}

// FuzzStacksThatAreFound takes names, statuses and tags from AWS, where any user with permissions
// may have written them. A stack is only removed if Perch would have given it this name and these
// tags.
func FuzzStacksThatAreFound(f *testing.F) {
	f.Add("shop-login", "login", "shop", repository, "branch", "", "CREATE_COMPLETE")
	f.Add("shop-feature-a-xyz123", "feature=2Fa", "shop", repository, "branch", "false", "DELETE_FAILED")
	f.Add("shop-x", "=zz", "shop", repository, "staging", "true", "ROLLBACK_COMPLETE")
	f.Add("awseb-e-1-stack", "login", "shop", repository, "branch", "", "")
	f.Fuzz(func(t *testing.T, name, branch, project, from, kind, protect, status string) {
		tags := map[string]string{
			perch.TagBranch: branch, perch.TagProject: project, perch.TagRepository: from, perch.TagKind: kind,
		}
		if protect != "" {
			tags[perch.TagProtect] = protect
		}
		plan := PlanCleanup(
			branches("alive"), []Found{{ID: "id", Name: name, Tags: tags, Status: status}}, shopPolicy(), "",
		)
		for _, removal := range plan.Removals {
			e, err := perch.NewEnvironment("shop", removal.Branch)
			if err != nil || e.StackName() != name || e.Branch == "alive" || e.Branch == "main" {
				t.Errorf("removes %+v: %v", removal, err)
			}
			written := e.Tags(shopPolicy().Identity(""), perch.KindBranch)
			if protect != "" {
				written[perch.TagProtect] = protect
			}
			if !maps.Equal(written, tags) || protect != "" && protect != "false" {
				t.Errorf("removes a stack with the tags %q", tags)
			}
		}
	})
}
