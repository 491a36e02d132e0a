package run

import (
	"testing"

	"github.com/go-git/go-git/v5"

	"perch"
	"perch/activities"
	hub "perch/sandbox/github"
	"perch/sandbox/github/githubtest"
	"perch/source"
	"perch/source/github"
)

var (
	_ activities.Source = (*source.Git)(nil)
	_ activities.Source = (*github.Repository)(nil)
)

func TestTheSourceIsWhatThePolicyNames(t *testing.T) {
	dir := t.TempDir()
	repository, err := git.PlainInit(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	local, err := openSource(perch.Source{Git: dir}, nil)
	if _, ok := local.(*source.Git); !ok || err != nil {
		t.Errorf("git: got %T, %v", local, err)
	}
	server := githubtest.New(t, repository)
	remote, err := openSource(perch.Source{
		GitHub: &perch.GitHubSource{Repository: hub.Name, BaseURL: server.URL},
	}, func(name string) string {
		return map[string]string{"GITHUB_TOKEN": hub.Token}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := remote.HasCommit(
		t.Context(), "00000000000000000000000000000000000000aa",
	); err != nil || len(server.Calls()) == 0 {
		t.Errorf("github: %v, and it was asked %v", err, server.Calls())
	}
}

func TestS67AWorkerWithoutGitHubCredentialsDoesNotStart(t *testing.T) {
	_, err := openSource(perch.Source{GitHub: &perch.GitHubSource{Repository: hub.Name}}, nil)
	if want := "open branch source: read GitHub credentials: there are none; set GITHUB_TOKEN to a token that may " +
		"read the repository's contents, or GITHUB_APP_ID, GITHUB_APP_INSTALLATION_ID and " +
		"GITHUB_APP_PRIVATE_KEY_FILE"; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestAFolderThatIsNotARepositoryStopsTheWorker(t *testing.T) {
	dir := t.TempDir()
	_, err := openSource(perch.Source{Git: dir}, nil)
	if want := "open branch source: open repository " + dir +
		": there is no Git repository in this folder"; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}
