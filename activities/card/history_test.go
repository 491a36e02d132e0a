package card

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"perch"
	"perch/activities/activitytest"
	"perch/sandbox/aws"
)

// ended is the last card of a life.
func ended(branch, stack string, at time.Time) perch.Card {
	return perch.Card{
		Environment: activitytest.Environment("shop", branch), StackID: "arn:stack/" + branch + "/" + stack,
		State: perch.CardState{Goal: perch.GoalGone, By: "ana", Phase: perch.PhaseGone, RunID: stack, At: at},
	}
}

// branches are the branches of lives with the UUIDs of their stacks.
func branches(lives []perch.Life) string {
	var words []string
	for _, life := range lives {
		words = append(words, life.Branch+strings.TrimPrefix(life.StackID, "arn:stack/"+life.Branch))
	}
	return strings.Join(words, " ")
}

func TestLivesAreReadNewestFirst(t *testing.T) {
	w := newWorld(t, true)
	s := w.store(nil)
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	for i, kept := range []perch.Card{
		ended("login", "1", noon), ended("cart", "1", noon.Add(time.Hour)), ended("login", "2", noon.Add(2*time.Hour)),
	} {
		if err := s.KeepHistory(t.Context(), kept); err != nil {
			t.Fatal(i, err)
		}
	}
	w.put("history/cart/broken.json", "{")
	w.put("history/cart/empty.json", "{}")
	lives, warnings, err := s.Lives(t.Context(), "", 10)
	if got := branches(lives); err != nil || got != "login/2 cart/1 login/1" {
		t.Errorf("lives %q, %v", got, err)
	}
	if len(warnings) != 2 || !strings.Contains(strings.Join(warnings, " "), "history/cart/broken.json cannot be read") {
		t.Errorf("warnings %q", warnings)
	}
	if lives, _, err := s.Lives(t.Context(), "login", 10); err != nil || branches(lives) != "login/2 login/1" {
		t.Errorf("of one branch: %q, %v", branches(lives), err)
	}
	w.fault(aws.Fault{Service: "s3", Action: "GetObject", Contains: "history/login", Code: "AccessDenied"})
	if lives, _, err := s.Lives(t.Context(), "login", 10); err != nil || len(lives) != 2 {
		t.Errorf("a record was read again: %q, %v", branches(lives), err)
	}
}

func TestLivesAreBounded(t *testing.T) {
	w := newWorld(t, true)
	s := w.store(nil)
	for i := range 5 {
		if err := s.KeepHistory(t.Context(), ended("login", fmt.Sprint(i), time.Now())); err != nil {
			t.Fatal(err)
		}
	}
	if lives, _, err := s.Lives(t.Context(), "", 3); err != nil || len(lives) != 3 {
		t.Errorf("lives %q, %v", branches(lives), err)
	}
}

func TestWithoutAnApplicationStackThereAreNoLives(t *testing.T) {
	lives, warnings, err := newWorld(t, false).store(nil).Lives(t.Context(), "", 3)
	if len(lives)+len(warnings) != 0 || err != nil {
		t.Errorf("lives %v, %v, %v", lives, warnings, err)
	}
}
