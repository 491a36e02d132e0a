package logs

import (
	"strings"
	"testing"

	"perch"
)

func TestBlocksAreMaskedStreamByStream(t *testing.T) {
	lines := []perch.LogLine{
		{Stream: "i-1", Text: "-----BEGIN PRIVATE KEY-----"}, {Stream: "i-2", Text: "word"},
		{Stream: "i-1", Text: "MIIE"}, {Stream: "i-1", Text: "-----END PRIVATE KEY-----"},
	}
	count := maskLines(lines)
	if count != 1 || lines[1].Text != "word" || lines[2].Text != "[masked]" {
		t.Errorf("%d masks: %+v", count, lines)
	}
}

func TestLinesAreCleanAndShort(t *testing.T) {
	if got := clean("\x1b[31mpass\u200bword\x1b[0m=x\x00\r\n"); got != "password=x" {
		t.Errorf("cleaned: %q", got)
	}
	if got := shortened(strings.Repeat("é", 400)); len(got) > mostBytes || !strings.HasSuffix(got, "é...") {
		t.Errorf("shortened: %q", got)
	}
}
