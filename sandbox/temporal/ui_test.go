package temporal

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestOnlyItsOwnPagesWriteThroughTheUI asks it to cancel a run. No Temporal is there: who is let
// through gets the answer that it is not to be reached.
func TestOnlyItsOwnPagesWriteThroughTheUI(t *testing.T) {
	ui, err := UI("127.0.0.1:1")
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
