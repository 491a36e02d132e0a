package activities

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"perch"
	"perch/source/githubtest"
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
		// held says that the plan comes, with everything held; else the listing is tried again.
		held bool
	}{
		"S45 an empty list":        {always(emptyList()), true},
		"S45 a server error":       {always(githubtest.Answer(http.StatusBadGateway, "Server Error")), false},
		"S45 a body that ends":     {truncated, false},
		"S66 a primary rate limit": {always(githubtest.Answer(http.StatusForbidden, "API rate limit exceeded", "X-RateLimit-Limit", "5000", "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", soon)), false},
		"S66 a secondary one":      {always(githubtest.Answer(http.StatusForbidden, "You have exceeded a secondary rate limit", "Retry-After", "60")), false},
		"S67 an expired token":     {always(githubtest.Answer(http.StatusUnauthorized, "Bad credentials")), true},
		"S67 no access":            {always(githubtest.Answer(http.StatusNotFound, "Not Found")), true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			server := w.onGitHub(3)
			w.settle(w.bare("shop-gone", "gone", nil))
			server.Intercept(c.intercept)
			plan, err := try(of[*Cleanups](w).PlanCleanup, perch.CleanupInput{Project: "shop"})
			if !c.held {
				wantRetry(t, err, "list branches of")
				return
			}
			if err != nil || plan.Problem == "" || len(plan.Verdicts) != 1 || plan.Verdicts[0].Verdict != perch.VerdictHold {
				t.Errorf("plan %+v, %v", plan, err)
			}
		})
	}
}

func emptyList() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte("[]"))
	})
}
