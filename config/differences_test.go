package config

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"perch"
)

// listed are the settings of a branch, its image with {commit}.
func listed(t *testing.T, file *File, branch string) []Setting {
	t.Helper()
	settings, origins, err := file.Resolve(branch, "")
	if err != nil {
		t.Fatal(err)
	}
	return List(settings, origins)
}

func TestEveryValueIsListedInTheOrderOfTheSettings(t *testing.T) {
	want := []Setting{
		{"image", "123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop:{commit}", "perch.yaml, line 2"},
		{"image_wait", "15m0s", "built-in"},
		{"platform", "docker", "defaults, line 7"},
		{"instance_type", "m7i.large", `overrides["feature/load-*"], line 22`},
		{"instances.min", 1, "kinds.branch, line 19"},
		{"instances.max", 1, "kinds.branch, line 19"},
		{"load_balancer", "shared", "defaults, line 10"},
		{"health_path", "/healthz", "defaults, line 11"},
		{"database.mode", "dedicated", "built-in"},
		{"database.engine", "postgres", "defaults, line 12"},
		{"database.version", "16", "defaults, line 12"},
		{"database.class", "db.t4g.micro", "kinds.branch, line 20"},
		{"database.storage_gb", 20, "kinds.branch, line 20"},
		{"database.multi_az", false, "kinds.branch, line 20"},
		{"database.backup_days", 0, "kinds.branch, line 20"},
		{"buckets.assets.versioned", false, "defaults, line 13"},
		{"buckets.private-assets.versioned", true, "defaults, line 13"},
		{"environment.DJANGO_SETTINGS_MODULE", "shop.settings", "defaults, line 14"},
		{
			"secrets.SECRET_KEY", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/preview",
			"defaults, line 15",
		},
	}
	if diff := cmp.Diff(want, listed(t, read(t, shop), "feature/load-1")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestAKindHasNoOverrides(t *testing.T) {
	settings, origins := read(t, minimal+"overrides: {\"*\": {health_path: /up}}\n").ResolveKind(perch.KindBranch)
	if settings.HealthPath != "/" || origins["health_path"] != BuiltIn {
		t.Errorf("got %s from %s", settings.HealthPath, origins["health_path"])
	}
}

func TestOnlyWhatDiffersIsADifference(t *testing.T) {
	file := read(t, minimal+`defaults:
  health_path: /healthz
  expiry: {idle: 7h, max: 24h, warn: 1h}
  buckets: {assets: {}, media: {}}
  environment: {A: "1", B: "2"}
kinds:
  staging: {health_path: /healthz, database: {}, expiry: {idle: 420m, max: 48h}}
  branch: {buckets: {assets: {versioned: true}, media: null}, environment: {A: null, B: "2", C: "3"}}
branches: {kinds: {staging: staging}}
`)
	staging, branch := listed(t, file, "staging"), listed(t, file, "x")
	want := `[
{"path":"database.mode","a":"dedicated","b":null,"a_from":"built-in","b_from":null},
{"path":"database.engine","a":"postgres","b":null,"a_from":"built-in","b_from":null},
{"path":"database.version","a":"18","b":null,"a_from":"built-in","b_from":null},
{"path":"database.class","a":"db.t4g.micro","b":null,"a_from":"built-in","b_from":null},
{"path":"database.storage_gb","a":20,"b":null,"a_from":"built-in","b_from":null},
{"path":"database.multi_az","a":false,"b":null,"a_from":"built-in","b_from":null},
{"path":"database.backup_days","a":7,"b":null,"a_from":"built-in","b_from":null},
{"path":"buckets.assets.versioned","a":false,"b":true,"a_from":"defaults, line 6","b_from":"kinds.branch, line 10"},
{"path":"buckets.media.versioned","a":false,"b":null,"a_from":"defaults, line 6","b_from":null},
{"path":"environment.A","a":"1","b":null,"a_from":"defaults, line 7","b_from":null},
{"path":"environment.C","a":null,"b":"3","a_from":null,"b_from":"kinds.branch, line 10"},
{"path":"expiry.max","a":"48h","b":"24h","a_from":"kinds.staging, line 9","b_from":"defaults, line 5"}
]`
	if diff := cmp.Diff(want, oneEachLine(t, Differences(staging, branch))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if first := Differences(branch, staging)[0].Path; first != "database.mode" {
		t.Errorf("what only the second side has begins with %s, out of the order of the settings", first)
	}
}

func oneEachLine(t *testing.T, differences []Difference) string {
	t.Helper()
	text := "["
	for i, difference := range differences {
		data, err := json.Marshal(difference)
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			text += ","
		}
		text += "\n" + string(data)
	}
	return text + "\n]"
}

// TestDifferencesAreExactlyWhatIsUnequal: equal values never, unequal ones always, and the other
// way round the sides change places.
func TestDifferencesAreExactlyWhatIsUnequal(t *testing.T) {
	draw := func(t *rapid.T, name string) []Setting {
		var settings []Setting
		for _, path := range []string{"a", "b", "c", "d"} {
			if value := rapid.IntRange(0, 2).Draw(t, name+path); value > 0 {
				settings = append(settings, Setting{Path: path, Value: value, From: name})
			}
		}
		return settings
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw(t, "a"), draw(t, "b")
		if got := Differences(a, a); len(got) != 0 {
			t.Fatalf("%v differs from itself: %v", a, got)
		}
		there, back := map[string]Difference{}, map[string]Difference{}
		for _, d := range Differences(a, b) {
			there[d.Path] = d
		}
		for _, d := range Differences(b, a) {
			back[d.Path] = Difference{Path: d.Path, A: d.B, B: d.A, AFrom: d.BFrom, BFrom: d.AFrom}
		}
		if diff := cmp.Diff(there, back); diff != "" {
			t.Fatalf("there (-) and back (+):\n%s", diff)
		}
		left, right := byPath(a), byPath(b)
		for _, path := range []string{"a", "b", "c", "d"} {
			if _, differs := there[path]; differs != (left[path].Value != right[path].Value) {
				t.Fatalf("%s: %v and %v, difference %v", path, left[path].Value, right[path].Value, differs)
			}
		}
	})
}
