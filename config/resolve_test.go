package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"perch"
)

const commit = "0123456789abcdef0123456789abcdef01234567"

func TestAMinimalFileIsComplete(t *testing.T) {
	settings, origins, err := read(t, minimal).Resolve("main", commit)
	if err != nil {
		t.Fatal(err)
	}
	want := perch.Settings{
		Image: "example.com/shop:" + commit, ImageWait: 15 * time.Minute, Platform: "docker", InstanceType: "t3.small",
		Instances:    perch.Instances{Min: 1, Max: 1},
		LoadBalancer: "shared", HealthPath: "/",
	}
	if diff := cmp.Diff(want, settings); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	wantOrigins := Origins{
		"image": "perch.yaml, line 2", "image_wait": "built-in", "platform": "built-in", "instance_type": "built-in",
		"instances.min": "built-in", "instances.max": "built-in",
		"load_balancer": "built-in", "health_path": "built-in",
	}
	if diff := cmp.Diff(wantOrigins, origins); diff != "" {
		t.Errorf("origins (-want +got):\n%s", diff)
	}
}

func TestLayersOverrideSelectively(t *testing.T) {
	settings, origins, err := read(t, shop).Resolve("feature/load-test", commit)
	if err != nil {
		t.Fatal(err)
	}
	want := perch.Settings{
		Image: "123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop:" + commit, ImageWait: 15 * time.Minute,
		Platform: "docker", InstanceType: "m7i.large", Instances: perch.Instances{Min: 1, Max: 1},
		LoadBalancer: "shared", HealthPath: "/healthz",
		Database: &perch.Database{
			Mode: perch.DatabaseDedicated, Engine: "postgres", Version: "16", Class: "db.t4g.micro", StorageGB: 20,
		},
		Buckets:     map[string]perch.Bucket{"assets": {}, "private-assets": {Versioned: true}},
		Environment: map[string]string{"DJANGO_SETTINGS_MODULE": "shop.settings"},
		Secrets: map[string]string{
			"SECRET_KEY": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/preview",
		},
	}
	if diff := cmp.Diff(want, settings); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	for path, want := range map[string]string{
		"instance_type":                      `overrides["feature/load-*"], line 22`,
		"instances.max":                      "kinds.branch, line 19",
		"database.class":                     "kinds.branch, line 20",
		"database.version":                   "defaults, line 12",
		"buckets.assets.versioned":           "defaults, line 13",
		"buckets.private-assets.versioned":   "defaults, line 13",
		"environment.DJANGO_SETTINGS_MODULE": "defaults, line 14",
	} {
		if origins[path] != want {
			t.Errorf("%s comes from %q, want %q", path, origins[path], want)
		}
	}
}

func TestProductionInheritsTheDefaultsOnly(t *testing.T) {
	settings, _, err := read(t, shop).Resolve("main", commit)
	if err != nil {
		t.Fatal(err)
	}
	if settings.InstanceType != "t3.medium" || !settings.Database.MultiAZ || settings.Database.StorageGB != 50 {
		t.Errorf("got %+v, database %+v", settings, settings.Database)
	}
}

func TestNullRemoves(t *testing.T) {
	file := read(t, minimal+`defaults:
  database: {class: db.m7g.large}
  buckets: {assets: {}, media: {versioned: true}}
  environment: {A: "1", B: "2"}
kinds:
  branch: {database: null, buckets: {media: null}, environment: {A: null}}
overrides:
  "again/*": {database: {storage_gb: 30}}
  "bare/*":
    buckets:
    environment: ~
`)
	resolve := func(branch string) perch.Settings {
		settings, _, err := file.Resolve(branch, commit)
		if err != nil {
			t.Fatal(err)
		}
		return settings
	}
	got := resolve("feature/x")
	if got.Database != nil {
		t.Errorf("database %+v is still there", got.Database)
	}
	if diff := cmp.Diff(map[string]perch.Bucket{"assets": {}}, got.Buckets); diff != "" {
		t.Errorf("buckets (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"B": "2"}, got.Environment); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
	again := &perch.Database{
		Mode:      perch.DatabaseDedicated,
		Engine:    "postgres",
		Version:   perch.DefaultPostgreSQL,
		Class:     "db.t4g.micro",
		StorageGB: 30,
	}
	if diff := cmp.Diff(again, resolve("again/x").Database); diff != "" {
		t.Errorf("a database that was removed starts from the defaults again (-want +got):\n%s", diff)
	}
	if bare := resolve("bare/x"); len(bare.Buckets) != 0 || len(bare.Environment) != 0 {
		t.Errorf("buckets %v and environment %v are still there", bare.Buckets, bare.Environment)
	}
}

func TestKindsWhoseDataIsValuableHaveBackups(t *testing.T) {
	file := read(t, minimal+"branches: {kinds: {main: production, staging: staging}}\ndefaults: {database: {}}\n"+
		"overrides: {lean: {database: {backup_days: 3}}}\n")
	for branch, want := range map[string]perch.Database{
		"main": {MultiAZ: true, BackupDays: 14}, "staging": {BackupDays: 7}, "x": {}, "lean": {BackupDays: 3},
	} {
		settings, origins, err := file.Resolve(branch, commit)
		if err != nil {
			t.Fatal(err)
		}
		if got := settings.Database; got.MultiAZ != want.MultiAZ || got.BackupDays != want.BackupDays {
			t.Errorf("%s has %+v", branch, got)
		}
		if branch != "lean" && origins["database.backup_days"] != BuiltIn {
			t.Errorf("%s: backups come from %s", branch, origins["database.backup_days"])
		}
	}
	_, _, err := read(
		t, minimal+"branches: {kinds: {main: production}}\ndefaults: {database: {backup_days: 0}}\n",
	).Resolve("main", commit)
	want := "perch.yaml:4:36: database.backup_days is 0 (defaults, line 4), and the database of an environment of " +
		"kind production has backups; set 1 to 35 days in kinds.production"
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestTheModeNoneRemovesADatabase(t *testing.T) {
	file := read(t, minimal+`defaults: {database: {storage_gb: 30}}
overrides:
  "docs/*": {database: {mode: none}}
  "docs/api": {database: {mode: dedicated}}
  "reports": {database: {mode: snapshot, snapshot: shop-seed-1}}
`)
	for branch, want := range map[string]*perch.Database{
		"docs/x": nil,
		"docs/api": {
			Mode: perch.DatabaseDedicated, Engine: "postgres", Version: perch.DefaultPostgreSQL, Class: "db.t4g.micro",
			StorageGB: 30,
		},
		"reports": {
			Mode: perch.DatabaseSnapshot, Snapshot: "shop-seed-1", Engine: "postgres", Version: perch.DefaultPostgreSQL,
			Class: "db.t4g.micro", StorageGB: 30,
		},
	} {
		settings, origins, err := file.Resolve(branch, commit)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, settings.Database); diff != "" {
			t.Errorf("%s (-want +got):\n%s", branch, diff)
		}
		if _, there := origins["database.storage_gb"]; there != (want != nil) {
			t.Errorf("%s: database.storage_gb has an origin: %v", branch, there)
		}
	}
}

func TestADatabaseIsCompletedByTheBuiltInOne(t *testing.T) {
	settings, origins, err := read(t, minimal+"defaults: {database: {}}\n").Resolve("x", commit)
	if err != nil {
		t.Fatal(err)
	}
	want := &perch.Database{
		Mode:      perch.DatabaseDedicated,
		Engine:    "postgres",
		Version:   perch.DefaultPostgreSQL,
		Class:     "db.t4g.micro",
		StorageGB: 20,
	}
	if diff := cmp.Diff(want, settings.Database); diff != "" {
		t.Errorf("database (-want +got):\n%s", diff)
	}
	if origins["database.class"] != BuiltIn {
		t.Errorf("database.class comes from %q", origins["database.class"])
	}
}

func TestTheLastMatchingOverrideWins(t *testing.T) {
	file := read(t, minimal+"overrides:\n  \"b/*\": {instance_type: t3.large, platform: docker}\n  \"*\": "+
		"{instance_type: t3.nano}\n  b/x: {health_path: /up}\n")
	settings, _, err := file.Resolve("b/x", commit)
	if err != nil {
		t.Fatal(err)
	}
	if settings.InstanceType != "t3.nano" || settings.HealthPath != "/up" {
		t.Errorf("got %s, %s", settings.InstanceType, settings.HealthPath)
	}
}

func TestWrittenValuesStayAsTheyAreWritten(t *testing.T) {
	settings, _, err := read(
		t,
		minimal+"defaults:\n  environment: {A: 1.10, B: 0123, C: yes, D: true, E: \"\", F: 1_000, G: 'a, b'}\n",
	).Resolve("x", commit)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"A": "1.10", "B": "0123", "C": "yes", "D": "true", "E": "", "F": "1_000", "G": "a, b"}
	if diff := cmp.Diff(want, settings.Environment); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

func TestTheCommitMustBeAFullOne(t *testing.T) {
	file := read(t, minimal)
	_, _, err := file.Resolve("x", "0123abc")
	if want := `resolve settings of branch "x": commit "0123abc" is not a full commit of 40 hexadecimal ` +
		`digits`; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	settings, _, err := file.Resolve("x", "")
	if err != nil || settings.Image != "example.com/shop:{commit}" {
		t.Errorf("got %q, %v", settings.Image, err)
	}
}

// TestEveryValueHasAnOrigin: with any layers, each leaf comes from the last layer for the branch
// that sets it.
func TestEveryValueHasAnOrigin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := []string{"instance_type: t3.large", "health_path: /x", "load_balancer: none"}
		source := minimal
		sections := []struct{ head, name string }{
			{"defaults:\n", "defaults"}, {"kinds:\n  branch:\n", "kinds.branch"},
			{"overrides:\n  \"*\":\n", `overrides["*"]`},
		}
		want := map[string]string{"instance_type": BuiltIn, "health_path": BuiltIn, "load_balancer": BuiltIn}
		for _, section := range sections {
			source += section.head
			for _, key := range keys {
				if rapid.Bool().Draw(t, section.name+" "+key) {
					source += "    " + key + "\n"
					name, _, _ := strings.Cut(key, ":")
					want[name] = section.name
				}
			}
		}
		file, err := Read(FileName, []byte(source))
		if err != nil {
			t.Fatalf("%s\n%v", source, err)
		}
		_, origins, err := file.Resolve("any", commit)
		if err != nil {
			t.Fatal(err)
		}
		for path, layer := range want {
			if name, _, _ := strings.Cut(origins[path], ","); name != layer {
				t.Fatalf("%s comes from %q, want %q in\n%s", path, origins[path], layer, source)
			}
		}
	})
}
