package browsertest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Visit opens a page without looking at it.
func (b *Browser) Visit(t testing.TB, url string) {
	t.Helper()
	b.steps(t, "visit "+url, chromedp.Navigate(url))
}

// Click clicks what the CSS selector finds, once it can be seen.
func (b *Browser) Click(t testing.TB, selector string) {
	t.Helper()
	b.steps(t, "click "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// Fill types text into the field that the CSS selector finds.
func (b *Browser) Fill(t testing.TB, selector, text string) {
	t.Helper()
	b.steps(t, "fill "+selector, chromedp.SendKeys(chromedp.CSS(selector), text))
}

// Reads waits until the open page, as it can be seen, has each of these texts.
func (b *Browser) Reads(t testing.TB, texts ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for {
		// While a page is loaded there may be none to ask.
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

// Photograph keeps a picture of the open page.
func (b *Browser) Photograph(t testing.TB, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatalf("photograph %s: %v", name, err)
	}
	Keep(t, name, picture)
}

func (b *Browser) steps(t testing.TB, what string, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}
