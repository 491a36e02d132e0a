package run

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"perch/sandbox/aws"
)

func TestClockCommandPutsTheClockForward(t *testing.T) {
	t.Parallel()
	server, err := aws.New(aws.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	listening := httptest.NewServer(server)
	defer listening.Close()
	address, err := url.Parse(listening.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		words string
		exit  int
		says  string
	}{
		{"clock", 0, "in the sandbox, 0s ahead of this machine."},
		{"clock forward 168h", 0, " UTC in the sandbox, 168h ahead of this machine."},
		{"clock forward 7d", 2, "such as 168h\nSee `perch-sandbox clock --help`"},
		{"clock", 0, " UTC in the sandbox, 168h ahead of this machine."},
		{"clock back 1h", 2, "See `perch-sandbox clock --help`"},
		{"clock forward", 2, "See `perch-sandbox clock --help`"},
		{"clock forward 1h extra", 2, "See `perch-sandbox clock --help`"},
	} {
		exit, stdout, stderr := mainOf(t, append(strings.Fields(c.words), "--aws-port", address.Port())...)
		if exit != c.exit || !strings.Contains(stdout+stderr, c.says) {
			t.Errorf("%s: exit code %d, %s%s; want %d with %q", c.words, exit, stdout, stderr, c.exit, c.says)
		}
	}
}
