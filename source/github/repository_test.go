package github

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"

	"perch"
	hub "perch/sandbox/github"
	"perch/source"
)

func TestTheIDOfARepositoryOutlivesItsName(t *testing.T) {
	server := withBranches(t, names(1))
	if id, err := open(t, server).RepositoryID(t.Context()); err != nil || id != "1296269" {
		t.Fatalf("id %q, %v", id, err)
	}
	server.Identify("acme/store", hub.ID)
	_, err := open(t, server).RepositoryID(t.Context())
	if rejected := new(source.Rejected); !errors.As(err, &rejected) ||
		!strings.Contains(err.Error(), "acme/shop "+renamed) {
		t.Errorf("the former name: %v, want a final error with what to do", err)
	}
	settings := perch.GitHubSource{Repository: "acme/store", BaseURL: server.URL}
	store, err := Open(settings, Credentials{Token: hub.Token})
	if err != nil {
		t.Fatal(err)
	}
	if id, err := store.RepositoryID(t.Context()); err != nil || id != "1296269" {
		t.Errorf("the new name: id %q, %v", id, err)
	}
}

func TestAnAnswerWithoutAnIDIsAnError(t *testing.T) {
	server := withBranches(t, names(1))
	server.Identify(hub.Name, 0)
	if id, err := open(t, server).RepositoryID(t.Context()); err == nil || !strings.Contains(err.Error(), "has no id") {
		t.Errorf("id %q, %v", id, err)
	}
}

func TestDefaultBranchIsWhatGitHubSays(t *testing.T) {
	server := withBranches(t, names(1))
	server.Change(func(repository *git.Repository) {
		head := plumbing.NewSymbolicReference(plumbing.HEAD, plumbing.NewBranchReferenceName("trunk"))
		if err := repository.Storer.SetReference(head); err != nil {
			t.Fatal(err)
		}
	})
	if branch, err := open(t, server).DefaultBranch(t.Context()); err != nil || branch != "trunk" {
		t.Errorf("default branch %q, %v", branch, err)
	}
}
