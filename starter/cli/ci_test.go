package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"perch"
)

const (
	commitA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	commitB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

func TestCIVariables(t *testing.T) {
	tests := map[string]struct {
		env  map[string]string
		want ciJob
	}{
		"outside of CI nothing is known": {},
		"CircleCI names branch, commit and repository": {
			env: map[string]string{
				"CIRCLECI": "true", "CIRCLE_BRANCH": "feature/login", "CIRCLE_SHA1": commitA,
				"CIRCLE_REPOSITORY_URL": "git@github.com:acme/shop.git",
				"CIRCLE_USERNAME":       "jane", "CIRCLE_WORKFLOW_JOB_ID": "job", "CIRCLE_WORKFLOW_ID": "workflow",
			},
			want: ciJob{
				subject:    subject{Branch: "feature/login", Commit: commitA},
				Repository: "github.com/acme/shop", By: "circleci:jane", ID: "job",
			},
		},
		"GitHub names branch, commit and repository": {
			env: map[string]string{
				"GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "https://github.com",
				"GITHUB_REPOSITORY": "acme/shop", "GITHUB_ACTOR": "jane",
				"GITHUB_SHA": commitA, "GITHUB_RUN_ID": "77", "GITHUB_RUN_ATTEMPT": "2",
				"GITHUB_EVENT_NAME": "push", "GITHUB_REF_TYPE": "branch", "GITHUB_REF_NAME": "feature/login",
			},
			want: ciJob{
				subject:    subject{Branch: "feature/login", Commit: commitA},
				Repository: "github.com/acme/shop", By: "github-actions:jane", ID: "77/2",
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := readCI(func(name string) string { return test.env[name] })
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(ciJob{})); diff != "" {
				t.Errorf("readCI (-want +got):\n%s", diff)
			}
		})
	}
}

func eventFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "event.json")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCommitOfAnotherBranchIsNotTheJobs(t *testing.T) {
	p := place{job: ciJob{subject: subject{Branch: "main", Commit: commitA}}}
	for branch, want := range map[string]string{"main": commitA, "feature/login": ""} {
		got, err := p.commit(t.Context(), "", branch)
		if err != nil || got != want {
			t.Errorf("commit of %s is %q, %v; want %q", branch, got, err, want)
		}
	}
}

func TestRequestIDs(t *testing.T) {
	request := perch.Request{Goal: perch.GoalUp, Project: "shop", Branch: "main", Commit: commitA}
	other := request
	other.Commit = commitB
	job := ciJob{ID: "77/1"}
	first := requestID(request, job)
	if again := requestID(request, job); again != first {
		t.Error("a repeat in the same CI job has another ID")
	}
	if requestID(other, job) == first {
		t.Error("another commit has the same ID")
	}
	if requestID(request, ciJob{ID: "77/2"}) == first {
		t.Error("another attempt of the job has the same ID")
	}
	call := requestID(request, ciJob{})
	if next := requestID(request, ciJob{}); next == call {
		t.Error("two calls outside of CI have the same ID")
	}
}
