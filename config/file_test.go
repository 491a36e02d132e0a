package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"perch"
)

// shop is the example of the documentation.
const shop = `project: shop
image: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop:{commit}
branches:
  skip: ["*-no-infra", "dependabot/**"]
  kinds: {main: production, staging: staging}      # every other branch is of kind branch
defaults:
  platform: docker
  instance_type: t3.medium
  instances: {min: 2, max: 4}
  load_balancer: shared       # one load balancer for all
  health_path: /healthz
  database: {engine: postgres, version: "16", class: db.t4g.medium, storage_gb: 50, multi_az: true, backup_days: 14}
  buckets: {assets: {}, private-assets: {versioned: true}}
  environment: {DJANGO_SETTINGS_MODULE: shop.settings}
  secrets: {SECRET_KEY: "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/preview"}
kinds:
  branch:
    instance_type: t3.small
    instances: {min: 1, max: 1}
    database: {class: db.t4g.micro, storage_gb: 20, multi_az: false, backup_days: 0}
overrides:
  "feature/load-*": {instance_type: m7i.large}
seed:
  - s3: {from: fixtures/media, to: private-assets}
  - http: {path: /internal/load-demo-data, body: fixtures/demo.json, secret: SECRET_KEY}
  - http: {method: PUT, path: "/a?b=c", header: X-Token, secret: SECRET_KEY}
  - run: {command: [python, manage.py, loaddata, demo]}
  - run: {command: [sh, -c, "echo it's $HOME"], timeout: 30m}
`

const minimal = "project: shop\nimage: example.com/shop:{commit}\n"

func read(t *testing.T, source string) *File {
	t.Helper()
	file, err := Read(FileName, []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestTheExampleReads(t *testing.T) {
	file := read(t, shop)
	if file.Project != "shop" || file.Image != "123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop:{commit}" {
		t.Errorf("project %q, image %q", file.Project, file.Image)
	}
	want := []perch.SeedStep{
		{S3: &perch.SeedS3{From: "fixtures/media", To: "private-assets"}},
		{HTTP: &perch.SeedHTTP{
			Method: "POST", Path: "/internal/load-demo-data", Body: "fixtures/demo.json", Secret: "SECRET_KEY",
		}},
		{HTTP: &perch.SeedHTTP{Method: "PUT", Path: "/a?b=c", Header: "X-Token", Secret: "SECRET_KEY"}},
		{Run: &perch.SeedRun{Command: []string{"python", "manage.py", "loaddata", "demo"}, Timeout: 10 * time.Minute}},
		{Run: &perch.SeedRun{Command: []string{"sh", "-c", "echo it's $HOME"}, Timeout: 30 * time.Minute}},
	}
	if diff := cmp.Diff(want, file.Seed); diff != "" {
		t.Errorf("seed (-want +got):\n%s", diff)
	}
	kinds := map[string]perch.Kind{
		"main": perch.KindProduction, "staging": perch.KindStaging, "feature/login": perch.KindBranch,
		"main2": perch.KindBranch,
	}
	for branch, want := range kinds {
		if got := file.Kind(branch); got != want {
			t.Errorf("kind of %s: %s, want %s", branch, got, want)
		}
	}
	skips := map[string]string{"docs-no-infra": "*-no-infra", "dependabot/go/x": "dependabot/**", "feature/login": ""}
	for branch, want := range skips {
		if got, ok := file.Skip(branch); got.Pattern != want || ok != (want != "") {
			t.Errorf("skip of %s: %+v, %v", branch, got, ok)
		}
	}
}

func TestS119BranchesThatMachinesMakeAreSkippedByDefault(t *testing.T) {
	machines := map[string]string{
		"docs-no-infra": "*-no-infra",
		"gh-readonly-queue/main/pr-104-0867ab7173bbaf801eef25a1a7ae870113f01708": "gh-readonly-queue/*",
		"mergify/merge-queue/2c5f1a": "mergify/merge-queue/*", "trunk-merge/pr-1/x": "trunk-merge/*",
		"graphite-base/12":                   "graphite-base/*",
		"dependabot/npm_and_yarn/vite-6.0.1": "dependabot/*", "renovate/go-1.x": "renovate/*",
		"pre-commit-ci-update-config": "pre-commit-ci-update-config",
		"changeset-release/main":      "changeset-release/*", "gh-pages": "gh-pages",
	}
	for name, c := range map[string]struct {
		config string
		skips  bool
	}{
		"by default":                   {minimal, true},
		"beside a list of perch.yaml":  {minimal + "branches: {skip: [\"docs/*\"]}\n", true},
		"beside an empty list":         {minimal + "branches: {skip: []}\n", true},
		"not with skip_defaults false": {minimal + "branches: {skip: [\"docs/*\"], skip_defaults: false}\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			file := read(t, c.config)
			for branch, pattern := range machines {
				rule, ok := file.Skip(branch)
				if ok != c.skips || ok &&
					(rule != SkipRule{pattern, true} || !strings.Contains(rule.Sentence(branch), "built-in list")) {
					t.Errorf("%s: %+v, %v", branch, rule, ok)
				}
			}
			for _, branch := range []string{"main", "feature/dependabot", "gh-pages-2", "renovate"} {
				if rule, ok := file.Skip(branch); ok {
					t.Errorf("%s is skipped by %+v", branch, rule)
				}
			}
		})
	}
	own, _ := read(t, minimal+"branches: {skip: [\"docs/*\"]}\n").Skip("docs/x")
	if own != (SkipRule{Pattern: "docs/*"}) ||
		!strings.Contains(own.Sentence("docs/x"), "branches.skip in perch.yaml") {
		t.Errorf("%+v", own)
	}
}

func TestAPatternForSkippedBranchesOnlyIsRejected(t *testing.T) {
	_, err := Read("perch.yaml", []byte(minimal+"branches: {kinds: {gh-pages: staging}}\n"))
	if err == nil || !strings.Contains(err.Error(), "`branches.skip_defaults: false` turns that list off") {
		t.Errorf("got %v", err)
	}
}

func TestTheLastMatchingKindDecides(t *testing.T) {
	file := read(t, minimal+"branches: {kinds: {\"release/*\": staging, release/1: production}}\n")
	if got := file.Kind("release/1"); got != perch.KindProduction {
		t.Errorf("got %s", got)
	}
	if got := file.Kind("release/2"); got != perch.KindStaging {
		t.Errorf("got %s", got)
	}
}

func TestEmptySectionsAreNotAMistake(t *testing.T) {
	read(t, minimal+"branches:\ndefaults:\nkinds:\noverrides:\nseed:\n")
	read(t, minimal+
		"defaults:\n  database:\n  buckets:\n  environment:\n  secrets:\nkinds:\n  branch:\noverrides:\n  \"x/*\":\n")
}

func TestOtherLineEndsAndByteOrderMarks(t *testing.T) {
	for _, end := range []string{"\r\n", "\r"} {
		file := read(t, "\ufeff"+strings.ReplaceAll(shop, "\n", end))
		_, origins, err := file.Resolve("main", "")
		if err != nil {
			t.Fatal(err)
		}
		if got := origins["health_path"]; got != "defaults, line 11" {
			t.Errorf("health_path comes from %q", got)
		}
	}
}

func TestInitWorksUnchanged(t *testing.T) {
	file := read(t, string(Init(Start{Project: "demo", Image: "ghcr.io/acme/demo:{commit}"})))
	settings, _, err := file.Resolve("feature/login", "")
	if err != nil {
		t.Fatal(err)
	}
	want := perch.Settings{
		Image: "ghcr.io/acme/demo:{commit}", ImageWait: 15 * time.Minute, Platform: "docker", InstanceType: "t3.small",
		Instances:    perch.Instances{Min: 1, Max: 1},
		LoadBalancer: "shared", HealthPath: "/",
		Database: &perch.Database{
			Mode:      perch.DatabaseDedicated,
			Engine:    "postgres",
			Version:   perch.DefaultPostgreSQL,
			Class:     "db.t4g.micro",
			StorageGB: 20,
		},
		Buckets:     map[string]perch.Bucket{"assets": {}, "private-assets": {Versioned: true}},
		Environment: map[string]string{"LOG_LEVEL": "debug"},
		Expiry:      &perch.Expiry{Idle: 168, Warn: 24, Extend: 72},
	}
	if diff := cmp.Diff(want, settings); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	if _, ok := file.Skip("docs-no-infra"); !ok {
		t.Error("docs-no-infra is not skipped")
	}
	if file.Project != "demo" || len(file.Seed) != 0 {
		t.Errorf("project %q, seed %v", file.Project, file.Seed)
	}
}

func TestInitSaysWhatIsKnownOfTheProject(t *testing.T) {
	source := string(Init(Start{
		Project: "demo", Image: "demo:{commit}", DefaultBranch: "trunk", StagingBranch: "#stage",
		Schema: "perch.schema.json",
	}))
	if !strings.HasPrefix(source, "# yaml-language-server: $schema=perch.schema.json\n") {
		t.Errorf("the first line is %.60q", source)
	}
	for _, example := range []string{"# kinds:\n", "#   trunk: production\n", "#   \"#stage\": staging\n"} {
		if !strings.Contains(source, example) {
			t.Fatalf("no %q in the file", example)
		}
		source = strings.ReplaceAll(source, example, strings.TrimPrefix(example, "# "))
	}
	file := read(t, source)
	settings, _, err := file.Resolve("x", "")
	if err != nil || settings.HealthPath != "/" || file.Kind("trunk") != perch.KindProduction ||
		file.Kind("#stage") != perch.KindStaging {
		t.Errorf("health_path %s, kinds %v, %v", settings.HealthPath, file.Branches.Kinds, err)
	}
}

// TestInitQuotesWhatYAMLWouldReadDifferently: every value is read as it was written.
func TestInitQuotesWhatYAMLWouldReadDifferently(t *testing.T) {
	words, variables := []string{"no", "db:seed", "-v", "a b", `"`, "1", "[x", "#"}, map[string]string{}
	app := StartApp{
		HealthPath: "/up", Secret: "SECRET_KEY", Buckets: []string{"media: {}"},
		Seed: []StartStep{
			{Step: perch.SeedStep{S3: &perch.SeedS3{From: "a/media", To: "media"}}, Comment: "From somewhere."},
			{Step: perch.SeedStep{Run: &perch.SeedRun{Command: words}}},
			{Step: perch.SeedStep{HTTP: &perch.SeedHTTP{Path: "/seed?a=1", Body: "demo.json"}}},
		},
	}
	for name, value := range map[string]string{
		"NUMBER": "3000", "YES": "yes", "NOTHING": "null", "COLON": "a: b", "WORDS": "shop.settings", "PATH": "/a/b",
		"HASH": "a#b",
	} {
		variables[name] = value
		app.Variables = append(app.Variables, StartVariable{Name: name, Value: value, Comment: "For a test."})
	}
	file := read(t, string(Init(Start{Project: "demo", Image: "demo:{commit}", App: app})))
	settings, _, err := file.Resolve("x", "")
	if err != nil || settings.HealthPath != "/up" || settings.Database != nil || len(settings.Buckets) != 1 {
		t.Errorf("settings %+v, %v", settings, err)
	}
	if diff := cmp.Diff(variables, settings.Environment); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
	for i, step := range file.Seed {
		if want := app.Seed[i].Step; step.String() != want.String() && step.HTTP == nil {
			t.Errorf("step %q, want %q", step, want)
		}
	}
	if len(file.Seed) != 3 || file.Seed[2].HTTP.Path != "/seed?a=1" || file.Seed[2].HTTP.Body != "demo.json" {
		t.Errorf("steps %v", file.Seed)
	}
}

// TestInitsCommentsAreRight takes the comment signs away from the examples: they must be read too.
func TestInitsCommentsAreRight(t *testing.T) {
	source := string(Init(Start{Project: "demo", Image: "ghcr.io/acme/demo:{commit}"}))
	for _, example := range []string{
		"# kinds:\n", "#   main: production\n", "#   staging: staging\n",
		"# secrets:\n", "#   SECRET_KEY: arn",
		"# overrides:\n", "#   \"feature/load-*\"", "#   \"docs/*\"", "# seed:\n", "#   - s3:", "#   - run:",
	} {
		if !strings.Contains(source, example) {
			t.Fatalf("no %q in the file", example)
		}
		source = strings.ReplaceAll(source, example, strings.TrimPrefix(example, "# "))
	}
	file := read(t, source)
	if file.Kind("main") != perch.KindProduction || len(file.Seed) != 2 || len(file.Overrides) != 2 {
		t.Errorf("kind %s, seed %v, %d overrides", file.Kind("main"), file.Seed, len(file.Overrides))
	}
}

func TestTheProjectMayWantFewerReports(t *testing.T) {
	for name, c := range map[string]struct {
		written string
		want    perch.MutedReports
	}{
		"nothing said": {"", perch.MutedReports{}},
		"no comment":   {"reports: {github: {comment: false}}\n", perch.MutedReports{Comment: true}},
		"nothing": {
			"reports: {github: {deployments: false, status: false, comment: false}}\n",
			perch.MutedReports{Deployments: true, Status: true, Comment: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if muted := read(t, minimal+c.written).Reports.Muted(); muted != c.want {
				t.Errorf("muted are %+v, want %+v", muted, c.want)
			}
		})
	}
}

func TestInitProposesNoExpiryThatThePolicyRejects(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bounds perch.PolicyExpiry
		want   perch.Hours
	}{
		"no bound":               {perch.PolicyExpiry{}, 168},
		"a longer bound":         {perch.PolicyExpiry{Idle: 336, Max: 400}, 168},
		"a shorter idle":         {perch.PolicyExpiry{Idle: 72}, 0},
		"a shorter longest life": {perch.PolicyExpiry{Max: 100}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := Start{Project: "demo", Image: "ghcr.io/acme/demo:{commit}"}
			start.KeepWithin(&perch.Policy{Expiry: c.bounds})
			settings, _, err := read(t, string(Init(start))).Resolve("feature/login", "")
			if err != nil {
				t.Fatal(err)
			}
			got := perch.Hours(0)
			if settings.Expiry != nil {
				got = settings.Expiry.Idle
			}
			if got != c.want {
				t.Errorf("expiry.idle is %s, want %s", got, c.want)
			}
		})
	}
}
