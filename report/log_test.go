package report

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"perch"
)

// failedComment is the comment on a deployment that failed with words and has a log.
func failedComment(words string, log perch.LogLines) string {
	return Comment(perch.Card{State: up(perch.PhaseFailed, failure(words)), Log: &log}, 0, noon)
}

func logLine(second int, stream, text string) perch.LogLine {
	return perch.LogLine{At: noon.Add(time.Duration(second) * time.Second), Stream: stream, Text: text}
}

func TestTheCommentOnAFailureHasTheLastLinesOfTheLog(t *testing.T) {
	first, second := logLine(1, "i-1", "app-1  | connecting"), logLine(62, "i-1", "app-1  | [masked]")
	log := perch.LogLines{Source: "app.log", Masked: 1, Lines: []perch.LogLine{first, second}}
	want := "<details><summary>The last 2 lines of app.log, secrets masked: 1</summary>\n\n```text\n" +
		"12:00:01 app-1  | connecting\n12:01:02 app-1  | [masked]\n```\n\n</details>\n"
	if got := failedComment("no answer", log); !strings.HasSuffix(got, want) {
		t.Errorf("the comment is\n%s\nwant at its end\n%s", got, want)
	}
	log.Lines[1].Stream = "i-2"
	got := failedComment("no answer", log)
	if !strings.Contains(got, "12:00:01 i-1 app-1  | conn") || !strings.Contains(got, "12:01:02 i-2 app-1  | [m") {
		t.Errorf("the lines of two instances:\n%s", got)
	}
	log.Lines[0].File, log.Lines[1].File = "/var/log/eb-engine.log", "/var/log/web.stdout.log"
	log.Problem = "CloudWatch Logs answered no more within 5 seconds"
	got = failedComment("no answer", log)
	for _, want := range []string{
		"12:00:01 i-1 eb-engine.log app-1  | conn", "12:01:02 i-2 web.stdout.log app-1  | [m",
		"\nSome lines are missing: CloudWatch Logs answered no more within 5 seconds.\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
}

func TestLongLinesFitIntoAComment(t *testing.T) {
	var log perch.LogLines
	for i := range 2 * perch.FailureLogLines {
		log.Lines = append(log.Lines, logLine(i, "i-1", strings.Repeat("a", 500)))
	}
	got := failedComment(strings.Repeat("b", 3*longestSentence), log)
	if n := utf8.RuneCountInString(got); n > 30_000 || strings.Count(got, "\n12:00:") != perch.FailureLogLines {
		t.Errorf("the comment has %d characters and %d lines", n, strings.Count(got, "\n12:00:"))
	}
}

func TestSecretsOfAFailureAreMasked(t *testing.T) {
	words := "seed step 1 says: password=hunter2"
	status, _ := Status(up(perch.PhaseFailed, failure(words)))
	rejected := up(perch.PhaseRejected, outcome(perch.OutcomeRejected, words))
	for _, got := range []string{
		failedComment(words, perch.LogLines{}), status.Description, Comment(perch.Card{State: rejected}, 0, noon),
	} {
		if strings.Contains(got, "hunter2") || !strings.Contains(got, "password=") || !strings.Contains(got, "masked") {
			t.Errorf("it says\n%s", got)
		}
	}
}
