package pages

import (
	"cmp"
	"strings"
	"testing"

	"perch"
	"perch/readapi"
)

// TestAllowedDecidesEveryRoleActionAndKind checks all of them. A row is a viewer with a kind of
// environment. Its letters are the actions redeploy, extend, pin, unpin, remove and approve: "+" is
// allowed, "-" is denied. The environment is pinned by another person.
func TestAllowedDecidesEveryRoleActionAndKind(t *testing.T) {
	const nothing, everything, onlyRedeploy = "------", "++++++", "+----+"
	want := map[string]string{"write branch": "++--+-"}
	kinds := append(perch.Kinds(), "", "unheard of")
	for _, kind := range kinds {
		for _, viewer := range []string{"local", "maintain", "admin"} {
			want[viewer+" "+string(kind)] = everything
			if kind != perch.KindBranch && kind != "" {
				want[viewer+" "+string(kind)] = onlyRedeploy
			}
		}
	}
	viewers := map[string]Viewer{
		"local": {Login: "you", Local: true}, "nobody": {Role: "admin"},
		"stale":   {Login: "ana", Role: "admin", Stale: true},
		"no role": {Login: "ana"}, "odd role": {Login: "ana", Role: "owner"},
	}
	for _, role := range []string{"none", "read", "triage", "write", "maintain", "admin"} {
		viewers[role] = Viewer{Login: "ana", Role: role}
	}
	for name, viewer := range viewers {
		for _, kind := range kinds {
			environment := pinnedByBob(kind)
			expected := cmp.Or(want[name+" "+string(kind)], nothing)
			got := ""
			for _, action := range Actions() {
				letter := "+"
				if Allowed(viewer, action, environment) != "" {
					letter = "-"
				}
				got += letter
			}
			if got != expected {
				t.Errorf("%s on kind %q: the actions %v are %s, want %s", name, kind, Actions(), got, expected)
			}
			if Allowed(viewer, "paint", environment) == "" {
				t.Errorf("%s may carry out an action that does not exist", name)
			}
		}
	}
}

// pinnedByBob returns an environment of the kind on which every action is possible.
func pinnedByBob(kind perch.Kind) readapi.Environment {
	return readapi.Environment{
		Branch: "a", Kind: kind, Status: "CREATE_COMPLETE", Commit: "1", Expires: readapi.Timestamp(noon),
		Pin: &perch.Pin{By: "web:bob"},
	}
}

// TestWhatTheWorkerAlwaysRejectsIsDeniedToEveryone checks the reasons for which an action is
// impossible. The letters are as above, for a maintainer and for the local user.
func TestWhatTheWorkerAlwaysRejectsIsDeniedToEveryone(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*readapi.Environment)
		want   string
		says   string
	}{
		"a branch": {func(*readapi.Environment) {}, "++++++", ""},
		"the default branch": {
			func(e *readapi.Environment) { e.RemovalRejected, e.KeepRejected = "it is default", "it is default" },
			"+----+", "it is default",
		},
		"termination protection": {
			func(e *readapi.Environment) { e.RemovalRejected = "protection is on" }, "++++-+", "protection is on",
		},
		"staging": {func(e *readapi.Environment) { e.Kind = perch.KindStaging }, "+----+", "its kind is staging"},
		"production": {
			func(e *readapi.Environment) { e.Kind = perch.KindProduction }, "+----+", "its kind is production",
		},
		"no commit": {func(e *readapi.Environment) { e.Commit = "" }, "-+++++", "no commit is known"},
		"no expiry": {func(e *readapi.Environment) { e.Expires = "" }, "+-++++", "it does not expire"},
		"no pin":    {func(e *readapi.Environment) { e.Pin = nil }, "+++-++", "it is not pinned"},
		"no stack":  {func(e *readapi.Environment) { e.Status = "" }, "++-+++", "no environment that could be pinned"},
	} {
		for _, viewer := range []Viewer{{Login: "you", Local: true}, {Login: "ada", Role: "maintain"}} {
			environment, got := pinnedByBob(perch.KindBranch), ""
			c.change(&environment)
			for _, action := range Actions() {
				reason := Allowed(viewer, action, environment)
				if reason == "" {
					got += "+"
					continue
				}
				got += "-"
				if !strings.Contains(reason, c.says) {
					t.Errorf("%s: %s is denied because %q", name, action, reason)
				}
			}
			if got != c.want {
				t.Errorf("%s by %+v: the actions %v are %s, want %s", name, viewer, Actions(), got, c.want)
			}
		}
	}
}

func TestWritersRemoveOnlyTheirOwnPins(t *testing.T) {
	ana := Viewer{Login: "Ana", Role: "write"}
	for by, allowed := range map[string]bool{
		"web:ana": true, "web:bob": false, "ana": false, "ana@laptop": false, "label perch:keep": false,
		"github-actions:ana": false,
	} {
		// A person may also end or replace their pin if it is longer.
		for _, action := range []Action{ActionUnpin, ActionPin} {
			environment := pinnedByBob(perch.KindBranch)
			environment.Pin.By = by
			reason := Allowed(ana, action, environment)
			if (reason == "") != allowed {
				t.Errorf("%s with the pin of %s: %q", action, by, reason)
			}
			if !allowed && !strings.Contains(reason, "maintain") {
				t.Errorf("the reason does not say who may: %q", reason)
			}
		}
	}
}

func TestADeniedActionSaysWhy(t *testing.T) {
	branch := readapi.Environment{Kind: perch.KindBranch}
	for _, c := range []struct {
		viewer Viewer
		action Action
		kind   perch.Kind
		want   string
	}{
		{Viewer{}, ActionPin, perch.KindBranch, "sign in to do this"},
		{
			Viewer{Login: "ana", Role: "read"}, ActionPin, perch.KindBranch,
			"your permission on the repository is read, and this needs write",
		},
		{Viewer{Login: "ana", Role: "none"}, ActionPin, perch.KindBranch, "you have no access to the repository"},
		{
			Viewer{Login: "ana", Role: "write"}, ActionApprove, perch.KindBranch,
			"approving a cleanup needs the permission maintain or admin",
		},
		{
			Viewer{Login: "ana", Role: "write"}, ActionRemove, perch.KindStaging,
			"acting on an environment of kind staging needs",
		},
		{Viewer{Login: "ana", Role: "write"}, ActionRemove, "", "the kind of this environment is not known yet"},
		{Viewer{Login: "ana", Role: "admin", Stale: true}, ActionRemove, perch.KindBranch, "GitHub does not answer"},
	} {
		branch.Kind = c.kind
		if got := Allowed(c.viewer, c.action, branch); !strings.Contains(got, c.want) || strings.HasSuffix(got, ".") {
			t.Errorf("%s by %+v on %q: %q, want %q", c.action, c.viewer, c.kind, got, c.want)
		}
	}
}
