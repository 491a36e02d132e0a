package pages

import (
	"fmt"
	"strings"
	"time"

	"perch"
	"perch/client"
	"perch/readapi"
)

// noon is the current time in the tests of the pages.
var noon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return noon.Add(-d) }

// ana is a person who may act on branches.
var ana = Viewer{Login: "ana", Role: "write"}

func frameFor(v Viewer) Frame {
	return Frame{
		Viewer: v, Project: "shop", Repository: "https://github.com/acme/shop", Now: noon, CanSignIn: true,
		RunsURL: "https://temporal.example.com/namespaces/default/workflows?query=x",
	}
}

// environmentOf returns a ready environment of a branch.
func environmentOf(branch string, changes ...func(*readapi.Environment)) readapi.Environment {
	commit := perch.StableID(branch) + "00000000"
	e := readapi.Environment{
		Branch: branch, Slug: branch, Stack: "shop-" + branch, Kind: perch.KindBranch, Status: "UPDATE_COMPLETE",
		URL: "https://" + branch + ".shop.example.com", Commit: commit, USDPerDay: 1.32, USDSoFar: 4.1,
		Expires: readapi.Timestamp(noon.Add(5 * 24 * time.Hour)),
		LastReport: &perch.LastReport{
			Goal: perch.GoalUp, Phase: perch.PhaseReady, Outcome: perch.OutcomeReady, Commit: commit,
			By: "github-actions:ana", At: ago(2 * time.Hour),
		},
		Message: &perch.CommitMessage{
			Subject: "Let people pay by invoice", Author: "Ana Souza", At: ago(3 * time.Hour),
		},
	}
	for _, change := range changes {
		change(&e)
	}
	return e
}

func pull(number int, title, author string) func(*readapi.Environment) {
	return func(e *readapi.Environment) {
		e.PullRequests = []perch.PullRequest{{
			Number: number, Title: title, Author: author,
			URL: fmt.Sprintf("https://github.com/acme/shop/pull/%d", number),
		}}
	}
}

// saying gives the deployed commit a subject.
func saying(subject string) func(*readapi.Environment) {
	return func(e *readapi.Environment) { e.Message.Subject = subject }
}

// in puts the environment into a phase, with the status of its stack.
func in(status string, phase perch.Phase, changes ...func(*perch.LastReport)) func(*readapi.Environment) {
	return func(e *readapi.Environment) {
		e.Status, e.LastReport.Phase, e.LastReport.Outcome = status, phase, ""
		for _, change := range changes {
			change(e.LastReport)
		}
	}
}

func failedBecause(sentence string) func(*perch.LastReport) {
	return func(l *perch.LastReport) { l.Outcome, l.Sentence = perch.OutcomeFailed, sentence }
}

const noClass = "the instance profile could not be created: no such class Shop::Invoice (NameError) in " +
	"app/models/order.rb, line 12"

// creatingDatabase is a heartbeat while a stack is created.
var creatingDatabase = perch.Progress{
	Status: "CREATE_IN_PROGRESS", Done: 12, Total: 31, Since: ago(6 * time.Minute), ExpectedSeconds: 840,
	Awaited: &perch.AwaitedResource{
		LogicalID: "Database", Type: "AWS::RDS::DBInstance", Since: ago(200 * time.Second), TypicalSeconds: 595,
	},
}

func pinnedBy(by, reason string) func(*readapi.Environment) {
	return func(e *readapi.Environment) {
		e.Pin = &perch.Pin{By: by, Reason: reason, At: ago(time.Hour), Until: noon.Add(72 * time.Hour)}
		e.Expires = readapi.Timestamp(e.Pin.Until)
	}
}

func creating(e *readapi.Environment) {
	in("CREATE_IN_PROGRESS", perch.PhaseStack)(e)
	e.LastReport.ExpectedSeconds, e.LastReport.At, e.USDSoFar = 840, ago(6*time.Minute), 0
}

func expiringSoon(e *readapi.Environment) { e.Expires = readapi.Timestamp(noon.Add(5 * time.Hour)) }

// overviewOf returns an overview with the environments.
func overviewOf(environments ...readapi.Environment) readapi.Overview {
	return readapi.Overview{
		List:    readapi.List{At: readapi.Timestamp(ago(5 * time.Second)), Environments: environments},
		Project: "shop", Beats: map[string]perch.Progress{"checkout": creatingDatabase},
	}
}

// usual returns the overview of an ordinary day.
func usual() readapi.Overview {
	removing := func(l *perch.LastReport) { l.Goal, l.At = perch.GoalGone, ago(3*time.Minute) }
	o := overviewOf(
		environmentOf("checkout", pull(412, "Let people check out as a guest", "ana"), creating),
		environmentOf(
			"invoices", pull(398, "Invoices for companies, with VAT numbers", "ana"),
			pinnedBy("web:bob", "the board sees it on Thursday"),
		),
		environmentOf(
			"dark-mode", pull(405, "Dark mode", "bob"), expiringSoon, saying("Keep the contrast of links"),
		),
		environmentOf(
			"search", pull(377, "Search forgives spelling mistakes", "chidi"), saying("Rank exact matches first"),
			in("UPDATE_ROLLBACK_COMPLETE", perch.PhaseFailed, failedBecause(noClass)),
		),
		environmentOf(
			"spike/vector-search-with-a-local-model",
			func(e *readapi.Environment) { e.LastReport.By, e.Message = "jane@laptop", nil },
		),
		environmentOf(
			"old-banner", pull(301, "Take the summer banner down", "dewi"), saying("Remove the banner's images"),
			in("DELETE_IN_PROGRESS", perch.PhaseRemoving, removing),
		),
		environmentOf("main", func(e *readapi.Environment) {
			e.Kind, e.Expires, e.USDPerDay, e.USDSoFar = perch.KindStaging, "", 3.9, 412.77
			e.Message.Subject = "Merge pull request #399"
		}),
	)
	o.Leftovers = []perch.Leftover{{
		Branch: "photos", Stack: "shop-photos", StackID: stackID("photos"), Since: ago(30 * time.Hour),
		Resources: []string{"shop-photos-uploads (AWS::S3::Bucket)", "shop-photos-db-snapshot (AWS::RDS::DBSnapshot)"},
	}}
	return o
}

// held returns an overview in which everything waits for a person.
func held() readapi.Overview {
	o := usual()
	o.Held = &readapi.HeldCleanup{
		Reason: "the plan removes 6 of 7 environments, and the policy lets cleanup remove 5 without approval",
		Hash:   "3f9a", At: readapi.Timestamp(ago(50 * time.Minute)),
	}
	for _, branch := range []string{"old-banner", "photos", "feature/rewrite-the-basket-so-that-prices-are-exact"} {
		o.Held.Removals = append(o.Held.Removals, perch.CleanupVerdict{
			Branch: branch, Stack: "shop-" + branch, Verdict: perch.VerdictRemove, Reason: "branch missing",
			Commit: "9b1c2d3e4f", Created: ago(20 * 24 * time.Hour),
		})
	}
	o.Warnings = []string{
		"the card of stack shop-basket cannot be read: unexpected end of JSON input; it counts as pinned",
	}
	return o
}

func stackID(branch string) string {
	return "arn:aws:cloudformation:eu-west-1:111122223333:stack/shop-" + branch +
		"/9d3c1f20-b7a1-11f0-8f3e-0a1b2c3d4e5f"
}

// hostile returns an overview whose texts were written to break a page.
func hostile() readapi.Overview {
	long := strings.Repeat("feature-with-a-very-long-name-", 8)
	return overviewOf(
		environmentOf(
			`<script>alert(1)</script>`, pull(1, `<img src=x onerror=alert(1)> "quoted" & 'more'`, `"><b>eve</b>`),
		),
		environmentOf(
			long[:240], pull(2, strings.Repeat("Wide", 120), "m"),
			in("ROLLBACK_COMPLETE", perch.PhaseFailed, failedBecause(strings.Repeat("a-very-long-reason ", 16))),
		),
		environmentOf(
			"right-to-left", pull(3, "שלום \u202eevil\u202c عالم 日本語 🦄 ẍ̷̢̛̗", "ירון"), pinnedBy("web:"+long, long),
		),
		environmentOf("script-address", func(e *readapi.Environment) {
			e.URL = "javascript:alert(1)"
			e.PullRequests = []perch.PullRequest{
				{Number: 4, Title: "\x00\x1b[31m\nA title with controls", URL: "data:text/html,<b>x</b>"},
			}
			e.Message.Subject = "</td></table><script>alert(2)</script>"
		}),
	)
}

// many returns an overview of n environments.
func many(n int) readapi.Overview {
	var all []readapi.Environment
	for i := range n {
		e := environmentOf(
			fmt.Sprintf("feature/%d-a-branch-of-ordinary-length", i),
			pull(i+1, fmt.Sprintf("Change %d of a busy team", i), "ana"),
		)
		if i%9 == 4 {
			in("UPDATE_ROLLBACK_COMPLETE", perch.PhaseFailed, failedBecause(noClass))(&e)
		}
		all = append(all, e)
	}
	return overviewOf(all...)
}

// pageOf returns the page of an environment, with content in every part.
func pageOf(e readapi.Environment) readapi.Page {
	return readapi.Page{
		Status: readapi.Status{
			Environment: e, At: readapi.Timestamp(ago(4 * time.Second)),
			Run: client.Run{WorkflowID: e.Stack, RunID: "0199-run"},
			Resources: []perch.ResourceStatus{
				{Type: "AWS::RDS::DBInstance", LogicalID: "Database", Status: "UPDATE_COMPLETE"},
				{Type: "AWS::S3::Bucket", LogicalID: "Uploads", Status: "CREATE_COMPLETE"},
				{Type: "AWS::ElasticBeanstalk::Environment", LogicalID: "Web", Status: "UPDATE_COMPLETE"},
			},
		},
		Timeline: []perch.TimelineEntry{
			{
				Request: "up", Commit: "9b1c2d3e4f", By: "github-actions:ana", Reason: "push",
				Begun: ago(125 * time.Minute), Ended: ago(118 * time.Minute), Outcome: "ready", RunID: "r3",
			},
			{
				Request: "pin", By: "web:bob", Reason: "the board sees it on Thursday", Begun: ago(3 * time.Hour),
				Ended: ago(3 * time.Hour),
			},
			{
				Request: "up", Commit: "77aa00bb11", By: "webhook:chidi", Reason: "push", Begun: ago(26 * time.Hour),
				Ended: ago(25*time.Hour + 50*time.Minute), Outcome: "failed", Sentence: noClass, RunID: "r2",
			},
			{
				Request: "up", Commit: "1122334455", By: "jane@laptop", Reason: "perch up", Begun: ago(50 * time.Hour),
				Ended: ago(49 * time.Hour), Outcome: "superseded", RunID: "r1",
			},
		},
		Settings: []perch.SettingDifference{
			{Path: "instances.min", A: 2.0, B: 1.0}, {Path: "database.size", A: "db.t4g.medium", B: "db.t4g.micro"},
			{Path: "variables.MAIL_TO", A: nil, B: "preview@example.com"},
		},
		Seeds: []perch.SeedRecord{
			{Step: "s3 fixtures/media", Result: "214 objects"}, {Step: "http POST /seed", Result: "answered 204"},
		},
	}
}

func logsOf(branch string) *readapi.Logs {
	logs := &readapi.Logs{
		Branch:   branch,
		LogLines: perch.LogLines{Source: "/aws/elasticbeanstalk/shop-" + branch + "/app.log", Masked: 2},
	}
	for i := range 12 {
		logs.Lines = append(logs.Lines, perch.LogLine{
			At: ago(time.Duration(60-i) * time.Second), Stream: "i-0abc",
			Text: fmt.Sprintf("GET /orders/%d 200 in %d ms, token=[masked]", 4000+i, 12+i*7),
		})
	}
	return logs
}

// failedPage returns the page of an environment whose deployment failed.
func failedPage() readapi.Page {
	p := pageOf(environmentOf(
		"search", pull(377, "Search forgives spelling mistakes", "chidi"),
		in("UPDATE_ROLLBACK_COMPLETE", perch.PhaseFailed, failedBecause(noClass)),
	))
	p.Commit = strings.Repeat("7", 40)
	p.Resources[2].Status = "UPDATE_FAILED"
	p.Log = &logsOf("search").LogLines
	p.Leftovers = usual().Leftovers
	return p
}

// creatingPage returns the page of an environment that is being created.
func creatingPage() readapi.Page {
	p := readapi.Page{Status: readapi.Status{
		Environment: environmentOf(
			"checkout", pull(412, "Let people check out as a guest", "ana"), creating,
		), Phase: perch.PhaseStack,
		At: readapi.Timestamp(ago(time.Second)), Run: client.Run{WorkflowID: "shop-checkout", RunID: "0199-run"},
		Retries: []client.Retry{{Activity: "EnsureDatabase", Attempt: 3, Failure: "Rate exceeded"}},
	}, Beat: &creatingDatabase}
	p.Timeline = []perch.TimelineEntry{{
		Request: "up", Commit: p.Commit, By: "github-actions:ana", Reason: "push", Begun: ago(6 * time.Minute),
		RunID: "0199-run",
	}}
	return p
}

// lifeOf returns the record of a removed environment.
func lifeOf(branch string) perch.Life {
	page := pageOf(environmentOf(branch))
	return perch.Life{
		Branch: branch, Slug: branch, StackID: stackID(
			branch,
		), Commit: "9b1c2d3e4f", Created: ago(12 * 24 * time.Hour), Ended: ago(26 * time.Hour),
		By: "cleanup", Reason: "the branch was deleted", PullRequests: []perch.PullRequest{{
			Number: 301, Title: "Take the summer banner down", Author: "dewi",
			URL: "https://github.com/acme/shop/pull/301",
		}},
		USD: 14.52, Timeline: page.Timeline, Leftovers: usual().Leftovers,
	}
}
