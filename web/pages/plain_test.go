package pages

import (
	"regexp"
	"strings"
	"testing"
)

var (
	formPattern    = regexp.MustCompile(`(?s)<form ([^>]*)>(.*?)</form>`)
	scriptPattern  = regexp.MustCompile(`<script[^>]*>`)
	needsScript    = regexp.MustCompile(`(?i)\shref="(#"|javascript:)|<[a-z][^>]*\son[a-z]+=|<button[^>]*type="?button`)
	attributeOf    = regexp.MustCompile(`(action|method)="[^"]+"`)
	submitsPattern = regexp.MustCompile(`<button( class="[^"]*"| name="[^"]*"| value="[^"]*")*>`)
)

// TestPagesWorkWithoutJavaScript looks at the HTML of every page: each link has an address, each
// form an address, a method and a button that submits it, and the only script is the one that keeps
// an open page current.
func TestPagesWorkWithoutJavaScript(t *testing.T) {
	for name, write := range everyPage() {
		var out strings.Builder
		if err := write(&out); err != nil {
			t.Fatal(err)
		}
		html := out.String()
		if found := needsScript.FindString(html); found != "" {
			t.Errorf("%s: this needs JavaScript: %s", name, found)
		}
		for _, script := range scriptPattern.FindAllString(html, -1) {
			if !strings.Contains(script, `src="/static/live.js"`) {
				t.Errorf("%s: another script: %s", name, script)
			}
		}
		forms := formPattern.FindAllStringSubmatch(html, -1)
		if strings.Count(html, "<form") != len(forms) {
			t.Errorf("%s: %d of %d forms were read", name, len(forms), strings.Count(html, "<form"))
		}
		for _, form := range forms {
			if len(attributeOf.FindAllString(form[1], -1)) != 2 || !submitsPattern.MatchString(form[2]) {
				t.Errorf("%s: a form that cannot be sent: %s", name, form[0])
			}
		}
	}
}
