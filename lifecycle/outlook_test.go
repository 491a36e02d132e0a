package lifecycle

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"perch"
)

func TestOutlook(t *testing.T) {
	stack, now := expiryStack("login", newYear), newYear.Add(36*time.Hour)
	week := newYear.Add(168 * time.Hour)
	pin := func(until time.Time) *perch.Pin { return &perch.Pin{By: "jane", Reason: "demo", Until: until} }
	for name, c := range map[string]struct {
		stack  Found
		change func(*perch.Card)
		want   perch.EnvironmentStatus
	}{
		"expires": {
			stack, func(*perch.Card) {}, perch.EnvironmentStatus{Expires: week, USDPerDay: 1.23, USDSoFar: 1.85},
		},
		"does not expire": {
			stack, func(c *perch.Card) { c.Expiry = nil }, perch.EnvironmentStatus{USDPerDay: 1.23, USDSoFar: 1.85},
		},
		"has no estimate": {
			stack, func(c *perch.Card) { c.USDPerDay = 0 }, perch.EnvironmentStatus{Expires: week},
		},
		"a card of another one": {stack, func(c *perch.Card) { c.StackID = "arn:another" }, perch.EnvironmentStatus{}},
		"a pin that has ended": {
			stack, func(c *perch.Card) { c.Pin = pin(newYear) },
			perch.EnvironmentStatus{Expires: week, USDPerDay: 1.23, USDSoFar: 1.85},
		},
		"created in the future": {
			expiryStack("login", now.Add(time.Hour)), func(*perch.Card) {},
			perch.EnvironmentStatus{Expires: now.Add(169 * time.Hour), USDPerDay: 1.23},
		},
		"pinned": {stack, func(c *perch.Card) { c.Pin = pin(week) }, perch.EnvironmentStatus{
			Expires: week.Add(168 * time.Hour), Pin: pin(week), USDPerDay: 1.23, USDSoFar: 1.85,
		}},
		"pinned past its end": {
			stack, func(c *perch.Card) { c.Expiry.Max, c.Pin = 24, pin(week) },
			perch.EnvironmentStatus{Expires: week, Pin: pin(week), USDPerDay: 1.23, USDSoFar: 1.85},
		},
		"pinned, and no expiry": {
			stack, func(c *perch.Card) { c.Expiry, c.Pin = nil, pin(week) },
			perch.EnvironmentStatus{Pin: pin(week), USDPerDay: 1.23, USDSoFar: 1.85},
		},
		"protected by a pattern": {
			expiryStack("release/1", newYear), func(*perch.Card) {},
			perch.EnvironmentStatus{USDPerDay: 1.23, USDSoFar: 1.85},
		},
		"warned": {stack, func(c *perch.Card) {
			c.ExpiryWarning = &perch.ExpiryWarning{Deadline: week, At: now}
		}, perch.EnvironmentStatus{Expires: week, Warned: now, USDPerDay: 1.23, USDSoFar: 1.85}},
		"warned late": {stack, func(c *perch.Card) {
			c.ExpiryWarning = &perch.ExpiryWarning{Deadline: week, At: week}
		}, perch.EnvironmentStatus{Expires: week.Add(24 * time.Hour), Warned: week, USDPerDay: 1.23, USDSoFar: 1.85}},
		"a warning that is not delivered": {stack, func(c *perch.Card) {
			c.ExpiryWarning = &perch.ExpiryWarning{Deadline: week}
		}, perch.EnvironmentStatus{Expires: week, USDPerDay: 1.23, USDSoFar: 1.85}},
		"warned of another deadline": {stack, func(c *perch.Card) {
			c.ExpiryWarning = &perch.ExpiryWarning{Deadline: newYear, At: newYear}
		}, perch.EnvironmentStatus{Expires: week, USDPerDay: 1.23, USDSoFar: 1.85}},
	} {
		t.Run(name, func(t *testing.T) {
			card := expiryCard(c.stack, 168, 0)
			card.USDPerDay = 1.23
			c.change(&card)
			status := perch.EnvironmentStatus{Slug: slugOf(c.stack), Branch: c.stack.Tags[perch.TagBranch]}
			empty := status
			c.want.Slug, c.want.Branch = status.Slug, status.Branch
			cards := KnownCards{BySlug: map[string]perch.Card{status.Slug: card}}
			EnterOutlook(&status, c.stack, cards, expiryPolicy(), "", now)
			if diff := cmp.Diff(c.want, status, exceptRejections); diff != "" {
				t.Errorf("status (-want +got):\n%s", diff)
			}
			unread := empty
			EnterOutlook(
				&unread, c.stack, KnownCards{Unreadable: map[string]string{status.Slug: "no JSON"}}, expiryPolicy(), "",
				now,
			)
			if diff := cmp.Diff(empty, unread, exceptRejections); diff != "" {
				t.Errorf("status by an unreadable card (-want +got):\n%s", diff)
			}
		})
	}
}

// exceptRejections leaves out the fields that TestWhatIsAlwaysRejected checks.
var exceptRejections = cmpopts.IgnoreFields(perch.EnvironmentStatus{}, "RemovalRejected", "KeepRejected")

// TestWhatIsAlwaysRejected checks for several environments whether a removal and a pin are always
// rejected, even if the environment's card cannot be read.
func TestWhatIsAlwaysRejected(t *testing.T) {
	ofKind := func(branch string, kind perch.Kind) Found {
		stack := expiryStack(branch, newYear)
		stack.Tags[perch.TagKind] = string(kind)
		return stack
	}
	locked, tagged := expiryStack("login", newYear), expiryStack("login", newYear)
	locked.Protected, tagged.Tags[perch.TagProtect] = true, "true"
	for name, c := range map[string]struct {
		stack         Found
		removal, keep string
	}{
		"a branch":               {expiryStack("login", newYear), "", ""},
		"the default branch":     {expiryStack("main", newYear), "is the default branch", "never expires"},
		"a protected branch":     {expiryStack("release/1", newYear), "by the pattern", "by the pattern"},
		"staging":                {ofKind("login", perch.KindStaging), "of kind staging", "its kind is staging"},
		"production":             {ofKind("login", perch.KindProduction), "kind production", "kind is production"},
		"termination protection": {locked, "termination protection is on", ""},
		"a tag that protects":    {tagged, "", ""},
	} {
		status := perch.EnvironmentStatus{Slug: slugOf(c.stack), Branch: c.stack.Tags[perch.TagBranch]}
		EnterOutlook(&status, c.stack, KnownCards{Problem: "S3 is away"}, expiryPolicy(), "", newYear)
		for what, said := range map[string][2]string{
			"removal": {status.RemovalRejected, c.removal}, "keep": {status.KeepRejected, c.keep},
		} {
			if (said[0] == "") != (said[1] == "") || !strings.Contains(said[0], said[1]) {
				t.Errorf("%s: %s is rejected because %q, want %q", name, what, said[0], said[1])
			}
		}
	}
	unborn := perch.EnvironmentStatus{Branch: "main"}
	if EnterRejections(&unborn, nil, expiryPolicy(), ""); unborn.RemovalRejected == "" || unborn.KeepRejected != "" {
		t.Errorf("before there is a stack: %+v", unborn)
	}
}
