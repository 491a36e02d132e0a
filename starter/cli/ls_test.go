package cli

import (
	"strings"
	"testing"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"perch"
	"perch/readapi"
)

// shownList has an environment in each of some states, with addresses of the given domain.
func shownList(domain string) readapi.List {
	last := func(phase perch.Phase, goal perch.Goal) *perch.LastReport {
		return &perch.LastReport{Goal: goal, Phase: phase, At: noon}
	}
	at := func(ago time.Duration) time.Time { return noon.Add(-ago) }
	return readapi.NewList(perch.ListResult{At: noon, Environments: []perch.EnvironmentStatus{
		{
			Branch: "feature/SHOP-1234-let-people-log-in-by-mail", Status: "CREATE_COMPLETE",
			LastReport: last(perch.PhaseReady, perch.GoalUp), Kind: perch.KindBranch,
			Commit: commitA, URL: "https://feature-shop-1234-le-pr5rby." + domain, Updated: at(50 * time.Hour),
			Expires: noon.Add(60 * time.Hour), USDSoFar: 4.2,
			PullRequests: []perch.PullRequest{{Number: 12, Title: "Log in by mail"}},
		},
		{
			Branch: "fix/typo", Status: "CREATE_IN_PROGRESS", LastReport: last(perch.PhaseStack, perch.GoalUp),
			Kind: perch.KindBranch, Updated: at(3 * time.Minute),
		},
		{
			Branch: "main", Status: "UPDATE_ROLLBACK_COMPLETE", LastReport: last(perch.PhaseFailed, perch.GoalUp),
			Kind: perch.KindStaging, Commit: commitB, URL: "https://main." + domain, Updated: at(26 * time.Hour),
		},
	}})
}

func TestLsFitsIntoTheTerminal(t *testing.T) {
	for name, c := range map[string]struct {
		domain string
		width  int
		want   string
	}{
		"an address beside a shortened branch": {"x.io", 88, `
BRANCH                       STATE     UPDATED  URL
feature/SHOP-…og-in-by-mail  ready     2d ago   https://feature-shop-1234-le-pr5rby.x.io
fix/typo                     creating  3m ago
main                         failed    26h ago  https://main.x.io
`},
		"addresses that do not fit": {"preview.example.com", 80, `
BRANCH                                       STATE     UPDATED  EXPIRES
feature/SHOP-1234-let-people-log-in-by-mail  ready     2d ago   in 2 days
  https://feature-shop-1234-le-pr5rby.preview.example.com
fix/typo                                     creating  3m ago
main                                         failed    26h ago
  https://main.preview.example.com
`},
		"a wider terminal": {"shop.io", 130, `
BRANCH                                       STATE     UPDATED  EXPIRES    COMMIT   URL
feature/SHOP-1234-let-people-log-in-by-mail  ready     2d ago   in 2 days  aaaaaaa  https://feature-shop-1234-le-pr5rby.shop.io
fix/typo                                     creating  3m ago
main                                         failed    26h ago             bbbbbbb  https://main.shop.io
`},
		"a terminal that is too narrow for a table": {"shop.io", 59, `
branch
  feature/SHOP-1234-let-people-log-in-by-mail
state            ready
updated          2d ago
url
  https://feature-shop-1234-le-pr5rby.shop.io
expires          in 2 days
commit           aaaaaaa
kind             branch
cost (estimate)  4.20 USD
pull request     #12 Log in by mail

branch   fix/typo
state    creating
updated  3m ago
kind     branch

branch   main
state    failed
updated  26h ago
url      https://main.shop.io
commit   bbbbbbb
kind     staging
`},
		"no terminal": {"x.io", 0, `
BRANCH                                       STATE     UPDATED  EXPIRES    COMMIT   KIND     COST (ESTIMATE)  PULL REQUEST        URL
feature/SHOP-1234-let-people-log-in-by-mail  ready     2d ago   in 2 days  aaaaaaa  branch   4.20 USD         #12 Log in by mail  https://feature-shop-1234-le-pr5rby.x.io
fix/typo                                     creating  3m ago                       branch
main                                         failed    26h ago             bbbbbbb  staging                                       https://main.x.io
`},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, "\n"+listText(shownList(c.domain), paper{width: c.width})); diff != "" {
				t.Errorf("the list (-want +got):\n%s", diff)
			}
		})
	}
}

// TestOnlyAddressesAreWiderThanTheTerminal draws environments and terminals.
func TestOnlyAddressesAreWiderThanTheTerminal(t *testing.T) {
	text := rapid.StringMatching(`[a-z/漢字-]{1,70}`)
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(narrowestTable, 250).Draw(t, "width")
		result := perch.ListResult{At: noon}
		for range rapid.IntRange(1, 4).Draw(t, "environments") {
			result.Environments = append(result.Environments, perch.EnvironmentStatus{
				Branch: text.Draw(t, "branch"), Kind: perch.KindBranch, Commit: commitA,
				URL: "https://" + text.Draw(t, "host"), Updated: noon,
				Status: rapid.SampledFrom([]string{"CREATE_COMPLETE", "DELETE_FAILED", "UPDATE_ROLLBACK_IN_PROGRESS"}).
					Draw(t, "status"),
				Expires: noon.Add(time.Hour), USDSoFar: 1,
				PullRequests: []perch.PullRequest{{Number: 1, Title: text.Draw(t, "title")}},
			})
		}
		written := listText(readapi.NewList(result), paper{width: width})
		for line := range strings.Lines(written) {
			address := strings.HasPrefix(line, "  https://")
			if wide := lipgloss.Width(strings.TrimSuffix(line, "\n")); wide > width && !address {
				t.Fatalf("a line has %d columns on a terminal of %d:\n%s", wide, width, written)
			}
		}
		for _, e := range result.Environments {
			if !strings.Contains(written, e.URL) {
				t.Fatalf("the address %s is not whole:\n%s", e.URL, written)
			}
		}
	})
}

func TestBranchesAreShortenedInTheMiddle(t *testing.T) {
	for name, want := range map[string]string{
		"feature/login": "feature/login", "feature/log-in-by-mail-2": "feature/lo…by-mail-2",
		"漢字漢字漢字漢字漢字漢字": "漢字漢字漢…漢字漢字",
	} {
		got := shorten(name, 20)
		if got != want || lipgloss.Width(got) > 20 {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestAges(t *testing.T) {
	for ago, want := range map[time.Duration]string{
		-time.Second: "just now", 59 * time.Second: "just now", time.Minute: "1m ago", 119 * time.Minute: "1h ago",
		47 * time.Hour: "47h ago", 49 * time.Hour: "2d ago",
	} {
		if got := age(readapi.Timestamp(noon.Add(-ago)), readapi.Timestamp(noon)); got != want {
			t.Errorf("%s ago is %q, want %q", ago, got, want)
		}
	}
	if got := age("", readapi.Timestamp(noon)); got != "" {
		t.Errorf("no time is %q", got)
	}
}
