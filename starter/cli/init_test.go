package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/go-git/go-git/v5"
	gitconfig "github.com/go-git/go-git/v5/config"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"perch"
	"perch/config"
)

// repositoryOf is a repository of the files of a txtar archive.
func repositoryOf(archive string) appFolder {
	all := fstest.MapFS{}
	for _, file := range txtar.Parse([]byte(archive)).Files {
		all[file.Name] = &fstest.MapFile{Data: file.Data}
	}
	return appFolder{all, "."}
}

// firstSettings are a branch's settings by the file that `config init` writes of a survey.
func firstSettings(t *testing.T, s *survey) (perch.Settings, []perch.SeedStep) {
	t.Helper()
	data := config.Init(config.Start{Project: "demo", Image: "example.org/demo:{commit}", App: s.app})
	file, err := config.Read(config.FileName, data)
	if err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	settings, _, err := file.Resolve("feature/login", "")
	if err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	return settings, file.Seed
}

func TestInitRecognisesApps(t *testing.T) {
	anyApp := map[string]string{"LOG_LEVEL": "debug"}
	for name, test := range map[string]struct {
		files string
		// The following is what the file says, and notes what people are told.
		app, health, seed string
		database          bool
		variables         map[string]string
		notes             []string
	}{
		"Django": {
			files: `
-- manage.py --
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings.local")
-- shop/wsgi.py --
os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings.production')
-- shop/urls.py --
urlpatterns = [path("up/", a), path("health/", b)]
-- requirements/base.txt --
django==5.2
psycopg2-binary
-- notes/fixtures/demo_data.json --
[]
-- Dockerfile --
EXPOSE 8000
CMD ./start.sh
-- start.sh --
python manage.py migrate
`,
			app: "Django", health: "/health/", database: true, seed: "run python manage.py loaddata demo_data",
			variables: map[string]string{"DJANGO_SETTINGS_MODULE": "shop.settings.production", "PORT": "8000"},
			notes:     []string{"shared_database", "SECRET_KEY"},
		},
		"Django whose container does not migrate gets its fixture as a comment": {
			files: `
-- manage.py --
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
-- pyproject.toml --
dependencies = ["Django>=5", "psycopg"]
-- a/fixtures/demo.json --
[]
-- Dockerfile --
CMD gunicorn --bind 0.0.0.0:8001
`,
			app: "Django", health: "/", database: true,
			variables: map[string]string{"DJANGO_SETTINGS_MODULE": "shop.settings", "PORT": "8001"},
			notes:     []string{"no route of a health check"},
		},
		"a manage.py of another framework is not Django": {
			files: `
-- manage.py --
from flask_script import Manager
-- requirements.txt --
django-environ
flask
`,
			health: "/", database: true, variables: anyApp,
		},
		"Rails with MySQL, whose container seeds by itself": {
			files: `
-- Gemfile --
gem "rails", "~> 8.0"
gem 'mysql2'
-- config/application.rb --
require 'rails'
-- config/routes.rb --
get "up" => "rails/health#show", as: :rails_health_check
-- config/environments/production.rb --
ENV["RAILS_LOG_TO_STDOUT"]
-- config/credentials.yml.enc --
x
-- db/seeds.rb --
User.create!
-- bin/docker-entrypoint --
./bin/rails db:prepare
-- Dockerfile --
EXPOSE 80
`,
			app: "Rails", health: "/up",
			variables: map[string]string{"RAILS_ENV": "production", "RAILS_LOG_TO_STDOUT": "enabled", "PORT": "80"},
			notes:     []string{"mysql2 in Gemfile is for MySQL", "RAILS_MASTER_KEY"},
		},
		"a gem for Rails is not Rails": {
			files: `
-- Gemfile --
gem 'rails-i18n'
-- config/application.rb --
x
`,
			health: "/", database: true, variables: anyApp,
		},
		"Go": {
			files: `
-- go.mod --
module shop
require github.com/jackc/pgx/v5 v5.0.0
-- main.go --
mux.HandleFunc("GET /livez", ok)
http.ListenAndServe(":9000", mux)
-- main_test.go --
"/healthz"
`,
			app: "Go", health: "/livez", database: true, variables: map[string]string{"PORT": "9000"},
			notes: []string{"there is no Dockerfile"},
		},
		"Node": {
			files: `
-- package.json --
{"dependencies": {"pg": "8", "@aws-sdk/client-s3": "3"}, "scripts": {"db:seed": "node seed.js", "start": "node x"}}
-- src/app.ts --
app.get('/api/health', ok); app.listen(process.env.PORT || 3000)
-- web/app.test.ts --
"/healthz"
-- entrypoint.sh --
npx prisma migrate deploy
-- Dockerfile --
FROM node
`,
			app: "Node", health: "/api/health", database: true, seed: "run npm run db:seed",
			variables: map[string]string{"NODE_ENV": "production"},
		},
		"Node that listens on one port": {
			files: `
-- package.json --
{"main": "server.js"}
-- server.js --
app.listen(3000)
-- docker/Dockerfile --
FROM node
`,
			app: "Node", health: "/", variables: map[string]string{"NODE_ENV": "production", "PORT": "3000"},
		},
		"a package.json of tools is not an app": {
			files: `
-- package.json --
{"devDependencies": {"prettier": "3"}, "workspaces": ["x"]}
-- Dockerfile --
EXPOSE 70000
`,
			health: "/", database: true, variables: anyApp,
		},
		"a monorepo: Django before Go before Node": {
			files: `
-- package.json --
{"workspaces": ["apps/web"]}
-- api/go.mod --
module api
-- apps/web/package.json --
{"dependencies": {"next": "15"}}
-- backend/manage.py --
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
-- backend/requirements.txt --
Django
-- backend/Dockerfile --
EXPOSE 8000
-- backend/fixtures/media/a.svg --
<svg/>
-- node_modules/x/package.json --
{"main": "x.js"}
`,
			app: "Django", health: "/", seed: "s3 backend/fixtures/media",
			variables: map[string]string{"DJANGO_SETTINGS_MODULE": "shop.settings", "PORT": "8000"},
			notes: []string{
				"its image is to be built from folder backend",
				"these folders are left out: api (Go), apps/web (Node); call `config init` in the one that is meant",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			found := surveyRepository(repositoryOf(test.files), ".")
			settings, seed := firstSettings(t, found)
			if app := foundApp(found); app != test.app {
				t.Errorf("app %q, want %q", app, test.app)
			}
			if settings.HealthPath != test.health || (settings.Database != nil) != test.database {
				t.Errorf("health_path %s, database %v", settings.HealthPath, settings.Database)
			}
			if diff := cmp.Diff(test.variables, settings.Environment); diff != "" {
				t.Errorf("environment (-want +got):\n%s", diff)
			}
			var steps []string
			for _, step := range seed {
				steps = append(steps, step.String())
			}
			if got := strings.Join(steps, ", "); got != test.seed {
				t.Errorf("seed %q, want %q", got, test.seed)
			}
			notes := strings.Join(found.notes, "\n")
			for _, note := range test.notes {
				if !strings.Contains(notes, note) {
					t.Errorf("no %q in:\n%s", note, notes)
				}
			}
		})
	}
}

// foundApp is the framework of a survey; empty if it recognised none.
func foundApp(s *survey) string {
	for _, each := range s.guesses {
		if each.Key == "app" {
			return each.Value
		}
	}
	return ""
}

// TestInitsExamplesOfSeedStepsAreRight takes the comment signs away from the seed steps that are
// examples: they must be read, too.
func TestInitsExamplesOfSeedStepsAreRight(t *testing.T) {
	for name, files := range map[string]string{
		"Django": "-- manage.py --\nDJANGO_SETTINGS_MODULE\n",
		"Rails":  "-- Gemfile --\ngem 'rails'\n-- config/application.rb --\nx\n",
		"Go":     "-- go.mod --\nmodule x\n",
		"Node":   "-- package.json --\n{\"main\": \"x\"}\n-- fixtures/media/a.svg --\n<svg/>\n",
	} {
		found := surveyRepository(repositoryOf(files), ".")
		examples := len(found.app.SeedExamples)
		source := string(config.Init(config.Start{Project: "demo", Image: "demo:{commit}", App: found.app}))
		source = strings.ReplaceAll(strings.Replace(source, "\n# seed:\n", "\nseed:\n", 1), "\n#   - ", "\n  - ")
		file, err := config.Read(config.FileName, []byte(source))
		if err != nil || foundApp(found) != name || examples == 0 || len(file.Seed) != len(found.app.Seed)+examples {
			t.Errorf("%s: %d examples, %v\n%s", name, examples, err, source)
		}
	}
}

// TestInitPrefersTheFolderThatIsMeant: the command may be called in the folder of one app of many.
func TestInitPrefersTheFolderThatIsMeant(t *testing.T) {
	root := repositoryOf(`
-- manage.py --
DJANGO_SETTINGS_MODULE
-- team/api/go.mod --
module api
-- web/package.json --
{"main": "x"}
`)
	for preferred, want := range map[string]string{
		".": "Django", "team/api": "Go", "web": "Node", "team": "Django", "none": "Django",
	} {
		if found := surveyRepository(root, preferred); foundApp(found) != want {
			t.Errorf("in folder %s: %+v, want %s", preferred, found.guesses, want)
		}
	}
}

// TestInitSurvivesOddRepositories: links that lead nowhere, devices without an end and names that
// no terminal shows are passed over.
func TestInitSurvivesOddRepositories(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"manage.py": "DJANGO_SETTINGS_MODULE", "a\nb/fixtures/demo.json": "[]", "ok/fixtures/demo.json": "[]",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"Dockerfile": "nowhere", "loop": ".", "Pipfile": "/dev/zero"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	found := surveyRepository(appFolder{os.DirFS(dir), "."}, ".")
	if _, seed := firstSettings(t, found); len(seed) != 0 || foundApp(found) != "Django" {
		t.Errorf("seed %v, guesses %+v", seed, found.guesses)
	}
	examples := found.app.SeedExamples
	if len(examples) != 1 || !strings.Contains(examples[0].Comment, "ok/fixtures/demo.json") {
		t.Errorf("examples of seed steps: %+v", examples)
	}
}

// TestExamplesAreWhatInitWrites: perch.yaml of an example has what `config init` proposes for its
// files, and may have more seed steps.
func TestExamplesAreWhatInitWrites(t *testing.T) {
	for _, name := range []string{"django", "rails", "node"} {
		dir := filepath.Join("..", "..", "examples", name)
		data, err := os.ReadFile(filepath.Join(dir, config.FileName))
		if err != nil {
			t.Fatal(err)
		}
		file, err := config.Read(config.FileName, data)
		if err != nil {
			t.Fatal(err)
		}
		want, _, err := file.Resolve("feature/login", "")
		if err != nil {
			t.Fatal(err)
		}
		got, seed := firstSettings(t, surveyRepository(appFolder{os.DirFS(dir), "."}, "."))
		want.Image, got.Image = "", ""
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: settings of the example (-) and of init (+):\n%s", name, diff)
		}
		for _, step := range seed {
			if !slices.ContainsFunc(file.Seed, func(each perch.SeedStep) bool { return cmp.Equal(each, step) }) {
				t.Errorf("%s: the example has no seed step %q", name, step)
			}
		}
	}
}

// TestThePageOfOwnRepositoriesShowsWhatInitPrints compares docs/own-repository.md with the output
// for examples/django, for examples/node, and for a repository with both and a Go module.
func TestThePageOfOwnRepositoriesShowsWhatInitPrints(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "own-repository.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "## Write perch.yaml")
	for name, folders := range map[string]map[string]string{
		"shop":  {".": "django"},
		"store": {".": "node"},
		"mono":  {"backend": "django", "frontend": "node"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			dir := filepath.Join(home, name)
			for folder, example := range folders {
				source := os.DirFS(filepath.Join("..", "..", "examples", example))
				if err := os.CopyFS(filepath.Join(dir, folder), source); err != nil {
					t.Fatal(err)
				}
				if err := os.Remove(filepath.Join(dir, folder, config.FileName)); err != nil {
					t.Fatal(err)
				}
			}
			if name == "mono" {
				mailer := fstest.MapFS{
					"go.mod":  {Data: []byte("module example.org/mailer\n\ngo 1.26\n")},
					"main.go": {Data: []byte("package main\n\nfunc main() {}\n")},
				}
				if err := os.CopyFS(filepath.Join(dir, "services", "mailer"), mailer); err != nil {
					t.Fatal(err)
				}
			}
			repository, err := git.PlainInit(dir, false)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := repository.CreateRemote(&gitconfig.RemoteConfig{
				Name: "origin", URLs: []string{"https://github.com/acme/" + name + ".git"},
			}); err != nil {
				t.Fatal(err)
			}
			var stdout, stderr strings.Builder
			exit := Run(
				t.Context(), []string{"--repo", dir, "config", "init"}, strings.NewReader(""), &stdout, &stderr,
				func(string) string { return "" },
			)
			got := strings.ReplaceAll(stdout.String()+stderr.String(), home, "/home/jane")
			if exit != exitDone || !strings.Contains(rest, "$ perch config init\n"+got+"```") {
				t.Errorf("exit code %d; the page does not show this:\n%s", exit, got)
			}
		})
	}
}
