package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"golang.org/x/term"

	"perch"
	"perch/client"
)

const (
	// widest is where the live view stops growing.
	widest   = 100
	barCells = 12
)

// newView is the live view where stderr is a terminal, and plain lines elsewhere.
func (a *app) newView(title string) client.View {
	file, ok := a.stderr.(*os.File)
	if !ok || a.json() || a.env("TERM") == "dumb" || !term.IsTerminal(int(file.Fd())) {
		return &lines{out: a.stderr}
	}
	width := func() int {
		columns, _, err := term.GetSize(int(file.Fd()))
		if err != nil || columns <= 0 {
			return 80
		}
		return columns
	}
	return &live{out: file, title: title, width: width, color: a.env("NO_COLOR") == "", began: time.Now(), now: time.Now}
}

// lines prints a line for each change.
type lines struct {
	out  io.Writer
	last string
}

func (l *lines) Show(p client.Progress) {
	line := progressLine(p)
	// An attempt that has begun has no next one: that alone is no news.
	p.Retries = slices.Clone(p.Retries)
	for i := range p.Retries {
		p.Retries[i].Next = ""
	}
	if news := progressLine(p); line != "" && news != l.last {
		l.last = news
		l.Remark(line)
	}
}

func (l *lines) Remark(text string) { _, _ = fmt.Fprintln(l.out, text) }

func (l *lines) Done() {}

// remarks prints the sentences and no progress: a run that only reads is over before anybody could
// look at it, unless no worker takes it.
type remarks struct{ lines }

func (*remarks) Show(client.Progress) {}

// progressLine is p in one line, empty where there is nothing to say yet.
func progressLine(p client.Progress) string {
	parts := []string{string(p.Phase), activity(p)}
	if p.Beat != nil {
		parts = append(parts, beatStatus(*p.Beat), beatResource(*p.Beat))
	}
	line := strings.Join(kept(parts), " ")
	if p.Beat != nil {
		line += because(p.Beat.Reason)
	}
	return perch.Printable(line + p.RetrySentences())
}

func beatStatus(b perch.Progress) string {
	if b.Total == 0 {
		return b.Status
	}
	return fmt.Sprintf("%s %d/%d", b.Status, b.Done, b.Total)
}

func beatResource(b perch.Progress) string {
	return strings.Join(kept([]string{b.Resource, b.ResourceStatus}), " ")
}

func kept(parts []string) []string {
	var full []string
	for _, part := range parts {
		if part != "" {
			full = append(full, part)
		}
	}
	return full
}

// live redraws a few lines in place.
type live struct {
	out   io.Writer
	title string
	width func() int
	color bool
	began time.Time
	now   func() time.Time
	drawn int
}

func (l *live) Show(p client.Progress) {
	l.erase()
	for _, line := range frame(l.title, p, l.now().Sub(l.began), l.width(), l.color) {
		_, _ = fmt.Fprintln(l.out, line)
		l.drawn++
	}
}

func (l *live) Remark(text string) {
	l.erase()
	_, _ = fmt.Fprintln(l.out, text)
}

func (l *live) Done() { l.erase() }

// erase takes the drawn lines away: up, to the first column, and clear to the end of the screen.
func (l *live) erase() {
	if l.drawn > 0 {
		_, _ = fmt.Fprintf(l.out, "\x1b[%dA\r\x1b[J", l.drawn)
		l.drawn = 0
	}
}

// frame is the live view of p in lines of at most width columns.
func frame(title string, p client.Progress, elapsed time.Duration, width int, color bool) []string {
	width = min(width, widest) - 1 // the last column stays free: some terminals wrap when it is written
	rows := []row{
		{bold, title},
		{normal, strings.Join(kept([]string{elapsed.Truncate(time.Second).String(), string(p.Phase), activity(p)}), " ")},
	}
	if p.Beat != nil {
		rows = append(rows, row{normal, strings.TrimSpace(bar(*p.Beat) + " " + p.Beat.Status)})
		if resource := beatResource(*p.Beat); resource != "" {
			rows = append(rows, row{faint, resource})
		}
		if p.Beat.Reason != "" {
			rows = append(rows, row{red, p.Beat.Reason})
		}
	}
	for _, failed := range p.Retries {
		rows = append(rows, row{red, failed.String()})
	}
	drawn := make([]string, len(rows))
	for i, r := range rows {
		drawn[i] = r.draw(width, color)
	}
	return drawn
}

func activity(p client.Progress) string {
	if p.Beat != nil {
		return ""
	}
	return p.Activity
}

// bar shows how many resources are done; empty where their number is not known.
func bar(b perch.Progress) string {
	if b.Total <= 0 {
		return ""
	}
	full := min(max(b.Done, 0), b.Total) * barCells / b.Total
	return fmt.Sprintf("%s%s %d/%d", strings.Repeat("█", full), strings.Repeat("░", barCells-full), b.Done, b.Total)
}

type style int

const (
	normal style = iota
	bold
	faint
	red
)

// row is one line of the live view.
type row struct {
	style style
	text  string
}

func (r row) draw(width int, color bool) string {
	return r.style.paint(cut(perch.Printable(r.text), width), color)
}

func (s style) paint(text string, color bool) string {
	if !color {
		return text
	}
	switch s {
	case bold:
		return lipgloss.NewStyle().Bold(true).Render(text)
	case faint:
		return lipgloss.NewStyle().Faint(true).Render(text)
	case red:
		return lipgloss.NewStyle().Foreground(lipgloss.Red).Render(text)
	}
	return text
}

// cut shortens text to width columns of a terminal.
func cut(text string, width int) string {
	if lipgloss.Width(text) <= width {
		return text
	}
	runes := []rune(text)
	for len(runes) > 0 && lipgloss.Width(string(runes))+1 > width {
		runes = runes[:len(runes)-1]
	}
	return string(runes) + "…"
}
