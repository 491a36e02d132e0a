package custom

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/cfn"
)

// input is branch feature/login of project shop at a commit, with a database.
func input(t *testing.T) cfn.EnvironmentInput {
	t.Helper()
	environment, err := perch.NewEnvironment("shop", "feature/login")
	if err != nil {
		t.Fatal(err)
	}
	return cfn.EnvironmentInput{
		Environment: environment, Kind: perch.KindBranch, Commit: strings.Repeat("a", 40),
		Settings: perch.Settings{
			Image: "example.com/shop:1", InstanceType: "t3.small", Instances: perch.Instances{Min: 1, Max: 2},
			HealthPath: "/healthz", Template: "template.yaml",
			Database: &perch.Database{Engine: "postgres", Version: "16", Class: "db.t4g.micro", StorageGB: 20},
		},
		Policy: perch.Policy{
			Account: "123456789012", Region: "eu-central-1", Project: "shop", Repository: "github.com/acme/shop",
			Domain: "shop.example.com", HostedZone: "Z1",
			Network: perch.Network{
				VPC: "vpc-1", Subnets: []string{"subnet-1", "subnet-2", "subnet-3"},
				DatabaseSubnets: []string{"subnet-4", "subnet-5"},
			},
		},
		Origin: func(path string) string { return map[string]string{"parameters.Given": "defaults, line 7"}[path] },
	}
}

// declaring is a template with the parameters that are written down.
func declaring(parameters string) string {
	return "Parameters:\n" + parameters + small
}

func TestParametersThatPerchKnowsAreFilled(t *testing.T) {
	var parameters strings.Builder
	for _, known := range perch.KnownParameters() {
		parameters.WriteString("  " + known.Name + ": {Type: String}\n")
	}
	rendered, err := read(t, declaring(parameters.String())).Render(input(t))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, p := range rendered.Given() {
		got[p.Name] = p.Value
	}
	want := map[string]string{
		"Project": "shop", "Branch": "feature/login", "Slug": "feature-login-pr5rby", "Kind": "branch",
		"Commit": strings.Repeat("a", 40), "Repository": "github.com/acme/shop",
		"Image": "example.com/shop:1", "Host": "feature-login-pr5rby.shop.example.com",
		"URL":    "https://feature-login-pr5rby.shop.example.com",
		"Domain": "shop.example.com", "HostedZoneId": "Z1", "VpcId": "vpc-1", "Subnets": "subnet-1,subnet-2,subnet-3",
		"Subnet1": "subnet-1", "Subnet2": "subnet-2",
		"DatabaseSubnets": "subnet-4,subnet-5", "DatabaseSubnet1": "subnet-4", "DatabaseSubnet2": "subnet-5",
		"HealthPath": "/healthz", "InstanceType": "t3.small",
		"MinInstances": "1", "MaxInstances": "2", "DatabaseEngine": "postgres", "DatabaseVersion": "16",
		"DatabaseClass": "db.t4g.micro", "DatabaseStorage": "20",
		"DatabaseMultiAZ": "false", "DatabaseBackupDays": "0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestPerchYAMLComesBeforePerchAndPerchBeforeTheDefault(t *testing.T) {
	in := input(t)
	in.Settings.Parameters = map[string]string{
		"Given": "{project}-{slug} ${Kept} {{resolve:ssm:/{slug}/x}}", "Branch": "mine",
	}
	template := read(t, declaring("  Given: {Type: String}\n  Branch: {Type: String, Default: x}\n  Slug: {Type: "+
		"String, Default: x}\n  Size: {Type: Number, Default: 3}\n"))
	rendered, err := template.Render(in)
	if err != nil {
		t.Fatal(err)
	}
	want := []cfn.Parameter{
		{
			Name: "Given", Value: "shop-feature-login-pr5rby ${Kept} {{resolve:ssm:/feature-login-pr5rby/x}}",
			From: "perch.yaml (defaults, line 7)",
		},
		{Name: "Branch", Value: "mine", From: "perch.yaml"},
		{Name: "Slug", Value: "feature-login-pr5rby", From: "Perch"}, {Name: "Size", Value: "3", From: "Default"},
	}
	if diff := cmp.Diff(want, rendered.Parameters); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if given := rendered.Given(); len(given) != 3 {
		t.Errorf("CloudFormation is told %v: a Default is its own to fill in", given)
	}
}

func TestWhatIsWrongWithParametersIsSaidWithItsLine(t *testing.T) {
	bare := func(in *cfn.EnvironmentInput) { in.Policy.Domain, in.Settings.Database = "", nil }
	give := func(value string) func(*cfn.EnvironmentInput) {
		return func(in *cfn.EnvironmentInput) { in.Settings.Parameters = map[string]string{"Given": value} }
	}
	for name, test := range map[string]struct {
		declared string
		change   func(*cfn.EnvironmentInput)
		want     string
	}{
		"no value": {"  KeyName: {Type: String}\n", bare, "template.yaml:2:3: parameter " +
			"KeyName has no value: give it one under `parameters` in perch.yaml, or a Default here; " +
			"Perch fills by name: Project, Branch, "},
		"Perch has no value": {"  Host: {Type: String}\n", bare, "template.yaml:2:3: parameter Host has no value: " +
			"give it one under `parameters` in perch.yaml, or a Default here; Perch fills it by its name, but " +
			"has no value for it here: host and zone need a domain"},
		"an empty placeholder": {
			"  Given: {Type: String}\n", func(in *cfn.EnvironmentInput) { bare(in); give("{host}")(in) },
			"template.yaml:2:3: parameter Given: perch.yaml (defaults, line 7) uses {host}, and there is no such " +
				"value for branch \"feature/login\"",
		},
		"it is not declared": {"  Slug: {Type: String}\n", give("x"), "template.yaml:1:1: perch.yaml (defaults, " +
			"line 7) gives a value to Given, which the template does not declare; its parameters are: Slug"},
		"one of a list": {
			"  Given: {Type: String, AllowedValues: [a, b]}\n", give("c"),
			`template.yaml:2:3: parameter Given must be one of a, b, not "c" (from perch.yaml (defaults, line 7))`,
		},
		"a pattern": {
			"  Branch: {Type: String, AllowedPattern: '[a-z]+'}\n", give(""),
			`template.yaml:2:3: parameter Branch must match [a-z]+, not "feature/login" (from Perch, which fills it ` +
				`by its name; give it another one under ` + "`parameters`" + ` in perch.yaml)`,
		},
		"a number": {
			"  Given: {Type: Number}\n", give("many"),
			`template.yaml:2:3: parameter Given must be a number, not "many"`,
		},
		"a list of numbers": {
			"  Given: {Type: List<Number>}\n", give("1, x"),
			`template.yaml:2:3: parameter Given must be a number, not "1, x"`,
		},
		"too small": {
			"  Given: {Type: Number, MinValue: 5}\n", give("4"),
			`template.yaml:2:3: parameter Given must be at least 5, not "4"`,
		},
		"too large": {
			"  Given: {Type: Number, MaxValue: 5}\n", give("6"),
			`template.yaml:2:3: parameter Given must be at most 5, not "6"`,
		},
		"too short": {
			"  Given: {Type: String, MinLength: 5}\n", give("abc"),
			`template.yaml:2:3: parameter Given must have at least 5 characters, not "abc"`,
		},
		"too long": {
			"  Given: {Type: String, MaxLength: 2}\n", give("abc"),
			`template.yaml:2:3: parameter Given must have at most 2 characters, not "abc"`,
		},
		"longer than fits": {
			"  Given: {Type: String}\n", give(strings.Repeat("x", maxValue+1)),
			`template.yaml:2:3: parameter Given must have at most 4096 bytes`,
		},
		"no id": {
			"  Given: {Type: 'AWS::EC2::VPC::Id'}\n", give("main"),
			`template.yaml:2:3: parameter Given must be an id that begins with vpc-, not "main"`,
		},
		"a list of ids": {
			"  Given: {Type: 'List<AWS::EC2::Subnet::Id>'}\n", give("subnet-1,main"),
			`template.yaml:2:3: parameter Given must be an id that begins with subnet-`,
		},
		"a secret as Default": {
			"  Hidden: {Type: String, NoEcho: true, Default: hunter2}\n", func(*cfn.EnvironmentInput) {},
			"template.yaml:2:3: parameter Hidden hides its value (NoEcho), and its Default is one that everybody can " +
				"read; keep it in Secrets Manager",
		},
		"a secret in the clear": {"  Given: {Type: String, NoEcho: true}\n", give("hunter2"), "template.yaml:2:3: " +
			"parameter Given hides its value (NoEcho), and perch.yaml (defaults, line 7) gives it one that everybody " +
			"can read; keep it in Secrets Manager and write '{{resolve:secretsmanager:NAME:SecretString:KEY}}' there"},
	} {
		t.Run(name, func(t *testing.T) {
			in := input(t)
			test.change(&in)
			if !strings.Contains(test.declared, "Given:") && name != "it is not declared" {
				in.Settings.Parameters = nil
			}
			_, err := read(t, declaring(test.declared)).Render(in)
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("error = %v, want %s", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Error("the error repeats a secret")
			}
		})
	}
}

func TestAGuessedPolicyIsNotCheckedAgainstLimits(t *testing.T) {
	template := read(t, declaring("  Domain: {Type: String, AllowedValues: [real.example.org]}\n  Given: {Type: "+
		"String, AllowedPattern: 'https://[a-z]+[.]org'}\n"))
	in := input(t)
	in.Guess, in.Settings.Parameters = true, map[string]string{"Given": "{url}"}
	if _, err := template.Render(in); err != nil {
		t.Error(err)
	}
	branch := read(t, declaring("  Branch: {Type: String, AllowedPattern: release-.*}\n"))
	in.Settings.Parameters, in.Sample = nil, true
	if _, err := branch.Render(in); err != nil {
		t.Errorf("a branch that is an example: %v", err)
	}
	in.Guess, in.Settings.Parameters = false, map[string]string{"Given": "{url}"}
	if _, err := template.Render(in); err == nil {
		t.Error("the real policy's domain is not among the allowed values, and no problem says so")
	}
}

func TestTheAddressComesFromANamedOutput(t *testing.T) {
	text := "Conditions: {C: !Equals [a, b]}\nResources:\n  A: {Type: T}\nOutputs:\n  Site: {Value: !Sub " +
		"'http://${A}', Condition: C}\n"
	_, err := read(t, text).Render(input(t))
	want := "template.yaml:4:1: the template has no output URL, which holds the environment's address; add it, or " +
		"name another one as `url_output` in perch.yaml; its outputs are: Site"
	if err == nil || err.Error() != want {
		t.Errorf("error = %v, want %s", err, want)
	}
	in := input(t)
	in.Settings.URLOutput = "Site"
	rendered, err := read(t, text).Render(in)
	if err != nil {
		t.Fatal(err)
	}
	added := outputs(t, rendered)[cfn.OutputCustomURL]
	if diff := cmp.Diff(map[string]any{
		"Description": "Address of the environment", "Value": map[string]any{"Fn::Sub": "http://${A}"},
		"Condition": "C",
	}, added); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestALiteralAddressMustBeValid(t *testing.T) {
	for value, want := range map[string]string{
		"example.com": `template.yaml:4:3: output URL must be an address that begins with http:// ` +
			`or https://, not "example.com"`,
		"!GetAtt Assets.DomainName": "template.yaml:4:3: output URL is a host name and no address; write !Sub " +
			"'http://${Assets.DomainName}', or https",
		"!Sub '${Assets.DomainName}/x'": "", "https://example.com": "",
	} {
		_, err := read(
			t, "Resources:\n  Assets: {Type: 'AWS::S3::Bucket'}\nOutputs:\n  URL: {Value: "+value+"}\n",
		).Render(input(t))
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%s: %v, want %s", value, err, want)
		}
	}
}

func TestSeedStepsNameTheTemplatesBuckets(t *testing.T) {
	in := input(t)
	for _, to := range []string{"Assets", "Assets/below"} {
		in.Seed = []perch.SeedStep{{S3: &perch.SeedS3{From: "x", To: to}}}
		if _, err := read(t, small).Render(in); err != nil {
			t.Error(err)
		}
	}
	in.Seed[0].S3.To = "assets"
	_, err := read(t, small).Render(in)
	want := "template.yaml:1:1: perch.yaml's seed[0].s3.to names the bucket assets, and the template has no such " +
		"AWS::S3::Bucket; its buckets are: Assets"
	if err == nil || err.Error() != want {
		t.Errorf("error = %v, want %s", err, want)
	}
	in.Seed = append(in.Seed, perch.SeedStep{Run: &perch.SeedRun{Command: []string{"true"}}})
	if _, err := read(t, small).Render(in); err == nil || !strings.Contains(err.Error(), "perch.yaml's seed[1].run "+
		"is carried out by the instances of an AWS::ElasticBeanstalk::Environment, and the template has none") {
		t.Errorf("a command without instances: %v", err)
	}
	in.Seed = in.Seed[:1]
	renamed := strings.Replace(small, "Assets", cfn.BucketID("assets"), 1)
	if _, err := read(t, renamed).Render(in); err != nil {
		t.Errorf("a bucket with the id that Perch's own template gives it: %v", err)
	}
}

func outputs(t *testing.T, r cfn.Rendered) map[string]any {
	t.Helper()
	var document map[string]any
	if err := json.Unmarshal(r.Body, &document); err != nil {
		t.Fatal(err)
	}
	return document["Outputs"].(map[string]any)
}

// TestNothingButOutputsIsAdded compares a large template with what CloudFormation gets.
func TestNothingButOutputsIsAdded(t *testing.T) {
	template, in := wordpress(t)
	rendered, err := template.Render(in)
	if err != nil {
		t.Fatal(err)
	}
	var got, want map[string]any
	before, err := cfn.Encode(template.root.Value().(map[string]any))
	if err != nil || json.Unmarshal(before, &want) != nil || json.Unmarshal(rendered.Body, &got) != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(got["Outputs"].(map[string]any), func(name string, _ any) bool {
		return regexp.MustCompile(`^Perch(URL|Commit|Template)$`).MatchString(name)
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// wordpress is the third-party template with what it needs.
func wordpress(t *testing.T) (*Template, cfn.EnvironmentInput) {
	t.Helper()
	data, err := os.ReadFile("testdata/wordpress.yaml")
	if err != nil {
		t.Fatal(err)
	}
	template, err := Read("wordpress.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	in := input(t)
	in.Settings.Parameters = map[string]string{
		"pAppInstanceType": "{instance_type}", "pWebInstanceType": "{instance_type}",
		"pAppPrivateSubnetA": "{subnet_1}", "pAppPrivateSubnetB": "{subnet_2}",
		"pDMZSubnetA": "{subnet_1}", "pDMZSubnetB": "{subnet_2}", "pDBPrivateSubnetA": "{database_subnet_1}",
		"pDBPrivateSubnetB": "{database_subnet_2}",
		"pProductionVPC":    "{vpc_id}", "pProductionCIDR": "172.31.0.0/16", "pManagementCIDR": "172.31.0.0/16",
		"pRegionAZ1Name": "eu-central-1a",
		"pRegionAZ2Name": "eu-central-1b", "pDBName": "wordpress", "pDBUser": "wordpress",
		"pDBClass": "{database_class}", "pDBAllocatedStorage": "{database_storage}",
		"pDBPassword": "{{resolve:secretsmanager:shop/preview:SecretString:password}}",
	}
	return template, in
}

func TestTheHashCoversTemplateAndParametersAndNothingElse(t *testing.T) {
	hash := func(text string, change func(*cfn.EnvironmentInput)) string {
		t.Helper()
		in := input(t)
		change(&in)
		rendered, err := read(t, text).Render(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := outputs(t, rendered)[cfn.OutputTemplate].(map[string]any)["Value"]; got != rendered.Hash {
			t.Errorf("the output says %v, and the hash is %s", got, rendered.Hash)
		}
		return rendered.Hash
	}
	text := declaring("  Given: {Type: String, Default: x}\n")
	same := func(*cfn.EnvironmentInput) {}
	first := hash(text, same)
	for name, other := range map[string]string{
		"comments and order": hash("# Hello\nOutputs:\n  URL: {Value: 'http://example.com'}\nResources:\n  "+
			"Assets:\n    Type: AWS::S3::Bucket\nParameters: {Given: {Default: x, Type: String}}\n", same),
		"the place of a value": hash(
			text, func(in *cfn.EnvironmentInput) { in.Origin = func(string) string { return "defaults, line 99" } },
		),
	} {
		if other != first {
			t.Errorf("%s changes the hash", name)
		}
	}
	for name, other := range map[string]string{
		"another parameter": hash(
			text, func(in *cfn.EnvironmentInput) { in.Settings.Parameters = map[string]string{"Given": "y"} },
		),
		"another commit":   hash(text, func(in *cfn.EnvironmentInput) { in.Commit = strings.Repeat("b", 40) }),
		"another resource": hash(strings.Replace(text, "Assets", "Media", 1), same),
	} {
		if other == first {
			t.Errorf("%s does not change the hash", name)
		}
	}
}
