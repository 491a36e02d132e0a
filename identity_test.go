package perch

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestDatabaseNamesAreWhatPostgreSQLKeeps(t *testing.T) {
	legal := regexp.MustCompile(`^perch_[a-z][a-z0-9]*_[a-z0-9_]+$`)
	seen := map[string]string{}
	rapid.Check(t, func(t *rapid.T) {
		project := rapid.StringMatching(`[a-z][a-z0-9]{1,14}`).Draw(t, "project")
		e, err := NewEnvironment(project, rapid.StringMatching(`[a-zA-Z0-9/_-]{1,60}`).Draw(t, "branch"))
		if err != nil {
			t.Skip(err)
		}
		name := e.DatabaseName()
		if len(name) > 63 || !legal.MatchString(name) {
			t.Fatalf("%q has %d bytes", name, len(name))
		}
		if other, ok := seen[name]; ok && other != e.StackName() {
			t.Fatalf("%s and %s are both %s", other, e.StackName(), name)
		}
		seen[name] = e.StackName()
	})
}

func TestSlugKeepsPlainNames(t *testing.T) {
	for _, branch := range []string{"login", "fix-42", "a", "2fa", "release-2026-11", strings.Repeat("a", 40)} {
		if got := mustEnvironment(t, branch).Slug; got != branch {
			t.Errorf("slug of %q is %q, want it plain", branch, got)
		}
	}
}

func TestSlugHashesEverythingElse(t *testing.T) {
	for name, branch := range map[string]string{
		"slash": "feature/login", "upper case": "Login", "double hyphen": "a--b", "trailing hyphen": "a-",
		"too long": strings.Repeat("a", 41),
		"reserved": "www", "application stack": "application-staging", "looks hashed": "login-abc2ef",
		"no Latin letter": "функция", "emoji": "🚀",
		"hash sign": "fix#12", "underscore": "a_b", "dot": "v1.2",
	} {
		t.Run(name, func(t *testing.T) {
			if got := mustEnvironment(t, branch).Slug; !endsLikeHash(got) || got == branch {
				t.Errorf("slug of %q is %q, want it with a hash", branch, got)
			}
		})
	}
}

func TestS47SlugsOfLookalikesDiffer(t *testing.T) {
	seen := map[string]string{}
	for _, branch := range []string{"feature/a", "feature-a", "Feature/A", "feature.a", "feature_a", "FEATURE-A"} {
		got := mustEnvironment(t, branch).Slug
		if other, taken := seen[got]; taken {
			t.Errorf("%q and %q share the slug %q", branch, other, got)
		}
		seen[got] = branch
	}
}

func TestDifferentBranchesHaveDifferentSlugs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := branches().Draw(t, "a"), branches().Draw(t, "b")
		if rapid.Bool().Draw(t, "lookalike") {
			b = lookalike(t, a)
		}
		one, err := NewEnvironment("shop", a)
		if err != nil {
			t.Skip("not a branch")
		}
		other, err := NewEnvironment("shop", b)
		if err != nil || a == b {
			t.Skip("not another branch")
		}
		if one.Slug == other.Slug || one.BeanstalkName() == other.BeanstalkName() {
			t.Fatalf(
				"%q and %q: slugs %q and %q, Beanstalk names %q and %q", a, b, one.Slug, other.Slug,
				one.BeanstalkName(), other.BeanstalkName(),
			)
		}
	})
}

var (
	legalLabel     = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	legalStack     = regexp.MustCompile(`^[a-zA-Z][-a-zA-Z0-9]{0,127}$`)
	legalBeanstalk = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9-]{2,38}[a-zA-Z0-9]$`)
	legalTag       = regexp.MustCompile(`^[A-Za-z0-9 _.:/=+@-]{0,256}$`)
)

func TestEveryDerivedNameIsLegal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		project := rapid.StringMatching(`[a-z][a-z0-9]{1,14}`).Draw(t, "project")
		branch := branches().Draw(t, "branch")
		e, err := NewEnvironment(project, branch)
		if err != nil {
			t.Skip("not a branch")
		}
		if len(e.Slug) > maxSlug || !legalLabel.MatchString(e.Slug) || strings.Contains(e.Slug, "--") {
			t.Errorf("slug %q is no DNS label", e.Slug)
		}
		if !legalStack.MatchString(e.StackName()) {
			t.Errorf("stack name %q", e.StackName())
		}
		if name := e.BeanstalkName(); !legalBeanstalk.MatchString(name) {
			t.Errorf("Beanstalk name %q", name)
		}
		for key, value := range e.Tags(shopIdentity, KindBranch) {
			if !legalTag.MatchString(value) || value == e.BeanstalkName() {
				t.Errorf("tag %s = %q", key, value)
			}
		}
		if e.StackName() == ApplicationStackName(project, KindStaging) ||
			e.StackName() == ApplicationStackName(project, KindProduction) {
			t.Errorf("%q takes the name of an application stack", branch)
		}
	})
}

func TestBranchIsReadBackFromTags(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		branch := branches().Draw(t, "branch")
		e, err := NewEnvironment("shop", branch)
		if err != nil {
			t.Skip("not a branch")
		}
		got, kind, ok := Owned(shopIdentity, e.StackName(), e.Tags(shopIdentity, KindBranch))
		if !ok || got != e || kind != KindBranch {
			t.Errorf("%q came back as %q, ours %v", branch, got.Branch, ok)
		}
	})
}

func TestTagsRoundTripAnyBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := string(rapid.SliceOf(rapid.Byte()).Draw(t, "value"))
		if got, ok := DecodeTag(EncodeTag(value)); !ok || got != value {
			t.Errorf("%q came back as %q", value, got)
		}
	})
}

func FuzzDecodeTagAcceptsOnlyWhatEncodeTagWrites(f *testing.F) {
	for _, seed := range []string{"feature/a", "a=20b", "a=2", "=zz", "=41", "=+1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, encoded string) {
		if value, ok := DecodeTag(encoded); ok && EncodeTag(value) != encoded {
			t.Errorf("%q decodes to %q, which is written %q", encoded, value, EncodeTag(value))
		}
	})
}

func TestOwnedRejectsWhatIsNotOurs(t *testing.T) {
	e := mustEnvironment(t, "feature/login")
	for name, change := range map[string]func(tags map[string]string) string{
		"another project": func(tags map[string]string) string { tags[TagProject] = "blog"; return e.StackName() },
		"another repository": func(tags map[string]string) string {
			tags[TagRepository] = "github.com/acme/blog"
			return e.StackName()
		},
		"no branch":             func(tags map[string]string) string { delete(tags, TagBranch); return e.StackName() },
		"another branch":        func(tags map[string]string) string { tags[TagBranch] = "main"; return e.StackName() },
		"no kind":               func(tags map[string]string) string { delete(tags, TagKind); return e.StackName() },
		"Beanstalk's own stack": func(map[string]string) string { return "awseb-e-abc-stack" },
	} {
		t.Run(name, func(t *testing.T) {
			tags := e.Tags(shopIdentity, KindBranch)
			if _, _, ok := Owned(shopIdentity, change(tags), tags); ok {
				t.Error("taken for ours")
			}
		})
	}
}

func TestProjectNames(t *testing.T) {
	for _, bad := range []string{"", "a", "Shop", "my-shop", "1shop", "abcdefghijklmnopq", "shop "} {
		if ValidateProject(bad) == nil {
			t.Errorf("project %q is accepted", bad)
		}
	}
}

func TestEnvironmentsTravelAsProjectAndBranch(t *testing.T) {
	for _, branch := range []string{"login", "Feature/Login", "ünïcode"} {
		want := mustEnvironment(t, branch)
		data, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var fields map[string]string
		if err := json.Unmarshal(data, &fields); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]string{"project": "shop", "branch": branch}, fields); diff != "" {
			t.Errorf("JSON (-want +got):\n%s", diff)
		}
		var got Environment
		if err := json.Unmarshal(data, &got); err != nil || got != want {
			t.Errorf("read %+v, %v, want %+v", got, err, want)
		}
	}
}

func TestEnvironmentsAreCheckedWhenTheyAreRead(t *testing.T) {
	for name, c := range map[string]struct{ text, words string }{
		"an invalid project": {`{"project": "SHOP", "branch": "login"}`, "not a valid name"},
		"an invalid branch":  {`{"project": "shop", "branch": "a..b"}`, "a..b"},
		"no branch":          {`{"project": "shop"}`, "branch"},
		"no object":          {`"shop/login"`, "string"},
		"a forged slug":      {`{"project": "shop", "branch": "login", "Slug": "main", "slug": "main"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var got Environment
			err := json.Unmarshal([]byte(c.text), &got)
			switch {
			case c.words != "" && (err == nil || !strings.Contains(err.Error(), c.words) || got != Environment{}):
				t.Errorf("read %+v, %v", got, err)
			case c.words == "" && (err != nil || got != mustEnvironment(t, "login")):
				t.Errorf("read %+v, %v", got, err)
			}
		})
	}
}

func mustEnvironment(t *testing.T, branch string) Environment {
	t.Helper()
	e, err := NewEnvironment("shop", branch)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func branches() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringMatching(`[a-z0-9-]{1,45}`),
		rapid.StringMatching(`[A-Za-z]{1,8}[/._#-][A-Za-z0-9-]{1,60}`),
		rapid.StringN(1, 60, 250),
		rapid.StringMatching(`[a-z]{1,10}-[a-z2-7]{6}`),
	)
}

// lookalike changes a branch's name in ways that a careless slug would not see.
func lookalike(t *rapid.T, branch string) string {
	return rapid.SampledFrom([]func(string) string{
		strings.ToUpper, strings.ToLower,
		func(s string) string { return strings.ReplaceAll(s, "/", "-") },
		func(s string) string { return strings.ReplaceAll(s, "-", "/") },
		func(s string) string { return s + "-" },
		func(s string) string { return s + "x" },
		func(s string) string { e, _ := NewEnvironment("shop", s); return e.Slug },
	}).Draw(t, "change")(branch)
}
