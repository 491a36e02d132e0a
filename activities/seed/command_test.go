package seed

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"perch"
)

func TestOutputsAreCutToTheirEnd(t *testing.T) {
	long := strings.Repeat("é", shownOutput) + "end"
	for text, want := range map[string]string{
		"": "", " a\n": "a", "\x1b[31mred\x1b[0m\ttab\r\n\xff": "[31mred[0m\ttab",
		long: strings.Repeat("é", (shownOutput-3)/2) + "end",
	} {
		if got := outputEnd(text); got != want {
			t.Errorf("%.20q: %q", text, got)
		}
	}
}

// TestS77WordsReachTheCommandAsTheyAre lets a real shell read the words.
func TestS77WordsReachTheCommandAsTheyAre(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("sh is missing")
	}
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.OneOf(rapid.StringMatching(`[ -~\n\t]{0,12}`), rapid.SampledFrom([]string{
			"", "'", "''", `\'`, "$(reboot)", "`id`", "; rm -rf /", "{{ssm:/shop/password}}", "{{{", "-c", "*", "a\nb",
			"привет", "\u202eabc", "#x", "!!",
		})), 1, 6).Draw(t, "words")
		var line strings.Builder
		for _, word := range words {
			quoted := quoteWord(word)
			if strings.Contains(quoted, "{{") {
				t.Fatalf("%q is written %s, and Systems Manager would replace that", word, quoted)
			}
			line.WriteString(" " + quoted)
		}
		out, err := exec.Command(shell, "-c", `printf '%s\0'`+line.String()).Output()
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"); !slices.Equal(got, words) {
			t.Fatalf("got %q, want %q", got, words)
		}
	})
}

// TestTheScriptEndsAsItsCommandDoes runs the script with another folder and another docker.
func TestTheScriptEndsAsItsCommandDoes(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("bash is missing")
	}
	lines := strings.Join(containerScript([]string{"sh", "-c", "echo out; echo err >&2; exit 3"}), "\n")
	lines = strings.Replace(lines, "/var/app/current", t.TempDir(), 1)
	out, err := exec.Command(bash, "-c", `docker() { shift 4; "$@"; }`+"\n"+lines).Output()
	var failure *exec.ExitError
	if !errors.As(err, &failure) || failure.ExitCode() != 3 || string(out) != "out\nerr\n" {
		t.Errorf("%v, output %q", err, out)
	}
	nowhere := strings.Join(containerScript([]string{"true"}), "\n")
	if err := exec.Command(bash, "-c", "cd() { return 1; }\n"+nowhere).Run(); !errors.As(err, &failure) ||
		failure.ExitCode() != 1 {
		t.Errorf("without the folder: %v", err)
	}
}

func TestCommentsFitIntoACommand(t *testing.T) {
	mark := Mark("arn:x:stack/shop-login/1", nil, perch.SeedStep{Run: &perch.SeedRun{Command: []string{"a"}}})
	if one, other := commandComment(mark, "run-1"), commandComment(mark, "run-2"); len(one) > 100 || one == other {
		t.Errorf("%s, %s", one, other)
	}
}
