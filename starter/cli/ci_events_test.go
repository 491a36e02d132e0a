package cli

import (
	"maps"
	"testing"
)

// ciEvent is a CI job, and what `up` and `down` without BRANCH are to make of it.
type ciEvent struct {
	env map[string]string
	// event is the content of the file at GITHUB_EVENT_PATH; empty for a job that has none.
	event string
	// branch is the branch that is requested, commit the commit of `up`.
	branch, commit string
	// skipped is for jobs that end with exit code 0 and no request.
	skipped bool
	// problem is part of the sentence of exit code 2, problemUp if only `up` ends so.
	problem, problemUp string
}

const noBranch = "is about no branch; give BRANCH"

// TestS103CISpeaksForItsBranch has a row for every event of GitHub Actions and CircleCI. Each job
// runs in a checkout of main, and its GITHUB_REF is what GitHub documents: mostly the default
// branch.
func TestS103CISpeaksForItsBranch(t *testing.T) {
	dir, head := newCheckout(t)
	tests := map[string]ciEvent{
		"push": {
			env:    onRef("push", "branch", "feature/login"),
			event:  `{"ref":"refs/heads/feature/login"}`,
			branch: "feature/login",
			commit: commitA,
		},
		"push of a branch that is called like a ref": {
			env: onRef("push", "branch", "refs/heads/x"), branch: "refs/heads/x", commit: commitA,
		},
		"push of a tag": {
			env:     onRef("push", "tag", "v1"),
			problem: "this job is about the tag refs/tags/v1",
		},
		"push of a tag called main": {
			env:     onRef("push", "tag", "main"),
			problem: "this job is about the tag refs/tags/main",
		},
		"push that deletes": {
			env: onDefault("push"), event: `{"ref":"refs/heads/feature/login","deleted":true}`,
			branch: "feature/login", problemUp: "give feature/login --commit SHA",
		},
		"push that deletes a tag": {
			env:     onDefault("push"),
			event:   `{"ref":"refs/tags/main","deleted":true}`,
			problem: "the deleted ref refs/tags/main",
		},
		"push with an event that cannot be parsed": {
			env:     onDefault("push"),
			event:   `{`,
			problem: "unexpected end of JSON input; give BRANCH",
		},
		"push without a commit": {
			env:     with(onDefault("push"), "GITHUB_SHA", ""),
			problem: `names branch main, but no full commit: GITHUB_SHA is ""`,
		},
		"create": {
			env:    onRef("create", "branch", "feature/login"),
			event:  `{"ref":"feature/login","ref_type":"branch"}`,
			branch: "feature/login",
			commit: commitA,
		},
		"create of a tag": {
			env:     onRef("create", "tag", "v1"),
			event:   `{"ref":"v1","ref_type":"tag"}`,
			problem: "this job is about the tag refs/tags/v1",
		},
		"workflow_dispatch": {
			env:    onRef("workflow_dispatch", "branch", "feature/login"),
			event:  `{}`,
			branch: "feature/login",
			commit: commitA,
		},
		"workflow_dispatch on a tag": {
			env:     onRef("workflow_dispatch", "tag", "v1"),
			event:   `{}`,
			problem: "this job is about the tag refs/tags/v1",
		},
		"delete": {
			env: onDefault("delete"), event: `{"ref":"feature/login","ref_type":"branch"}`,
			branch: "feature/login", problemUp: "give feature/login --commit SHA",
		},
		"delete of a tag": {
			env:     onDefault("delete"),
			event:   `{"ref":"main","ref_type":"tag"}`,
			problem: "the deleted tag main, not about a branch",
		},
		"delete of a tag that is called like a ref": {
			env:     onDefault("delete"),
			event:   `{"ref":"refs/heads/main","ref_type":"tag"}`,
			problem: "the deleted tag refs/heads/main",
		},
		"delete without an event": {
			env:     onDefault("delete"),
			problem: "GITHUB_EVENT_PATH is empty; give BRANCH",
		},
		"delete with an event that cannot be read": {
			env:     with(onDefault("delete"), "GITHUB_EVENT_PATH", dir),
			problem: "is a directory; give BRANCH",
		},
		"delete with an event that cannot be parsed": {
			env:     onDefault("delete"),
			event:   `no JSON`,
			problem: "invalid character",
		},
		"merge_group": {
			env:     onRef("merge_group", "branch", "gh-readonly-queue/main/pr-1-x"),
			skipped: true,
		},
		"workflow_run": {
			env:    onDefault("workflow_run"),
			event:  workflowRun("push", "feature/login", "acme/shop", 7),
			branch: "feature/login",
			commit: commitB,
		},
		"workflow_run after a pull request": {
			env:    onDefault("workflow_run"),
			event:  workflowRun("pull_request", "feature/login", "acme/shop", 7),
			branch: "feature/login",
			commit: commitB,
		},
		"workflow_run after the push of a tag": {
			env:    onDefault("workflow_run"),
			event:  workflowRun("push", "v1.2.0", "acme/shop", 7),
			branch: "v1.2.0",
			commit: commitB,
		},
		"workflow_run of a fork": {
			env:     onDefault("workflow_run"),
			event:   workflowRun("pull_request", "main", "mallory/shop", 8),
			problem: "this workflow run comes from a fork, mallory/shop",
		},
		"workflow_run after a schedule": {
			env:     onDefault("workflow_run"),
			event:   workflowRun("schedule", "main", "acme/shop", 7),
			problem: `of the event "schedule", which ` + noBranch,
		},
		"workflow_run after a deletion": {
			env:     onDefault("workflow_run"),
			event:   workflowRun("delete", "main", "acme/shop", 7),
			problem: `of the event "delete", which ` + noBranch,
		},
		"workflow_run after a merge group": {
			env:     onDefault("workflow_run"),
			event:   workflowRun("merge_group", "gh-readonly-queue/main/pr-1-x", "acme/shop", 7),
			skipped: true,
		},
		"workflow_run without a run": {
			env:     onDefault("workflow_run"),
			event:   `{}`,
			problem: "names no workflow run with a head branch",
		},
		"workflow_run without an event": {env: onDefault("workflow_run"), problem: "GITHUB_EVENT_PATH is empty"},

		"CircleCI": {env: onCircle("CIRCLE_BRANCH", "feature/login"), branch: "feature/login", commit: commitA},
		"CircleCI, a tag": {
			env:     onCircle("CIRCLE_TAG", "main"),
			problem: "this job is about the tag main, not about a branch; give BRANCH",
		},
		"CircleCI, a fork's pull request": {
			env:     onCircle("CIRCLE_BRANCH", "pull/7", "CIRCLE_PR_NUMBER", "7", "CIRCLE_PR_REPONAME", "shop"),
			problem: "this pull request comes from a fork, whose branches have no environments; give BRANCH",
		},
		"CircleCI, a fork by its branch": {
			env:     onCircle("CIRCLE_BRANCH", "pull/7"),
			problem: "this pull request comes from a fork",
		},
		"CircleCI, a fork by its repository": {
			env:     onCircle("CIRCLE_BRANCH", "main", "CIRCLE_PR_REPONAME", "shop"),
			problem: "this pull request comes from a fork",
		},
		"CircleCI, a fork by its owner": {
			env:     onCircle("CIRCLE_BRANCH", "main", "CIRCLE_PR_USERNAME", "mallory"),
			problem: "this pull request comes from a fork",
		},
		"CircleCI without a branch": {env: onCircle(), problem: "CIRCLE_BRANCH is empty; give BRANCH"},
		"CircleCI without a commit": {
			env: map[string]string{"CIRCLECI": "true", "CIRCLE_BRANCH": "main"}, problem: `CIRCLE_SHA1 is ""`,
		},
	}
	for _, event := range []string{
		"pull_request", "pull_request_target", "pull_request_review", "pull_request_review_comment",
	} {
		maps.Copy(tests, pullRequests(event))
	}
	for _, event := range []string{
		"", "branch_protection_rule", "check_run", "check_suite", "deployment", "deployment_status", "discussion",
		"discussion_comment", "fork", "gollum", "image_version", "issue_comment", "issues", "label", "milestone",
		"page_build", "project", "public", "registry_package",
		"repository_dispatch", "schedule", "status", "watch", "an_event_to_come",
	} {
		tests[event+", which is about no branch"] = ciEvent{env: onDefault(event), event: `{}`, problem: noBranch}
	}
	tests["release"] = ciEvent{env: onRef("release", "tag", "v1"), event: `{}`, problem: noBranch}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test.check(t, dir, head) })
	}
}

// pullRequests are the rows of one event of pull requests.
func pullRequests(event string) map[string]ciEvent {
	env := onRef(event, "branch", "5/merge")
	env["GITHUB_REF"], env["GITHUB_HEAD_REF"] = "refs/pull/5/merge", "feature/login"
	if event == "pull_request_target" {
		env = onDefault(event)
	}
	base := `"base":{"ref":"main","sha":"` + commitA + `","repo":{"id":7,"full_name":"acme/shop"}}`
	head := func(sha, repo string) string {
		return `{"pull_request":{"head":{"ref":"feature/login","sha":"` + sha + `","repo":` + repo + `},` + base + `}}`
	}
	return map[string]ciEvent{
		event: {
			env:    env,
			event:  head(commitB, `{"id":7,"full_name":"acme/shop"}`),
			branch: "feature/login",
			commit: commitB,
		},
		event + " of a repository that was renamed": {
			env:    env,
			event:  head(commitB, `{"id":7,"full_name":"acme/store"}`),
			branch: "feature/login",
			commit: commitB,
		},
		event + " of a fork": {
			env: env, event: head(commitB, `{"id":8,"full_name":"mallory/shop"}`),
			problem: "comes from a fork, mallory/shop, whose branches have no environments; give BRANCH",
		},
		event + " of a fork that took the name": {
			env:     env,
			event:   head(commitB, `{"id":8,"full_name":"acme/shop"}`),
			problem: "comes from a fork",
		},
		event + " of a fork that was deleted": {
			env:     env,
			event:   head(commitB, `null`),
			problem: "a fork, which no longer exists",
		},
		event + " without a commit":       {env: env, event: head("", `{"id":7}`), problem: "no full commit"},
		event + " without a pull request": {env: env, event: `{}`, problem: "names no pull request"},
		event + " without an event":       {env: env, problem: "GITHUB_EVENT_PATH is empty"},
		event + " with half an event": {
			env:     env,
			event:   head(commitB, `{"id":7}`)[:80],
			problem: "unexpected end of JSON input",
		},
	}
}
