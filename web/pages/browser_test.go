package pages

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"perch"
	"perch/readapi"
	"perch/sandbox/github/browsertest"
)

// policy is the strict one that the pages are made for.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// screens are what every page must be readable on.
var screens = []browsertest.Device{
	{Name: "360", Width: 360, Height: 780, Phone: true},
	{Name: "360-dark", Width: 360, Height: 780, Phone: true, Dark: true},
	{Name: "768", Width: 768, Height: 1024},
	{Name: "768-dark", Width: 768, Height: 1024, Dark: true},
	{Name: "1280", Width: 1280, Height: 900},
	{Name: "1280-dark", Width: 1280, Height: 900, Dark: true},
}

// page writes one page.
type page func(w io.Writer) error

// everyPage is each page in each state, by name.
func everyPage() map[string]page {
	admin := frameFor(Viewer{Login: "maria", Role: "maintain"})
	reader := frameFor(Viewer{Login: "rui", Role: "read"})
	writer := frameFor(ana)
	writer.Notice = "Requested: branch checkout is deployed again at 9b1c2d3."
	sandbox := frameFor(Viewer{Login: "you", Local: true})
	sandbox.CanSignIn = false
	overview := func(f Frame, q Query, o readapi.Overview) page {
		return func(w io.Writer) error { return Overview(w, f, q, o) }
	}
	environment := func(f Frame, p readapi.Page, logs *readapi.Logs) page {
		return func(w io.Writer) error { return Environment(w, f, p, logs) }
	}
	pinned := usual().Environments[1]
	stale := usual()
	stale.At, stale.Problem = readapi.Timestamp(
		ago(4*60e9),
	), "AWS could not be read: describe stacks: RequestLimitExceeded: Request limit exceeded"
	main := environmentOf("main", func(e *readapi.Environment) { e.Kind, e.Expires = perch.KindStaging, "" })
	absent := readapi.Page{
		Status: readapi.Status{Environment: readapi.Environment{Branch: "never-there", Stack: "shop-never-there"}},
	}
	hostilePage := pageOf(hostile().Environments[1])
	hostilePage.Timeline[0].Reason, hostilePage.Settings[0].B = hostile().
		Environments[1].Branch, hostile().Environments[0].PullRequests[0].Title
	return map[string]page{
		"all":      overview(writer, Query{Tab: TabAll}, usual()),
		"mine":     overview(frameFor(ana), Query{Tab: TabMine}, usual()),
		"filtered": overview(frameFor(ana), Query{Tab: TabAll, Search: "search", State: "failed"}, usual()),
		"no-match": overview(frameFor(ana), Query{Tab: TabAll, Search: "nothing like it"}, usual()),
		"empty":    overview(sandbox, Query{Tab: TabAll}, overviewOf()),
		"stale": overview(
			frameFor(Viewer{Login: "ana", Role: "write", Stale: true}), Query{Tab: TabAll}, stale,
		),
		"attention":      overview(admin, Query{Tab: TabAttention}, held()),
		"attention-read": overview(reader, Query{Tab: TabAttention}, held()),
		"attention-calm": overview(reader, Query{Tab: TabAttention}, overviewOf(environmentOf("a"))),
		"hostile":        overview(frameFor(ana), Query{Tab: TabAll}, hostile()),
		"many":           overview(frameFor(ana), Query{Tab: TabAll}, many(95)),
		"removed": func(w io.Writer) error {
			return Removed(
				w, frameFor(ana), Query{}, readapi.History{Lives: []perch.Life{lifeOf("old-banner"), lifeOf("photos")}},
			)
		},
		"removed-empty":   func(w io.Writer) error { return Removed(w, frameFor(ana), Query{}, readapi.History{}) },
		"life":            func(w io.Writer) error { return Life(w, frameFor(ana), lifeOf("old-banner")) },
		"environment":     environment(frameFor(ana), pageOf(pinned), logsOf("invoices")),
		"environment-own": environment(sandbox, pageOf(pinned), logsOf("invoices")),
		"creating":        environment(frameFor(ana), creatingPage(), nil),
		"failed":          environment(reader, failedPage(), nil),
		"staging": environment(
			frameFor(ana), pageOf(main),
			&readapi.Logs{LogLines: perch.LogLines{Problem: "the environment has no log group"}},
		),
		"absent":         environment(Frame{Project: "shop", Now: noon, CanSignIn: true}, absent, nil),
		"hostile-page":   environment(frameFor(ana), hostilePage, logsOf("a")),
		"confirm":        func(w io.Writer) error { return Confirm(w, frameFor(ana), pageOf(pinned)) },
		"confirm-denied": func(w io.Writer) error { return Confirm(w, reader, pageOf(pinned)) },
		"message": func(w io.Writer) error {
			return WriteMessage(w, frameFor(Viewer{}), Message{
				"The worker does not answer", "Nothing was changed. Try again in a minute.", "/", "All environments",
			})
		},
	}
}

// serve answers each page below its name.
func serve(t *testing.T, pages map[string]page) string {
	t.Helper()
	server := httptest.NewServer(handler(t, pages))
	t.Cleanup(server.Close)
	return server.URL
}

// handler answers each page below its name, with the policy that the server has.
func handler(t *testing.T, pages map[string]page) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /static/", http.StripPrefix("/static/", http.FileServerFS(Static)))
	for name, write := range pages {
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Security-Policy", policy)
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			if err := write(w); err != nil {
				t.Error(err)
			}
		})
	}
	return mux
}

// TestPagesFitOnEveryScreen looks at each page from a phone to a desktop. Where pictures are kept
// it takes one in light and one in dark.
func TestPagesFitOnEveryScreen(t *testing.T) {
	browser := browsertest.Start(t)
	address := serve(t, everyPage())
	for name := range everyPage() {
		browser.Open(t, address+"/"+name, screens[0])
		if rules := browsertest.Ask[int](t, browser, `document.styleSheets[0].cssRules.length`); rules < 50 {
			t.Errorf("the page %s has a style sheet with %d rules", name, rules)
		}
		for _, screen := range screens {
			if screen.Dark && !browsertest.Keeps() {
				continue // Only colours differ.
			}
			browser.Resize(t, screen)
			browser.Fits(t, name, screen)
			if browsertest.Keeps() {
				browsertest.Keep(t, "dashboard-"+name+"-"+screen.Name, browser.Picture(t))
			}
		}
	}
}

// TestPagesAreUsedByKeyboard presses the first keys: a link skips to the content.
func TestPagesAreUsedByKeyboard(t *testing.T) {
	browser := browsertest.Start(t)
	browser.Open(t, serve(t, everyPage())+"/environment", screens[4])
	browser.Press(t, "\t")
	if got := browsertest.Ask[string](t, browser, `(() => {
		const at = document.activeElement, box = at.getBoundingClientRect(), style = getComputedStyle(at);
		return [at.innerText, box.width > 50 && box.top >= 0, style.outlineStyle, parseInt(style.outlineWidth) >= 2].join()
	})()`); got != "Skip to the content,true,solid,true" {
		t.Errorf("the first link that a keyboard reaches is %s", got)
	}
	browser.Press(t, "\r")
	browser.Press(t, "\t")
	if got := browsertest.Ask[string](t, browser, `document.activeElement.innerText`); got != "All environments" {
		t.Errorf("the first link of the content is %q", got)
	}
}

// TestThePageFollowsChanges changes a page while a person fills in a form of it.
func TestThePageFollowsChanges(t *testing.T) {
	browser := browsertest.Start(t)
	var title atomic.Pointer[string]
	title.Store(new("The old title"))
	changed := make(chan struct{})
	mux := http.NewServeMux()
	mux.Handle("/", handler(t, map[string]page{"environment": func(w io.Writer) error {
		return Environment(w, frameFor(ana), pageOf(environmentOf("invoices", pull(1, *title.Load(), "ana"))), nil)
	}}))
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("branch") != "invoices" {
			t.Errorf("the page listens to %s", r.URL)
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for {
			_ = http.NewResponseController(w).Flush()
			select {
			case <-changed:
				_, _ = io.WriteString(w, "event: changed\ndata: \n\n")
			case <-r.Context().Done():
				return
			}
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	browser.Open(t, server.URL+"/environment", screens[4])
	until := func(what string) {
		t.Helper()
		awaitInPage(t, browser, what)
	}
	browsertest.Ask[bool](t, browser, `(() => {
		document.querySelector("details").open = true;
		const reason = document.querySelector("[name=reason]");
		reason.focus();
		reason.value = "a demo";
		return true
	})()`)
	title.Store(new("The new title"))
	changed <- struct{}{}
	until(`document.getElementById("live").innerText.startsWith("This page has changed")`)
	until(`document.querySelector("[name=reason]").value == "a demo" && document.querySelector("h1").innerText == ` +
		`"The old title"`)
	browsertest.Ask[bool](t, browser, `(() => { const reason = document.querySelector("[name=reason]"); reason.value `+
		`= ""; reason.blur(); return true })()`)
	until(`document.querySelector("h1").innerText == "The new title"`)
	until(`document.querySelector("details").open && document.getElementById("live").hidden`)
	browsertest.Ask[bool](t, browser, `(() => { document.querySelector("[name=reason]").focus(); return true })()`)
	title.Store(new("The newest title"))
	changed <- struct{}{}
	until(`document.querySelector("h1").innerText == "The newest title" && document.activeElement.name == "reason"`)
}

// TestAPageThatTakesLongSaysThatItIsLoading has the server hold back the answer of the page that is
// fetched again. A link tells the page the same before the browser leaves it.
func TestAPageThatTakesLongSaysThatItIsLoading(t *testing.T) {
	browser := browsertest.Start(t)
	mux := http.NewServeMux()
	mux.Handle("GET /static/", http.StripPrefix("/static/", http.FileServerFS(Static)))
	var held atomic.Bool
	changed, goOn := make(chan struct{}), make(chan struct{})
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		if held.Load() && r.URL.Path != "/favicon.ico" {
			select {
			case <-goOn:
			case <-r.Context().Done():
			}
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if err := Overview(w, frameFor(ana), Query{Tab: TabAll}, usual()); err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-changed:
			_, _ = io.WriteString(w, "event: changed\ndata: \n\n")
			_ = http.NewResponseController(w).Flush()
		case <-r.Context().Done():
			return
		}
		<-r.Context().Done()
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	browser.Open(t, server.URL+"/", screens[4])
	const (
		says = `document.getElementById("live").innerText == "Loading…" && ` +
			`!document.getElementById("live").hidden && ` +
			`document.getElementById("main").getAttribute("aria-busy") == "true"`
		calm = `document.getElementById("live").hidden && ` +
			`!document.getElementById("main").hasAttribute("aria-busy")`
	)
	held.Store(true)
	changed <- struct{}{}
	awaitInPage(t, browser, says)
	held.Store(false)
	goOn <- struct{}{}
	awaitInPage(t, browser, calm)
	// What a link and the way back tell the page: the browser answers no questions on the way.
	for _, told := range []struct{ event, then string }{{"beforeunload", says}, {"pageshow", calm}} {
		browsertest.Ask[bool](t, browser, `window.dispatchEvent(new Event("`+told.event+`"))`)
		awaitInPage(t, browser, told.then)
	}
}

// awaitInPage waits until an expression holds in the browser's page.
func awaitInPage(t *testing.T, browser *browsertest.Browser, what string) {
	t.Helper()
	if !browsertest.Ask[bool](t, browser, `new Promise(done => {
		const end = Date.now() + 45000, poll = () => (`+what+`) ? done(true) : Date.now() > end ? done(false) : setTimeout(poll, 20);
		poll()
	})`) {
		t.Fatalf("it did not happen: %s", what)
	}
}

// TestAxeFindsNothing has axe look at each page: contrast, names, headings, landmarks, tables.
func TestAxeFindsNothing(t *testing.T) {
	axe := browsertest.Axe(t)
	browser := browsertest.Start(t)
	address := serve(t, everyPage())
	for name := range everyPage() {
		if name == "many" {
			continue // Its rows are those of other pages.
		}
		browser.Open(t, address+"/"+name, screens[1])
		for _, screen := range []browsertest.Device{screens[1], screens[4]} { // Narrow and dark, wide and light.
			browser.Resize(t, screen)
			for _, finding := range browser.Audit(t, axe) {
				t.Errorf("%s on %s: %s", name, screen.Name, finding)
			}
		}
	}
}
