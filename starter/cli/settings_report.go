package cli

import (
	"fmt"
	"io"
	"strings"

	"perch"
	"perch/config"
)

// settingsDocument is the output of `settings -o json`. Branch is empty for a kind. Revision and
// commit are empty for the file in the folder.
type settingsDocument struct {
	Branch   string     `json:"branch"`
	Kind     perch.Kind `json:"kind"`
	Revision string     `json:"revision"`
	Commit   string     `json:"commit"`
	// Skip is the pattern that excludes the branch from having an environment.
	Skip     string           `json:"skip"`
	Settings []config.Setting `json:"settings"`
}

// differencesDocument is the output of `settings diff -o json`.
type differencesDocument struct {
	Differences []config.Difference `json:"differences"`
}

func newSettingsDocument(s side) settingsDocument {
	return settingsDocument{
		Branch: s.branch, Kind: s.kind, Revision: s.revision, Commit: s.commit, Skip: s.skip().Pattern,
		Settings: s.settings,
	}
}

func (a *app) tellSettings(s side) {
	_, _ = io.WriteString(a.stdout, settingsText(s.settings, a.paper()))
	if s.branch == "" {
		return
	}
	a.note("%s is of kind %s.", s.branch, s.kind)
	if rule := s.skip(); rule.Pattern != "" {
		a.note("%s.", rule.Sentence(s.branch))
	}
}

func (a *app) tellDifferences(before, after side, differences []config.Difference) {
	if len(differences) == 0 {
		a.note("%s and %s have the same settings.", before.title(), after.title())
		return
	}
	_, _ = io.WriteString(a.stdout, differencesText(before.title(), after.title(), differences, a.paper()))
}

// settingsText formats settings as a table if it fits, or else as a paragraph for each setting.
func settingsText(settings []config.Setting, p paper) string {
	rows := [][]string{{"SETTING", "VALUE", "FROM"}}
	for _, setting := range settings {
		rows = append(rows, []string{setting.Path, shown(setting.Value), setting.From})
	}
	if !p.fits(0, rows) {
		rows = rows[1:] // A head says nothing if there are no columns.
	}
	var out strings.Builder
	p.table(&out, 0, rows, nil)
	return out.String()
}

// differencesText formats differences as a table if it fits, or else as a paragraph for each
// setting that names both sides.
func differencesText(before, after string, differences []config.Difference, p paper) string {
	rows := [][]string{{"SETTING", before, "FROM", after, "FROM"}}
	var paragraphs [][]string
	for _, d := range differences {
		rows = append(rows, []string{d.Path, shown(d.A), origin(d.AFrom), shown(d.B), origin(d.BFrom)})
		paragraphs = append(
			paragraphs,
			[]string{d.Path, before + ": " + valueOrigin(d.A, d.AFrom), after + ": " + valueOrigin(d.B, d.BFrom)},
		)
	}
	if !p.fits(0, rows) {
		rows = paragraphs
	}
	var out strings.Builder
	p.table(&out, 0, rows, nil)
	return out.String()
}

// shown formats a value for people; a hyphen means that there is none.
func shown(value any) string {
	switch value := value.(type) {
	case nil:
		return "-"
	case string:
		if value == "" {
			return `""`
		}
		return value
	case []string:
		return "[" + strings.Join(value, ", ") + "]"
	}
	return fmt.Sprint(value)
}

func origin(layer *string) string {
	if layer == nil {
		return "-"
	}
	return *layer
}

func valueOrigin(value any, layer *string) string {
	if layer == nil {
		return shown(value)
	}
	return shown(value) + " (" + *layer + ")"
}
