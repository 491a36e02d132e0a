package cfn

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"perch"
)

func TestABranchsApplicationIsTheStagingOne(t *testing.T) {
	branch, staging := applicationInput(perch.KindBranch), applicationInput(perch.KindStaging)
	if diff := cmp.Diff(renderApplication(t, staging), renderApplication(t, branch)); diff != "" {
		t.Errorf("templates differ (-staging +branch):\n%s", diff)
	}
}

func TestOutputsOfTheTemplateAreWhatEnvironmentsRead(t *testing.T) {
	for _, domain := range []string{"", "shop.example.com"} {
		in := applicationInput(perch.KindStaging)
		in.Policy.Domain = domain
		in.Policy.SharedDatabase = &perch.SharedDatabase{
			Version: "18", Class: "db.t4g.medium", StorageGB: 50, BackupDays: 7,
		}
		outputs := map[string]string{}
		for name := range decode(t, renderApplication(t, in))["Outputs"].(map[string]any) {
			outputs[name] = "value of " + name
		}
		parsed, err := ParseApplicationOutputs(outputs)
		if err != nil {
			t.Fatalf("domain %q: %v", domain, err)
		}
		if parsed.DatabaseHost == "" {
			t.Errorf("domain %q: the shared database is not read", domain)
		}
		if hasBalancer := parsed.LoadBalancerArn != ""; hasBalancer != (domain != "") {
			t.Errorf("domain %q: load balancer %q", domain, parsed.LoadBalancerArn)
		}
	}
}

func TestParseApplicationOutputs(t *testing.T) {
	complete := map[string]string{
		"ApplicationName": "a", "ArtifactBucket": "b", "ServiceRole": "r",
		"StagingInstanceProfile": "s", "BranchInstanceProfile": "t",
		"LoadBalancerArn": "l", "LoadBalancerDNS": "d", "LoadBalancerZone": "z", "LoadBalancerSecurityGroup": "g",
		"CertificateArn":     "c",
		"SharedDatabaseHost": "h", "SharedDatabasePort": "5", "SharedDatabaseSecret": "s", "SharedDatabaseClients": "k",
	}
	profiles := map[perch.Kind]string{perch.KindStaging: "s", perch.KindBranch: "t"}
	want := ApplicationOutputs{"a", "b", profiles, "r", "l", "d", "z", "g", "c", "h", "5", "s", "k"}
	got, err := ParseApplicationOutputs(complete)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
	for name := range complete {
		if name == "LoadBalancerArn" || name == "CertificateArn" || name == "SharedDatabaseHost" ||
			strings.HasSuffix(name, "InstanceProfile") {
			continue
		}
		t.Run("without "+name, func(t *testing.T) {
			outputs := map[string]string{}
			for key, text := range complete {
				if key != name {
					outputs[key] = text
				}
			}
			if _, err := ParseApplicationOutputs(outputs); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("error is %v, want one that names %s", err, name)
			}
		})
	}
}

func TestProductionSharesNoDatabase(t *testing.T) {
	in := applicationInput(perch.KindProduction)
	in.Policy.SharedDatabase = &perch.SharedDatabase{
		Version: "18", Class: "db.t4g.medium", StorageGB: 50, BackupDays: 7,
	}
	if found := resourcesOf(t, renderApplication(t, in), "AWS::RDS::DBInstance"); len(found) != 0 {
		t.Errorf("its stack has %v", found)
	}
}

func TestRejectedApplications(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*ApplicationInput)
		want   string
	}{
		{"bad project", func(in *ApplicationInput) { in.Project = "My-Shop" }, "not a valid name"},
		{"unknown kind", func(in *ApplicationInput) { in.Kind = "preview" }, `kind "preview"`},
		{"domain without a zone", func(in *ApplicationInput) { in.Policy.HostedZone = "" }, "hosted_zone"},
		{
			"load balancer without subnets", func(in *ApplicationInput) { in.Policy.Network.Subnets = nil },
			"two subnets",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := applicationInput(perch.KindStaging)
			test.change(&in)
			if _, err := Application(in); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestPlaceholdersAreWhatAnEnvironmentNeeds(t *testing.T) {
	for _, kind := range perch.Kinds() {
		in := environmentInput(t, "topic", kind)
		if _, err := Environment(in); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// TestRecordsOfRemovedEnvironmentsExpireAfter400Days: the rule is about the folder of the records
// alone, so that cards, bundles and templates stay.
func TestRecordsOfRemovedEnvironmentsExpireAfter400Days(t *testing.T) {
	buckets := resourcesOf(t, renderApplication(t, applicationInput(perch.KindStaging)), "AWS::S3::Bucket")
	expiring := map[string]any{}
	for _, bucket := range buckets {
		properties, _ := bucket["Properties"].(map[string]any)
		lifecycle, _ := properties["LifecycleConfiguration"].(map[string]any)
		rules, _ := lifecycle["Rules"].([]any)
		for _, each := range rules {
			rule := each.(map[string]any)
			if days, expires := rule["ExpirationInDays"]; expires && rule["Status"] == "Enabled" {
				expiring[rule["Prefix"].(string)] = days
			}
		}
	}
	if diff := cmp.Diff(map[string]any{"history/": 400.0}, expiring); diff != "" {
		t.Errorf("what expires, after how many days (-want +got):\n%s", diff)
	}
}
