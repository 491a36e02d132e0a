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
	// permitted is the HTML that a comment may contain. GitHub also removes all other HTML.
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

// render returns GitHub-flavoured Markdown as HTML without scripts.
func render(text string) template.HTML {
	var out bytes.Buffer
	if err := markdown.Convert([]byte(text), &out); err != nil {
		return template.HTML(template.HTMLEscapeString(text))
	}
	return template.HTML(permitted.SanitizeBytes(out.Bytes()))
}
