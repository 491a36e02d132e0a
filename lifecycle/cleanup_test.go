package lifecycle

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"perch"
)

const repository = "github.com/acme/shop"

func shopPolicy() *perch.Policy {
	return &perch.Policy{
		Project: "shop", Repository: repository, DefaultBranch: "main", Protected: []string{"release/*"},
		Cleanup: usual,
	}
}

// stackOf returns branch's stack; each of changes alters it.
func stackOf(t interface{ Fatal(...any) }, branch string, changes ...func(*Found)) Found {
	e, err := perch.NewEnvironment("shop", branch)
	if err != nil {
		t.Fatal(err)
	}
	stack := Found{
		ID: "arn:aws:cloudformation:eu-central-1:123456789012:stack/" + e.StackName() + "/1", Name: e.StackName(),
		Tags:   e.Tags(shopPolicy().Identity(""), perch.KindBranch),
		Status: "CREATE_COMPLETE", Commit: "c0ffee", Created: time.Unix(1_700_000_000, 0).UTC(),
	}
	for _, change := range changes {
		change(&stack)
	}
	return stack
}

func tagged(key, value string) func(*Found) { return func(s *Found) { s.Tags[key] = value } }

// branches returns a complete listing of main and names.
func branches(names ...string) Listing {
	l := Listing{Branches: map[string]string{"main": "c0ffee"}, Complete: true}
	for _, name := range names {
		l.Branches[name] = "c0ffee"
	}
	return l
}

func TestVerdictOnOneStack(t *testing.T) {
	for name, c := range map[string]struct {
		listing Listing
		stack   Found
		want    perch.Verdict
		reason  string
	}{
		"its branch exists":  {branches("login"), stackOf(t, "login"), perch.VerdictKeep, "the branch exists"},
		"its branch is gone": {branches(), stackOf(t, "login"), perch.VerdictRemove, "branch missing"},
		"only a lookalike exists": {
			branches("Login", "login2"), stackOf(t, "login"), perch.VerdictRemove, "branch missing",
		},
		"S53 branch renamed: the old one goes": {
			branches("feature/sign-in"), stackOf(t, "feature/login"), perch.VerdictRemove, "branch missing"},
		"S53 branch renamed: the new one stays": {
			branches("feature/sign-in"), stackOf(t, "feature/sign-in"), perch.VerdictKeep, "the branch exists"},
		"S53 S68 default branch": {
			Listing{Complete: true}, stackOf(t, "main"), perch.VerdictKeep, "protected: it is the default branch",
		},
		"S68 protected branch": {
			branches(), stackOf(t, "release/1"), perch.VerdictKeep, "protected: the policy's pattern release/*",
		},
		"S75 protected by tag": {
			branches(), stackOf(t, "login", tagged(perch.TagProtect, "true")), perch.VerdictKeep,
			"protected: the tag perch:protect=true",
		},
		"S75 a tag with the value false": {
			branches(), stackOf(t, "login", tagged(perch.TagProtect, "false")), perch.VerdictRemove, "branch missing",
		},
		"S106 False is not false": {
			branches(), stackOf(t, "login", tagged(perch.TagProtect, "False")), perch.VerdictKeep,
			"protected: the tag perch:protect=False",
		},
		"S106 no value protects": {
			branches(), stackOf(t, "login", tagged(perch.TagProtect, "")), perch.VerdictKeep,
			"protected: the tag perch:protect=",
		},
		"S75 termination protection": {
			branches(), stackOf(t, "login", func(s *Found) { s.Protected = true }), perch.VerdictKeep,
			"protected: termination protection",
		},
		"S75 kind staging": {
			branches(), stackOf(t, "login", tagged(perch.TagKind, "staging")), perch.VerdictKeep,
			"protected: its kind is staging",
		},
		"S75 kind production": {
			branches(), stackOf(t, "login", tagged(perch.TagKind, "production")), perch.VerdictKeep,
			"protected: its kind is production",
		},
		"S45 S67 the listing failed": {
			Listing{Problem: "401 Bad credentials"}, stackOf(t, "login"), perch.VerdictHold,
			"the listing of branches is not complete: 401 Bad credentials",
		},
		"S45 the listing broke off": {
			Listing{Branches: branches().Branches}, stackOf(t, "login"), perch.VerdictHold,
			"the listing of branches is not complete",
		},
		"S126 the default branch was renamed": {
			Listing{Branches: map[string]string{"trunk": "c0ffee"}, Complete: true, DefaultBranch: "trunk"},
			stackOf(t, "login"), perch.VerdictHold,
			"the listing of branches lacks the default branch main, and the repository's default branch is trunk: " +
				"if it was renamed, correct `default_branch` in the policy"},
		"S45 the listing is empty": {
			Listing{Complete: true}, stackOf(t, "login"), perch.VerdictHold, "the listing of branches is empty",
		},
		"S45 seen in a partial one": {
			Listing{Branches: branches("login").Branches}, stackOf(t, "login"), perch.VerdictKeep, "the branch exists",
		},
		"S67 no default branch in it": {
			Listing{Branches: map[string]string{"x": "1"}, Complete: true}, stackOf(t, "login"), perch.VerdictHold,
			"the listing of branches lacks the default branch main",
		},
	} {
		t.Run(name, func(t *testing.T) {
			plan := PlanCleanup(c.listing, []Found{c.stack}, shopPolicy(), "")
			if len(plan.Verdicts) != 1 {
				t.Fatalf("verdicts %+v", plan.Verdicts)
			}
			got := plan.Verdicts[0]
			if got.Verdict != c.want || !strings.HasPrefix(got.Reason, c.reason) || got.StackID != c.stack.ID ||
				got.Commit != "c0ffee" {
				t.Errorf("got %+v, want %s, %s", got, c.want, c.reason)
			}
			if removals := len(plan.Removals); (removals == 1) != (c.want == perch.VerdictRemove) {
				t.Errorf("%d removals", removals)
			}
		})
	}
}

func TestS46StacksThatAreNotOursHaveNoVerdict(t *testing.T) {
	for name, change := range map[string]func(*Found){
		"Elastic Beanstalk's own": func(s *Found) { s.Name = "awseb-e-abc123-stack" },
		"another project":         tagged(perch.TagProject, "blog"),
		"another repository":      tagged(perch.TagRepository, "github.com/acme/blog"),
		"another repository's id": tagged(perch.TagRepositoryID, "8"),
		"another branch":          tagged(perch.TagBranch, "logout"),
		"no tags":                 func(s *Found) { s.Tags = nil },
		"deleted":                 func(s *Found) { s.Status = "DELETE_COMPLETE" },
	} {
		t.Run(name, func(t *testing.T) {
			listing := branches()
			listing.RepositoryID = "7"
			if plan := PlanCleanup(
				listing, []Found{stackOf(t, "login", change)}, shopPolicy(), "",
			); len(plan.Verdicts) > 0 {
				t.Errorf("verdicts %+v", plan.Verdicts)
			}
		})
	}
}

func TestVerdictsAreTheOldestFirst(t *testing.T) {
	age := func(seconds int64) func(*Found) { return func(s *Found) { s.Created = time.Unix(seconds, 0) } }
	plan := PlanCleanup(
		branches("b"), []Found{stackOf(t, "a", age(3)), stackOf(t, "b", age(1)), stackOf(t, "c", age(2))}, shopPolicy(),
		"",
	)
	var order []string
	for _, v := range plan.Verdicts {
		order = append(order, v.Branch)
	}
	if diff := cmp.Diff([]string{"b", "c", "a"}, order); diff != "" {
		t.Error(diff)
	}
}

func TestFailedRemovalsAreReported(t *testing.T) {
	broken := func(s *Found) { s.Status, s.StatusReason = "DELETE_FAILED", "the bucket is not empty" }
	plan := PlanCleanup(
		branches("alive"), []Found{stackOf(t, "gone", broken), stackOf(t, "alive", broken), stackOf(t, "other")},
		shopPolicy(), "",
	)
	want := []perch.CleanupFailure{
		{Stack: "shop-alive", Error: "its deletion failed: the bucket is not empty"},
		{Stack: "shop-gone", Error: "its deletion failed: the bucket is not empty"},
	}
	if diff := cmp.Diff(want, plan.Failed); diff != "" {
		t.Error(diff)
	}
}

func TestSafetyLimit(t *testing.T) {
	for name, c := range map[string]struct {
		gone, alive int
		bounds      perch.PolicyCleanup
		limit       int
		reason      string
	}{
		"as many as allowed":              {10, 10, usual, 0, ""},
		"more than max_removals":          {11, 89, usual, 10, "11 removals are more than max_removals, 10"},
		"two of two are too few to judge": {2, 0, usual, 0, ""},
		"three of three": {
			3, 0, usual, 2, "3 removals of 3 environments are a larger share than max_share, 0.5",
		},
		"half": {3, 3, usual, 0, ""},
		"the policy's own bounds": {
			3, 9, perch.PolicyCleanup{MaxRemovals: 10, MaxShare: 0.2}, 2,
			"3 removals of 12 environments are a larger share than max_share, 0.2",
		},
		"one at a time": {
			2, 9, perch.PolicyCleanup{MaxRemovals: 1, MaxShare: 0.5}, 1, "2 removals are more than max_removals, 1",
		},
		"everything, by the policy": {30, 0, perch.PolicyCleanup{MaxRemovals: 1000, MaxShare: 1}, 0, ""},
		"nothing to remove":         {0, 1, usual, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			plan := planOf(t, c.gone, c.alive, c.bounds, "")
			if c.reason == "" {
				if plan.Brake != nil {
					t.Errorf("stopped by the safety limit: %+v", plan.Brake)
				}
				return
			}
			want := &perch.CleanupBrake{Reason: c.reason, Hash: plan.Hash, Removals: c.gone, Limit: c.limit}
			if diff := cmp.Diff(want, plan.Brake); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// planOf returns the plan for a number of environments whose branch is gone, and a number of
// others. usual are the limits of a policy without `cleanup`.
var usual = perch.PolicyCleanup{MaxRemovals: 10, MaxShare: 0.5}

func planOf(t *testing.T, gone, alive int, bounds perch.PolicyCleanup, approved string) Plan {
	t.Helper()
	listing, stacks := fleet(t, gone, alive)
	policy := shopPolicy()
	policy.Cleanup = bounds
	return PlanCleanup(listing, stacks, policy, approved)
}

func TestApprovedPlanIsCarriedOutAndNoOther(t *testing.T) {
	stopped := planOf(t, 5, 0, usual, "")
	if again := planOf(t, 5, 0, usual, stopped.Brake.Hash); again.Brake != nil || len(again.Removals) != 5 {
		t.Errorf("the safety limit stops the approved plan: %+v", again.Brake)
	}
	for name, plan := range map[string]Plan{
		"larger by one":                          planOf(t, 6, 0, usual, stopped.Brake.Hash),
		"now so small that it needs no approval": planOf(t, 1, 4, usual, stopped.Brake.Hash),
	} {
		t.Run(name, func(t *testing.T) {
			if plan.Brake == nil || !strings.Contains(plan.Brake.Reason, "plan "+stopped.Brake.Hash+" was approved") {
				t.Errorf("brake %+v", plan.Brake)
			}
		})
	}
}

func TestPlanWithAnotherCommitIsAnotherPlan(t *testing.T) {
	one := PlanCleanup(branches(), []Found{stackOf(t, "a")}, shopPolicy(), "")
	other := PlanCleanup(branches(), []Found{stackOf(t, "a", func(s *Found) { s.Commit = "beef" })}, shopPolicy(), "")
	if one.Hash == other.Hash {
		t.Errorf("both are %s", one.Hash)
	}
}

func TestLastLook(t *testing.T) {
	stack := stackOf(t, "login")
	judged := perch.Judgement{StackID: stack.ID, Commit: stack.Commit}
	changed := func(change func(*Found)) *Found { s := stackOf(t, "login", change); return &s }
	for name, c := range map[string]struct {
		stack *Found
		alive bool
		id    string
		want  string
	}{
		"nothing has changed":         {&stack, false, "", ""},
		"the stack is gone by now":    {nil, false, "", ""},
		"S18 the branch exists again": {&stack, true, "", "branch login exists again"},
		"another stack under the name": {
			changed(func(s *Found) { s.ID += "2" }), false, "",
			"stack shop-login was created again since cleanup judged it",
		},
		"another commit": {
			changed(func(s *Found) { s.Commit = "beef" }), false, "",
			"another commit was deployed to stack shop-login since cleanup judged it",
		},
		"S75 protected in the meantime": {
			changed(tagged(perch.TagProtect, "true")), false, "", "protected: the tag perch:protect=true",
		},
		"S75 termination protection": {
			changed(func(s *Found) { s.Protected = true }), false, "", "protected: termination protection",
		},
		"S125 another repository took the name": {changed(tagged(perch.TagRepositoryID, "7")), false, "8",
			"Perch does not change 1 stack of this project whose tags name the repository github.com/acme/shop " +
				"(id 7): shop-login; the id of " +
				"github.com/acme/shop is 8, so id 7 is another repository: remove its stacks with a worker for it, " +
				"or delete them in the CloudFormation console"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := LastLook(
				judged, LastSeen{Branch: "login", Stack: c.stack, Alive: c.alive, RepositoryID: c.id}, shopPolicy(),
			); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestLastLookAtABranchThatIsNotWanted(t *testing.T) {
	stack := stackOf(t, "login")
	newer := stackOf(t, "login", func(s *Found) { s.Commit = "beef" })
	const off = "pull request #3 has the label perch:off"
	for name, c := range map[string]struct {
		judgedUnwanted, alive bool
		unwanted              string
		stack                 Found
		want                  string
	}{
		"nothing has changed":          {true, true, off, stack, ""},
		"the branch is deleted by now": {true, false, "", stack, ""},
		"it is wanted again":           {true, true, "", stack, "branch login is to have an environment again"},
		"a person has deployed": {
			true, true, off, newer, "another commit was deployed to stack shop-login since cleanup judged it",
		},
		"judged as deleted, and exists again": {false, true, off, stack, "branch login exists again"},
	} {
		t.Run(name, func(t *testing.T) {
			judged := perch.Judgement{StackID: stack.ID, Commit: stack.Commit, Unwanted: c.judgedUnwanted}
			if got := LastLook(
				judged, LastSeen{Branch: "login", Stack: &c.stack, Alive: c.alive, Unwanted: c.unwanted}, shopPolicy(),
			); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestAnArchivedRepositoryLosesNothing(t *testing.T) {
	listing := branches()
	listing.Archived = true
	plan := PlanCleanup(listing, []Found{stackOf(t, "login")}, shopPolicy(), "")
	if plan.Problem != Archived || plan.Verdicts[0].Verdict != perch.VerdictHold {
		t.Errorf("plan %+v", plan)
	}
}

func TestS124CleanupNamesTheStacksOfAFormerName(t *testing.T) {
	old := func(s *Found) { s.Tags[perch.TagRepository] = "github.com/acme/store" }
	stacks := []Found{
		stackOf(t, "a", old), stackOf(t, "b", old), stackOf(t, "c"),
		stackOf(t, "d", old, func(s *Found) { s.Status = "DELETE_COMPLETE" }),
	}
	plan := PlanCleanup(branches(), stacks, shopPolicy(), "")
	if len(plan.Verdicts) != 1 || len(plan.Others) != 1 ||
		!slices.Equal(plan.Others[0].Stacks, []string{"shop-a", "shop-b"}) {
		t.Errorf("verdicts %+v, others %+v", plan.Verdicts, plan.Others)
	}
	policy := shopPolicy()
	policy.FormerNames = []string{"github.com/acme/store"}
	if plan := PlanCleanup(branches(), stacks, policy, ""); len(plan.Removals) != 3 || len(plan.Others) != 0 {
		t.Errorf("with the former name listed: removals %+v, others %+v", plan.Removals, plan.Others)
	}
}
