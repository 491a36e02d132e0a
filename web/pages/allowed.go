package pages

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"perch"
	"perch/readapi"
)

// Action is something that a person can do on a page. It is also the last part of the path of its
// form, /actions/ACTION.
type Action string

// The actions.
const (
	ActionRedeploy Action = "redeploy"
	ActionExtend   Action = "extend"
	ActionPin      Action = "pin"
	ActionUnpin    Action = "unpin"
	ActionRemove   Action = "remove"
	// ActionApprove carries out a cleanup plan that was held. It does not apply to an environment.
	ActionApprove Action = "approve"
)

// Actions returns every action.
func Actions() []Action {
	return []Action{ActionRedeploy, ActionExtend, ActionPin, ActionUnpin, ActionRemove, ActionApprove}
}

// Allowed explains why the viewer cannot carry out an action on the environment, in a sentence
// without a period; it is empty if the viewer can. Both the pages and the server use it.
func Allowed(v Viewer, a Action, e readapi.Environment) (reason string) {
	return cmp.Or(Permitted(v, a, e), Impossible(a, e))
}

// Impossible explains why the worker rejects the action on the environment from anyone; empty if it
// does not. The environment may have changed since, so the worker checks again.
func Impossible(a Action, e readapi.Environment) (reason string) {
	switch a {
	case ActionRedeploy:
		return sentenceIf(requestedCommit(e) == "", "no commit is known that could be deployed again")
	case ActionRemove:
		return cmp.Or(e.RemovalRejected, keptKind(e, "removed"))
	case ActionPin:
		return cmp.Or(
			sentenceIf(e.Status == "", "there is no environment that could be pinned"), e.KeepRejected,
			keptKind(e, "pinned"),
		)
	case ActionExtend:
		return cmp.Or(
			e.KeepRejected, keptKind(e, "extended"), sentenceIf(e.Expires == "", "it does not expire"),
		)
	case ActionUnpin:
		return cmp.Or(e.KeepRejected, keptKind(e, "unpinned"), sentenceIf(e.Pin == nil, "it is not pinned"))
	}
	return ""
}

// keptKind explains that only environments of kind branch are removed or kept. It is empty if the
// environment's kind is branch, or unknown because the worker has an earlier version.
func keptKind(e readapi.Environment, done string) string {
	if e.Kind == "" || e.Kind == perch.KindBranch {
		return ""
	}
	return fmt.Sprintf("its kind is %s, and only environments of kind branch are %s", e.Kind, done)
}

func sentenceIf(holds bool, sentence string) string {
	if holds {
		return sentence
	}
	return ""
}

// Permitted explains why the viewer may not carry out an action on the environment; empty if the
// viewer may. If the viewer's role or the environment's kind is unknown, it assumes the worst.
func Permitted(v Viewer, a Action, e readapi.Environment) (reason string) {
	switch {
	case !slices.Contains(Actions(), a):
		return "there is no such action"
	case v.Local:
		return ""
	case v.Login == "":
		return "sign in to do this"
	case v.Stale:
		return "GitHub does not answer, so your permission cannot be checked; try again in a few minutes"
	}
	switch v.Role {
	case "maintain", "admin":
		return ""
	case "write":
		return allowedWriter(v, a, e)
	case "read", "triage":
		return fmt.Sprintf("your permission on the repository is %s, and this needs write", v.Role)
	}
	return "you have no access to the repository"
}

// allowedWriter is Permitted for a viewer with the permission write.
func allowedWriter(v Viewer, a Action, e readapi.Environment) (reason string) {
	const needs = "needs the permission maintain or admin on the repository"
	switch {
	case a == ActionApprove:
		return "approving a cleanup " + needs
	case e.Kind == "":
		return "the kind of this environment is not known yet, so acting on it " + needs
	case e.Kind != perch.KindBranch:
		return fmt.Sprintf("acting on an environment of kind %s %s", e.Kind, needs)
	case (a == ActionUnpin || a == ActionPin) && e.Pin != nil && !strings.EqualFold(e.Pin.By, WebUser(v.Login)):
		return fmt.Sprintf("%s set the pin, and changing another person's pin %s", person(e.Pin.By), needs)
	}
	return ""
}

// WebUser returns the By of requests and notes that the person with the login makes on the pages.
func WebUser(login string) string { return "web:" + login }
