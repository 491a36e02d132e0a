package cli

import (
	"os"
	"strings"

	"charm.land/lipgloss/v2"
	"charm.land/lipgloss/v2/table"
	"golang.org/x/term"

	"perch"
)

// columnGap is the number of spaces between two columns.
const columnGap = 2

// paper describes where text is written: a terminal of the given width, or a file with lines of any
// length (width 0).
type paper struct {
	width int
	color bool
}

// paper returns the paper for stdout.
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

// text writes a sentence, wrapped between words. All lines have the same indent.
func (p paper) text(out *strings.Builder, s style, indent int, sentence string) {
	for _, line := range wrapped(perch.Printable(sentence), p.width-indent) {
		out.WriteString(strings.TrimRight(strings.Repeat(" ", indent)+s.paint(line, p.color), " ") + "\n")
	}
}

// wrapped breaks text between words into lines of at most width columns. If width is 0, or too
// small for any word, it returns one line.
func wrapped(text string, width int) []string {
	if width <= 0 {
		return []string{text}
	}
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && lipgloss.Width(line)+1+lipgloss.Width(word) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}

// list writes rows in columns under heads. If they do not fit the terminal, it writes each row as a
// list of facts, with an empty line between rows.
func (p paper) list(out *strings.Builder, heads []string, rows [][]string) {
	if all := append([][]string{heads}, rows...); p.fits(0, all) {
		p.table(out, 0, all, nil)
		return
	}
	for i, row := range rows {
		if i > 0 {
			out.WriteString("\n")
		}
		var facts [][2]string
		for column, cell := range row {
			facts = append(facts, [2]string{strings.ToLower(heads[column]), cell})
		}
		p.facts(out, facts)
	}
}

// facts writes a line for each name and value, and leaves out names without a value. If a line is
// too long for the terminal, the value continues below its beginning. If one of the value's words
// does not fit there, the value is on the lines below the name. A word that is longer than the
// terminal is not broken, so that an address can still be copied and opened.
func (p paper) facts(out *strings.Builder, facts [][2]string) {
	margin := 0
	for _, fact := range facts {
		if perch.Printable(fact[1]) != "" {
			margin = max(margin, lipgloss.Width(fact[0])+2)
		}
	}
	for _, fact := range facts {
		name, value := fact[0], perch.Printable(fact[1])
		if value == "" {
			continue
		}
		lines := wrapped(value, p.width-margin)
		if p.width > 0 && margin+lipgloss.Width(strings.Join(lines, "\n")) > p.width {
			out.WriteString(name + "\n")
			p.text(out, normal, 2, value)
			continue
		}
		for _, line := range lines {
			out.WriteString(name + strings.Repeat(" ", margin-lipgloss.Width(name)) + line + "\n")
			name = ""
		}
	}
}

// table writes rows in columns if they fit. Otherwise it writes each row's first cell on one line
// and the others below it. If below is not nil, it is called after each row.
func (p paper) table(out *strings.Builder, indent int, rows [][]string, below func(row int)) {
	lines, fits := inColumns(rows), p.fits(indent, rows)
	for i, row := range rows {
		if fits {
			out.WriteString(strings.TrimRight(strings.Repeat(" ", indent)+lines[i], " ") + "\n")
		} else {
			p.stack(out, indent, row)
		}
		if below != nil {
			below(i)
		}
	}
}

// fits reports whether rows are narrow enough for columns.
func (p paper) fits(indent int, rows [][]string) bool {
	return p.width == 0 || indent+lipgloss.Width(inColumns(rows)[0])-columnGap <= p.width
}

// inColumns formats each row as a line. All lines have the same width: a gap also follows the last
// column.
func inColumns(rows [][]string) []string {
	columns := table.New().BorderTop(false).BorderBottom(false).BorderLeft(false).BorderRight(false).
		BorderColumn(false).
		StyleFunc(func(int, int) lipgloss.Style { return lipgloss.NewStyle().PaddingRight(columnGap) })
	for _, row := range rows {
		var cells []string
		for _, cell := range row {
			cells = append(cells, perch.Printable(cell))
		}
		columns.Row(cells...)
	}
	return strings.Split(columns.String(), "\n")
}

func (p paper) stack(out *strings.Builder, indent int, row []string) {
	for i, cell := range row {
		if i == 0 || perch.Printable(cell) != "" {
			p.text(out, normal, indent+min(i, 1)*2, cell)
		}
	}
}
