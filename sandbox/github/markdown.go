package github

import (
	"bytes"
	"html/template"
	"regexp"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
)

var (
	markdown = goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
	// permitted is the HTML that may be in a comment. GitHub takes out all other, too.
	permitted = permittedHTML()
)

func permittedHTML() *bluemonday.Policy {
	policy := bluemonday.UGCPolicy()
	policy.AllowElements("details", "summary")
	policy.AllowAttrs("open").OnElements("details")
	policy.AllowAttrs("class").Matching(regexp.MustCompile(`^language-[\w-]+$`)).OnElements("code")
	policy.AllowAttrs("type", "checked", "disabled").OnElements("input")
	return policy
}

// render is Markdown of GitHub's flavour as HTML without anything that runs.
func render(text string) template.HTML {
	var out bytes.Buffer
	if err := markdown.Convert([]byte(text), &out); err != nil {
		return template.HTML(template.HTMLEscapeString(text))
	}
	return template.HTML(permitted.SanitizeBytes(out.Bytes()))
}
