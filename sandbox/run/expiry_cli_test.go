package run

import (
	"io"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/sandbox/aws"
)

// newExpiringProject adds a project whose environments expire after a week without use, and after
// 400 hours at the latest.
func newExpiringProject(t *testing.T, name string) *bench {
	t.Helper()
	files := map[string]string{"perch.yaml": bare(name, "  expiry: {idle: 168h, max: 400h}")}
	b, _ := sharedSandbox(t).withSlack(t)
	return b.newProject(t, name, files, func(p *perch.Policy) {
		p.Protected, p.Reports.Slack = []string{"release/*"}, true
	})
}

func (d document) time(t *testing.T, path ...string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, d.text(path...))
	if err != nil {
		t.Fatalf("%v in %v: %v", path, d, err)
	}
	return at
}

// TestPeopleKeepAnEnvironment extends, pins and unpins an environment. Each command says until when
// the environment is kept.
func TestPeopleKeepAnEnvironment(t *testing.T) {
	t.Parallel()
	b := newExpiringProject(t, "keeps")
	b.repo.commit(t, "long-kept", map[string]string{"a.txt": "1"})
	b.must(t, "up", "long-kept")

	extended := b.must(t, "extend", "long-kept", "--by", "48h")
	equal(
		t, extended,
		document{"branch": "long-kept", "slug": "long-kept", "stack": "keeps-long-kept", "pin": nil, "error": ""},
	)
	expires := extended.time(t, "expires")
	if left := time.Until(expires); left < 8*24*time.Hour || left > 10*24*time.Hour {
		t.Errorf("the extended environment expires in %s", left)
	}
	later := expires.Add(24 * time.Hour)
	out := b.starter(t.Context(), "extend", "long-kept", "--until", later.Format("2006-01-02T15:04Z07:00"))
	contains(t, out.stdout, "kept is kept until "+
		later.Format("2006-01-02 15:04 UTC"), "`perch up long-kept` brings it back")

	until := time.Now().UTC().Add(72 * time.Hour).Truncate(time.Second)
	pinned := b.must(t, "pin", "long-kept", "--reason", "demo on Friday", "--until", until.Format(time.RFC3339))
	pin := document(pinned["pin"].(map[string]any))
	equal(t, pin, document{"reason": "demo on Friday", "until": until.Format(time.RFC3339)})
	if !pinned.time(t, "expires").After(until) || pin.text("by") == "" {
		t.Errorf("the pin is %v", pinned)
	}
	out = b.starter(t.Context(), "pin", "long-kept", "--reason", "demo on Monday")
	contains(t, out.stdout, "kept is pinned until ", "Then it expires")
	equal(t, b.must(t, "unpin", "long-kept"), document{"branch": "long-kept", "pin": nil, "error": ""})
	b.must(t, "pin", "long-kept", "--reason", "a pin does not keep it from down")
	equal(t, b.must(t, "down", "long-kept"), document{"outcome": "gone"})
}

// TestKeepRejectsWithASentence tries to keep what cannot be kept, or not for so long. Nothing
// changes.
func TestKeepRejectsWithASentence(t *testing.T) {
	t.Parallel()
	b := newExpiringProject(t, "rejects")
	for _, branch := range []string{"kept-basket", "release/kept", "unread-card"} {
		b.repo.commit(t, branch, map[string]string{"a.txt": branch})
		b.must(t, "up", branch)
	}
	b.must(t, "up", "main")
	bucket := b.must(t, "application", "status").text("outputs", "ArtifactBucket")
	_, err := b.storage().PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: &bucket, Key: sdk.String("cards/unread-card.json"), Body: strings.NewReader("{"),
	})
	fatal(t, err)
	day := func(days int) string { return time.Now().UTC().AddDate(0, 0, days).Format(time.DateOnly) }
	cart, unread := b.storedCard(t, bucket, "kept-basket"), b.storedCard(t, bucket, "unread-card")
	for name, c := range map[string]struct {
		args []string
		exit int
		want string
	}{
		"a pin without a reason": {[]string{"pin", "kept-basket"}, 2, "a pin needs a reason"},
		"a pin that is past": {
			[]string{"pin", "kept-basket", "--reason", "demo", "--until", day(-2)}, 2, "is past",
		},
		"a pin that is too long": {
			[]string{"pin", "kept-basket", "--reason", "demo", "--until", day(40)}, 4,
			"raise `expiry.pin` in the policy",
		},
		"a reason that is too long": {
			[]string{"pin", "kept-basket", "--reason", strings.Repeat("ü", 201)}, 4, "the most is 200",
		},
		"a pin of main": {[]string{"pin", "main", "--reason", "demo"}, 4, "never expires"},
		"a pin of a protected branch": {
			[]string{"pin", "release/kept", "--reason", "demo"}, 4, "protected by the pattern release/*",
		},
		"a pin of an unreadable card": {
			[]string{"pin", "unread-card", "--reason", "demo"}, 4, "nothing was changed",
		},
		"a pin of nothing": {
			[]string{"pin", "nowhere", "--reason", "demo"}, 4, "`perch up nowhere` creates one",
		},
		"an unpin without a pin": {[]string{"unpin", "kept-basket"}, 4, "branch kept-basket is not pinned"},
		"an extension beyond the policy": {
			[]string{"extend", "kept-basket", "--by", "169h"}, 4, "raise `expiry.extend` in the policy",
		},
		"an extension beyond the maximum": {
			[]string{"extend", "kept-basket", "--until", day(20)}, 4,
			"`expiry.max` bounds its life; pin it to keep it longer",
		},
		"an extension that is past": {[]string{"extend", "kept-basket", "--until", day(-1)}, 2, "is past"},
		"an invalid extension": {
			[]string{"extend", "kept-basket", "--until", day(1)}, 4, "there is nothing to extend",
		},
		"an extension of main":        {[]string{"extend", "main"}, 4, "never expires"},
		"an extension without a card": {[]string{"extend", "unread-card"}, 4, "cannot be"},
	} {
		t.Run(name, func(t *testing.T) {
			exit, d := b.ask(t, c.args...)
			if exit != c.exit {
				t.Errorf("exit code %d, want %d", exit, c.exit)
			}
			contains(t, d.text("error"), c.want)
		})
	}
	if diff := cmp.Diff(cart, b.storedCard(t, bucket, "kept-basket")); diff != "" {
		t.Errorf("the card has changed (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(unread, b.storedCard(t, bucket, "unread-card")); diff != "" {
		t.Errorf("the unreadable card has changed (-before +after):\n%s", diff)
	}
	if n := len(b.environments(t)); n != 4 {
		t.Errorf("%d environments are left of 4", n)
	}
}

// storedCard returns the text of an environment's card.
func (b *bench) storedCard(t *testing.T, bucket, slug string) string {
	t.Helper()
	out, err := b.storage().GetObject(t.Context(), &s3.GetObjectInput{
		Bucket: &bucket, Key: sdk.String("cards/" + slug + ".json"),
	})
	fatal(t, err)
	defer out.Body.Close()
	stored, err := io.ReadAll(out.Body)
	fatal(t, err)
	return string(stored)
}

// TestExpiryIsShownAndCarriedOut calls `perch expiry` and `perch cleanup` while the sandbox's clock
// goes forward.
func TestExpiryIsShownAndCarriedOut(t *testing.T) {
	t.Parallel()
	b := newHome(t, "unused", "pinned")
	b.must(t, "pin", "pinned", "--reason", "demo on Friday")
	b.aws.Forward(150 * time.Hour)
	dry := b.starter(t.Context(), "expiry", "--dry-run")
	contains(t, dry.stdout, "unused  warn ", "not used for 168h", "pinned  keep ", ": demo on Friday",
		"Expiry: nothing would be removed; people would be warned of 1 environment.")
	equal(t, b.must(t, "expiry", "--dry-run"), document{"saved_usd_per_day": 0.0})
	contains(
		t, b.starter(t.Context(), "ls").stdout, "EXPIRES", "COST (ESTIMATE)", "in 24 hours", "pinned", "by ",
		": demo on Friday",
	)
	shown := b.must(t, "status", "unused")
	// No warning has been sent yet.
	if left := shown.time(t, "expires").Sub(shown.time(t, "at")); left != 24*time.Hour {
		t.Errorf("status says that %s are left: %v", left, shown)
	}
	perDay := b.expire(t, true)["unused"].USDPerDay
	if cost, _ := shown["usd_so_far"].(float64); cost < 6*perDay || cost > 7*perDay {
		t.Errorf("150 hours at %v USD a day cost %v", perDay, cost)
	}
	pin, _ := b.must(t, "status", "pinned")["pin"].(map[string]any)
	equal(t, pin, document{"reason": "demo on Friday"})

	swept := b.starter(t.Context(), "cleanup")
	contains(
		t, swept.stderr, "pinned is held: pinned by ",
		"Expiry: nothing is removed; people are warned of 1 environment.",
	)
	b.awaitWarnings(t)
	b.aws.Forward(30 * time.Hour)
	out := b.starter(t.Context(), "expiry")
	contains(
		t, out.stdout, "unused  remove ", "Expiry: the removal of 1 environment is requested, which saves ",
		" USD a day (estimate); no one is warned.",
	)
	eventually(t, "the environment is removed", func() (any, bool) {
		left := b.deployed(t)
		return left, len(left) == 1
	})
}

// TestAPinIsEnteredWhileARunIsAtWork pins during a deployment that hangs, and during the grace
// period of a removal.
func TestAPinIsEnteredWhileARunIsAtWork(t *testing.T) {
	t.Parallel()
	b := newSweep(t, "pins", time.Hour, "pins-busy", "pins-leaves")
	stack := b.stackOf(t, "pins-busy")
	lift := b.order(t, aws.Fault{Stack: stack, LogicalID: "Environment", Phase: "update", Hang: true, Count: 1})
	b.repo.commit(t, "pins-busy", map[string]string{"a.txt": "again"})
	up := b.begin(t, "up", "pins-busy")
	b.awaitStack(t, stack, "UPDATE_IN_PROGRESS")
	equal(t, b.must(t, "pin", "pins-busy", "--reason", "demo"), document{"branch": "pins-busy", "error": ""})
	lift()
	if exit, d := up(); exit != 0 {
		t.Errorf("up: exit code %d: %v", exit, d)
	}

	b.repo.drop(t, "pins-leaves")
	equal(t, b.must(t, "cleanup"), document{"pending": []any{"pins-pins-leaves"}})
	equal(t, b.must(t, "pin", "pins-leaves", "--reason", "demo"), document{"branch": "pins-leaves", "error": ""})
	verdict := b.must(t, "cleanup", "--dry-run").verdicts()["pins-leaves"]
	contains(t, verdict, "hold: pinned by ", ": demo")
	for _, branch := range []string{"pins-busy", "pins-leaves"} {
		// `perch down` removes the environment in spite of its pin.
		equal(t, b.must(t, "down", branch), document{"outcome": "gone"})
	}
}
