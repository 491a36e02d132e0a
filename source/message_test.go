package source

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"perch"
)

func TestTheMessageOfACommit(t *testing.T) {
	r := newRepo(t)
	commit := r.commit("a", "1")
	g, err := OpenGit(r.dir, "")
	r.must(err)
	got, err := g.Message(t.Context(), commit)
	want := perch.CommitMessage{Subject: "change", Author: "Jane", At: time.Unix(1_700_000_000, 0).UTC()}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("message (-want +got):\n%s%v", diff, err)
	}
	if _, err := g.Message(
		t.Context(), strings.Repeat("0", 40),
	); err == nil || !strings.Contains(err.Error(), "no commit") {
		t.Errorf("of a commit that is not there: %v", err)
	}
}
