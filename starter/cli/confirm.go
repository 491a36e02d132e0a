package cli

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"
)

// confirmDown asks a question before it removes the environment of the current branch. It asks only
// if BRANCH was left out and the command runs on a terminal. It returns an error unless the answer
// is yes.
func (a *app) confirmDown(ctx context.Context, args []string, t target, yes bool) error {
	if yes || len(args) > 0 || !a.interactive(t) {
		return nil
	}
	branch := t.environment.Branch
	a.question("Remove the environment of %s, with its database and everything in its buckets? [y/N] ", branch)
	answer, err := a.answer(ctx)
	if err != nil {
		return failedError("wait for the answer: %w; nothing was removed", err)
	}
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
		return failedError(
			"the answer was not yes, so nothing was removed; `perch down %s` or --yes does not ask", branch,
		)
	}
	return nil
}

// interactive reports whether a person runs the command: on a terminal and outside CI.
func (a *app) interactive(t target) bool {
	return t.job.Branch == "" && a.env("CI") == "" && a.onTerminal()
}

// onTerminal reports whether stdin is a terminal.
func (a *app) onTerminal() bool {
	file, ok := a.stdin.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// question prints to the terminal, even if stderr is redirected. Without /dev/tty, as on Windows,
// it prints to stderr.
func (a *app) question(format string, args ...any) {
	terminal, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0)
	if err != nil {
		_, _ = fmt.Fprintf(a.stderr, format, args...)
		return
	}
	_, _ = fmt.Fprintf(terminal, format, args...)
	_ = terminal.Close()
}

// answer reads a line from stdin. It returns early if ctx ends.
func (a *app) answer(ctx context.Context) (string, error) {
	lines := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(a.stdin).ReadString('\n') // An input that ends has been read to its end.
		lines <- line
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case line := <-lines:
		return line, nil
	}
}
