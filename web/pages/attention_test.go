package pages

import (
	"testing"
	"time"

	"perch/readapi"
)

// TestAnEnvironmentNeedsAttentionOnceItExpiresSoon goes through what is known of its end. Projects
// choose how long before it people are warned.
func TestAnEnvironmentNeedsAttentionOnceItExpiresSoon(t *testing.T) {
	for name, c := range map[string]struct {
		left   time.Duration
		warned bool
		change func(*readapi.Environment)
		want   bool
	}{
		"warned two days before":        {left: 40 * time.Hour, warned: true, want: true},
		"not warned, with 40 hours":     {left: 40 * time.Hour},
		"not warned, with a day":        {left: 24 * time.Hour, want: true},
		"warned an hour before":         {left: 30 * time.Minute, warned: true, want: true},
		"warned, and pinned since":      {left: 40 * time.Hour, warned: true, change: pinnedBy("web:bob", "demo")},
		"without an end":                {change: func(e *readapi.Environment) { e.Expires = "" }},
		"an end that was some time ago": {left: -time.Hour, want: true},
	} {
		e := environmentOf("login", func(e *readapi.Environment) {
			e.Expires = readapi.Timestamp(noon.Add(c.left))
			if c.warned {
				e.Warned = readapi.Timestamp(noon.Add(-8 * time.Hour))
			}
		})
		if c.change != nil {
			c.change(&e)
		}
		if got := viewRow(Frame{Now: noon}, e, nil).Soon; got != c.want {
			t.Errorf("%s: it expires soon: %t, want %t", name, got, c.want)
		}
	}
}
