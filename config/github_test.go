package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"perch"
)

func TestAPolicyMayReadFromGitHub(t *testing.T) {
	for name, test := range map[string]struct {
		source     string
		want       perch.GitHubSource
		repository string
	}{
		"github.com": {
			"{repository: acme/shop}", perch.GitHubSource{Repository: "acme/shop"}, "github.com/acme/shop",
		},
		"a dot": {
			"{repository: acme/.github}", perch.GitHubSource{Repository: "acme/.github"}, "github.com/acme/.github",
		},
		"Enterprise": {
			"{repository: acme/shop, base_url: https://git.acme.com/}",
			perch.GitHubSource{Repository: "acme/shop", BaseURL: "https://git.acme.com/"}, "git.acme.com/acme/shop",
		},
		"Enterprise's API": {"{repository: acme/shop, base_url: https://git.acme.com/api/v3}", perch.GitHubSource{
			Repository: "acme/shop", BaseURL: "https://git.acme.com/api/v3",
		}, "git.acme.com/acme/shop"},
		"Enterprise Cloud": {
			"{repository: acme/shop, base_url: https://api.acme.ghe.com}",
			perch.GitHubSource{Repository: "acme/shop", BaseURL: "https://api.acme.ghe.com"}, "acme.ghe.com/acme/shop",
		},
		"this machine": {
			"{repository: acme/shop, base_url: 'http://127.0.0.1:80'}",
			perch.GitHubSource{Repository: "acme/shop", BaseURL: "http://127.0.0.1:80"}, "127.0.0.1/acme/shop",
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := policy(t, strings.Replace(minimalPolicy, "{git: /srv/acme/shop}", "{github: "+test.source+"}", 1))
			if diff := cmp.Diff(perch.Source{GitHub: &test.want}, p.Source); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if p.Repository != test.repository {
				t.Errorf("repository: got %s, want %s", p.Repository, test.repository)
			}
		})
	}
}

func TestWhatIsWrongWithAGitHubSource(t *testing.T) {
	for name, test := range map[string]struct{ source, want string }{
		"both": {
			"{git: /srv/shop, github: {repository: acme/shop}}",
			"policy.yaml:4:10: source has 2 keys; it must have exactly one of git, github",
		},
		"a text": {"{github: acme/shop}", `policy.yaml:4:18: source.github must be a mapping, not "acme/shop"`},
		"no repository": {
			"{github: {base_url: https://git.acme.com}}",
			"policy.yaml:4:19: source.github.repository is missing; it must be owner/name, such as acme/shop",
		},
		"a URL": {
			"{github: {repository: https://github.com/acme/shop}}",
			`policy.yaml:4:31: source.github.repository must be owner/name, such as acme/shop, not ` +
				`"https://github.com/acme/shop"`,
		},
		"a clone's": {
			"{github: {repository: acme/shop.git}}",
			`policy.yaml:4:31: source.github.repository must be owner/name, such as acme/shop, not "acme/shop.git"`,
		},
		"dots": {
			"{github: {repository: acme/..}}",
			`policy.yaml:4:31: source.github.repository must be owner/name, such as acme/shop, not "acme/.."`,
		},
		"a token": {
			"{github: {repository: acme/shop, token: t}}",
			`policy.yaml:4:42: unknown key "token" in source.github; allowed here: repository, base_url`,
		},
		"plain http": {
			"{github: {repository: acme/shop, base_url: 'http://git.acme.com'}}",
			`policy.yaml:4:52: source.github.base_url must begin with https://, not "http://git.acme.com"`,
		},
		"no address": {
			"{github: {repository: acme/shop, base_url: git.acme.com}}",
			`policy.yaml:4:52: source.github.base_url must be the address of a GitHub Enterprise server such as ` +
				`https://github.example.com, not "git.acme.com"`,
		},
		"a password": {
			"{github: {repository: acme/shop, base_url: 'https://jane:secret@git.acme.com'}}",
			`policy.yaml:4:52: source.github.base_url must be the address of a GitHub Enterprise server such as ` +
				`https://github.example.com, not "https://***@git.acme.com"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadPolicy(
				"policy.yaml", []byte(strings.Replace(minimalPolicy, "{git: /srv/acme/shop}", test.source, 1)),
			)
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}
