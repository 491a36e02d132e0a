package cli

import (
	"os"
	"strings"

	"charm.land/lipgloss/v2"
	"golang.org/x/term"
)

// paper is what text of several lines is written on: a terminal with so many columns, or a file that has no end to its lines (width 0).
type paper struct {
	width int
	color bool
}

// paper is stdout's.
func (a *app) paper() paper {
	file, ok := a.stdout.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return paper{}
	}
	columns, _, err := term.GetSize(int(file.Fd()))
	if err != nil || columns <= 0 {
		columns = 80
	}
	return paper{width: columns, color: a.env("NO_COLOR") == "" && a.env("TERM") != "dumb"}
}

// text writes a sentence, broken between words where it is too long; what goes on is indented as it begins.
func (p paper) text(out *strings.Builder, s style, indent int, sentence string) {
	margin := strings.Repeat(" ", indent)
	line := ""
	flush := func() {
		out.WriteString(strings.TrimRight(margin+s.paint(line, p.color), " ") + "\n")
		line = ""
	}
	for _, word := range strings.Fields(printable(sentence)) {
		if line != "" && p.width > 0 && indent+lipgloss.Width(line)+1+lipgloss.Width(word) > p.width {
			flush()
		}
		line = strings.TrimLeft(line+" "+word, " ")
	}
	flush()
}

// table writes rows in columns where they fit, and otherwise each row's first cell on a line and the others below it. below, where it is not
// nil, is called after each row.
func (p paper) table(out *strings.Builder, indent int, rows [][]string, below func(row int)) {
	widths, fits := columnWidths(rows), p.fits(indent, rows)
	for i, row := range rows {
		if fits {
			p.columns(out, indent, row, widths)
		} else {
			p.stack(out, indent, row)
		}
		if below != nil {
			below(i)
		}
	}
}

// fits reports whether rows are narrow enough to be written in columns.
func (p paper) fits(indent int, rows [][]string) bool {
	widths := columnWidths(rows)
	total := indent + 2*(len(widths)-1)
	for _, width := range widths {
		total += width
	}
	return p.width == 0 || total <= p.width
}

func columnWidths(rows [][]string) []int {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], lipgloss.Width(printable(cell)))
		}
	}
	return widths
}

func (p paper) columns(out *strings.Builder, indent int, row []string, widths []int) {
	line := strings.Repeat(" ", indent)
	for i, cell := range row {
		line += printable(cell) + strings.Repeat(" ", widths[i]-lipgloss.Width(printable(cell))+2)
	}
	out.WriteString(strings.TrimRight(line, " ") + "\n")
}

func (p paper) stack(out *strings.Builder, indent int, row []string) {
	for i, cell := range row {
		if i == 0 || printable(cell) != "" {
			p.text(out, normal, indent+min(i, 1)*2, cell)
		}
	}
}
