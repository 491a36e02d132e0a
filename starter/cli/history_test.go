package cli

import (
	"strings"
	"testing"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/google/go-cmp/cmp"

	"perch"
)

func TestHistoryIsATableOf80Columns(t *testing.T) {
	noon := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	got := historyText([]perch.Life{
		{
			Branch: "feature/login", By: "cleanup", Reason: "its branch is gone", Created: noon.Add(-50 * time.Hour),
			Ended: noon, USD: 3.2,
		},
		{
			Branch: "feature/" + strings.Repeat("long-", 20), By: "jane@laptop",
			Reason:  "perch down\nfor good and for other reasons",
			Created: noon.Add(-1000 * time.Hour), Ended: noon, USD: 12345.67,
		},
		{Branch: "cart", By: "ana", Created: noon, Ended: noon},
	})
	want := `BRANCH                REMOVED     LIVED     USD       BY AND WHY
feature/login         2026-11-02  2 days    3.20      cleanup, its branch is go…
feature/long-long-l…  2026-11-02  41 days   12345.67  jane@laptop, perch down f…
cart                  2026-11-02  1 minute            ana
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	for line := range strings.Lines(got) {
		if width := lipgloss.Width(strings.TrimSuffix(line, "\n")); width > 80 {
			t.Errorf("a line has %d columns: %s", width, line)
		}
	}
}
