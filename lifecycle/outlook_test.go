package lifecycle

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
	} {
		t.Run(name, func(t *testing.T) {
			card := expiryCard(c.stack, 168, 0)
			card.USDPerDay = 1.23
			c.change(&card)
			status := perch.EnvironmentStatus{Slug: slugOf(c.stack)}
			c.want.Slug = status.Slug
			cards := KnownCards{BySlug: map[string]perch.Card{status.Slug: card}}
			EnterOutlook(&status, c.stack, cards, expiryPolicy(), "", now)
			if diff := cmp.Diff(c.want, status); diff != "" {
				t.Errorf("status (-want +got):\n%s", diff)
			}
			unread := perch.EnvironmentStatus{Slug: status.Slug}
			EnterOutlook(
				&unread, c.stack, KnownCards{Unreadable: map[string]string{status.Slug: "no JSON"}}, expiryPolicy(), "",
				now,
			)
			if diff := cmp.Diff(perch.EnvironmentStatus{Slug: status.Slug}, unread); diff != "" {
				t.Errorf("status by an unreadable card (-want +got):\n%s", diff)
			}
		})
	}
}
