package run

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"perch/readapi"
)

// TestTenThousandReadersAreAnsweredFromTheCache reads the overview and a page while nothing
// changes and no time passes: AWS has been asked once for each.
func TestTenThousandReadersAreAnsweredFromTheCache(t *testing.T) {
	w := newReadWorld(t, "login")
	handler := w.answers.handler(readToken)
	read := func(path string) {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		request.Header.Set("Authorization", "Bearer "+readToken)
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		if answer.Code != http.StatusOK || !strings.Contains(answer.Body.String(), `"branch":"login"`) {
			t.Fatalf("%s is answered %d: %s", path, answer.Code, answer.Body)
		}
	}
	page := readapi.PathPage + "?" + url.Values{"branch": {"login"}}.Encode()
	read(readapi.PathOverview)
	read(page)
	awaitRefreshes(w.answers.overviews)
	awaitRefreshes(w.answers.pages)
	before := len(w.aws.Calls())
	for range 5_000 {
		read(readapi.PathOverview)
		read(page)
	}
	if calls := w.aws.Calls()[before:]; len(calls) > 0 {
		t.Errorf("AWS was asked %d times: %+v", len(calls), calls[0])
	}
}
