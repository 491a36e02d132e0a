package server

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"perch"
)

// event is the content of a webhook delivery.
type event struct {
	// repository is the id of the event's repository; 0 if the payload has none.
	repository int64
	// branch is the branch for which to request a Look.
	branch string
	hint   perch.Hint
	// note means that a pull request's title or state may have changed, which the environment's
	// report shows.
	note bool
	// ping means that GitHub is only testing the webhook.
	ping bool
	// nothing explains why the event is ignored; empty if it is not.
	nothing string
	// warning describes a problem with the repository; empty if there is none.
	warning string
}

// payload has the fields that are read from the events' JSON (GitHub docs: Webhook events and
// payloads). Other fields are ignored.
type payload struct {
	Action string `json:"action"`
	// Ref is the full ref name for push. For create and delete it is a short name, whose type is
	// RefType.
	Ref        string     `json:"ref"`
	RefType    string     `json:"ref_type"`
	Deleted    bool       `json:"deleted"`
	Repository repository `json:"repository"`
	// Label is the label that was added to a pull request or removed from it.
	Label struct {
		Name string `json:"name"`
	} `json:"label"`
	PullRequest *struct {
		Number int `json:"number"`
		Head   struct {
			Ref string `json:"ref"`
			// Repo is nil if the fork was deleted.
			Repo *repository `json:"repo"`
		} `json:"head"`
	} `json:"pull_request"`
	Sender struct {
		Login string `json:"login"`
	} `json:"sender"`
}

type repository struct {
	ID            int64  `json:"id"`
	FullName      string `json:"full_name"`
	DefaultBranch string `json:"default_branch"`
}

var (
	// pullActions has the actions of pull requests that may affect whether the branch should have
	// an environment. The value says whether the action may lead to an `up`.
	pullActions = map[string]bool{
		"opened": true, "reopened": true, "synchronize": true, "unlabeled": true,
		"edited": false, "closed": false, "labeled": false,
	}
	// noteActions are the actions that affect the report of a pull request.
	noteActions = []string{"opened", "reopened", "edited", "closed"}
	// repositoryActions are actions after which the policy may name the wrong repository, or
	// branches can no longer change.
	repositoryActions = []string{"renamed", "transferred", "archived", "unarchived", "deleted"}
)

// readEvent parses a delivery. Its error names what is missing in the payload.
func readEvent(name string, body []byte) (event, error) {
	if name == "" {
		return event{}, errors.New("the delivery has no header X-GitHub-Event")
	}
	var p payload
	if err := json.Unmarshal(body, &p); err != nil {
		return event{}, fmt.Errorf("the payload is not the JSON of an event: %w", err)
	}
	e := event{repository: p.Repository.ID, hint: perch.Hint{By: "webhook:" + cmp.Or(p.Sender.Login, "github")}}
	read, known := map[string]func(*event, payload){
		"ping":         func(e *event, _ payload) { e.ping = true },
		"push":         readPush,
		"create":       readReference,
		"delete":       readReference,
		"pull_request": readPullRequest,
		"repository":   readRepository,
	}[name]
	if !known {
		e.nothing = fmt.Sprintf("nothing follows from the event %q", name)
		return e, nil
	}
	e.hint.Reason = name
	if read(&e, p); e.ping || e.nothing != "" {
		return e, nil
	}
	if e.repository <= 0 {
		return event{}, fmt.Errorf("the payload of the event %q has no repository.id", name)
	}
	if err := perch.ValidateBranch(e.branch); err != nil {
		return event{}, fmt.Errorf("the payload of the event %q names no branch: %w", name, err)
	}
	return e, nil
}

func readPush(e *event, p payload) {
	branch, isBranch := strings.CutPrefix(p.Ref, "refs/heads/")
	if !isBranch && p.Ref != "" {
		e.nothing = fmt.Sprintf("%s is not a branch", p.Ref)
	}
	e.branch = branch
	if p.Deleted {
		e.hint.Reason = "branch deleted"
	}
}

// readReference handles create and delete events.
func readReference(e *event, p payload) {
	if p.RefType != "branch" && p.RefType != "" {
		e.nothing = fmt.Sprintf("the %s %s is not a branch", p.RefType, p.Ref)
	}
	e.branch = p.Ref
	if e.hint.Reason == "delete" {
		e.hint.Reason = "branch deleted"
	} else {
		e.hint.Reason = "branch created"
	}
}

func readPullRequest(e *event, p payload) {
	if p.PullRequest == nil {
		return // It names no branch.
	}
	mayLead, known := pullActions[p.Action]
	isLabel := strings.HasSuffix(p.Action, "labeled")
	switch {
	case !known:
		e.nothing = fmt.Sprintf("nothing follows from a pull request that is %s", p.Action)
	case isLabel && p.Label.Name != perch.LabelOff && p.Label.Name != perch.LabelKeep:
		e.nothing = fmt.Sprintf("nothing follows from the label %q", p.Label.Name)
	case p.PullRequest.Head.Repo == nil || p.PullRequest.Head.Repo.ID != p.Repository.ID:
		e.nothing = fmt.Sprintf(
			"pull request #%d comes from a fork, whose branches have no environments", p.PullRequest.Number,
		)
	}
	e.branch = p.PullRequest.Head.Ref
	e.hint.NoUp = !mayLead || isLabel && p.Label.Name == perch.LabelKeep
	e.note = slices.Contains(noteActions, p.Action)
	e.hint.Reason = fmt.Sprintf("pull request #%d %s", p.PullRequest.Number, p.Action)
}

// readRepository requests a Look for the default branch, which shows whether the worker can still
// read this repository.
func readRepository(e *event, p payload) {
	if !slices.Contains(repositoryActions, p.Action) {
		e.nothing = fmt.Sprintf("nothing follows from a repository that is %s", p.Action)
		return
	}
	e.branch = p.Repository.DefaultBranch
	e.hint.NoUp = true
	e.hint.Reason = "repository " + p.Action
	e.warning = fmt.Sprintf(
		"the repository was %s and is %s now: `perch doctor` says whether the policy must be corrected", p.Action,
		p.Repository.FullName,
	)
}
