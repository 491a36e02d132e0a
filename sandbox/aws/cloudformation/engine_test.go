package cloudformation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// graph draws dependencies without a circle: each key only needs keys before it.
func graph(t *rapid.T) map[string][]string {
	needs := map[string][]string{}
	for i := range rapid.IntRange(1, 12).Draw(t, "size") {
		key := fmt.Sprintf("R%02d", i)
		needs[key] = nil
		for j := range i {
			if rapid.Bool().Draw(t, "needs") {
				needs[key] = append(needs[key], fmt.Sprintf("R%02d", j))
			}
		}
	}
	return needs
}

func TestWalkDoesEverythingAfterWhatItNeeds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		needs := graph(t)
		broken := fmt.Sprintf("R%02d", rapid.IntRange(0, 12).Draw(t, "broken"))
		var mu sync.Mutex
		done := map[string]bool{}
		failed := walk(context.Background(), needs, false, func(_ context.Context, id string) error {
			mu.Lock()
			defer mu.Unlock()
			if i := slices.IndexFunc(needs[id], func(need string) bool { return !done[need] }); i >= 0 {
				t.Errorf("%s came before %s", id, needs[id][i])
			}
			if id == broken {
				return errors.New("broken")
			}
			done[id] = true
			return nil
		})
		for id := range needs {
			if want := id != broken && !leads(needs, id, broken); done[id] != want {
				t.Errorf("%s done: %t, want %t", id, done[id], want)
			}
		}
		if _, exists := needs[broken]; exists != (len(failed) == 1) {
			t.Errorf("failed: %v", failed)
		}
	})
}

// leads reports whether from needs to, directly or indirectly.
func leads(needs map[string][]string, from, to string) bool {
	return slices.ContainsFunc(needs[from], func(need string) bool { return need == to || leads(needs, need, to) })
}

func TestReversedTwiceIsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		needs := graph(t)
		again := reversed(reversed(needs))
		for id := range needs {
			slices.Sort(again[id])
			if !slices.Equal(needs[id], again[id]) {
				t.Errorf("%s needs %v, want %v", id, again[id], needs[id])
			}
		}
	})
}

func TestPagesShowEverythingOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.SliceOfDistinct(rapid.StringMatching(`[a-z]{1,8}`), rapid.ID[string]).Draw(t, "items")
		slices.Sort(items)
		size := rapid.IntRange(1, 5).Draw(t, "size")
		var got []string
		for token := ""; ; {
			part, next, err := page(items, rapid.ID[string], token, size)
			if err != nil || len(part) > size {
				t.Fatalf("page of %d: %v", len(part), err)
			}
			got = append(got, part...)
			if token = next; token == "" {
				break
			}
		}
		if !slices.Equal(items, got) {
			t.Errorf("got %v, want %v", got, items)
		}
	})
}
