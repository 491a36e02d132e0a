// Package browsertest opens pages in a headless Chromium, with the screen of a desktop or of a
// phone.
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

// patience is how long to wait for a page. Only a failing test waits that long.
const patience = 2 * time.Minute

// Device is a kind of screen.
type Device struct {
	Name          string
	Width, Height int64
	Phone, Dark   bool
}

// Devices are the screens on which pages must be readable.
var Devices = []Device{
	{Name: "desktop", Width: 1280, Height: 900},
	{Name: "desktop-dark", Width: 1280, Height: 900, Dark: true},
	{Name: "phone", Width: 390, Height: 844, Phone: true},
	{Name: "phone-dark", Width: 390, Height: 844, Phone: true, Dark: true},
}

// Browser is a headless Chromium.
type Browser struct{ ctx context.Context }

// Start starts a browser, which ends with the test. If Chromium is not installed, Start skips the
// test.
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

// Open opens a page on a device.
func (b *Browser) Open(t testing.TB, url string, device Device) {
	t.Helper()
	b.Resize(t, device)
	b.do(t, "open "+url, chromedp.Navigate(url))
}

// Resize changes the screen of the open page to another device.
func (b *Browser) Resize(t testing.TB, device Device) {
	t.Helper()
	scheme := "light"
	if device.Dark {
		scheme = "dark"
	}
	var size []chromedp.EmulateViewportOption
	if device.Phone {
		size = append(size, chromedp.EmulateMobile)
	}
	viewport := chromedp.EmulateViewport(device.Width, device.Height, size...)
	b.do(t, "resize to a "+device.Name, viewport, colours(scheme), focused)
}

// See opens a page on a device, and returns its visible text and a picture. The page must not be
// wider than the screen.
func (b *Browser) See(t testing.TB, url string, device Device) (text string, picture []byte) {
	t.Helper()
	b.Open(t, url, device)
	text, picture = Ask[string](t, b, `document.body.innerText`), b.Picture(t)
	b.Fits(t, url, device)
	return text, picture
}

// Fits fails the test if the open page is wider than the device. name is the page's name in the
// error.
func (b *Browser) Fits(t testing.TB, name string, device Device) {
	t.Helper()
	if width := Ask[int64](t, b, `document.documentElement.scrollWidth`); width > device.Width {
		t.Errorf("%s on a %s is %d pixels wide", name, device.Name, width)
	}
}

// Picture returns a picture of the whole open page.
func (b *Browser) Picture(t testing.TB) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatalf("take a picture: %v", err)
	}
	return picture
}

// Press presses keys on the open page.
func (b *Browser) Press(t testing.TB, keys string) {
	t.Helper()
	b.do(t, "press keys", chromedp.KeyEvent(keys))
}

// Axe returns the source of axe-core, a script that finds accessibility problems. The variable
// PERCH_AXE has the path of the script. If the variable is not set, Axe skips the test.
func Axe(t testing.TB) string {
	t.Helper()
	name := os.Getenv("PERCH_AXE")
	if name == "" {
		t.Skip("axe-core is not installed: set PERCH_AXE to the axe.min.js of the npm package axe-core")
	}
	script, err := os.ReadFile(name)
	if err != nil {
		t.Fatalf("read axe-core, which PERCH_AXE names: %v", err)
	}
	return string(script)
}

// Audit runs axe-core on the open page, and returns the accessibility problems that it finds.
func (b *Browser) Audit(t testing.TB, axe string) []string {
	t.Helper()
	b.do(t, "load axe-core", chromedp.Evaluate[chromedp.Void](axe))
	return Ask[[]string](t, b, `axe.run({resultTypes: ["violations"]}).then(found => found.violations.map(
		v => v.id + ": " + v.help + ": " + v.nodes.map(n => n.target + " " + n.failureSummary).join("; ")))`)
}

// Ask evaluates a script on the open page, and waits for the promise that it returns.
func Ask[T any](t testing.TB, b *Browser, script string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	answer, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("evaluate %s: %v", script, err)
	}
	return answer
}

func (b *Browser) do(t testing.TB, what string, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// colours sets the preferred colour scheme, light or dark.
func colours(scheme string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
		features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}
		_, err = cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features})
		return none, err
	}
}

// focused gives the page the keyboard focus, as if its window were in front.
func focused(ctx context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
	_, err = cdp.Call(
		ctx, target, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true},
	)
	return none, err
}

// Keeps reports whether Keep writes pictures. If it does not, tests of many pages save the time of
// taking them.
func Keeps() bool { return os.Getenv("PERCH_SCREENSHOTS") != "" }

// Keep writes a picture into the folder that the variable PERCH_SCREENSHOTS names. If the variable
// is not set, Keep does nothing.
func Keep(t testing.TB, name string, picture []byte) {
	t.Helper()
	if !Keeps() {
		return
	}
	if err := os.WriteFile(filepath.Join(os.Getenv("PERCH_SCREENSHOTS"), name+".png"), picture, 0o644); err != nil {
		t.Fatal(err)
	}
}
