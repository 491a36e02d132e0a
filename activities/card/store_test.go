package card

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"perch"
	"perch/activities/activitytest"
	"perch/sandbox/aws"
)

func TestACardIsWrittenReadListedAndDeleted(t *testing.T) {
	w := newWorld(t, true)
	s := w.store(nil)
	if _, found, err := s.Read(t.Context(), login); found || err != nil {
		t.Errorf("without a card: found %t, %v", found, err)
	}
	first, err := s.Update(t.Context(), login, readied("a"))
	if err != nil || first.WriteID == "" || first.Environment != login {
		t.Fatalf("first write: %+v, %v", first, err)
	}
	second, err := s.Update(t.Context(), login, readied("b"))
	if err != nil || commits(second) != "a b" || second.WriteID == first.WriteID {
		t.Fatalf("second write: %+v, %v", second, err)
	}
	other := activitytest.Environment("shop", "cart")
	if _, err := s.Update(t.Context(), other, readied("c")); err != nil {
		t.Fatal(err)
	}
	listing, err := list(t, s)
	if err != nil || len(listing.Cards) != 2 || listing.Cards[0].Environment != other ||
		commits(listing.Cards[1]) != "a b" {
		t.Errorf("listing %+v, %v", listing, err)
	}
	if deleted, err := s.DeleteIf(t.Context(), login, always); !deleted || err != nil {
		t.Errorf("deleted %t, %v", deleted, err)
	}
	if _, found, err := s.Read(t.Context(), login); found || err != nil {
		t.Errorf("after the deletion: found %t, %v", found, err)
	}
	if deleted, err := s.DeleteIf(t.Context(), login, always); !deleted || err != nil {
		t.Errorf("deleted again %t, %v", deleted, err)
	}
}

func TestAChangeThatFailsWritesNothing(t *testing.T) {
	w := newWorld(t, true)
	s := w.store(nil)
	failure := errors.New("no")
	if _, err := s.Update(t.Context(), login, func(*perch.Card) error { return failure }); !errors.Is(err, failure) {
		t.Errorf("error = %v", err)
	}
	if _, found, err := s.Read(t.Context(), login); found || err != nil {
		t.Errorf("found %t, %v", found, err)
	}
}

func TestWithoutAnApplicationStackThereIsNoCard(t *testing.T) {
	w := newWorld(t, false)
	s := w.store(nil)
	if _, found, err := s.Read(t.Context(), login); found || err != nil {
		t.Errorf("found %t, %v", found, err)
	}
	if _, err := s.Update(t.Context(), login, readied("a")); !errors.Is(err, ErrNoPlace) {
		t.Errorf("error = %v, want ErrNoPlace", err)
	}
	if deleted, err := s.DeleteIf(t.Context(), login, always); !deleted || err != nil {
		t.Errorf("deleted %t, %v", deleted, err)
	}
	if listing, err := list(t, s); len(listing.Cards) != 0 || err != nil {
		t.Errorf("listing %+v, %v", listing, err)
	}
	w.apply()
	if _, err := s.Update(t.Context(), login, readied("a")); err != nil {
		t.Errorf("after the application stack was created: %v", err)
	}
}

func TestACardWithRemovalsIsNotDeleted(t *testing.T) {
	w := newWorld(t, true)
	s := w.store(nil)
	if _, err := s.Update(t.Context(), login, func(c *perch.Card) error {
		c.Removals = []perch.Removal{{StackID: "one", Leftovers: []string{"bucket b"}}}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if deleted, err := s.DeleteIf(t.Context(), login, always); deleted || err != nil {
		t.Errorf("deleted %t, %v", deleted, err)
	}
	if card, found, err := s.Read(t.Context(), login); !found || err != nil || len(card.Removals) != 1 {
		t.Errorf("card %+v, found %t, %v", card, found, err)
	}
}

func TestACardThatCannotBeParsedIsKeptAside(t *testing.T) {
	for name, body := range map[string]string{
		"no JSON":                   `{"environment":`,
		"of another branch":         `{"environment":{"project":"shop","branch":"cart"},"write_id":"x"}`,
		"without an environment":    `{}`,
		"of an impossible one":      `{"environment":{"project":"SHOP","branch":""}}`,
		"another type in one place": `{"environment":{"project":"shop","branch":"login"},"ready":"yes"}`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, true)
			s := w.store(nil)
			w.put("cards/login.json", body)
			var unreadable *UnreadableError
			if _, found, err := s.Read(
				t.Context(), login,
			); found || !errors.As(err, &unreadable) || unreadable.Slug != "login" {
				t.Fatalf("found %t, error = %v", found, err)
			}
			written, err := s.Update(t.Context(), login, readied("a"))
			if err != nil || commits(written) != "a" || !strings.Contains(written.Warning, "cards/unreadable/login-") {
				t.Fatalf("card %+v, %v", written, err)
			}
			listing, err := list(t, s)
			if err != nil || len(listing.Cards) != 1 || len(listing.Unreadable) != 1 {
				t.Fatalf("listing %+v, %v", listing, err)
			}
			if said := listing.Warnings(); len(said) != 1 || said[0] != written.Warning {
				t.Errorf("warnings %q", said)
			}
			if said := (Listing{Cards: listing.Cards}).Warnings(); len(said) != 0 {
				t.Errorf("warnings after the object was deleted %q", said)
			}
			aside := listing.Unreadable[0]
			kept, err := s.get(t.Context(), w.bucket, aside.Key)
			if err != nil || string(kept.body) != body || aside.Slug != "login" {
				t.Errorf("kept %s (slug %s): %q, %v", aside.Key, aside.Slug, kept.body, err)
			}
		})
	}
}

func TestADeletionAlsoKeepsAsideWhatCannotBeParsed(t *testing.T) {
	w := newWorld(t, true)
	s := w.store(nil)
	w.put("cards/login.json", "{")
	if deleted, err := s.DeleteIf(t.Context(), login, always); !deleted || err != nil {
		t.Errorf("deleted %t, %v", deleted, err)
	}
	listing, err := list(t, s)
	if err != nil || len(listing.Unreadable) != 1 || !strings.HasPrefix(listing.Unreadable[0].Key, asidePrefix) {
		t.Errorf("listing %+v, %v", listing, err)
	}
}

func TestWhichErrorsOfAWriteAreTriedAgain(t *testing.T) {
	put := aws.Fault{Service: "s3", Action: "PutObject", Contains: "cards/login.json", Count: 3}
	for name, test := range map[string]struct {
		fault aws.Fault
		want  string
	}{
		"a conflict":        {fault: aws.Fault{Status: http.StatusConflict, Code: "ConditionalRequestConflict"}},
		"a failure inside":  {fault: aws.Fault{Status: http.StatusInternalServerError, Code: "InternalError"}},
		"throttling":        {fault: aws.Fault{Status: http.StatusServiceUnavailable, Code: "SlowDown"}},
		"no answer, undone": {fault: aws.Fault{Drop: true}},
		"no answer, done":   {fault: aws.Fault{Drop: true, When: aws.After}},
		"a failure, done": {
			fault: aws.Fault{Status: http.StatusInternalServerError, Code: "InternalError", When: aws.After},
		},
		"a denial": {
			fault: aws.Fault{Status: http.StatusForbidden, Code: "AccessDenied"}, want: "AccessDenied",
		},
		"a malformed answer": {
			fault: aws.Fault{Status: http.StatusBadRequest, Code: "InvalidRequest"}, want: "InvalidRequest",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, true)
			s := w.store(nil)
			if _, err := s.Update(t.Context(), login, readied("a")); err != nil {
				t.Fatal(err)
			}
			fault := test.fault
			fault.Service, fault.Action, fault.Contains, fault.Count = put.Service, put.Action, put.Contains, put.Count
			w.fault(fault)
			_, err := s.Update(t.Context(), login, readied("b"))
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("error = %v, want %s", err, test.want)
				}
				return
			}
			card, _, readErr := s.Read(t.Context(), login)
			if err != nil || readErr != nil || commits(card) != "a b" {
				t.Errorf("card %q, %v, %v", commits(card), err, readErr)
			}
		})
	}
}

func TestAWriteThatNeverSucceedsEndsWithTheLastError(t *testing.T) {
	w := newWorld(t, true)
	w.fault(aws.Fault{
		Service: "s3", Action: "PutObject", Status: http.StatusConflict, Code: "ConditionalRequestConflict",
	})
	_, err := w.store(nil).Update(t.Context(), login, readied("a"))
	if err == nil || !strings.Contains(err.Error(), "ConditionalRequestConflict") {
		t.Errorf("error = %v", err)
	}
}

// list lists the cards.
func list(t *testing.T, s *Store) (Listing, error) {
	t.Helper()
	all, err := s.stacks.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s.List(t.Context(), all)
}
