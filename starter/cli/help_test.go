package cli

import (
	"bytes"
	"strings"
	"testing"

	"charm.land/lipgloss/v2"
	"github.com/spf13/cobra"
)

func TestHelpFitsOn80Columns(t *testing.T) {
	t.Parallel()
	none := func(string) string { return "" }
	var helpOf func(command *cobra.Command)
	helpOf = func(command *cobra.Command) {
		var stdout, stderr bytes.Buffer
		args := append(strings.Fields(command.CommandPath())[1:], "--help")
		if exit := Run(t.Context(), args, nil, &stdout, &stderr, none); exit != exitDone {
			t.Errorf("%q: exit code %d: %s", args, exit, stderr.String())
		}
		for line := range strings.Lines(stdout.String()) {
			if line = strings.TrimSuffix(line, "\n"); lipgloss.Width(line) > helpWidth {
				t.Errorf("%q: %d columns: %s", args, lipgloss.Width(line), line)
			}
		}
		if !strings.Contains(stdout.String(), "Usage:") {
			t.Errorf("%q: no usage in:\n%s", args, stdout.String())
		}
		for _, child := range command.Commands() {
			helpOf(child)
		}
	}
	helpOf((&app{env: none}).root())
}

// The commands of the first minutes show how they are called.
func TestHelpHasExamples(t *testing.T) {
	t.Parallel()
	root := (&app{env: func(string) string { return "" }}).root()
	for _, name := range []string{
		"up", "down", "plan", "ls", "status", "history", "logs", "cleanup", "extend", "pin",
	} {
		command, _, err := root.Find([]string{name})
		if err != nil || !strings.Contains(command.Example, "perch "+name) {
			t.Errorf("%s: example %q, error %v", name, command.Example, err)
		}
	}
}
