package cli

import (
	"encoding/json"
	"os"
	"strings"

	"perch"
)

// ciJob is what a CI system's own variables say of the job; its fields are empty where they say nothing.
type ciJob struct {
	// Branch and Commit are what the job was started for.
	Branch string
	Commit string
	// Repository is normalised (perch.NormalizeRepository).
	Repository string
	// By names the CI system and who caused the job.
	By string
	// ID is the same for every step and repeat within one attempt of the job.
	ID string
	// Fork is the repository that a pull request comes from, where that is another one. Its branches are not this repository's, so Branch
	// stays empty: a fork's branch may have the name of one that has an environment.
	Fork string
}

// readCI reads CircleCI's and GitHub Actions' variables (their documentation: "Built-in environment variables", "Default environment
// variables").
func readCI(env func(string) string) ciJob {
	switch {
	case env("CIRCLECI") == "true" || env("CIRCLE_SHA1") != "":
		return circleJob(env)
	case env("GITHUB_ACTIONS") == "true":
		return githubJob(env)
	}
	return ciJob{}
}

func circleJob(env func(string) string) ciJob {
	return ciJob{
		Branch:     env("CIRCLE_BRANCH"),
		Commit:     env("CIRCLE_SHA1"),
		Repository: perch.NormalizeRepository(env("CIRCLE_REPOSITORY_URL")),
		By:         by("circleci", env("CIRCLE_USERNAME")),
		ID:         firstOf(env("CIRCLE_WORKFLOW_JOB_ID"), env("CIRCLE_WORKFLOW_ID")),
	}
}

func githubJob(env func(string) string) ciJob {
	job := ciJob{By: by("github-actions", env("GITHUB_ACTOR"))}
	if server, name := env("GITHUB_SERVER_URL"), env("GITHUB_REPOSITORY"); server != "" && name != "" {
		job.Repository = perch.NormalizeRepository(server + "/" + name)
	}
	if id := env("GITHUB_RUN_ID"); id != "" {
		job.ID = id + "/" + env("GITHUB_RUN_ATTEMPT")
	}
	event := env("GITHUB_EVENT_NAME")
	switch {
	case strings.HasPrefix(event, "pull_request") || env("GITHUB_HEAD_REF") != "":
		// GITHUB_SHA is the merge of the two branches here, a commit that no branch has.
		job.Commit, job.Fork = pullRequestHead(env("GITHUB_EVENT_PATH"), env("GITHUB_REPOSITORY"))
		if job.Fork == "" {
			job.Branch = env("GITHUB_HEAD_REF")
		}
	case event == "delete":
		// GITHUB_REF is the default branch here, and the deleted one stands in the event.
		job.Branch = deletedBranch(env("GITHUB_EVENT_PATH"))
	case env("GITHUB_REF_TYPE") == "branch":
		job.Branch = env("GITHUB_REF_NAME")
		job.Commit = env("GITHUB_SHA")
	}
	return job
}

func by(system, who string) string {
	if who == "" {
		return system
	}
	return system + ":" + who
}

func pullRequestHead(path, repository string) (commit, fork string) {
	var event struct {
		PullRequest struct {
			Head struct {
				SHA  string `json:"sha"`
				Repo struct {
					FullName string `json:"full_name"`
				} `json:"repo"`
			} `json:"head"`
		} `json:"pull_request"`
	}
	readEvent(path, &event)
	head := event.PullRequest.Head
	if name := head.Repo.FullName; name != "" && !strings.EqualFold(name, repository) {
		fork = name
	}
	return head.SHA, fork
}

func deletedBranch(path string) string {
	var event struct {
		Ref     string `json:"ref"`
		RefType string `json:"ref_type"`
	}
	readEvent(path, &event)
	if event.RefType != "branch" {
		return ""
	}
	return event.Ref
}

// readEvent leaves event as it is where the file cannot be read: the branch or commit is then asked of the checkout, or of the user.
func readEvent(path string, event any) {
	data, err := os.ReadFile(path)
	if err != nil {
		return
	}
	_ = json.Unmarshal(data, event)
}
