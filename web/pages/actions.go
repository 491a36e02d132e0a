package pages

import (
	"perch"
	"perch/readapi"
)

// actionView is a form, or a link to one.
type actionView struct {
	Action Action
	// Denied explains why the viewer cannot use it now; empty if they can.
	Denied string
	// Said means that the page gives the reason once for all of its forms.
	Said bool
}

// WhyID returns the id of the element that explains why the action is denied.
func (a actionView) WhyID() string {
	if a.Said {
		return "why"
	}
	return "why-" + string(a.Action)
}

// actionsView has the forms on the page of an environment.
type actionsView struct {
	Branch string
	// Commit is the commit that a redeployment deploys.
	Commit, ShortCommit                  string
	Redeploy, Extend, Pin, Unpin, Remove actionView
	// Denied explains why no action is possible, if all are impossible for the same reason; empty
	// otherwise. The forms do not repeat it.
	Denied string
	// Pinned means that there is a pin to remove.
	Pinned bool
	// ConfirmPath is the address of the page where a removal is confirmed.
	ConfirmPath string
}

func viewActions(f Frame, e readapi.Environment) actionsView {
	commit := requestedCommit(e)
	form := func(a Action) actionView { return actionView{Action: a, Denied: Allowed(f.Viewer, a, e)} }
	view := actionsView{
		Branch: e.Branch, Commit: commit, ShortCommit: perch.ShortCommit(commit), ConfirmPath: ConfirmPath(e.Branch),
		Pinned:   viewPin(e.Pin, f.Now) != nil,
		Redeploy: form(ActionRedeploy), Extend: form(ActionExtend), Pin: form(ActionPin), Unpin: form(ActionUnpin),
		Remove: form(ActionRemove),
	}
	forms := []*actionView{&view.Redeploy, &view.Extend, &view.Pin, &view.Unpin, &view.Remove}
	view.Denied = view.Redeploy.Denied
	for _, each := range forms {
		if each.Denied != view.Denied && (each != &view.Unpin || view.Pinned) {
			view.Denied = ""
		}
	}
	for _, each := range forms {
		each.Said = view.Denied != ""
	}
	return view
}
