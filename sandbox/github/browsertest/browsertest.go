// Package browsertest looks at pages in a browser, as people do on a desktop and on a phone.
package browsertest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// patience is how long a page may take; only a failure takes that long.
const patience = 2 * time.Minute

// Device is a screen.
type Device struct {
	Name          string
	Width, Height int64
	Phone, Dark   bool
}

// Devices are the screens that pages must be readable on.
var Devices = []Device{
	{Name: "desktop", Width: 1280, Height: 900},
	{Name: "desktop-dark", Width: 1280, Height: 900, Dark: true},
	{Name: "phone", Width: 390, Height: 844, Phone: true},
	{Name: "phone-dark", Width: 390, Height: 844, Phone: true, Dark: true},
}

// Browser is Chromium without a window.
type Browser struct{ ctx context.Context }

// Start starts a browser that ends with the test. It skips the test if there is none.
func Start(t testing.TB) *Browser {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed: install Debian's package chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox,
		chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(patience))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(end)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	return &Browser{ctx: ctx}
}

// See opens a page on a device, and returns its text as it can be seen. The page must not be wider
// than the screen.
func (b *Browser) See(t testing.TB, url string, device Device) (text string, picture []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	scheme := "light"
	if device.Dark {
		scheme = "dark"
	}
	var size []chromedp.EmulateViewportOption
	if device.Phone {
		size = append(size, chromedp.EmulateMobile)
	}
	screen := chromedp.EmulateViewport(device.Width, device.Height, size...)
	err := chromedp.Do(ctx, screen, colours(scheme), chromedp.Navigate(url))
	if err == nil {
		text, err = chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.innerText`))
	}
	var width int64
	if err == nil {
		width, err = chromedp.Run(ctx, chromedp.Evaluate[int64](`document.documentElement.scrollWidth`))
	}
	if err == nil {
		picture, err = chromedp.Run(ctx, chromedp.FullScreenshot(100))
	}
	if err != nil {
		t.Fatalf("look at %s on a %s: %v", url, device.Name, err)
	}
	if width > device.Width {
		t.Errorf("%s on a %s is %d pixels wide", url, device.Name, width)
	}
	return text, picture
}

// colours lets pages be light or dark.
func colours(scheme string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
		features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}
		_, err = cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features})
		return none, err
	}
}

// Keep writes a picture into the folder that the variable PERCH_SCREENSHOTS names, for people to
// look at.
func Keep(t testing.TB, name string, picture []byte) {
	t.Helper()
	folder := os.Getenv("PERCH_SCREENSHOTS")
	if folder == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o644); err != nil {
		t.Fatal(err)
	}
}
