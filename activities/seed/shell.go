package seed

import (
	"fmt"
	"strings"
)

// outputKept is how much of the end of a command's output its instance keeps, in bytes. Run Command
// shows the first 24,000 characters of a script's output (AWS docs: GetCommandInvocation), and it
// is the end that tells why a command failed.
const outputKept = 4000

// containerScript calls a command in the app's container, in the folder where Elastic Beanstalk's
// Docker platform keeps the Compose project. Its exit code is the command's.
func containerScript(command []string) []string {
	words := make([]string, len(command))
	for i, word := range command {
		words[i] = quoteWord(word)
	}
	return []string{
		"#!/bin/bash",
		"set -o pipefail",
		"cd /var/app/current || exit 1",
		fmt.Sprintf("docker compose exec -T app %s 2>&1 </dev/null | tail -c %d", strings.Join(words, " "), outputKept),
	}
}

// quoteWord writes a word so that the shell takes it as it is. Braces are kept apart from each
// other: Systems Manager replaces what is in two of them, {{ssm:NAME}}, by a parameter's value,
// with the rights of anyone who sends the command.
func quoteWord(word string) string {
	word = strings.ReplaceAll(word, `'`, `'\''`)
	return "'" + strings.ReplaceAll(word, "{", "{''") + "'"
}
