package seed

import (
	"fmt"
	"strings"
)

// outputKept is how many bytes from the end of a command's output its instance keeps. Run Command
// only shows the first 24,000 characters of a script's output (AWS docs: GetCommandInvocation), but
// the end says why a command failed.
const outputKept = 4000

// containerScript returns a script that runs a command in the app's container. The script runs in
// the folder where Elastic Beanstalk's Docker platform keeps the Compose project. Its exit code is
// that of the command.
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

// quoteWord quotes a word so that the shell does not change it. It also separates consecutive
// braces. Otherwise Systems Manager would replace {{ssm:NAME}} with the value of a parameter, with
// the permissions of anyone who sends the command.
func quoteWord(word string) string {
	word = strings.ReplaceAll(word, `'`, `'\''`)
	return "'" + strings.ReplaceAll(word, "{", "{''") + "'"
}
