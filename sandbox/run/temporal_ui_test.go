package run

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"perch/sandbox/temporal"
)

// TestOnlyItsOwnPagesWriteThroughTheUI requests the cancellation of a run. There is no Temporal, so
// a request that is let through is answered with the error that Temporal cannot be reached.
func TestOnlyItsOwnPagesWriteThroughTheUI(t *testing.T) {
	t.Parallel()
	ui, err := temporal.UI("127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	for site, want := range map[string]int{
		"same-origin": http.StatusServiceUnavailable, "cross-site": http.StatusForbidden,
	} {
		request := httptest.NewRequestWithContext(
			t.Context(), http.MethodPost, "/api/v1/namespaces/default/workflows/one/cancel", nil,
		)
		request.Header.Set("Sec-Fetch-Site", site)
		answer := httptest.NewRecorder()
		if ui.ServeHTTP(answer, request); answer.Code != want {
			t.Errorf("%s: %d %s, want %d", site, answer.Code, answer.Body, want)
		}
	}
}
