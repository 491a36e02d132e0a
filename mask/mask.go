// Package mask masks secrets in texts that apps, seed steps and AWS have written, before people see
// them.
//
// It knows what secrets look like, and none of their values. It rather masks too much than too
// little.
package mask

import (
	"regexp"
	"strings"
)

// masked is written in place of a secret.
const masked = "[masked]"

// secretPatterns are what looks like a secret. Where a pattern has groups, the groups stay and what
// is between the first and the last is masked; else the whole match is.
var secretPatterns = []*regexp.Regexp{
	// A PEM block in one line, with its line breaks escaped.
	regexp.MustCompile(`-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|$)`),
	// Access keys of AWS (IAM guide: unique identifiers), tokens of GitHub (GitHub docs: token
	// formats), GitLab, Slack and Stripe, and JSON Web Tokens.
	regexp.MustCompile(`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`),
	regexp.MustCompile(`\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{20,})`),
	regexp.MustCompile(`\b(?:xox[abeprs]-[A-Za-z0-9-]{10,}|[rs]k_(?:live|test)_[A-Za-z0-9]{10,})`),
	regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*`),
	// The password of a URL. The user stays.
	regexp.MustCompile(`(://[^\s:/@"']*:)[^\s/"']+(@)`),
	// Credentials of HTTP.
	regexp.MustCompile(`((?i:\bbearer|\bbasic)\s+)[A-Za-z0-9._~+/=-]{12,}()`),
	regexp.MustCompile(`((?i:authorization|cookie)["']?\s*[:=]\s*["']?)[^\s"'\[][^"'\r\n]*()`),
	// A name that says what its value is: PASSWORD=..., "apiKey": "...", --token ...
	regexp.MustCompile(`(` + assignment + `\\*")[^"]+(")`),
	regexp.MustCompile(`(` + assignment + `\\*')[^']+(')`),
	regexp.MustCompile(`(` + assignment + `)[^\s"'\\,;&\[][^\s"',;&]*()`),
	regexp.MustCompile(`(--[A-Za-z-]*(?i:` + secretNames + `)\s+)[^\s\[-]\S*()`),
	// A line from the middle of a PEM block.
	regexp.MustCompile(`(^(?:\S+\s+\|\s+)?)[A-Za-z0-9+/]{60,}={0,2}()$`),
}

const (
	secretNames = `password|passwd|pwd|passphrase|secret|token|(?:api|access|private|secret)[_-]?key`
	assignment  = `(?i:` + secretNames + `)(?:[_-][A-Za-z0-9_-]+|s)?(?:\\*["'])?\s*(?:=>|[:=])\s*`
)

// Text masks the secrets of a text and returns how many.
func Text(text string) (string, int) {
	lines := strings.Split(text, "\n")
	count := Lines(lines)
	return strings.Join(lines, "\n"), count
}

// Lines masks the secrets in consecutive lines of one text and returns how many. A PEM block may go
// over several lines.
func Lines(lines []string) int {
	count := maskBlocks(lines)
	for i, line := range lines {
		text, n := maskLine(line)
		lines[i] = text
		count += n
	}
	return count
}

// maskLine masks the secrets of one line and returns how many.
func maskLine(text string) (string, int) {
	count := 0
	for _, pattern := range secretPatterns {
		text = pattern.ReplaceAllStringFunc(text, func(found string) string {
			groups := pattern.FindStringSubmatch(found)
			count += 1 - strings.Count(found, masked)
			if len(groups) == 3 {
				return groups[1] + masked + groups[2]
			}
			return masked
		})
	}
	return text, count
}

var (
	blockBegin = regexp.MustCompile(`-----BEGIN [A-Z0-9 ]+-----`)
	blockEnd   = regexp.MustCompile(`-----END [A-Z0-9 ]+-----`)
	// blockLine is a line of base64, after the name that Compose puts before it.
	blockLine = regexp.MustCompile(`^(\S+\s+\|\s+)?[A-Za-z0-9+/=]+$`)
)

// maskBlocks masks the PEM blocks that go over several lines. A block that begins before the first
// line or ends after the last one is masked as far as it is there. Lines of other containers may be
// in between.
func maskBlocks(lines []string) int {
	count, inside := 0, false
	for i, line := range lines {
		begins, ends := blockBegin.FindStringIndex(line), blockEnd.FindStringIndex(line)
		switch {
		case begins != nil && ends != nil:
		case begins != nil:
			lines[i] = line[:begins[0]] + masked
			count++
		case ends != nil:
			if !inside {
				maskBlockLines(lines[:i])
				count++
			}
			lines[i] = masked + line[ends[1]:]
		case inside:
			maskBlockLines(lines[i : i+1])
		}
		inside = (inside || begins != nil) && ends == nil
	}
	return count
}

// maskBlockLines masks those of some lines that could be in a PEM block.
func maskBlockLines(lines []string) {
	for i, line := range lines {
		if blockLine.MatchString(line) {
			lines[i] = masked
		}
	}
}
