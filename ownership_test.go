package perch

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shopIdentity is a repository that was renamed once, at a source with ids.
var shopIdentity = Identity{Project: "shop", Names: []string{"github.com/acme/shop", "github.com/acme/store"}, ID: "7"}

// tagsOf are the tags of login's stack, created under a repository's name and id.
func tagsOf(t *testing.T, name, id string) map[string]string {
	t.Helper()
	return mustEnvironment(t, "login").Tags(Identity{Project: "shop", Names: []string{name}, ID: id}, KindBranch)
}

func TestS123AFormerNameIsOursIfItIsListedAndNoIDContradicts(t *testing.T) {
	noID := shopIdentity
	noID.ID = ""
	for name, c := range map[string]struct {
		identity       Identity
		repository, id string
		want           bool
	}{
		"the current name and id":                   {shopIdentity, "github.com/acme/shop", "7", true},
		"the current name, created without an id":   {shopIdentity, "github.com/acme/shop", "", true},
		"the current name, another id":              {shopIdentity, "github.com/acme/shop", "8", false},
		"a listed former name with the id":          {shopIdentity, "github.com/acme/store", "7", true},
		"a listed former name, created without one": {shopIdentity, "github.com/acme/store", "", true},
		"a listed former name that another took":    {shopIdentity, "github.com/acme/store", "8", false},
		"a name that is not listed, with the id":    {shopIdentity, "github.com/acme/kiosk", "7", false},
		"a name that is not listed":                 {shopIdentity, "github.com/acme/kiosk", "", false},
		"the source tells no id":                    {noID, "github.com/acme/store", "8", true},
	} {
		t.Run(name, func(t *testing.T) {
			tags := tagsOf(t, c.repository, c.id)
			if _, _, ours := Owned(c.identity, "shop-login", tags); ours != c.want {
				t.Errorf("the environment's stack is ours: %v, want %v", ours, c.want)
			}
			application := Identity{Project: "shop", Names: []string{c.repository}, ID: c.id}.Tags(KindStaging)
			if c.identity.Owns(application) != c.want {
				t.Errorf("the application stack is ours: %v, want %v", !c.want, c.want)
			}
		})
	}
}

func TestS123NewStacksCarryTheIDAndTheCurrentName(t *testing.T) {
	want := map[string]string{
		TagBranch: "login", TagProject: "shop", TagRepository: "github.com/acme/shop", TagRepositoryID: "7",
		TagKind: "branch",
	}
	if diff := cmp.Diff(want, mustEnvironment(t, "login").Tags(shopIdentity, KindBranch)); diff != "" {
		t.Error(diff)
	}
	if _, tagged := (Identity{Project: "shop", Names: []string{"x"}}).Tags(KindStaging)[TagRepositoryID]; tagged {
		t.Error("a source without ids leaves a tag")
	}
}

func TestS124StacksWhoseRepositoryDoesNotMatchAreNamedWithTheLine(t *testing.T) {
	const line = "`repository: [github.com/acme/shop, github.com/acme/store, "
	for name, c := range map[string]struct {
		stack string
		tags  map[string]string
		want  string
	}{
		"ours": {"shop-login", tagsOf(t, "github.com/acme/store", ""), ""},
		"not listed": {
			"shop-login", tagsOf(t, "github.com/acme/kiosk", ""), line + "github.com/acme/kiosk]` in the policy",
		},
		"a name with a space": {
			"shop-login", tagsOf(t, "local/my shop", ""), line + "\"local/my shop\"]` in the policy",
		},
		"not listed, the id": {
			"shop-login", tagsOf(t, "github.com/acme/kiosk", "7"),
			"it is a former name of github.com/acme/shop, with the same id",
		},
		"another id": {"shop-login", tagsOf(t, "github.com/acme/shop", "8"), "id 8 is another repository"},
		"an application stack": {
			"shop-application-staging", Identity{Project: "shop", Names: []string{"x"}}.Tags(KindStaging), line + "x]`",
		},
		"another project": {
			"shop-login",
			map[string]string{TagProject: "blog", TagRepository: "x", TagBranch: "login", TagKind: "branch"}, "",
		},
		"Beanstalk's own stack": {"awseb-e-abc-stack", tagsOf(t, "github.com/acme/kiosk", ""), ""},
		"no repository":         {"shop-login", tagsOf(t, "", ""), ""},
		"no tags":               {"shop-login", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := InOtherRepositories(
				shopIdentity, func(yield func(string, map[string]string) bool) { yield(c.stack, c.tags) },
			)
			if c.want == "" {
				if len(got) > 0 {
					t.Errorf("found %+v", got)
				}
				return
			}
			if len(got) != 1 || !slices.Equal(got[0].Stacks, []string{c.stack}) ||
				!strings.Contains(got[0].Advice, c.want) {
				t.Errorf("found %+v, want the words %q", got, c.want)
			}
		})
	}
}

func TestS124StacksAreGroupedByRepository(t *testing.T) {
	got := InOtherRepositories(shopIdentity, func(yield func(string, map[string]string) bool) {
		for _, branch := range []string{"b", "a", "c"} {
			id := map[string]string{"c": "9"}[branch]
			tags := mustEnvironment(t, branch).Tags(
				Identity{Project: "shop", Names: []string{"old"}, ID: id}, KindBranch,
			)
			if !yield("shop-"+branch, tags) {
				return
			}
		}
	})
	sentences := make([]string, len(got))
	for i, other := range got {
		sentences[i] = other.String()
	}
	want := []string{
		"Perch does not change 2 stacks of this project whose tags name the repository old: shop-a, shop-b; if " +
			"that is a former name of " +
			"github.com/acme/shop, write `repository: [github.com/acme/shop, github.com/acme/store, old]` in the " +
			"policy",
		"Perch does not change 1 stack of this project whose tags name the repository old (id 9): shop-c; the id " +
			"of github.com/acme/shop " +
			"is 7, so id 9 is another repository: remove its stacks with a worker for it, or delete them in the " +
			"CloudFormation console",
	}
	if diff := cmp.Diff(want, sentences); diff != "" {
		t.Error(diff)
	}
}
