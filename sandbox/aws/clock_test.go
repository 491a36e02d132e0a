package aws

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestTheClockGoesForwardOnly(t *testing.T) {
	server, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	call := func(method, query string) (int, string) {
		answer := httptest.NewRecorder()
		server.ServeHTTP(answer, httptest.NewRequest(method, clockPath+query, http.NoBody))
		return answer.Code, answer.Body.String()
	}
	for _, query := range []string{"", "?by=", "?by=-1h", "?by=7d", "?by=0s", "?by=99999999h"} {
		if code, body := call(
			http.MethodPost, query,
		); code != http.StatusBadRequest || !strings.Contains(body, "such as 168h") {
			t.Errorf("%q: %d %s", query, code, body)
		}
	}
	before := server.Now()
	if code, body := call(
		http.MethodPost, "?by=168h",
	); code != http.StatusOK || !strings.Contains(body, `"ahead":"168h0m0s"`) {
		t.Errorf("%d %s", code, body)
	}
	if passed := server.Now().Sub(before); passed < 168*time.Hour || passed > 169*time.Hour {
		t.Errorf("the clock went %s", passed)
	}
	if _, body := call(http.MethodGet, ""); !strings.Contains(body, `"ahead":"168h0m0s"`) {
		t.Error(body)
	}
}
