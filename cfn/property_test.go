package cfn

import (
	"bytes"
	"encoding/json"
	"regexp"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"perch"
	"perch/cfn/spec"
)

var (
	bucketName   = rapid.StringMatching(`[a-z][a-z0-9-]{0,30}`)
	variableName = rapid.StringMatching(`APP_[A-Z0-9_]{0,12}`)
	// variableText is one line, because config rejects control characters. It has only printable
	// characters, because cfn-lint's YAML reader accepts no others.
	variableText = rapid.StringOf(rapid.Rune().Filter(unicode.IsGraphic))
	logicalID    = regexp.MustCompile(`^[A-Za-z0-9]{1,255}$`)
	variable     = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)
	// environmentName is the rule for EnvironmentName of CreateEnvironment in the AWS docs: 4 to 40
	// characters, without a hyphen at either end.
	environmentName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{2,38}[A-Za-z0-9]$`)
	hostName        = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9-]{1,63})+$`)
)

func TestDifferentBucketsHaveDifferentIDs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := bucketName.Draw(t, "a"), bucketName.Draw(t, "b")
		if (a == b) != (BucketID(a) == BucketID(b)) {
			t.Fatalf("%q is %s and %q is %s", a, BucketID(a), b, BucketID(b))
		}
		if !logicalID.MatchString(BucketID(a)) || !variable.MatchString(bucketVariable(a)) {
			t.Fatalf("%q: %s, %s", a, BucketID(a), bucketVariable(a))
		}
	})
}

func TestBucketsThatLookAlikeHaveDifferentIDs(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{
		"ab", "a-b", "a-1", "a1", "a--b", "a-", "a", "named-bucket", "bucket", "b", "ab-c", "a-bc",
	} {
		id := BucketID(name)
		if other, ok := seen[id]; ok {
			t.Errorf("%q and %q are both %s", name, other, id)
		}
		seen[id] = name
	}
	if got := BucketID("private-assets"); got != "BucketPrivateAssets" {
		t.Errorf("private-assets is %s", got)
	}
}

func TestAnyEnvironmentFollowsTheSpecification(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := anyEnvironment(t)
		template, err := Environment(in)
		if err != nil {
			t.Fatal(err)
		}
		var decoded map[string]any
		if err := json.Unmarshal(template.Body, &decoded); err != nil {
			t.Fatal(err)
		}
		for _, err := range spec.Check(decoded) {
			t.Error(err)
		}
		for id := range decoded["Resources"].(map[string]any) {
			if !logicalID.MatchString(id) {
				t.Errorf("logical id %q is not legal", id)
			}
		}
		if name := property(decoded, environmentID, "EnvironmentName").(string); !environmentName.MatchString(name) {
			t.Errorf("Beanstalk does not take the name %q", name)
		}
		if in.Policy.Domain != "" && !hostName.MatchString(property(decoded, recordID, "Name").(string)) {
			t.Errorf("DNS does not take the name %q", property(decoded, recordID, "Name"))
		}
		seen := map[string]bool{}
		for _, entry := range property(decoded, environmentID, "OptionSettings").([]any) {
			o := entry.(map[string]any)
			key := o["Namespace"].(string) + " " + o["OptionName"].(string)
			if seen[key] {
				t.Errorf("option %s is set twice", key)
			}
			seen[key] = true
		}
	})
}

func TestAnyApplicationFollowsTheSpecification(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		template, err := Application(anyApplication(t))
		if err != nil {
			t.Fatal(err)
		}
		var decoded map[string]any
		if err := json.Unmarshal(template.Body, &decoded); err != nil {
			t.Fatal(err)
		}
		for _, err := range spec.Check(decoded) {
			t.Error(err)
		}
	})
}

func TestTheSameInputGivesTheSameBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := anyEnvironment(t)
		first, err := Environment(in)
		if err != nil {
			t.Fatal(err)
		}
		second, err := Environment(in)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first.Body, second.Body) || first.Hash != second.Hash {
			t.Fatal("templates differ")
		}
	})
}

func TestARulesPriorityIsOneThatBeanstalkAccepts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		if got := priority(rapid.String().Draw(t, "slug")); got < 1 || got > 1000 {
			t.Fatalf("priority is %d", got)
		}
	})
}

func anyEnvironment(t *rapid.T) EnvironmentInput {
	kind := rapid.SampledFrom(perch.Kinds()).Draw(t, "kind")
	branch := rapid.StringMatching(`[a-zA-Z][a-zA-Z0-9_#(]{0,40}(/[a-z0-9ä+]{1,20})?`).Draw(t, "branch")
	environment, err := perch.NewEnvironment("shop", branch)
	if err != nil {
		t.Skip(err)
	}
	placeholder := Placeholders("shop", kind)
	in := EnvironmentInput{
		Environment: environment,
		Kind:        kind,
		Commit:      rapid.StringMatching(`[0-9a-f]{40}`).Draw(t, "commit"),
		Settings:    anySettings(t),
		Policy:      placeholder.Policy,
		Application: placeholder.Application,
		Platform:    placeholder.Platform,
		Bundle:      "bundles/x.zip",
	}
	if in.Settings.LoadBalancer == "none" && rapid.Bool().Draw(t, "no domain") {
		in.Policy.Domain = ""
	}
	return in
}

// anyApplication generates an application with any policy that package config accepts.
func anyApplication(t *rapid.T) ApplicationInput {
	kind := rapid.SampledFrom([]perch.Kind{perch.KindProduction, perch.KindStaging}).Draw(t, "kind")
	project := rapid.StringMatching(`[a-z][a-z0-9]{1,14}`).Draw(t, "project")
	in := ApplicationInput{Project: project, Kind: kind, Policy: Placeholders(project, kind).Policy}
	if rapid.Bool().Draw(t, "no domain") {
		in.Policy.Domain, in.Policy.HostedZone = "", ""
	}
	if rapid.Bool().Draw(t, "secrets") {
		in.Policy.Secrets.From = []string{
			"arn:aws:secretsmanager:eu-central-1:111122223333:secret:shop/",
			"arn:aws:ssm:eu-central-1:111122223333:parameter/shop/",
		}
	}
	if rapid.Bool().Draw(t, "secrets of kinds") {
		in.Policy.Secrets.Kinds = perch.KindSecrets{kind: {secretARN + "strict/"}}
	}
	in.EarlierRole = rapid.Bool().Draw(t, "earlier role")
	if rapid.Bool().Draw(t, "shared database") {
		in.Policy.SharedDatabase = &perch.SharedDatabase{
			Version: "18", Class: "db.t4g.medium", StorageGB: rapid.IntRange(20, 65536).Draw(t, "shared storage"),
			MultiAZ:    rapid.Bool().Draw(t, "shared multi-AZ"),
			BackupDays: rapid.IntRange(1, 35).Draw(t, "shared backup days"),
		}
	}
	return in
}

// anySettings generates any settings that package config accepts.
func anySettings(t *rapid.T) perch.Settings {
	settings := perch.Settings{
		Image:        rapid.StringMatching(`[a-z]{1,8}/[a-z]{1,8}:[a-z0-9$"]{1,8}`).Draw(t, "image"),
		Platform:     "docker",
		InstanceType: rapid.SampledFrom([]string{"t3.small", "m7i.large"}).Draw(t, "instance type"),
		Instances: perch.Instances{
			Min: rapid.IntRange(1, 4).Draw(t, "min"), Max: rapid.IntRange(4, 8).Draw(t, "max"),
		},
		LoadBalancer: rapid.SampledFrom([]string{"shared", "dedicated", "none"}).Draw(t, "load balancer"),
		HealthPath:   "/" + rapid.StringMatching(`[a-z<&>]{0,8}`).Draw(t, "health path"),
		Buckets:      map[string]perch.Bucket{},
		Environment:  rapid.MapOfN(variableName, variableText, 0, 5).Draw(t, "environment"),
		Secrets:      map[string]string{"SECRET": "arn:aws:ssm:eu-central-1:111122223333:parameter/x"},
	}
	for _, name := range rapid.SliceOfN(bucketName, 0, 5).Draw(t, "buckets") {
		settings.Buckets[name] = perch.Bucket{Versioned: rapid.Bool().Draw(t, "versioned")}
	}
	if rapid.Bool().Draw(t, "database") {
		settings.Database = &perch.Database{
			Engine: "postgres", Version: "18", Class: "db.t4g.micro",
			StorageGB: rapid.IntRange(20, 65536).Draw(t, "storage"),
			MultiAZ:   rapid.Bool().Draw(t, "multi-AZ"), BackupDays: rapid.IntRange(0, 35).Draw(t, "backup days"),
			Mode: rapid.SampledFrom([]string{perch.DatabaseDedicated, perch.DatabaseShared, perch.DatabaseSnapshot}).
				Draw(t, "mode"),
		}
		if settings.Database.Mode == perch.DatabaseSnapshot {
			settings.Database.Snapshot = "shop-seed-1"
		}
	}
	return settings
}
