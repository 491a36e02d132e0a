package lifecycle

import (
	"slices"
	"strings"
	"testing"

	"perch"
)

func TestBranchesWithoutAnEnvironment(t *testing.T) {
	webhook := func(p *perch.Policy) { p.Triggers = []perch.Trigger{perch.TriggerWebhook} }
	for name, c := range map[string]struct {
		listing Listing
		stacks  []Found
		change  func(*perch.Policy)
		turn    int
		want    string
		problem string
	}{
		"all":                     {branches("b", "a"), nil, nil, 0, "a b main", ""},
		"one has one":             {branches("a", "b"), []Found{stackOf(t, "a")}, nil, 0, "b main", ""},
		"its stack was deleted":   {branches("a"), []Found{stackOf(t, "a", func(s *Found) { s.Status = "DELETE_COMPLETE" })}, nil, 0, "a main", ""},
		"and there is a new one":  {branches("a"), []Found{stackOf(t, "a"), stackOf(t, "a", func(s *Found) { s.Status = "DELETE_COMPLETE" })}, nil, 0, "main", ""},
		"the name is taken":       {branches("a"), []Found{stackOf(t, "a", tagged(perch.TagProject, "blog"))}, nil, 0, "main", ""},
		"a failed one is one":     {branches("a"), []Found{stackOf(t, "a", func(s *Found) { s.Status = "ROLLBACK_COMPLETE" })}, nil, 0, "main", ""},
		"others in the next turn": {branches("a", "b"), nil, nil, 4, "b main a", ""},
		"the policy's kinds":      {branches("a", "b"), nil, func(p *perch.Policy) { p.Kinds = map[perch.Kind][]string{perch.KindBranch: {"a"}} }, 0, "a", ""},
		"no webhooks":             {branches("a"), nil, func(p *perch.Policy) { p.Triggers = []perch.Trigger{perch.TriggerCI} }, 0, "", "`triggers` in the policy does not name webhook"},
		"an incomplete listing":   {Listing{Branches: branches("a").Branches}, nil, nil, 0, "", "the listing of branches is not complete"},
		"none":                    {branches(), []Found{stackOf(t, "main")}, nil, 3, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			policy := shopPolicy()
			webhook(policy)
			if c.change != nil {
				c.change(policy)
			}
			got, problem := Missing(c.listing, c.stacks, policy, c.turn)
			if want := strings.Fields(c.want); !slices.Equal(got, want) || problem != c.problem {
				t.Errorf("got %q, %q; want %q, %q", got, problem, want, c.problem)
			}
		})
	}
}
