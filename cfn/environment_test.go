package cfn

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/cfn/spec"
)

func TestAnotherCommitChangesOnlyWhatRunsIt(t *testing.T) {
	in := environmentInput(t, "feature/login", perch.KindBranch)
	before := decode(t, renderEnvironment(t, in))
	in.deploy(t, otherCommit)
	after := decode(t, renderEnvironment(t, in))

	want := []string{
		"Outputs.PerchCommit", "Outputs.PerchTemplate", "Resources.ApplicationVersion", "Resources.Environment",
	}
	if diff := cmp.Diff(want, changes(before, after)); diff != "" {
		t.Errorf("changed entries (-want +got):\n%s", diff)
	}
}

func TestAnotherCommitReplacesTheVersionAndUpdatesTheEnvironment(t *testing.T) {
	in := environmentInput(t, "feature/login", perch.KindBranch)
	before := decode(t, renderEnvironment(t, in))
	in.deploy(t, otherCommit)
	after := decode(t, renderEnvironment(t, in))

	if cmp.Equal(property(before, versionID, "SourceBundle"), property(after, versionID, "SourceBundle")) {
		t.Error("the version's bundle is the same, so that nothing is deployed")
	}
	for name := range properties(after, environmentID) {
		if spec.Replaces("AWS::ElasticBeanstalk::Environment", name) &&
			!cmp.Equal(property(before, environmentID, name), property(after, environmentID, name)) {
			t.Errorf("%s differs and replaces the environment", name)
		}
	}
}

func TestOnlyABranchLosesItsData(t *testing.T) {
	for _, test := range []struct {
		kind             perch.Kind
		database, bucket string
		protected        bool
	}{
		{perch.KindProduction, "Snapshot", "Retain", true},
		{perch.KindStaging, "Snapshot", "Retain", true},
		{perch.KindBranch, "Delete", "Delete", false},
	} {
		t.Run(string(test.kind), func(t *testing.T) {
			template := decode(t, renderEnvironment(t, environmentInput(t, "topic", test.kind)))
			for id, want := range map[string]string{
				DatabaseID: test.database, BucketID("assets"): test.bucket, BucketID("private-assets"): test.bucket,
			} {
				body := template["Resources"].(map[string]any)[id].(map[string]any)
				if body["DeletionPolicy"] != want || body["UpdateReplacePolicy"] != want {
					t.Errorf(
						"%s: policies are %v and %v, want %s", id, body["DeletionPolicy"], body["UpdateReplacePolicy"],
						want,
					)
				}
			}
			if got := property(template, DatabaseID, "DeletionProtection"); got != test.protected {
				t.Errorf("deletion protection is %v", got)
			}
			if got := property(template, DatabaseID, "DeleteAutomatedBackups"); got == test.protected {
				t.Errorf("automated backups go with the database: %v", got)
			}
		})
	}
}

func TestAddress(t *testing.T) {
	for _, test := range []struct {
		name, balancer, domain, url string
		want                        map[string]any
	}{
		{"behind the load balancer", "shared", "example.com", "", map[string]any{
			"URL": "https://topic.example.com", "Host": "topic.example.com",
			"Endpoint": "example-1234567890.eu-central-1.elb.amazonaws.com",
		}},
		{"an address in the policy", "shared", "localhost", "http://{host}:8080", map[string]any{
			"URL": "http://topic.localhost:8080", "Host": "topic.localhost",
			"Endpoint": "example-1234567890.eu-central-1.elb.amazonaws.com",
		}},
		{"behind a dedicated load balancer", "dedicated", "example.com", "", map[string]any{
			"URL": "https://topic.example.com", "Host": "topic.example.com",
			"Endpoint": map[string]any{"Fn::GetAtt": []any{"Environment", "EndpointURL"}},
		}},
		{"a single instance with a name", "none", "example.com", "", map[string]any{
			"URL": "http://topic.example.com", "Host": "topic.example.com",
			"Endpoint": map[string]any{"Fn::GetAtt": []any{"Environment", "EndpointURL"}},
		}},
		{"a single instance without a name", "none", "", "", map[string]any{
			"URL":      map[string]any{"Fn::Sub": "http://${Environment.EndpointURL}"},
			"Endpoint": map[string]any{"Fn::GetAtt": []any{"Environment", "EndpointURL"}},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := environmentInput(t, "topic", perch.KindBranch)
			in.Settings.LoadBalancer, in.Policy.Domain, in.Policy.URL = test.balancer, test.domain, test.url
			template := decode(t, renderEnvironment(t, in))
			got := map[string]any{}
			for name, body := range template["Outputs"].(map[string]any) {
				if name != OutputCommit && name != OutputProfile && name != OutputTemplate {
					got[name] = body.(map[string]any)["Value"]
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("outputs (-want +got):\n%s", diff)
			}
			told, isTold := optionsOf(template)[nsVariables+" PERCH_URL"]
			if wanted := test.domain != ""; isTold != wanted || wanted && told != test.want["URL"] {
				t.Errorf("the app is told PERCH_URL %v", told)
			}
			if _, hasRecord := template["Resources"].(map[string]any)[recordID]; hasRecord != (test.domain != "") {
				t.Errorf("has a DNS record: %v", hasRecord)
			}
		})
	}
}

func TestADedicatedLoadBalancerTakesNoRuleOfTheSharedOne(t *testing.T) {
	in := environmentInput(t, "topic", perch.KindStaging)
	in.Settings.LoadBalancer = "dedicated"
	template := decode(t, renderEnvironment(t, in))
	options := optionsOf(template)
	for name, want := range map[string]any{
		nsEnvironment + " LoadBalancerType": "application", nsListener + " Protocol": "HTTPS",
		nsListener + " SSLCertificateArns": in.Application.CertificateArn,
		nsListenerOff + " ListenerEnabled": "false", nsGroup + " MaxSize": "4",
		nsProcess + " HealthCheckPath":          "/healthz",
		nsEnvironment + " LoadBalancerIsShared": nil, nsBalancer + " SharedLoadBalancer": nil,
		nsRule + " HostHeaders": nil,
	} {
		if got := options[name]; got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	want := map[string]any{
		"DNSName": map[string]any{"Fn::GetAtt": []any{"Environment", "EndpointURL"}}, "EvaluateTargetHealth": false,
		"HostedZoneId": in.Application.LoadBalancerZone,
	}
	if diff := cmp.Diff(want, property(template, recordID, "AliasTarget")); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
}

func TestARestoredDatabaseLeavesOutWhatItsSnapshotSets(t *testing.T) {
	in := environmentInput(t, "topic", perch.KindBranch)
	in.Settings.Database.Mode, in.Settings.Database.Snapshot = perch.DatabaseSnapshot, "shop-seed-2026-11"
	template := decode(t, renderEnvironment(t, in))
	given := properties(template, DatabaseID)
	for _, name := range []string{"DBName", "MasterUsername", "EngineVersion", "StorageEncrypted"} {
		if _, ok := given[name]; ok {
			t.Errorf("%s is given: %v", name, given[name])
		}
	}
	password := map[string]any{"Fn::Sub": "{{resolve:secretsmanager:${DatabaseSecret}:SecretString:password}}"}
	if diff := cmp.Diff(
		[]any{"shop-seed-2026-11", password}, []any{given["DBSnapshotIdentifier"], given["MasterUserPassword"]},
	); diff != "" {
		t.Errorf("snapshot and password (-want +got):\n%s", diff)
	}
	if !spec.Replaces("AWS::RDS::DBInstance", "DBName") {
		t.Error("a dedicated database may become a restored one in place: say so in docs/templates.md")
	}
}

func TestASharedDatabaseCostsAnEnvironmentOneSecret(t *testing.T) {
	in := environmentInput(t, "feature/search", perch.KindBranch)
	in.Settings.Database.Mode = perch.DatabaseShared
	template := decode(t, renderEnvironment(t, in))
	options := optionsOf(template)
	name := in.Environment.DatabaseName()
	for key, want := range map[string]any{
		nsVariables + " DATABASE_HOST": in.Application.DatabaseHost, nsVariables + " DATABASE_PORT": "5432",
		nsVariables + " DATABASE_NAME": name, nsVariables + " DATABASE_USER": name,
		nsLaunch + " SecurityGroups": in.Application.DatabaseClients,
	} {
		if options[key] != want {
			t.Errorf("%s is %v, want %v", key, options[key], want)
		}
	}
	if got := options[nsSecrets+
		" DATABASE_PASSWORD"]; !cmp.Equal(got, map[string]any{"Fn::Sub": "${SharedDatabaseSecret}:password"}) {
		t.Errorf("the password is %v", got)
	}
	for id, body := range template["Resources"].(map[string]any) {
		kind := body.(map[string]any)["Type"].(string)
		if strings.HasPrefix(kind, "AWS::RDS::") || strings.HasPrefix(kind, "AWS::EC2::") {
			t.Errorf("%s is a %s", id, kind)
		}
	}
}

func TestNothingWaitsForTheDNSRecord(t *testing.T) {
	for name, template := range goldens(t) {
		for _, function := range []string{`"Ref": "` + recordID + `"`, "DependsOn", "${" + recordID} {
			if strings.Contains(string(template.Body), function) {
				t.Errorf("%s contains %s", name, function)
			}
		}
	}
}

func TestRejectedEnvironments(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*EnvironmentInput)
		want   string
	}{
		{"no name", func(in *EnvironmentInput) { in.Environment = perch.Environment{} }, "has no name"},
		{"unknown kind", func(in *EnvironmentInput) { in.Kind = "preview" }, `kind "preview" is unknown`},
		{"no commit", func(in *EnvironmentInput) { in.Commit = "" }, "commit"},
		{"no platform", func(in *EnvironmentInput) { in.Platform = "" }, "platform"},
		{"no bundle", func(in *EnvironmentInput) { in.Bundle = "" }, "bundle"},
		{
			"no application", func(in *EnvironmentInput) { in.Application = ApplicationOutputs{} },
			"application's outputs",
		},
		{
			"unknown load balancer", func(in *EnvironmentInput) { in.Settings.LoadBalancer = "classic" },
			`load_balancer "classic" is unknown`,
		},
		{"dedicated load balancer without a domain", func(in *EnvironmentInput) {
			in.Settings.LoadBalancer, in.Policy.Domain = "dedicated", ""
		}, "dedicated needs a domain"},
		{"own load balancer without a certificate", func(in *EnvironmentInput) {
			in.Settings.LoadBalancer, in.Application.CertificateArn = "dedicated", ""
		}, "no certificate"},
		{
			"shared load balancer without a domain", func(in *EnvironmentInput) { in.Policy.Domain = "" },
			"needs a domain",
		},
		{"application without a shared database", func(in *EnvironmentInput) {
			in.Settings.Database.Mode, in.Application.DatabaseHost = perch.DatabaseShared, ""
		}, "no shared database"},
		{"domain without a zone", func(in *EnvironmentInput) { in.Policy.HostedZone = "" }, "hosted_zone"},
		{
			"application without a load balancer", func(in *EnvironmentInput) { in.Application.LoadBalancerArn = "" },
			"has no load balancer",
		},
		{"no network", func(in *EnvironmentInput) { in.Policy.Network = perch.Network{} }, "no network"},
		{"one database subnet", func(in *EnvironmentInput) {
			in.Policy.Network.DatabaseSubnets = []string{"subnet-1"}
		}, "one database subnet"},
		{"variable that Perch sets", func(in *EnvironmentInput) {
			in.Settings.Environment = map[string]string{"PERCH_BRANCH": "x"}
		}, "PERCH_BRANCH is set by Perch"},
		{"variable that is a secret of Perch's", func(in *EnvironmentInput) {
			in.Settings.Environment = map[string]string{"DATABASE_PASSWORD": "x"}
		}, "DATABASE_PASSWORD is set by Perch"},
		{"secret that is a variable", func(in *EnvironmentInput) {
			in.Settings.Secrets = map[string]string{"DJANGO_SETTINGS_MODULE": "arn:x"}
		}, "DJANGO_SETTINGS_MODULE is already set"},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := environmentInput(t, "topic", perch.KindBranch)
			test.change(&in)
			if _, err := Environment(in); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestAnAppMayChooseItsPort(t *testing.T) {
	in := environmentInput(t, "topic", perch.KindBranch)
	in.Settings.Environment = map[string]string{"PORT": "9000"}
	if got := optionsOf(decode(t, renderEnvironment(t, in)))[nsVariables+" PORT"]; got != "9000" {
		t.Errorf("PORT is %v", got)
	}
}

func TestATemplateThatIsTooLongIsRejected(t *testing.T) {
	in := environmentInput(t, "topic", perch.KindBranch)
	in.Settings.Environment = map[string]string{"LONG": strings.Repeat("x", maxTemplate)}
	if _, err := Environment(in); err == nil || !strings.Contains(err.Error(), "bytes") {
		t.Errorf("error is %v", err)
	}
}

// changes lists the entries of Resources and Outputs that differ, sorted.
func changes(before, after map[string]any) []string {
	var changed []string
	for _, section := range []string{"Outputs", "Resources"} {
		b, a := before[section].(map[string]any), after[section].(map[string]any)
		all := maps.Clone(b)
		maps.Copy(all, a)
		for name := range all {
			if !cmp.Equal(b[name], a[name]) {
				changed = append(changed, section+"."+name)
			}
		}
	}
	slices.Sort(changed)
	return changed
}

func properties(template map[string]any, id string) map[string]any {
	return template["Resources"].(map[string]any)[id].(map[string]any)["Properties"].(map[string]any)
}

func property(template map[string]any, id, name string) any { return properties(template, id)[name] }

// optionsOf are the environment's options, by namespace and name with a space between.
func optionsOf(template map[string]any) map[string]any {
	found := map[string]any{}
	for _, entry := range property(template, environmentID, "OptionSettings").([]any) {
		o := entry.(map[string]any)
		found[o["Namespace"].(string)+" "+o["OptionName"].(string)] = o["Value"]
	}
	return found
}

func TestS192TheBranchReachesTheAppInPlainCharacters(t *testing.T) {
	in := environmentInput(t, `it's-"größer"-#1`, perch.KindBranch)
	if got := in.ownVariables()["PERCH_BRANCH"]; got != literal("it=27s-=22gr=C3=B6=C3=9Fer=22-=231") {
		t.Errorf("PERCH_BRANCH is %v", got)
	}
}
