package cli

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"

	"perch"
)

// ciJob describes the CI job, as given by the CI system's environment variables. Fields without a
// variable are empty.
type ciJob struct {
	subject
	// Repository is the repository's normalised address (perch.NormalizeRepository).
	Repository string
	// By names the CI system and the person who caused the job.
	By string
	// ID is shared by all steps and repeats within one attempt of the job.
	ID string
	// NoBranch explains why the job has no branch of this repository. In that case the checkout
	// must not determine the branch, because it often has the default branch.
	NoBranch string
}

// subject is the branch and commit that a CI job is about. It can differ from the ref on which the
// job runs.
type subject struct {
	// Branch is a branch of this repository.
	Branch string
	// Commit is a full commit hash. It is empty if the event has none, for example after a branch
	// was deleted.
	Commit string
	// Skip explains why there is nothing to do. If it is set, the other fields are empty.
	Skip string
}

// readCI reads the environment variables of CircleCI and GitHub Actions (their documentation:
// "Built-in environment variables", "Default environment variables").
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

// pullBranch matches CircleCI's branch names for pull requests from forks.
var pullBranch = regexp.MustCompile(`^(refs/)?pull/[0-9]+(/|$)`)

// circleSubject reads the subject of a CircleCI job. CircleCI sets CIRCLE_PR_* only for pull
// requests from forks.
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

// about sets the job's subject, or the reason why it has no branch.
func (j *ciJob) about(s subject, err error) {
	if j.subject = s; err != nil {
		j.NoBranch = err.Error()
	}
}

// notABranch returns the error for a job that is about something other than a branch, such as a
// tag.
func notABranch(what, name string) error {
	return fmt.Errorf("this job is about the %s %s, not about a branch", what, cmp.Or(name, "without a name"))
}

// comesFromFork returns the error for a job that is about another repository, whose name may be
// unknown.
func comesFromFork(what, name string) error {
	return fmt.Errorf("%s comes from %s, whose branches have no environments", what, sentence("a fork", name))
}

// commitOf returns the subject of a job that must have a commit. source names the variable or field
// that the commit comes from.
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
