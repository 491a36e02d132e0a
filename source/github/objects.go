package github

import (
	"context"
	"crypto/sha1" // The names of Git's objects are SHA-1 sums.
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"

	api "github.com/google/go-github/v60/github"

	"perch"
	"perch/source"
)

const (
	// maxBlob is the size of the largest file that GitHub's API returns, in bytes (GitHub docs: Get
	// a blob).
	maxBlob = 100 << 20
	// emptyTree is the name of the folder without files, which GitHub does not store.
	emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
)

func checkCommit(commit string) error {
	if !fullCommit.MatchString(commit) {
		return &source.Rejected{Reason: fmt.Sprintf(
			"commit %q is not a full commit: give all 40 hexadecimal digits, in lower case", commit,
		)}
	}
	return nil
}

// commit returns the commit's tree. found is false if GitHub shows the repository, but does not
// have the commit.
func (r *Repository) commit(ctx context.Context, commit string) (tree string, found bool, err error) {
	if err := checkCommit(commit); err != nil {
		return "", false, err
	}
	answer, _, err := r.client.Git.GetCommit(ctx, r.owner, r.name, commit)
	if missing, _ := answerOf(err); missing != nil && missing.StatusCode == http.StatusNotFound {
		if _, _, err := r.client.Repositories.Get(ctx, r.owner, r.name); err != nil {
			return "", false, r.failure(err, "look for commit %s in %s", commit, r)
		}
		return "", false, nil
	}
	if err == nil && (answer.GetSHA() != commit || !fullCommit.MatchString(answer.GetTree().GetSHA())) {
		err = errors.New("GitHub's answer is about something else")
	}
	if err != nil {
		return "", false, r.failure(err, "look for commit %s in %s", commit, r)
	}
	return answer.GetTree().GetSHA(), true, nil
}

// Message returns what GitHub says about the commit, with one call (GitHub docs: Get a commit
// object).
func (r *Repository) Message(ctx context.Context, commit string) (perch.CommitMessage, error) {
	if err := checkCommit(commit); err != nil {
		return perch.CommitMessage{}, err
	}
	answer, _, err := r.client.Git.GetCommit(ctx, r.owner, r.name, commit)
	if err == nil && answer.GetSHA() != commit {
		err = errors.New("GitHub's answer is about something else")
	}
	if err != nil {
		return perch.CommitMessage{}, r.failure(err, "read the message of commit %s in %s", commit, r)
	}
	author := answer.GetAuthor()
	return perch.NewCommitMessage(answer.GetMessage(), author.GetName(), author.GetDate().Time), nil
}

// entries lists a folder or, if recursive is true, everything below it. GitHub shortens a list of
// more than 100,000 entries or 7 MB (GitHub docs: Get a tree).
func (r *Repository) entries(ctx context.Context, tree string, recursive bool) ([]*api.TreeEntry, error) {
	if tree == emptyTree {
		return nil, nil
	}
	answer, _, err := r.client.Git.GetTree(ctx, r.owner, r.name, tree, recursive)
	if err != nil {
		return nil, err
	}
	if answer.GetTruncated() {
		return nil, &source.Rejected{
			Reason: "the folder has more files than GitHub lists at once (100,000); name a folder below it",
		}
	}
	if answer.GetSHA() != tree || answer.Entries == nil {
		return nil, errNoContent
	}
	for _, entry := range answer.Entries {
		if !fs.ValidPath(entry.GetPath()) || entry.GetPath() == "." || !fullCommit.MatchString(entry.GetSHA()) {
			return nil, fmt.Errorf("%q is not a path that stays in the repository, or has no content", entry.GetPath())
		}
	}
	return answer.Entries, nil
}

// blob reads a file's content and verifies it against the name that Git gave it, so that it notices
// an incomplete answer.
func (r *Repository) blob(ctx context.Context, entry *api.TreeEntry) ([]byte, error) {
	if entry.GetSize() > maxBlob {
		return nil, &source.Rejected{Reason: fmt.Sprintf(
			"it is %d bytes long; GitHub gives out at most %d by its API: keep it in a bucket", entry.GetSize(),
			maxBlob,
		)}
	}
	content, _, err := r.client.Git.GetBlobRaw(ctx, r.owner, r.name, entry.GetSHA())
	if err != nil {
		return nil, err
	}
	sum := sha1.New()
	fmt.Fprintf(sum, "blob %d\x00", len(content))
	sum.Write(content)
	if hex.EncodeToString(sum.Sum(nil)) != entry.GetSHA() {
		return nil, fmt.Errorf(
			"GitHub's answer of %d bytes is not the file's content, which has %d", len(content), entry.GetSize(),
		)
	}
	return content, nil
}
