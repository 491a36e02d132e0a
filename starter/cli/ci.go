package cli

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"

	"perch"
)

// ciJob is what a CI system's own variables say about the job; fields that they do not give are
// empty.
type ciJob struct {
	subject
	// Repository is normalised (perch.NormalizeRepository).
	Repository string
	// By names the CI system and who caused the job.
	By string
	// ID is the same in every step and repeat within one attempt of the job.
	ID string
	// NoBranch says why the job names no branch of this repository. The checkout must not decide
	// then, because it is often that of the default branch.
	NoBranch string
}

// subject is what a CI job is about, which is not always the ref that the job runs on.
type subject struct {
	// Branch is a branch of this repository.
	Branch string
	// Commit is full. It is empty if the event names none, as that of a deleted branch.
	Commit string
	// Skip says why there is nothing to do; the other fields are empty then.
	Skip string
}

// readCI reads CircleCI's and GitHub Actions' variables (their documentation: "Built-in environment
// variables", "Default environment variables").
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
	job := ciJob{
		Repository: perch.NormalizeRepository(env("CIRCLE_REPOSITORY_URL")),
		By:         by("circleci", env("CIRCLE_USERNAME")),
		ID:         cmp.Or(env("CIRCLE_WORKFLOW_JOB_ID"), env("CIRCLE_WORKFLOW_ID")),
	}
	job.about(circleSubject(env))
	return job
}

// pullBranch is what CircleCI calls the branch of a fork's pull request.
var pullBranch = regexp.MustCompile(`^(refs/)?pull/[0-9]+(/|$)`)

// circleSubject reads what the job is about. CircleCI sets CIRCLE_PR_* only for pull requests of
// forks.
func circleSubject(env func(string) string) (subject, error) {
	branch := env("CIRCLE_BRANCH")
	fork := cmp.Or(env("CIRCLE_PR_USERNAME"), env("CIRCLE_PR_REPONAME"), env("CIRCLE_PR_NUMBER"))
	switch tag := env("CIRCLE_TAG"); {
	case tag != "":
		return subject{}, notABranch("tag", tag)
	case fork != "" || pullBranch.MatchString(branch):
		return subject{}, comesFromFork("this pull request", "")
	case branch == "":
		return subject{}, errors.New("CIRCLE_BRANCH is empty")
	}
	return commitOf(branch, env("CIRCLE_SHA1"), "CIRCLE_SHA1")
}

// about sets what the job is about, or why it names no branch.
func (j *ciJob) about(s subject, err error) {
	if j.subject = s; err != nil {
		j.NoBranch = err.Error()
	}
}

// notABranch is the error of a job about something else that has a name.
func notABranch(what, name string) error {
	return fmt.Errorf("this job is about the %s %s, not about a branch", what, cmp.Or(name, "without a name"))
}

// comesFromFork is the error of a job about another repository, whose name may be unknown.
func comesFromFork(what, name string) error {
	return fmt.Errorf("%s comes from %s, whose branches have no environments", what, sentence("a fork", name))
}

// commitOf is the subject of a job that must name a commit as well; source says where the commit is
// from.
func commitOf(branch, commit, source string) (subject, error) {
	if !fullCommit.MatchString(commit) {
		return subject{}, fmt.Errorf("this job names branch %s, but no full commit: %s is %q", branch, source, commit)
	}
	return subject{Branch: branch, Commit: commit}, nil
}

func by(system, who string) string {
	if who == "" {
		return system
	}
	return system + ":" + who
}
