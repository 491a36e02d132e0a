package services

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// commandNotFound is the exit code of a shell for an unknown command.
const commandNotFound = 127

// interpret imitates an instance of the environment that runs a script. It executes nothing on the
// sandbox's machine. It supports a change to the folder of the Compose project, `docker compose
// logs`, and a few commands in the app's container. If Config.SkipCommands is set, an unknown
// command in the container succeeds. Any other line ends the script with exit code 127 and an
// explanation in its output.
func (s *Service) interpret(env *record, lines []string, limit time.Duration) *scriptResult {
	r := &scriptResult{limit: limit, skipUnknown: s.config.SkipCommands}
	for _, line := range lines {
		words, err := shellWords(line)
		switch {
		case err != nil:
			r.rejectLine("%v", err)
		case len(words) == 0, equalWords(words, "set -o pipefail"), equalWords(words, "cd /var/app/current || exit 1"):
		case len(words) > 5 && equalWords(words[:5], "docker compose exec -T app"):
			s.execInContainer(r, env, words[5:])
		case len(words) > 3 && equalWords(words[:3], "docker compose logs"):
			s.showLogs(r, env, words[3:])
		default:
			r.rejectLine("%q", line)
		}
		if r.code != 0 {
			break
		}
	}
	return r
}

func (r *scriptResult) rejectLine(format string, args ...any) {
	r.code = commandNotFound
	fmt.Fprintf(&r.output, "The sandbox has no shell. In /var/app/current it supports only "+
		"`docker compose exec -T app COMMAND` and `docker compose logs`, and not "+format+".\n", args...)
}

// showLogs prints the log lines of the containers since the last deployment. It supports the
// options --since and --tail.
func (s *Service) showLogs(r *scriptResult, env *record, words []shellWord) {
	options, keep, ok := r.parseRedirections(words)
	if !ok {
		return
	}
	var since time.Time
	most := -1
	for i, option := range options[:max(len(options)-1, 0)] {
		switch option {
		case "--since":
			since, _ = time.Parse(time.RFC3339, options[i+1])
		case "--tail":
			most, _ = strconv.Atoi(options[i+1])
		}
	}
	lines := appLines(env, "")
	if most >= 0 {
		lines = lines[max(len(lines)-most, 0):]
	}
	at := env.Updated
	if at.Before(since) {
		return
	}
	var text strings.Builder
	for _, line := range lines {
		container, said, _ := strings.Cut(line, " | ")
		fmt.Fprintf(&text, "%s | %s %s\n", container, at.UTC().Format(time.RFC3339Nano), said)
	}
	r.output.WriteString(text.String()[max(text.Len()-keep, 0):])
}

// execInContainer imitates a command in the app's container.
func (s *Service) execInContainer(r *scriptResult, env *record, words []shellWord) {
	command, keep, ok := r.parseRedirections(words)
	if !ok {
		return
	}
	var out strings.Builder
	r.runCommand(&out, command, s.options(env).variables())
	text := out.String()
	r.output.WriteString(text[max(len(text)-keep, 0):])
}

// parseRedirections returns a command without its redirections, and how many bytes at the end of
// its output to keep. It supports `2>&1`, `</dev/null` and a pipe to `tail -c`; ok is false for
// anything else.
func (r *scriptResult) parseRedirections(words []shellWord) (command []string, keep int, ok bool) {
	keep = maxOutput
	if i := slices.IndexFunc(words, func(w shellWord) bool { return w.operator && w.text == "|" }); i >= 0 {
		if rest := words[i+1:]; len(rest) != 3 || !equalWords(rest[:2], "tail -c") {
			r.rejectLine("this command after %q", "|")
			return nil, 0, false
		} else if n, err := strconv.Atoi(rest[2].text); err == nil {
			keep = n
		}
		words = words[:i]
	}
	for _, word := range words {
		if !word.operator {
			command = append(command, word.text)
		} else if word.text != "2>&1" && word.text != "</dev/null" {
			r.rejectLine("%q", word.text)
			return nil, 0, false
		}
	}
	return command, keep, true
}

// runCommand imitates one of the commands that the sandbox supports in a container.
func (r *scriptResult) runCommand(out *strings.Builder, command []string, variables map[string]string) {
	name, args := command[0], command[1:]
	switch name {
	case "true":
	case "false":
		r.code = 1
	case "echo":
		fmt.Fprintln(out, strings.Join(args, " "))
	case "printenv", "env":
		r.printVariables(out, args, variables)
	case "sleep":
		seconds, err := strconv.ParseFloat(strings.Join(args, " "), 64)
		if err != nil || seconds < 0 || seconds > 86400 {
			fmt.Fprintf(out, "sleep: invalid time interval %q\n", args)
			r.code = 1
			return
		}
		r.takes += time.Duration(seconds * float64(time.Second))
	default:
		if r.skipUnknown {
			fmt.Fprintf(out, "Skipped: the sandbox runs no container, so it did not run %s and reports success. "+
				"With --run=strict, the command fails.\n", name)
			return
		}
		fmt.Fprintf(out, "%s: not found. The sandbox runs no container and supports only the commands echo, env, "+
			"false, printenv, sleep and true.\n", name)
		r.code = commandNotFound
	}
}

// printVariables prints the values of the variables in names. If names is empty, it prints all
// variables with their names.
func (r *scriptResult) printVariables(out *strings.Builder, names []string, variables map[string]string) {
	if len(names) == 0 {
		for _, pair := range sortedTags(variables) {
			fmt.Fprintln(out, pair[0]+"="+pair[1])
		}
	}
	for _, name := range names {
		value, ok := variables[name]
		if !ok {
			r.code = 1
			continue
		}
		fmt.Fprintln(out, value)
	}
}

// shellWord is a word in a line, or an operator between words.
type shellWord struct {
	text     string
	operator bool
}

func equalWords(words []shellWord, text string) bool {
	var spelled []string
	for _, word := range words {
		spelled = append(spelled, word.text)
	}
	return strings.Join(spelled, " ") == text
}

// shellOperators are the supported operators, longest first.
var shellOperators = []string{"</dev/null", "2>&1", "||", "|"}

// shellWords splits a line of a script as a shell would. It rejects characters that a shell would
// expand, because there is no shell.
func shellWords(line string) ([]shellWord, error) {
	var words []shellWord
	var word strings.Builder
	open := false
	end := func() {
		if open {
			words = append(words, shellWord{text: word.String()})
		}
		word.Reset()
		open = false
	}
	for i := 0; i < len(line); {
		if !open {
			if line[i] == '#' {
				return words, nil
			}
			if at := slices.IndexFunc(
				shellOperators, func(o string) bool { return strings.HasPrefix(line[i:], o) },
			); at >= 0 {
				words = append(words, shellWord{shellOperators[at], true})
				i += len(shellOperators[at])
				continue
			}
		}
		switch c := line[i]; {
		case c == ' ' || c == '\t':
			end()
			i++
		case c == '\'':
			closed := strings.IndexByte(line[i+1:], '\'')
			if closed < 0 {
				return nil, errors.New("a quote that is not closed")
			}
			word.WriteString(line[i+1 : i+1+closed])
			open = true
			i += closed + 2
		case c == '\\' && i+1 < len(line):
			word.WriteByte(line[i+1])
			open = true
			i += 2
		case strings.IndexByte("\"$`;&|<>()*?[{!~\n\\", c) >= 0:
			return nil, fmt.Errorf("%q in a line", string(c))
		default:
			word.WriteByte(c)
			open = true
			i++
		}
	}
	end()
	return words, nil
}
