package activities

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"

	"perch"
	"perch/activities/activitytest"
	hub "perch/sandbox/github"
)

// truncated answers with half of what next answers.
func truncated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		whole := httptest.NewRecorder()
		next.ServeHTTP(whole, r)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(whole.Body.Len()))
		_, _ = w.Write(whole.Body.Bytes()[:whole.Body.Len()/2])
	})
}

func TestNothingIsRemovedByWhatGitHubDoesNotAnswer(t *testing.T) {
	always := func(answer http.Handler) func(http.Handler) http.Handler {
		return func(http.Handler) http.Handler { return answer }
	}
	soon := strconv.FormatInt(time.Now().Add(time.Minute).Unix(), 10)
	for name, c := range map[string]struct {
		intercept func(http.Handler) http.Handler
		// held means that there is a plan which holds everything. Otherwise the listing is tried
		// again.
		held bool
	}{
		"S45 an empty list":    {always(emptyList()), true},
		"S45 a server error":   {always(hub.Answer(http.StatusBadGateway, "Server Error")), false},
		"S45 a body that ends": {truncated, false},
		"S66 a primary rate limit": {always(hub.Answer(
			http.StatusForbidden, "API rate limit exceeded", "X-RateLimit-Limit", "5000", "X-RateLimit-Remaining", "0",
			"X-RateLimit-Reset", soon,
		)), false},
		"S66 a secondary one": {
			always(hub.Answer(http.StatusForbidden, "You have exceeded a secondary rate limit", "Retry-After", "60")),
			false,
		},
		"S67 an expired token": {always(hub.Answer(http.StatusUnauthorized, "Bad credentials")), true},
		"S67 no access":        {always(hub.Answer(http.StatusNotFound, "Not Found")), true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			server := w.onGitHub(3)
			w.settle(w.bare("shop-gone", "gone", nil))
			server.Intercept(c.intercept)
			plan, err := activitytest.Try(of[*Cleanups](w).PlanCleanup, perch.CleanupInput{Project: "shop"})
			if !c.held {
				activitytest.WantRetry(t, err, "list branches of")
				return
			}
			if err != nil || plan.Problem == "" || len(plan.Verdicts) != 1 ||
				plan.Verdicts[0].Verdict != perch.VerdictHold {
				t.Errorf("plan %+v, %v", plan, err)
			}
		})
	}
}

// TestNothingIsRemovedByALastLookThatGitHubDoesNotAnswer: the other side of the test above, when
// the grace period is over.
func TestNothingIsRemovedByALastLookThatGitHubDoesNotAnswer(t *testing.T) {
	always := func(answer http.Handler) func(http.Handler) http.Handler {
		return func(http.Handler) http.Handler { return answer }
	}
	renamed := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			whole := httptest.NewRecorder()
			next.ServeHTTP(whole, r)
			_, _ = w.Write(bytes.ReplaceAll(whole.Body.Bytes(), []byte("acme/shop"), []byte("acme/store")))
		})
	}
	for name, c := range map[string]struct {
		intercept func(http.Handler) http.Handler
		// final means that no retry fixes the error: the removal fails at once.
		final bool
		words string
	}{
		"S45 a server error":   {always(hub.Answer(http.StatusBadGateway, "Server Error")), false, "502"},
		"S45 a body that ends": {truncated, false, "broke off"},
		"S45 a part of an answer": {
			always(hub.QueryError("", "Something went wrong while executing your query.")), false, "went wrong",
		},
		"S66 a primary rate limit": {
			always(hub.QueryError("RATE_LIMITED", "API rate limit exceeded", "X-RateLimit-Remaining", "0")), false,
			"wants fewer requests",
		},
		"S66 a secondary one": {
			always(hub.Answer(http.StatusForbidden, "You have exceeded a secondary rate limit", "Retry-After", "60")),
			false, "wants fewer requests",
		},
		"S67 an expired token": {
			always(hub.Answer(http.StatusUnauthorized, "Bad credentials")), true, "give the worker a new one",
		},
		"S67 no access": {
			always(hub.QueryError("NOT_FOUND", "Could not resolve to a Repository with the name 'acme/shop'.")), true,
			"made private to this token",
		},
		"S67 a right less": {
			always(hub.QueryError("FORBIDDEN", "Resource not accessible by integration")), true, "Contents: read",
		},
		"S53 renamed": {renamed, true, "was renamed"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			server := w.onGitHub(3)
			w.settle(w.bare("shop-gone", "gone", nil))
			in := w.judged()
			if out := must(w, of[*Cleanups](w).LastLook, in); out.Keep != "" {
				t.Fatalf("kept without a fault: %s", out.Keep)
			}
			server.Intercept(c.intercept)
			_, err := activitytest.Try(of[*Cleanups](w).LastLook, in)
			if c.final {
				activitytest.WantFinal(t, err, perch.ErrorInvalid, "look for branch gone", c.words)
				return
			}
			activitytest.WantRetry(t, err, "look for branch gone", c.words)
		})
	}
	t.Run("emptied", func(t *testing.T) {
		w := newWorld(t)
		server := w.onGitHub(3)
		w.settle(w.bare("shop-gone", "gone", nil))
		in := w.judged()
		server.Change(func(repository *git.Repository) {
			for _, name := range []string{"main", "topic-0", "topic-1", "topic-2"} {
				if err := repository.Storer.RemoveReference(plumbing.NewBranchReferenceName(name)); err != nil {
					t.Error(err)
				}
			}
		})
		_, err := activitytest.Try(of[*Cleanups](w).LastLook, in)
		activitytest.WantRetry(t, err, "does not show its default branch main")
	})
}

func emptyList() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte("[]"))
	})
}
