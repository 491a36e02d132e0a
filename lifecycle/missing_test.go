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
		"all":         {branches("b", "a"), nil, nil, 0, "a b main", ""},
		"one has one": {branches("a", "b"), []Found{stackOf(t, "a")}, nil, 0, "b main", ""},
		"its stack was deleted": {
			branches("a"), []Found{stackOf(t, "a", func(s *Found) { s.Status = "DELETE_COMPLETE" })}, nil, 0, "a main",
			"",
		},
		"and there is a new one": {
			branches("a"), []Found{stackOf(t, "a"), stackOf(t, "a", func(s *Found) { s.Status = "DELETE_COMPLETE" })},
			nil, 0, "main", "",
		},
		"the name is taken": {
			branches("a"), []Found{stackOf(t, "a", tagged(perch.TagProject, "blog"))}, nil, 0, "main", "",
		},
		"a failed one is one": {
			branches("a"), []Found{stackOf(t, "a", func(s *Found) { s.Status = "ROLLBACK_COMPLETE" })}, nil, 0, "main",
			"",
		},
		"others in the next turn": {branches("a", "b"), nil, nil, 4, "b main a", ""},
		"the policy's kinds": {
			branches("a", "b"), nil,
			func(p *perch.Policy) { p.Kinds = map[perch.Kind][]string{perch.KindBranch: {"a"}} }, 0, "a", "",
		},
		"no webhooks": {
			branches("a"), nil, func(p *perch.Policy) { p.Triggers = []perch.Trigger{perch.TriggerCI} }, 0, "",
			"`triggers` in the policy does not name webhook",
		},
		"an incomplete listing": {
			Listing{Branches: branches("a").Branches}, nil, nil, 0, "", "the listing of branches is not complete",
		},
		"none": {branches(), []Found{stackOf(t, "main")}, nil, 3, "", ""},
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

func TestBranchesThatWerePushedToWithoutADelivery(t *testing.T) {
	stack := stackOf(t, "login", func(s *Found) { s.Commit = "old" })
	card := func(change func(*perch.Card)) KnownCards {
		known := perch.Card{
			StackID: stack.ID, State: perch.CardState{Goal: perch.GoalUp, Commit: "old", Phase: perch.PhaseReady},
		}
		change(&known)
		return KnownCards{BySlug: map[string]perch.Card{"login": known}}
	}
	unchanged := func(*perch.Card) {}
	for name, c := range map[string]struct {
		cards KnownCards
		stack Found
		want  bool
	}{
		"pushed to":   {card(unchanged), stack, true},
		"at its head": {card(unchanged), stackOf(t, "login"), false},
		"its head failed": {
			card(func(c *perch.Card) { c.State.Commit, c.State.Phase = "c0ffee", perch.PhaseFailed }), stack, false,
		},
		"a run is at work": {
			card(func(c *perch.Card) { c.State.Phase = perch.PhaseStack }), stack, false,
		},
		"a removal failed": {
			card(func(c *perch.Card) { c.State.Goal, c.State.Phase = perch.GoalGone, perch.PhaseFailed }), stack, false,
		},
		"the card is of another stack": {card(func(c *perch.Card) { c.StackID = "other" }), stack, false},
		"no card":                      {KnownCards{}, stack, false},
		"an unreadable card":           {KnownCards{Problem: "S3 does not answer"}, stack, false},
		"the stack is being updated": {
			card(unchanged), stackOf(t, "login", func(s *Found) { s.Commit, s.Status = "old", "UPDATE_IN_PROGRESS" }),
			false,
		},
		"the stack was rolled back": {
			card(unchanged),
			stackOf(t, "login", func(s *Found) { s.Commit, s.Status = "old", "UPDATE_ROLLBACK_COMPLETE" }), false,
		},
		"the stack is another project's": {
			card(unchanged), stackOf(t, "login", tagged(perch.TagProject, "blog"), func(s *Found) { s.Commit = "old" }),
			false,
		},
	} {
		policy, listing := shopPolicy(), branches("login")
		policy.Triggers, listing.Cards = []perch.Trigger{perch.TriggerWebhook}, c.cards
		got, problem := Missing(listing, []Found{c.stack}, policy, 0)
		if slices.Contains(got, "login") != c.want || problem != "" {
			t.Errorf("%s: %q, %q", name, got, problem)
		}
	}
}
