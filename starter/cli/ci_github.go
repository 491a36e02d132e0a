package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"perch"
)

func githubJob(env func(string) string) ciJob {
	job := ciJob{By: by("github-actions", env("GITHUB_ACTOR"))}
	if server, name := env("GITHUB_SERVER_URL"), env("GITHUB_REPOSITORY"); server != "" && name != "" {
		job.Repository = perch.NormalizeRepository(server + "/" + name)
	}
	if id := env("GITHUB_RUN_ID"); id != "" {
		job.ID = id + "/" + env("GITHUB_RUN_ATTEMPT")
	}
	job.about(githubSubject(env))
	return job
}

const inMergeQueue = "a merge queue tests a commit that no branch has yet"

// githubSubject reads the subject of a GitHub Actions job (GitHub Docs: "Events that trigger
// workflows"). GITHUB_REF and GITHUB_SHA do not suffice. For a pull request they are a merge of two
// branches, and for most other events they are the default branch.
func githubSubject(env func(string) string) (subject, error) {
	event, path := env("GITHUB_EVENT_NAME"), env("GITHUB_EVENT_PATH")
	switch {
	case event == "merge_group":
		return subject{Skip: inMergeQueue}, nil
	case hasBranchRef(event) && path == "":
		return refSubject(env)
	case !hasBranchRef(event) && event != "delete" && event != "workflow_run" && !isPullRequest(event):
		return subject{}, fmt.Errorf("the event %q is about no branch", event)
	}
	told := githubEvent{Repository: githubRepository{FullName: env("GITHUB_REPOSITORY")}}
	if err := told.read(path); err != nil {
		return subject{}, fmt.Errorf("the branch of the event %q is not known: %w", event, err)
	}
	switch {
	case event == "delete" || event == "push" && told.Deleted:
		return told.deletedBranch()
	case hasBranchRef(event):
		return refSubject(env)
	case event == "workflow_run":
		return told.workflowRun()
	}
	return told.pullRequest()
}

// hasBranchRef reports whether, for this event, the job's ref is its subject.
func hasBranchRef(event string) bool {
	return event == "push" || event == "create" || event == "workflow_dispatch"
}

func isPullRequest(event string) bool { return strings.HasPrefix(event, "pull_request") }

func refSubject(env func(string) string) (subject, error) {
	kind, name := env("GITHUB_REF_TYPE"), env("GITHUB_REF_NAME")
	if ref := env("GITHUB_REF"); kind != "branch" || name == "" || ref != "" && ref != "refs/heads/"+name {
		return subject{}, notABranch(cmp.Or(kind, "ref"), cmp.Or(ref, name))
	}
	return commitOf(name, env("GITHUB_SHA"), "GITHUB_SHA")
}

// githubEvent has the fields that are read from the events' JSON (GitHub Docs: "Webhook events and
// payloads").
type githubEvent struct {
	// Ref is the full ref name for the event push. For the event delete it is a short name, whose
	// type is RefType.
	Ref     string `json:"ref"`
	RefType string `json:"ref_type"`
	// Deleted is set for the event push if it deleted the branch. The job's ref is then the default
	// branch.
	Deleted    bool             `json:"deleted"`
	Repository githubRepository `json:"repository"`
	// PullRequest is set for the events pull_request*.
	PullRequest *struct {
		Head githubSide `json:"head"`
		Base githubSide `json:"base"`
	} `json:"pull_request"`
	// WorkflowRun is set for the event workflow_run.
	WorkflowRun *struct {
		// Event is the event that caused the completed workflow run.
		Event          string           `json:"event"`
		HeadBranch     string           `json:"head_branch"`
		HeadSHA        string           `json:"head_sha"`
		HeadRepository githubRepository `json:"head_repository"`
	} `json:"workflow_run"`
}

type githubSide struct {
	Ref  string           `json:"ref"`
	SHA  string           `json:"sha"`
	Repo githubRepository `json:"repo"`
}

// githubRepository identifies a repository; it is empty if the repository has been deleted.
type githubRepository struct {
	ID       int64  `json:"id"`
	FullName string `json:"full_name"`
}

// is reports whether both are the same repository. It compares ids, because a repository can be
// renamed, and names if an id is missing.
func (r githubRepository) is(other githubRepository) bool {
	if r.ID != 0 && other.ID != 0 {
		return r.ID == other.ID
	}
	return r.FullName != "" && strings.EqualFold(r.FullName, other.FullName)
}

func (r githubRepository) title() string { return cmp.Or(r.FullName, "which no longer exists") }

func (e *githubEvent) read(path string) error {
	if path == "" {
		return errors.New("GITHUB_EVENT_PATH is empty")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read GITHUB_EVENT_PATH: %w", err)
	}
	if err := json.Unmarshal(data, e); err != nil {
		return fmt.Errorf("read GITHUB_EVENT_PATH %s: %w", path, err)
	}
	return nil
}

// deletedBranch returns the subject of the event delete, or of a push that deletes a branch.
func (e *githubEvent) deletedBranch() (subject, error) {
	branch, isBranch := e.Ref, e.RefType == "branch"
	if e.Deleted {
		branch, isBranch = strings.CutPrefix(e.Ref, "refs/heads/")
	}
	if branch == "" || !isBranch {
		return subject{}, notABranch("deleted "+cmp.Or(e.RefType, "ref"), e.Ref)
	}
	return subject{Branch: branch}, nil
}

func (e *githubEvent) pullRequest() (subject, error) {
	if e.PullRequest == nil {
		return subject{}, errors.New("GITHUB_EVENT_PATH names no pull request")
	}
	head, base := e.PullRequest.Head, e.PullRequest.Base.Repo
	if base == (githubRepository{}) {
		base = e.Repository
	}
	if !head.Repo.is(base) {
		return subject{}, comesFromFork("this pull request", head.Repo.title())
	}
	if head.Ref == "" {
		return subject{}, errors.New("GITHUB_EVENT_PATH names no head branch of the pull request")
	}
	return commitOf(head.Ref, head.SHA, "its head")
}

// workflowRun returns the subject of the completed workflow run. Its head_branch is that subject
// only for events that have a branch ref. For most other events it is the default branch.
func (e *githubEvent) workflowRun() (subject, error) {
	run := e.WorkflowRun
	switch {
	case run == nil || run.HeadBranch == "":
		return subject{}, errors.New("GITHUB_EVENT_PATH names no workflow run with a head branch")
	case run.Event == "merge_group":
		return subject{Skip: inMergeQueue}, nil
	case !run.HeadRepository.is(e.Repository):
		return subject{}, comesFromFork("this workflow run", run.HeadRepository.title())
	case run.Event != "" && !hasBranchRef(run.Event) && !isPullRequest(run.Event):
		return subject{}, fmt.Errorf("this job follows a run of the event %q, which is about no branch", run.Event)
	}
	return commitOf(run.HeadBranch, run.HeadSHA, "its head_sha")
}
