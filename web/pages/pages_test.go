package pages

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"perch"
	"perch/readapi"
)

// written returns a page as text.
func written(t testing.TB, write page) string {
	t.Helper()
	var out bytes.Buffer
	if err := write(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// overviewText returns the first page with a tab.
func overviewText(t testing.TB, v Viewer, q Query, o readapi.Overview) string {
	t.Helper()
	return written(t, func(w io.Writer) error { return Overview(w, frameFor(v), q, o) })
}

func environmentText(t testing.TB, v Viewer, p readapi.Page, logs *readapi.Logs) string {
	t.Helper()
	return written(t, func(w io.Writer) error { return Environment(w, frameFor(v), p, logs) })
}

var tag = regexp.MustCompile(`<[^>]*>`)

// words returns the texts of a page, in one line.
func words(page string) string {
	text := tag.ReplaceAllString(page, " ")
	for _, entity := range [][2]string{{"&#39;", "'"}, {"&#34;", `"`}, {"&lt;", "<"}, {"&gt;", ">"}, {"&amp;", "&"}} {
		text = strings.ReplaceAll(text, entity[0], entity[1])
	}
	return strings.Join(strings.Fields(text), " ")
}

func wantWords(t *testing.T, page string, all ...string) {
	t.Helper()
	for _, want := range all {
		if !strings.Contains(words(page), want) {
			t.Errorf("the page does not say %q:\n%s", want, words(page))
		}
	}
}

// TestEveryPageIsWellFormedAndStrict parses each page as XML. Elements must be nested and closed,
// so no text that other people wrote has become an element. The content policy allows no script,
// style or handler in a page.
func TestEveryPageIsWellFormedAndStrict(t *testing.T) {
	for name, write := range everyPage() {
		text := written(t, write)
		decoder := xml.NewDecoder(strings.NewReader(text))
		decoder.Strict, decoder.AutoClose, decoder.Entity = false, []string{"meta", "link", "input"}, xml.HTMLEntity
		ids, level := map[string]bool{}, 0
		for {
			token, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			element, begins := token.(xml.StartElement)
			if !begins {
				continue
			}
			level = checkElement(t, name, element, ids, level)
		}
		for _, id := range regexp.MustCompile(`aria-(?:describedby|labelledby)="([^"]*)"`).FindAllStringSubmatch(
			text, -1,
		) {
			if !ids[id[1]] {
				t.Errorf("%s: nothing has the id %q", name, id[1])
			}
		}
		if !strings.Contains(text, `<html lang="en">`) || strings.Count(text, "<h1") != 1 ||
			!strings.Contains(text, `href="#main"`) {
			t.Errorf("%s has no language, no skip link, or not one h1", name)
		}
	}
}

// checkElement checks one element, and returns the level of the last heading.
func checkElement(t *testing.T, page string, element xml.StartElement, ids map[string]bool, level int) int {
	t.Helper()
	name := element.Name.Local
	switch name {
	case "style", "iframe", "object", "base", "img", "b":
		t.Errorf("%s has an element %s", page, name)
	case "h1", "h2", "h3", "h4":
		if next := int(name[1] - '0'); next > level+1 {
			t.Errorf("%s goes from heading %d to %d", page, level, next)
		} else {
			level = next
		}
	}
	for _, attribute := range element.Attr {
		key, value := attribute.Name.Local, attribute.Value
		switch {
		case key == "style", strings.HasPrefix(key, "on"):
			t.Errorf("%s: <%s %s=%q>", page, name, key, value)
		case key == "id" && ids[value]:
			t.Errorf("%s has the id %q twice", page, value)
		case key == "id":
			ids[value] = true
		case key == "href" || key == "src" || key == "action":
			parsed, err := url.Parse(value)
			if err != nil || parsed.Scheme != "" && parsed.Scheme != "http" && parsed.Scheme != "https" {
				t.Errorf("%s links to %q", page, value)
			}
			if key != "href" && !strings.HasPrefix(value, "/") {
				t.Errorf("%s: <%s %s=%q> leaves the site", page, name, key, value)
			}
		}
	}
	if name == "script" && (len(element.Attr) == 0 || element.Attr[0].Value != "/static/live.js") {
		t.Errorf("%s has an inline script", page)
	}
	return level
}

func TestARowSaysWhatAProductManagerNeeds(t *testing.T) {
	page := overviewText(t, ana, Query{Tab: TabAll}, usual())
	wantWords(t, page,
		"Let people check out as a guest checkout #412 by ana Creating: database, 3 of about 10 minutes Let people "+
			"pay by invoice",
		"3 hours ago 1.32 USD a day",
		"Invoices for companies, with VAT numbers invoices #398 by ana Ready",
		"1.32 USD a day 4.10 USD so far in 3 days Pinned by bob , ends in 3 days : the board sees it on Thursday "+
			"Open invoices",
		"Failed "+noClass, "spike/vector-search-with-a-local-model no pull request Ready",
		"main by Ana Souza staging Ready",
		"does not expire", "Removing Deleting, 3 minutes", "being removed",
		"7 environments, about 11.82 USD a day together.",
		"All 7 Mine 6 Needs attention 3 Removed",
	)
	for _, want := range []string{
		`href="https://invoices.shop.example.com"`, `href="https://github.com/acme/shop/pull/412"`,
		`href="/environment?branch=spike%2Fvector-search`,
		`href="https://github.com/acme/shop/commit/`,
		`<time datetime="2026-12-01T09:00:00Z" title="1 Dec 2026, 09:00 UTC">3 hours ago</time>`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	for _, unwanted := range []string{"https://checkout.shop.example.com", "https://old-banner.shop.example.com"} {
		if strings.Contains(page, unwanted) {
			t.Errorf("the page links to %s, where nothing answers", unwanted)
		}
	}
}

func TestFiltersAndTabsChooseRows(t *testing.T) {
	for query, want := range map[string]string{
		"": "checkout search main invoices dark-mode old-banner " +
			"spike/vector-search-with-a-local-model",
		"tab=nonsense&state=odd": "checkout search main invoices dark-mode old-banner " +
			"spike/vector-search-with-a-local-model",
		"q=INVOICES":                 "invoices",
		"q=%23405":                   "dark-mode",
		"q=banner+dewi":              "old-banner",
		"q=banner+ana":               "",
		"state=failed":               "search",
		"state=working":              "checkout",
		"state=leaving":              "old-banner",
		"author=ANA":                 "checkout invoices",
		"tab=mine&author=ana&q=vat":  "invoices",
		"tab=attention":              "search dark-mode",
		"tab=attention&state=failed": "search",
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		page := overviewText(t, ana, ParseQuery(values), usual())
		got := map[string]bool{}
		for _, link := range regexp.MustCompile(
			`class="title clamp" href="/environment\?branch=([^"]*)"`,
		).FindAllStringSubmatch(page, -1) {
			branch, _ := url.QueryUnescape(link[1])
			got[branch] = true
		}
		wanted := strings.Fields(want)
		if len(got) != len(wanted) {
			t.Errorf("%q shows %v, want %v", query, got, wanted)
		}
		for _, branch := range wanted {
			if !got[branch] {
				t.Errorf("%q does not show %s", query, branch)
			}
		}
	}
}

func TestAQueryIsItsAddress(t *testing.T) {
	for _, q := range []Query{
		{Tab: TabAll}, {Tab: TabMine, Search: "a b&c=d", State: "failed", Author: "ana"},
		{Tab: TabRemoved, Search: "日本"},
	} {
		address, err := url.Parse(q.URL())
		if err != nil {
			t.Fatal(err)
		}
		if got := ParseQuery(address.Query()); got != q {
			t.Errorf("%s reads as %+v, want %+v", address, got, q)
		}
	}
	if got := ParseQuery(url.Values{"q": {strings.Repeat("ä", 5000)}}); len([]rune(got.Search)) != longestSearch {
		t.Errorf("a search has %d characters", len([]rune(got.Search)))
	}
}

// TestTheLogNamesItsFilesAndWhatIsMissing has the lines of two files, of which one could not be
// read to its end.
func TestTheLogNamesItsFilesAndWhatIsMissing(t *testing.T) {
	logs := logsOf("invoices")
	logs.Lines[0].File, logs.Lines[1].File = "/var/log/eb-engine.log", "/var/log/eb-docker/stdouterr.log"
	logs.Problem = "the worker's role lacks logs:FilterLogEvents"
	wantWords(t, environmentText(t, ana, pageOf(environmentOf("invoices")), logs),
		"eb-engine.log GET /orders/4000", "stdouterr.log GET /orders/4001",
		"The worker's role lacks logs:FilterLogEvents.",
	)
}

func TestStatesOfThePage(t *testing.T) {
	old := usual()
	old.At, old.Problem = readapi.Timestamp(ago(4*time.Minute)), "AWS could not be read: request limit exceeded"
	stale := Viewer{Login: "ana", Role: "write", Stale: true}
	oldPage := pageOf(environmentOf("a"))
	oldPage.At, oldPage.Problem = old.At, old.Problem
	for name, c := range map[string]struct {
		page string
		want []string
	}{
		"stale page": {
			environmentText(t, ana, oldPage, nil),
			[]string{"What you see is from 4 minutes ago .", "AWS could not be read: request limit exceeded"},
		},
		"stale": {overviewText(t, ana, Query{}, old), []string{
			"What you see is from 4 minutes ago .", "AWS could not be read: request limit exceeded",
		}},
		"empty": {
			overviewText(t, ana, Query{}, overviewOf()), []string{"There are no environments yet. Push a branch"},
		},
		"no match": {
			overviewText(t, ana, Query{Search: "zzz"}, usual()),
			[]string{"No environment matches the filters.", "Clear"},
		},
		"not mine": {
			overviewText(t, Viewer{Login: "eve", Role: "read"}, Query{Tab: TabMine}, usual()),
			[]string{"None of the environments is yours"},
		},
		"nobody": {
			overviewText(t, Viewer{}, Query{Tab: TabMine}, usual()),
			[]string{"Sign in to see which environments are yours.", "Sign in with GitHub"},
		},
		"calm": {
			overviewText(t, ana, Query{Tab: TabAttention}, overviewOf()), []string{"Nothing needs attention."},
		},
		"GitHub": {overviewText(t, stale, Query{}, usual()), []string{"GitHub does not answer", "You can read"}},
		"local": {
			overviewText(t, Viewer{Login: "you", Local: true}, Query{}, usual()),
			[]string{"This dashboard has no sign-in: " +
				"everyone who reaches it acts as the local user you and may do everything."},
		},
		"read only": {
			environmentText(t, stale, pageOf(environmentOf("a")), nil),
			[]string{"Not possible now: GitHub does not answer"},
		},
		"being made": {environmentText(t, ana, creatingPage(), nil), []string{
			"Creating: database, 3 of about 10 minutes 12 of 31 12 of 31 resources",
			"is tried again after: Rate exceeded.",
		}},
	} {
		t.Run(name, func(t *testing.T) { wantWords(t, c.page, c.want...) })
	}
}

func TestAHeldCleanupShowsItsPlanAndWhoMayApproveIt(t *testing.T) {
	plan := []string{
		"A cleanup waits for approval The plan removes 6 of 7 environments, and the policy lets cleanup remove 5 " +
			"without approval. Held 50 minutes ago .",
		"old-banner branch missing 9b1c2d3 20 days ago", "Left behind photos , removal began 30 hours ago",
		"shop-photos-uploads (AWS::S3::Bucket)",
		"The card of stack shop-basket cannot be read",
	}
	page := overviewText(t, Viewer{Login: "maria", Role: "maintain"}, Query{Tab: TabAttention}, held())
	wantWords(t, page, plan...)
	if !strings.Contains(page, `action="/actions/approve"><input type="hidden" name="hash" value="3f9a">`) ||
		strings.Contains(page, "<fieldset disabled") {
		t.Errorf("a maintainer cannot approve:\n%s", page)
	}
	page = overviewText(t, ana, Query{Tab: TabAttention}, held())
	wantWords(
		t, page,
		append(plan, "Not possible: approving a cleanup needs the permission maintain or admin on the repository.")...,
	)
	if !strings.Contains(page, `<fieldset disabled aria-describedby="why-approve">`) {
		t.Errorf("a writer can approve:\n%s", page)
	}
}

func TestThePageOfAnEnvironmentShowsAllThatIsKnown(t *testing.T) {
	page := environmentText(t, ana, pageOf(usual().Environments[1]), logsOf("invoices"))
	wantWords(t, page,
		"Deployment of 9b1c2d3 : ready by ana (GitHub Actions) , push · 2 hours ago · took 7 minutes · run",
		"Pin by bob , the board sees it on Thursday · 3 hours ago",
		"Deployment of 77aa00b : failed The instance profile could not be created",
		"instances.min 2 1", "variables.MAIL_TO not set preview@example.com", "s3 fixtures/media 214 objects",
		"3 resources",
		"Database AWS::RDS::DBInstance update complete",
		"/aws/elasticbeanstalk/shop-invoices/app.log · 2 secrets masked", "11:59:00 GET /orders/4000 200",
		"Unpin Ends the pin, so that the environment expires again. Not possible: bob set the pin",
	)
	for _, want := range []string{
		`href="https://github.com/acme/shop/tree/invoices"`,
		`href="https://temporal.example.com/namespaces/default/workflows/shop-invoices/0199-run"`,
		`workflows/shop-invoices/r2"`, `data-events="/events?branch=invoices"`,
		`name="commit" value="` + pageOf(usual().Environments[1]).Commit + `"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	failed := environmentText(t, ana, failedPage(), nil)
	wantWords(t, failed, "Failed Open the environment https://search.shop.example.com What failed "+
		noClass, "Requested commit", "Deployed commit 7777777",
		"Log when the deployment failed", "Left behind")
	if !strings.Contains(failed, `<details open id="resource-list">`) {
		t.Error("the resource that failed is folded away")
	}
	made := environmentOf("a", creating, func(e *readapi.Environment) { e.Expires = "" })
	wantWords(
		t, environmentText(t, ana, readapi.Page{Status: readapi.Status{Environment: made}}, nil),
		"Creating, 6 of about 14 minutes", "not known yet",
	)
	absent := environmentText(
		t, ana, readapi.Page{Status: readapi.Status{Environment: readapi.Environment{Branch: "a/b"}}}, nil,
	)
	wantWords(t, absent, "No environment", "This branch has no environment now.")
	if strings.Contains(absent, "/actions/") {
		t.Error("there are actions for an environment that never was")
	}
}

func TestRemovedEnvironmentsAndTheirLives(t *testing.T) {
	history := readapi.History{
		Lives: []perch.Life{lifeOf("old-banner"), lifeOf("photos")}, Warnings: []string{"a record cannot be read"},
	}
	page := written(t, func(w io.Writer) error {
		return Removed(w, frameFor(ana), Query{Tab: TabRemoved, Search: "photos"}, history)
	})
	wantWords(t, page, "Take the summer banner down photos #301 by dewi 26 hours ago by Perch (cleanup) the branch "+
		"was deleted 1 leftover 10 days 14.52 USD",
		"A record cannot be read.")
	if strings.Contains(page, "old-banner") ||
		!strings.Contains(page, `href="/life?id=9d3c1f20-b7a1-11f0-8f3e-0a1b2c3d4e5f"`) {
		t.Errorf("the filter or the link is wrong:\n%s", page)
	}
	life := written(t, func(w io.Writer) error { return Life(w, frameFor(ana), lifeOf("old-banner")) })
	wantWords(
		t, life, "Removed 26 hours ago by Perch (cleanup) : the branch was deleted",
		"10 days from 19 Nov 2026, 12:00 UTC to 30 Nov 2026, 10:00 UTC", "14.52 USD", "Deployment of 9b1c2d3 : ready",
		"shop-photos-uploads",
	)
}

func TestRemovalIsConfirmedWithTheBranch(t *testing.T) {
	page := written(t, func(w io.Writer) error { return Confirm(w, frameFor(ana), pageOf(usual().Environments[1])) })
	wantWords(
		t, page, "You are about to remove the environment of invoices", "Type the name of the branch to confirm",
		"Pinned by bob",
	)
	for _, want := range []string{
		`action="/actions/remove"`, `name="branch" value="invoices"`, `name="confirm" required`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	page = written(
		t, func(w io.Writer) error { return Confirm(w, frameFor(Viewer{}), pageOf(usual().Environments[1])) },
	)
	if !strings.Contains(page, "<fieldset disabled") {
		t.Error("a person who has not signed in can confirm")
	}
}

func TestAMessageLeadsBack(t *testing.T) {
	for back, linked := range map[string]bool{
		"/": true, "/environment?branch=a": true, "https://github.com/x": true, "//evil.example": false,
		"javascript:alert(1)": false, "": false,
	} {
		page := written(t, func(w io.Writer) error {
			return WriteMessage(w, frameFor(ana), Message{"Gone", "It has just been removed.", back, "Back"})
		})
		wantWords(t, page, "Gone It has just been removed.")
		if strings.Contains(words(page), "removed. Back") != linked {
			t.Errorf("back to %q: %s", back, words(page))
		}
	}
}

func TestHostileTextsStayTexts(t *testing.T) {
	page := overviewText(t, ana, Query{Search: `"><script>alert(3)</script>`}, hostile()) +
		overviewText(t, ana, Query{}, hostile()) + environmentText(t, ana, pageOf(hostile().Environments[3]), nil)
	for _, unwanted := range []string{
		"<script>alert", "<img", "<b>", `href="javascript:`, `href="data:`, "\x1b", "ZgotmplZ",
	} {
		if strings.Contains(page, unwanted) {
			t.Errorf("the page has %q", unwanted)
		}
	}
	wantWords(t, page, `<img src=x onerror=alert(1)> "quoted" & 'more'`)
}

// TestAPageOf95EnvironmentsIsQuick takes the quickest of some pages, so that other work of the
// machine does not count.
func TestAPageOf95EnvironmentsIsQuick(t *testing.T) {
	quickest, o := time.Hour, many(95)
	for range 20 {
		begun := time.Now()
		overviewText(t, ana, Query{Tab: TabAll}, o)
		quickest = min(quickest, time.Since(begun))
	}
	t.Logf("a page of 95 environments takes %s", quickest)
	if quickest > 100*time.Millisecond {
		t.Errorf("a page of 95 environments takes %s", quickest)
	}
}

func BenchmarkOverviewOf95(b *testing.B) {
	o, f := many(95), frameFor(ana)
	for b.Loop() {
		if err := Overview(io.Discard, f, Query{Tab: TabAll}, o); err != nil {
			b.Fatal(err)
		}
	}
}

func TestWordsForTimesAndMoney(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "just now", 59 * time.Second: "just now", time.Minute: "1 minute ago", 119 * time.Minute: "119 minutes ago",
		2 * time.Hour:  "2 hours ago",
		47 * time.Hour: "47 hours ago", 49 * time.Hour: "2 days ago", 70 * 24 * time.Hour: "2 months ago",
		-30 * time.Second: "in less than a minute", -90 * time.Minute: "in 90 minutes", -73 * time.Hour: "in 3 days",
	} {
		if got := relative(noon.Add(-d), noon); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
	for amount, want := range map[float64]string{
		0: "", -1: "", 0.001: "under 0.01 USD", 1.325: "1.32 USD", 12345.6: "12346 USD",
	} {
		if got := dollars(amount); got != want {
			t.Errorf("%v: %q, want %q", amount, got, want)
		}
	}
	for by, want := range map[string]string{
		"web:ana": "ana", "webhook:ana": "ana (GitHub)", "github-actions:ana": "ana (GitHub Actions)",
		"jane@laptop": "jane@laptop",
		"cleanup":     "Perch (cleanup)", "a:b": "a:b", "": "",
	} {
		if got := person(by); got != want {
			t.Errorf("%q: %q, want %q", by, got, want)
		}
	}
	for address, want := range map[string]string{
		"https://a.example/b c": "https://a.example/b%20c", "http://a": "http://a", "javascript:alert(1)": "",
		"//a": "", "/a": "", "ftp://a": "",
		"https://": "", `https://<b>"`: "", "data:text/html,x": "", "\x00": "", "HTTPS://a": "https://a",
	} {
		if got := webAddress(address); got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
	if got := below(
		"https://github.com/acme/shop/", "tree", "a?b#c/d",
	); got != "https://github.com/acme/shop/tree/a%3Fb%23c/d" {
		t.Errorf("a branch on GitHub is %s", got)
	}
	if got := fmt.Sprint(below("ssh://git@host/x", "tree", "a"), below("", "a")); got != "" {
		t.Errorf("a repository without pages has %s", got)
	}
}
