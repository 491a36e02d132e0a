package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// exportsPath is the path on the AWS endpoint's port that returns what `perch-sandbox env` prints.
// exportsFile is the file in the --data folder that stores it.
const (
	exportsPath = "/_perch/exports"
	exportsFile = "exports.json"
	// endpointVariable is the variable in which every AWS client looks for the endpoint.
	endpointVariable = "AWS_ENDPOINT_URL"
)

// export is one environment variable.
type export struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// exports returns the variables that point any AWS client, a starter and a worker at this sandbox.
func (s *Sandbox) exports() []export {
	exports := []export{
		{"TEMPORAL_ADDRESS", s.temporal.Address()},
		{"TEMPORAL_NAMESPACE", "default"},
		{endpointVariable, s.awsURL},
		{"AWS_REGION", region},
		{"AWS_DEFAULT_REGION", region},
		{"AWS_ACCESS_KEY_ID", accessKey},
		{"AWS_SECRET_ACCESS_KEY", accessKey},
		{"PERCH_REPO", s.repo},
		{"PERCH_POLICY", s.policyFile},
		{"PERCH_TEMPORAL_UI", s.uiURL},
	}
	if s.read.Address != "" {
		exports = append(exports,
			export{"PERCH_READ_API", "http://" + s.read.Address}, export{"PERCH_READ_TOKEN", s.read.Token})
	}
	if s.github != nil {
		exports = append(exports, export{"GITHUB_TOKEN", githubToken})
	}
	return exports
}

// nothing is an environment without variables.
func nothing(string) string { return "" }

func (s *Sandbox) serveExports(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(s.exports()) // If the client has disconnected, there is nothing to do.
}

// lookup returns a function that looks up variables first in exports and then in env.
func lookup(exports []export, env func(string) string) func(string) string {
	return func(name string) string {
		for _, e := range exports {
			if e.Name == name {
				return e.Value
			}
		}
		if strings.HasPrefix(name, "TEMPORAL_") || strings.HasPrefix(name, "CIRCLE") ||
			strings.HasPrefix(name, "GITHUB_") || strings.HasPrefix(name, "PERCH_") {
			return "" // A variable that points to another server, or names another branch, is not for the sandbox.
		}
		return env(name)
	}
}

// printExports prints the exports of the sandbox that runs on these ports, or with this data
// folder.
func printExports(ctx context.Context, o options, stdout io.Writer) error {
	exports, err := findExports(ctx, o)
	if err != nil {
		return err
	}
	for _, e := range exports {
		if _, err := fmt.Fprintf(stdout, "export %s=%s\n", e.Name, quote(e.Value)); err != nil {
			return fmt.Errorf("print exports: %w", err)
		}
	}
	return nil
}

func findExports(ctx context.Context, o options) ([]export, error) {
	if o.data == "" {
		exports, err := askExports(ctx, o.endpoint())
		if errors.Is(err, errNoAnswer) {
			return nil, noSandbox(o.endpoint())
		}
		if err != nil {
			return nil, fmt.Errorf(
				"the program on port %d is not a sandbox; give the right port with --aws-port", o.aws,
			)
		}
		return exports, nil
	}
	data, err := os.ReadFile(filepath.Join(o.data, exportsFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("no sandbox has run with --data %s", o.data)
	}
	if err != nil {
		return nil, fmt.Errorf("read exports: %w", err)
	}
	var kept []export
	if err := json.Unmarshal(data, &kept); err != nil {
		return nil, fmt.Errorf("read exports of %s: %w", o.data, err)
	}
	// The file remains after its sandbox has stopped, and another sandbox may use the port now.
	url := lookup(kept, func(string) string { return "" })(endpointVariable)
	if exports, err := askExports(ctx, url); err != nil || !slices.Equal(exports, kept) {
		return nil, fmt.Errorf("no sandbox runs with --data %s: the one that did has stopped; start it again with "+
			"`go run ./sandbox --data %s`", o.data, quote(o.data))
	}
	return kept, nil
}

// errNoAnswer means that nothing listens.
var errNoAnswer = errors.New("no answer")

// askExports requests the exports of the sandbox whose AWS endpoint is at url.
func askExports(ctx context.Context, url string) ([]export, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+exportsPath, nil)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", url, err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, errNoAnswer
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask %s: %s", url, response.Status)
	}
	var exports []export
	if err := json.NewDecoder(response.Body).Decode(&exports); err != nil {
		return nil, fmt.Errorf("read exports of %s: %w", url, err)
	}
	return exports, nil
}

// quote quotes a value as one word for every POSIX shell.
func quote(value string) string {
	return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}
