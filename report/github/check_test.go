package github

import (
	"context"
	"net/http"
	"strings"
	"testing"

	api "github.com/google/go-github/v60/github"

	"perch"
	hub "perch/sandbox/github"
)

// granting is an Access of an App.
type granting struct {
	access
	permissions map[string]string
}

func (g granting) Permissions(context.Context) (map[string]string, error) { return g.permissions, nil }

func TestTheCheckNamesThePermissionThatIsMissing(t *testing.T) {
	onlyRead := map[string]string{"deployments": "write", "statuses": "read", "pull_requests": "write"}
	for name, c := range map[string]struct {
		granted map[string]string
		missing string
		want    string
	}{
		"a token with everything":    {nil, "", ""},
		"an App with everything":     {hub.Everything(), "", ""},
		"an App without deployments": {hub.Without("deployments"), "deployments", `"Deployments: write"`},
		"an App that may only read":  {onlyRead, "", `"Commit statuses: write"`},
		"a token without statuses":   {nil, "statuses", `"Commit statuses: write"`},
		"a token without pulls":      {nil, "pull_requests", `"Pull requests: write"`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.hub.Grant(hub.Token, hub.Access{Login: hub.User, Permissions: hub.Without(c.missing)})
			w.channel = New(granting{access{w.hub.URL, hub.Token, nil}, c.granted}, w.policy, w.channel.now)
			said, err := w.channel.Check(t.Context())
			if (c.want == "") != (err == nil) {
				t.Errorf("%q, %v; want %s", said, err, c.want)
			}
			if err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), ";")) {
				t.Errorf("%v, want only %s", err, c.want)
			}
			if n := len(w.hub.Writes()); n > 0 {
				t.Errorf("the check wrote %q", w.hub.Writes())
			}
		})
	}
}

// uninstalled is an App that GitHub does not show the installation of.
type uninstalled struct{ access }

func (uninstalled) Permissions(context.Context) (map[string]string, error) {
	return nil, &api.ErrorResponse{Response: &http.Response{StatusCode: http.StatusNotFound}, Message: "Not Found"}
}

func TestTheCheckOfAnAppThatIsNotInstalledSaysSo(t *testing.T) {
	w := newWorld(t)
	w.channel = New(uninstalled{access{w.hub.URL, hub.Token, nil}}, w.policy, w.channel.now)
	_, err := w.channel.Check(t.Context())
	if err == nil || !strings.Contains(err.Error(), "its installation in acme/shop") ||
		strings.Contains(err.Error(), "permission  in") {
		t.Errorf("%v", err)
	}
}

func TestTheCheckTellsWhatWasDeniedUntilItIsDelivered(t *testing.T) {
	w := newWorld(t)
	denies := hub.Answer(403, "Resource not accessible by personal access token")
	withdraw := w.hub.Inject(hub.Fault{Route: "POST /statuses/*", Answer: denies})
	w.say(perch.PhaseReady)
	if _, err := w.channel.Check(t.Context()); err == nil ||
		!strings.Contains(err.Error(), `"Commit statuses: write"`) {
		t.Errorf("after a denial: %v", err)
	}
	withdraw()
	w.channel.Deliver(t.Context(), &w.card, true)
	said, err := w.channel.Check(t.Context())
	if err != nil || said != "acme/shop shows environments: deployment, status, comment" {
		t.Errorf("%q, %v", said, err)
	}
}

func TestTheCheckOfReportsThatAreOff(t *testing.T) {
	w := newWorld(t)
	w.policy.Reports.GitHub = perch.ReportsGitHub{}
	w.restart(nil)
	said, err := w.channel.Check(t.Context())
	if err != nil || said != "the policy turns all reports off" || len(w.hub.Calls()) > 0 {
		t.Errorf("%q, %v, calls %q", said, err, w.hub.Calls())
	}
}
