package github

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"perch"
)

func TestTheMessageOfACommit(t *testing.T) {
	server, _, commit := withFiles(t)
	r := open(t, server)
	got, err := r.Message(t.Context(), commit)
	want := perch.CommitMessage{Subject: "all kinds", Author: "Jane", At: time.Unix(1_700_000_000, 0).UTC()}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("message (-want +got):\n%s%v", diff, err)
	}
	for _, commit := range []string{strings.Repeat("0", 40), "main"} {
		if _, err := r.Message(t.Context(), commit); err == nil {
			t.Errorf("commit %s has a message", commit)
		}
	}
}
