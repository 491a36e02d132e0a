package browsertest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Visit opens a page without taking its picture.
func (b *Browser) Visit(t testing.TB, url string) {
	t.Helper()
	b.steps(t, "visit "+url, chromedp.Navigate(url))
}

// Click waits until the element of the CSS selector is visible, and clicks it.
func (b *Browser) Click(t testing.TB, selector string) {
	t.Helper()
	b.once(t, "click "+selector, selector, "found.click()")
}

// Fill waits until the field of the CSS selector is visible, and replaces its text.
func (b *Browser) Fill(t testing.TB, selector, text string) {
	t.Helper()
	typing := fmt.Sprintf("found.focus(); found.select(); document.execCommand('insertText', false, %q)", text)
	b.once(t, "fill "+selector, selector, typing)
}

// once waits until the element of the CSS selector is visible, and runs script, which can use it as
// the variable found. One evaluation does both, because live.js may replace the page's elements
// between two evaluations.
func (b *Browser) once(t testing.TB, what, selector, script string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	step := fmt.Sprintf(`(() => { const found = document.querySelector(%q);
		if (!found?.checkVisibility()) return false; %s; return true })()`, selector, script)
	for {
		// While a page is loading, there may be no document.
		done, err := chromedp.Run(ctx, chromedp.Evaluate[bool](step))
		if err == nil && done {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: no visible element matches (%v)", what, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Reads waits until the visible text of the open page contains all of the texts.
func (b *Browser) Reads(t testing.TB, texts ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for {
		// While a page is loading, there may be no document.
		page, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.innerText`))
		missing := ""
		for _, text := range texts {
			if !strings.Contains(page, text) {
				missing = text
			}
		}
		if err == nil && missing == "" {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("the page does not have %q (%v):\n%s", missing, err, page)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Photograph takes pictures of the open page at three widths, in light and in dark, if Keeps
// returns true. The page must not be wider than the screen.
func (b *Browser) Photograph(t testing.TB, name string) {
	t.Helper()
	if !Keeps() {
		return
	}
	// Wait for the style sheet: a page without it is wider.
	Ask[bool](t, b, `new Promise(done => document.readyState === "complete" ? done(true) :
		addEventListener("load", () => done(true)))`)
	for _, theme := range []string{"dark", "light"} {
		for _, width := range []int64{360, 768, 1280} {
			device := Device{Name: fmt.Sprint(width, "-", theme), Width: width, Height: 900, Dark: theme == "dark"}
			b.Resize(t, device)
			b.Fits(t, name, device)
			Keep(t, name+"-"+device.Name, b.Picture(t))
		}
	}
}

func (b *Browser) steps(t testing.TB, what string, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}
