package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/client"
	"perch/readapi"
)

func TestS124PeopleReadWhichStacksAreAnotherRepositorys(t *testing.T) {
	found := []perch.OtherRepository{{
		Repository: "old", Stacks: []string{"shop-a", "shop-b"}, Advice: "write `repository: [new, old]` in the policy",
	}}
	const want = "Perch does not change 2 stacks of this project whose tags name the repository old: shop-a, " +
		"shop-b; write `repository: [new, old]` in the policy.\n"
	for name, tell := range map[string]func(a *app){
		"ls": func(a *app) { a.tellList("shop", readapi.NewList(perch.ListResult{OtherRepositories: found})) },
		"status": func(a *app) {
			a.tellStatus(readapi.NewStatus(
				environment(t, "a"), perch.StatusResult{OtherRepositories: found}, client.Progress{}, client.Run{},
			), "")
		},
		"cleanup": func(a *app) { a.tellVerdicts(&sweep{result: perch.CleanupResult{OtherRepositories: found}}) },
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr strings.Builder
			tell(&app{stdout: &stdout, stderr: &stderr, env: func(string) string { return "" }})
			if !strings.HasSuffix(stderr.String(), want) {
				t.Errorf("stderr: %s", stderr.String())
			}
		})
	}
}

func TestListsOnANarrowTerminal(t *testing.T) {
	updated := time.Date(2026, 11, 22, 22, 0, 0, 0, time.UTC)
	login := perch.EnvironmentStatus{
		Branch: "feature/login", Stack: "shop-feature-login-pr5rby", Kind: perch.KindBranch, Status: "CREATE_COMPLETE",
		Commit: commitA, Updated: updated,
		URL: "https://feature-login-pr5rby.shop.example.com", Resources: []perch.ResourceStatus{
			{LogicalID: "Assets", Type: "AWS::S3::Bucket", Status: "CREATE_COMPLETE"},
			{LogicalID: "Attachment", Type: "AWS::SecretsManager::SecretTargetAttachment", Status: "CREATE_COMPLETE"},
		},
	}
	status := readapi.NewStatus(
		environment(t, "feature/login"), perch.StatusResult{At: updated.Add(72 * time.Hour), Environment: &login},
		client.Progress{Phase: perch.PhaseReady}, client.Run{},
	)
	verdicts := []perch.CleanupVerdict{
		{Verdict: perch.VerdictRemove, Stack: "shop-a", Branch: "a", Created: updated, Reason: "branch missing"},
		{
			Verdict: perch.VerdictKeep, Stack: "shop-b", Branch: "b", Created: updated,
			Reason: "the branch exists, and its policy keeps it for another week",
		},
	}
	outputs := map[string]string{
		"LoadBalancerDNS": "load-balancer-1.eu-central-1.elb.amazonaws.com", "Empty": "", "ServiceRole": "shop-service",
	}
	schedule := scheduleDocument{
		ID: "shop:cleanup", Every: "1h0m0s", Paused: true, Note: "until the account has moved to the other region",
		Runs: 7,
	}
	for name, c := range map[string]struct {
		text         func(p paper) string
		wide, narrow string
	}{
		"an environment and its resources": {
			text: func(p paper) string { return statusText(status, "https://temporal.example.com/shop", p) },
			wide: `
branch        feature/login
state         ready
url           https://feature-login-pr5rby.shop.example.com
commit        ` + commitA + `
updated       2026-11-22T22:00:00Z, 3d ago
kind          branch
stack         shop-feature-login-pr5rby
stack status  CREATE_COMPLETE
phase         ready
run           https://temporal.example.com/shop

RESOURCE    TYPE                                         STATUS
Assets      AWS::S3::Bucket                              CREATE_COMPLETE
Attachment  AWS::SecretsManager::SecretTargetAttachment  CREATE_COMPLETE
`,
			narrow: `
branch        feature/login
state         ready
url
  https://feature-login-pr5rby.shop.example.com
commit
  ` + commitA + `
updated       2026-11-22T22:00:00Z, 3d ago
kind          branch
stack         shop-feature-login-pr5rby
stack status  CREATE_COMPLETE
phase         ready
run           https://temporal.example.com/shop

resource  Assets
type      AWS::S3::Bucket
status    CREATE_COMPLETE

resource  Attachment
type
  AWS::SecretsManager::SecretTargetAttachment
status    CREATE_COMPLETE
`,
		},
		"verdicts": {
			text: func(p paper) string { return verdictsText(verdicts, p) },
			wide: `
VERDICT  STACK   BRANCH  CREATED               REASON
remove   shop-a  a       2026-11-22T22:00:00Z  branch missing
keep     shop-b  b       2026-11-22T22:00:00Z  the branch exists, and its policy keeps it for another week
`,
			narrow: `
verdict  remove
stack    shop-a
branch   a
created  2026-11-22T22:00:00Z
reason   branch missing

verdict  keep
stack    shop-b
branch   b
created  2026-11-22T22:00:00Z
reason   the branch exists, and its policy keeps
         it for another week
`,
		},
		"outputs": {
			text: func(p paper) string { return outputsText(outputs, p) },
			wide: `
Empty            ""
LoadBalancerDNS  load-balancer-1.eu-central-1.elb.amazonaws.com
ServiceRole      shop-service
`,
			narrow: `
Empty            ""
LoadBalancerDNS
  load-balancer-1.eu-central-1.elb.amazonaws.com
ServiceRole      shop-service
`,
		},
		"a schedule": {
			text: func(p paper) string { return scheduleText(schedule, p) },
			wide: `
schedule  shop:cleanup
every     1h0m0s
paused    yes: until the account has moved to the other region
runs      7
skipped   0 (another run was still working)
missed    0 (Temporal was away)
`,
			narrow: `
schedule  shop:cleanup
every     1h0m0s
paused    yes: until the account has moved to the
          other region
runs      7
skipped   0 (another run was still working)
missed    0 (Temporal was away)
`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			for width, want := range map[int]string{0: c.wide, 120: c.wide, 200: c.wide, 50: c.narrow} {
				if diff := cmp.Diff(want, "\n"+c.text(paper{width: width, color: true})); diff != "" {
					t.Errorf("width %d (-want +got):\n%s", width, diff)
				}
			}
		})
	}
}

func TestListStaysInColumnsWhereTheyFit(t *testing.T) {
	address := "https://feature-a.shop.example.com/" + strings.Repeat("a", 54)
	for width, c := range map[int]struct {
		value, want string
	}{
		17:  {"branch", "BRANCH     WHAT\nfeature/a  branch\n"},
		16:  {"branch", "branch\n  feature/a\nwhat    branch\n"},
		100: {address, "BRANCH     WHAT\nfeature/a  " + address + "\n"},
		99:  {address, "branch  feature/a\nwhat    " + address + "\n"},
		// The address is longer than the terminal and stays whole.
		60: {address, "branch  feature/a\nwhat\n  " + address + "\n"},
	} {
		var out strings.Builder
		paper{width: width}.list(&out, []string{"BRANCH", "WHAT"}, [][]string{{"feature/a", c.value}})
		if diff := cmp.Diff(c.want, out.String()); diff != "" {
			t.Errorf("width %d (-want +got):\n%s", width, diff)
		}
	}
}
