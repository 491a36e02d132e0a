package cfn

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"perch"
	"perch/cfn/spec"
)

var update = flag.Bool("update", false, "write the golden files again")

const (
	commit      = "4f2d1c0b9a8e7f6d5c4b3a291807f6e5d4c3b2a1"
	otherCommit = "0123456789abcdef0123456789abcdef01234567"
)

// goldens are the inputs of the golden files, by file name.
func goldens(t *testing.T) map[string]Template {
	t.Helper()
	withoutDomain := applicationInput(perch.KindStaging)
	withoutDomain.Policy.Domain, withoutDomain.Policy.HostedZone = "", ""
	withoutDatabase := environmentInput(t, "docs-only", perch.KindBranch)
	withoutDatabase.Settings.Database = nil
	single := environmentInput(t, "fix/typo", perch.KindBranch)
	single.Settings.LoadBalancer = "none"
	own := environmentInput(t, "release", perch.KindStaging)
	own.Settings.LoadBalancer = "dedicated"
	restored := environmentInput(t, "reports", perch.KindBranch)
	restored.Settings.Database.Mode, restored.Settings.Database.Snapshot = perch.DatabaseSnapshot, "shop-seed-2026-11"
	shared := applicationInput(perch.KindStaging)
	shared.Policy.SharedDatabase = &perch.SharedDatabase{
		Version: "18", Class: "db.t4g.medium", StorageGB: 50, BackupDays: 7,
	}
	updated := applicationInput(perch.KindStaging)
	updated.EarlierRole = true
	sharing := environmentInput(t, "feature/search", perch.KindBranch)
	sharing.Settings.Database.Mode = perch.DatabaseShared
	bare := environmentInput(t, "spike", perch.KindBranch)
	bare.Settings.LoadBalancer = "none"
	bare.Policy.Domain, bare.Policy.HostedZone = "", ""
	return map[string]Template{
		"application-production.json":        renderApplication(t, applicationInput(perch.KindProduction)),
		"application-staging.json":           renderApplication(t, applicationInput(perch.KindStaging)),
		"application-with-earlier-role.json": renderApplication(t, updated),
		"application-without-domain.json":    renderApplication(t, withoutDomain),
		"environment-production.json": renderEnvironment(
			t, environmentInput(t, "main", perch.KindProduction),
		),
		"environment-staging.json": renderEnvironment(
			t, environmentInput(t, "staging", perch.KindStaging),
		),
		"environment-branch.json": renderEnvironment(
			t, environmentInput(t, "feature/login", perch.KindBranch),
		),
		"environment-without-database.json":      renderEnvironment(t, withoutDatabase),
		"environment-without-load-balancer.json": renderEnvironment(t, single),
		"environment-own-load-balancer.json":     renderEnvironment(t, own),
		"environment-from-snapshot.json":         renderEnvironment(t, restored),
		"application-shared-database.json":       renderApplication(t, shared),
		"environment-shared-database.json":       renderEnvironment(t, sharing),
		"environment-without-domain.json":        renderEnvironment(t, bare),
	}
}

func TestTemplatesAreAsReviewed(t *testing.T) {
	for name, template := range goldens(t) {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(path, template.Body, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(template.Body)); diff != "" {
				t.Errorf(
					"template differs from %s; if it should, run go test ./cfn -update (-want +got):\n%s", path, diff,
				)
			}
		})
	}
}

func TestTemplatesFollowTheSpecification(t *testing.T) {
	for name, template := range goldens(t) {
		for _, err := range spec.Check(decode(t, template)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTemplatesPassCfnLint(t *testing.T) {
	lint, err := exec.LookPath("cfn-lint")
	if err != nil {
		t.Skip("cfn-lint is not installed")
	}
	arguments := []string{"--regions", "eu-central-1", "--"}
	for _, name := range slices.Sorted(maps.Keys(goldens(t))) {
		arguments = append(arguments, filepath.Join("testdata", name))
	}
	if out, err := exec.CommandContext(t.Context(), lint, arguments...).CombinedOutput(); err != nil {
		t.Errorf("cfn-lint: %v\n%s", err, out)
	}
}

// drawn is how many random templates of each kind cfn-lint checks.
const drawn = 12

// TestDrawnTemplatesPassCfnLint checks a batch at a time, because cfn-lint starts slowly. The names
// of the files contain the seeds, from which the generators make the same templates again.
func TestDrawnTemplatesPassCfnLint(t *testing.T) {
	lint, err := exec.LookPath("cfn-lint")
	if err != nil {
		t.Skip("cfn-lint is not installed")
	}
	environments, applications := rapid.Custom(anyEnvironment), rapid.Custom(anyApplication)
	seed := rand.IntN(1 << 20)
	dir := t.TempDir()
	for i := range drawn {
		for name, render := range map[string]func() (Template, error){
			"environment": func() (Template, error) { return Environment(environments.Example(seed + i)) },
			"application": func() (Template, error) { return Application(applications.Example(seed + i)) },
		} {
			template, err := render()
			if err != nil {
				t.Fatalf("seed %d: %v", seed+i, err)
			}
			if err := os.WriteFile(
				filepath.Join(dir, fmt.Sprintf("%s-%d.json", name, seed+i)), template.Body, 0o600,
			); err != nil {
				t.Fatal(err)
			}
		}
	}
	if out, err := exec.CommandContext(
		t.Context(), lint, "--regions", "eu-central-1", "--", filepath.Join(dir, "*.json"),
	).CombinedOutput(); err != nil {
		t.Errorf("cfn-lint: %v\n%s", err, out)
	}
}

func applicationInput(kind perch.Kind) ApplicationInput {
	policy := Placeholders("shop", kind).Policy
	policy.Secrets.From = []string{
		"arn:aws:secretsmanager:eu-central-1:111122223333:secret:shop/",
		"arn:aws:ssm:eu-central-1:111122223333:parameter/shop/",
	}
	return ApplicationInput{Project: "shop", Kind: kind, Policy: policy}
}

func environmentInput(t *testing.T, branch string, kind perch.Kind) EnvironmentInput {
	t.Helper()
	environment, err := perch.NewEnvironment("shop", branch)
	if err != nil {
		t.Fatal(err)
	}
	placeholder := Placeholders("shop", kind)
	in := EnvironmentInput{
		Environment: environment,
		Kind:        kind,
		Policy:      placeholder.Policy,
		Settings:    settingsOf(kind),
		Application: placeholder.Application,
		Platform:    placeholder.Platform,
	}
	in.deploy(t, commit)
	return in
}

// deploy sets the commit that is deployed.
func (in *EnvironmentInput) deploy(t *testing.T, commit string) {
	t.Helper()
	in.Commit = commit
	in.Settings.Image = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/shop:" + commit
	var err error
	if _, in.Bundle, err = Bundle(in.Settings, in.host()); err != nil {
		t.Fatal(err)
	}
}

func settingsOf(kind perch.Kind) perch.Settings {
	settings := perch.Settings{
		Platform:     "docker",
		InstanceType: "t3.medium",
		Instances:    perch.Instances{Min: 2, Max: 4},
		LoadBalancer: "shared",
		HealthPath:   "/healthz",
		Database: &perch.Database{
			Engine: "postgres", Version: "18", Class: "db.t4g.medium", StorageGB: 50, MultiAZ: true, BackupDays: 14,
		},
		Buckets:     map[string]perch.Bucket{"assets": {}, "private-assets": {Versioned: true}},
		Environment: map[string]string{"DJANGO_SETTINGS_MODULE": "shop.settings"},
		Secrets: map[string]string{
			"SECRET_KEY": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:shop/preview-AbCdEf",
		},
	}
	if kind == perch.KindBranch {
		settings.InstanceType = "t3.small"
		settings.Instances = perch.Instances{Min: 1, Max: 1}
		settings.Database = &perch.Database{Engine: "postgres", Version: "18", Class: "db.t4g.micro", StorageGB: 20}
	}
	return settings
}

func renderApplication(t *testing.T, in ApplicationInput) Template {
	t.Helper()
	template, err := Application(in)
	if err != nil {
		t.Fatal(err)
	}
	return template
}

func renderEnvironment(t *testing.T, in EnvironmentInput) Template {
	t.Helper()
	template, err := Environment(in)
	if err != nil {
		t.Fatal(err)
	}
	return template
}

func decode(t *testing.T, template Template) map[string]any {
	t.Helper()
	var decoded map[string]any
	if err := json.Unmarshal(template.Body, &decoded); err != nil {
		t.Fatal(err)
	}
	return decoded
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
