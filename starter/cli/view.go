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
	"perch/report"
)

const (
	// widest is the maximum width of the live view.
	widest   = 100
	barCells = 12
)

// newView returns a live view if stderr is a terminal, and plain lines otherwise.
func (a *app) newView(title string) client.View {
	file, ok := a.stderr.(*os.File)
	if !ok || a.json() || a.env("TERM") == "dumb" || !term.IsTerminal(int(file.Fd())) {
		return newLines(a.stderr, time.Now)
	}
	width := func() int {
		columns, _, err := term.GetSize(int(file.Fd()))
		if err != nil || columns <= 0 {
			return 80
		}
		return columns
	}
	return &live{
		out: file, title: title, width: width, color: a.env("NO_COLOR") == "", began: time.Now(), now: time.Now,
	}
}

// quietest is the longest time without output of plain lines. CI systems end a job that prints
// nothing for ten minutes (CircleCI docs: no_output_timeout).
const quietest = time.Minute

// lines prints a line for each change, and one line a minute if nothing changes.
type lines struct {
	out io.Writer
	now func() time.Time
	// began is when the view began, and printed when it last printed.
	began, printed time.Time
	last           string
}

func newLines(out io.Writer, now func() time.Time) *lines {
	return &lines{out: out, now: now, began: now(), printed: now()}
}

func (l *lines) Show(p client.Progress) {
	now := l.now()
	news := progressNews(p, now)
	switch {
	case news != "" && news != l.last:
		l.last = news
		l.Remark(progressLine(p, now))
	case now.Sub(l.printed) >= quietest:
		l.Remark(unchanged(p, now, now.Sub(l.began)))
	}
}

func (l *lines) Remark(text string) {
	l.printed = l.now()
	_, _ = fmt.Fprintln(l.out, text)
}

func (l *lines) Done() {}

// remarks prints remarks but no progress. A run that only reads ends too soon for a live view,
// unless no worker takes it.
type remarks struct{ out io.Writer }

func (*remarks) Show(client.Progress) {}

func (r *remarks) Remark(text string) { _, _ = fmt.Fprintln(r.out, text) }

func (*remarks) Done() {}

// progressNews returns the line for p without the parts whose changes alone are not worth a new
// line: the time of a next attempt, and the minutes that have passed.
func progressNews(p client.Progress, now time.Time) string {
	p.Retries = slices.Clone(p.Retries)
	for i := range p.Retries {
		p.Retries[i].Next = ""
	}
	return progressLine(p, now)
}

// unchanged returns the line for p if nothing has changed.
func unchanged(p client.Progress, now time.Time, elapsed time.Duration) string {
	line := progressLine(p, now)
	switch {
	case p.Lost:
		line = "Temporal does not answer; the run goes on"
	case line == "" && p.Untaken:
		line = "Waiting for a worker"
	case line == "":
		line = "Waiting"
	}
	return fmt.Sprintf("%s (%s so far)", line, elapsed.Truncate(time.Minute))
}

// progressLine formats p as one line; empty if there is nothing to say yet.
func progressLine(p client.Progress, now time.Time) string {
	line := p.Known().Progress(now)
	if p.Beat != nil && line != "" && p.Beat.Reason == "" {
		line += inBrackets(counts(*p.Beat))
	}
	return perch.Printable(strings.TrimPrefix(line+p.RetrySentences(), "; "))
}

// counts says how many of the stack's resources are done; empty if their number is unknown.
func counts(b perch.Progress) string {
	if b.Total <= 0 || !strings.HasSuffix(b.Status, "_IN_PROGRESS") {
		return ""
	}
	return fmt.Sprintf("%d of %s done", b.Done, report.Count(b.Total, "resource"))
}

func inBrackets(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
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

// live is a view that redraws a few lines in place.
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
	for _, line := range frame(l.title, p, l.now(), l.now().Sub(l.began), l.width(), l.color) {
		_, _ = fmt.Fprintln(l.out, line)
		l.drawn++
	}
}

func (l *live) Remark(text string) {
	l.erase()
	_, _ = fmt.Fprintln(l.out, text)
}

func (l *live) Done() { l.erase() }

// erase clears the drawn lines: it moves up to their beginning and clears to the end of the screen.
func (l *live) erase() {
	if l.drawn > 0 {
		_, _ = fmt.Fprintf(l.out, "\x1b[%dA\r\x1b[J", l.drawn)
		l.drawn = 0
	}
}

// frame formats the live view of p in lines of at most width columns.
func frame(title string, p client.Progress, now time.Time, elapsed time.Duration, width int, color bool) []string {
	width = min(width, widest) - 1 // the last column stays free: some terminals wrap when it is written
	known := p.Known()
	reason := ""
	if p.Beat != nil { // The reason has a row.
		beat := *p.Beat
		reason, beat.Reason = beat.Reason, ""
		known.Beat = &beat
	}
	rows := []row{
		{bold, title},
		{normal, strings.Join(kept([]string{elapsed.Truncate(time.Second).String(), known.Progress(now)}), " ")},
	}
	if p.Beat != nil && p.Beat.Total > 0 {
		rows = append(rows, row{normal, bar(*p.Beat)})
	}
	if reason != "" {
		rows = append(rows, row{red, reason})
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

// bar draws how many resources, or steps, are done.
func bar(b perch.Progress) string {
	full := min(max(b.Done, 0), b.Total) * barCells / b.Total
	cells := strings.Repeat("█", full) + strings.Repeat("░", barCells-full)
	if text := counts(b); text != "" {
		return cells + " " + text
	}
	return fmt.Sprintf("%s %d/%d", cells, b.Done, b.Total)
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
