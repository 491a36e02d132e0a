package run

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// TestS105FaultsGoWhereTheEnvironmentPoints injects faults into a sandbox that is not on the
// default port.
func TestS105FaultsGoWhereTheEnvironmentPoints(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	port := b.awsURL[strings.LastIndex(b.awsURL, ":")+1:]
	data := filepath.Dir(b.policyFile)
	for name, test := range map[string]struct {
		endpoint string
		flags    []string
		exit     int
	}{
		"the environment":            {endpoint: b.awsURL},
		"with a slash":               {endpoint: b.awsURL + "/"},
		"a port":                     {flags: []string{"--aws-port", port}},
		"a port wins":                {endpoint: "http://127.0.0.1:1", flags: []string{"--aws-port", port}},
		"a data folder":              {flags: []string{"--data", data}},
		"a data folder wins":         {endpoint: "http://127.0.0.1:1", flags: []string{"--data", data}},
		"the default port, if given": {endpoint: b.awsURL, flags: []string{"--aws-port", "1"}, exit: 1},
		"an empty data folder":       {endpoint: b.awsURL, flags: []string{"--data", t.TempDir()}, exit: 1},
		"nothing answers there":      {endpoint: "http://127.0.0.1:1", exit: 1},
	} {
		env := func(name string) string { return map[string]string{endpointVariable: test.endpoint}[name] }
		var stdout, stderr bytes.Buffer
		stack := "shop-nobody-" + strings.ReplaceAll(name, " ", "-")
		args := append([]string{"fault", "add", "stack=" + stack, "hang=true"}, test.flags...)
		exit := Main(t.Context(), args, &stdout, &stderr, env)
		ordered := false
		for _, fault := range b.aws.Faults() {
			if fault.Stack == stack {
				ordered = true
				b.aws.DeleteFault(fault.ID)
			}
		}
		if exit != test.exit || ordered != (test.exit == 0) {
			t.Errorf("%s: exit code %d, ordered here: %t; want %d. %s", name, exit, ordered, test.exit, stderr.String())
		}
		if test.exit == 0 && stderr.Len() > 0 {
			t.Errorf("%s: says %s", name, stderr.String())
		}
	}
}

func TestTheDefaultEndpointIsNamed(t *testing.T) {
	t.Parallel()
	o, _, err := parse([]string{"fault", "ls"})
	if err != nil {
		t.Fatal(err)
	}
	var note bytes.Buffer
	endpoint, err := findEndpoint(t.Context(), o, &note, func(string) string { return "" })
	if endpoint != "http://127.0.0.1:4566" || err != nil || !strings.Contains(note.String(), endpoint) {
		t.Errorf("endpoint %s, %v; said %q", endpoint, err, note.String())
	}
}
