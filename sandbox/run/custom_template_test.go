package run

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"perch"
	"perch/cfn/custom"
)

// customConfig passes values to a template that was written without Perch in mind.
const customConfig = `project: PROJECT
image: registry.example.com/wordpress:{commit}
defaults:
  template: deploy/wordpress.yaml
  database: {class: db.t4g.micro, storage_gb: 20}
  parameters:
    pWebInstanceType: "{instance_type}"
    pAppInstanceType: "{instance_type}"
    pWebServerAMI: ami-0123456789abcdef0
    pAppAmi: ami-0123456789abcdef0
    pEC2KeyPair: wordpress
    pEnvironment: "{kind}"
    pProductionVPC: "{vpc_id}"
    pProductionCIDR: 172.31.0.0/16
    pManagementCIDR: 172.31.0.0/16
    pRegionAZ1Name: eu-central-1a
    pRegionAZ2Name: eu-central-1b
    pDMZSubnetA: "{subnet_1}"
    pDMZSubnetB: "{subnet_2}"
    pAppPrivateSubnetA: "{subnet_1}"
    pAppPrivateSubnetB: "{subnet_2}"
    pDBPrivateSubnetA: "{database_subnet_1}"
    pDBPrivateSubnetB: "{database_subnet_2}"
    pDBName: wordpress
    pDBUser: wordpress
    pDBPassword: "{{resolve:secretsmanager:PROJECT/preview:SecretString:password}}"
    pDBClass: "{database_class}"
    pDBAllocatedStorage: "{database_storage}"
seed:
  - s3: {from: fixtures, to: rWebContentBucket/media}
`

// ownProject returns a project with that template.
func ownProject(t *testing.T, name string) *bench {
	t.Helper()
	template, err := os.ReadFile(filepath.Join("..", "..", "cfn", "custom", "testdata", "wordpress.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"perch.yaml": strings.ReplaceAll(customConfig, "PROJECT", name), "deploy/wordpress.yaml": string(template),
		"fixtures/logo.svg": "<svg/>",
	}
	b := sharedSandbox(t)
	if _, err := secretsmanager.NewFromConfig(b.awsConfig()).
		CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
			Name: awssdk.String(name + "/preview"), SecretString: awssdk.String(`{"password": "a-password"}`),
		}); err != nil {
		t.Fatal(err)
	}
	p := b.newProject(t, name, files, func(p *perch.Policy) { p.Capabilities = []string{custom.CapabilityIAM} })
	p.extendServiceRole(t)
	return p
}

func TestACustomTemplateIsProvisionedSeededAndRemoved(t *testing.T) {
	t.Parallel()
	b := ownProject(t, "wordpress")
	commit := b.repo.commit(t, "redesign", map[string]string{"a.txt": "1"})
	plan := b.must(t, "plan", "redesign")
	if changes, _ := plan.at("changes").([]any); len(changes) < 25 {
		t.Errorf("the plan has %d changes: %v", len(changes), plan)
	}
	up := b.must(t, "up", "redesign")
	equal(t, up, document{
		"outcome": "ready", "created": true, "seeded": true, "commit": commit,
		"url": "http://redesign.localhost:" + b.pagesPort,
	})
	if status, text := b.page(t, "redesign"); status != 200 || !strings.Contains(text, "redesign") {
		t.Errorf("the page answers %d: %s", status, text)
	}
	equal(
		t, b.must(t, "status", "redesign"),
		document{"branch": "redesign", "url": "http://redesign.localhost:" + b.pagesPort, "commit": commit},
	)
	equal(t, b.must(t, "up", "redesign"), document{"outcome": "ready", "created": false, "seeded": false})
	if got := strings.Join(b.changes("wordpress-redesign"), " "); got != "CreateStack" {
		t.Errorf("calls: %s, want one creation: the same commit needs no update", got)
	}
	logs, content := b.bucket(
		t, "wordpress-redesign", "rS3ELBAccessLogs",
	), b.bucket(t, "wordpress-redesign", "rWebContentBucket")
	if keys := b.keys(t, content); strings.Join(keys, " ") != "media/logo.svg" {
		t.Errorf("the seeded bucket holds %v", keys)
	}
	b.put(t, logs, "AWSLogs/1")
	next := b.repo.commit(t, "redesign", map[string]string{"a.txt": "2"})
	equal(
		t, b.must(t, "up", "redesign"), document{"outcome": "ready", "created": false, "seeded": false, "commit": next},
	)

	down := b.must(t, "down", "redesign")
	equal(t, down, document{"outcome": "gone", "error": ""})
	left, _ := down.at("leftovers").([]any)
	var words []string
	for _, one := range left {
		words = append(words, one.(string))
	}
	text := strings.Join(words, "\n")
	contains(t, text, "AWS::S3::Bucket "+
		logs, "a snapshot of AWS::RDS::DBInstance wordpress-redesign-rrdsinstancemysql-", "AWS::S3::BucketPolicy")
	if len(words) != 3 {
		t.Errorf("leftovers:\n%s\nwant those three that the template keeps", text)
	}
	if keys := b.keys(t, logs); len(keys) != 1 {
		t.Errorf("the bucket that the template keeps holds %v: it was emptied", keys)
	}
	if all := b.stacks(t, "wordpress-redesign"); len(all) != 1 || all[0].StackStatus != "DELETE_COMPLETE" {
		t.Errorf("stacks: %v", all)
	}
}

func TestATemplateThatThePolicyDoesNotAllowIsRejectedBeforeAnythingChanges(t *testing.T) {
	t.Parallel()
	b := ownProject(t, "refusedown")
	for name, c := range map[string]struct {
		files map[string]string
		words string
	}{
		"named": {map[string]string{"deploy/wordpress.yaml": "Resources:\n  Role: {Type: 'AWS::IAM::Role', " +
			"Properties: {RoleName: x}}\nOutputs:\n  URL: {Value: 'http://x'}\n", "perch.yaml": unfilled("refusedown")},
			"deploy/wordpress.yaml:2:3: resource Role (AWS::IAM::Role with a custom name) needs " +
				"CAPABILITY_NAMED_IAM, and the policy allows only CAPABILITY_IAM"},
		"nested": {
			map[string]string{"deploy/wordpress.yaml": "Resources:\n  Inner: {Type: 'AWS::CloudFormation::Stack'}\n"},
			"deploy/wordpress.yaml:2:3: resource Inner is a nested stack, and nested stacks are not supported",
		},
		"unfilled": {
			map[string]string{"perch.yaml": unfilled("refusedown")}, "parameter pAppInstanceType has no value",
		},
		"circle": {map[string]string{"deploy/wordpress.yaml": "Resources:\n  A: {Type: 'AWS::SNS::Topic', DependsOn: " +
			"B}\n  B: {Type: 'AWS::SNS::Topic', DependsOn: A}\n"},
			"deploy/wordpress.yaml:2:3: these resources wait for each other, so none can be made first: A, B"},
		"bomb": {
			map[string]string{"deploy/wordpress.yaml": "a: &a [x, x]\nb: &b [*a, *a]\nResources: [*b, *b]\n"},
			"deploy/wordpress.yaml:1:4: YAML anchors (&name) are not read",
		},
		"large": {
			map[string]string{"deploy/wordpress.yaml": "# " + strings.Repeat("x", 1<<20) + "\n"},
			"deploy/wordpress.yaml: the file is longer than 1048576 bytes",
		},
		"page": {
			map[string]string{"deploy/wordpress.yaml": "<html></html>"},
			"deploy/wordpress.yaml:1:1: this is not a CloudFormation template",
		},
		"gone": {
			map[string]string{"deploy/wordpress.yaml": ""},
			"has no file deploy/wordpress.yaml, which perch.yaml names as template",
		},
	} {
		b.repo.commit(t, name, c.files)
		exit, d := b.ask(t, "up", name)
		if exit != 4 || d.text("outcome") != "rejected" {
			t.Errorf("%s: exit code %d, %v", name, exit, d)
		}
		contains(t, d.text("error"), c.words)
		if made := b.changes("refusedown-" + name); len(made) != 0 {
			t.Errorf("%s: %v was called", name, made)
		}
	}
}

// unfilled returns a perch.yaml that fills nothing.
func unfilled(project string) string {
	return "project: " + project + "\nimage: example.com/x:{commit}\ndefaults: {template: deploy/wordpress.yaml}\n"
}

// bucket returns the physical name of a stack's bucket.
func (b *bench) bucket(t *testing.T, stack, logical string) string {
	t.Helper()
	out, err := b.formation().DescribeStackResource(
		t.Context(), &cloudformation.DescribeStackResourceInput{StackName: &stack, LogicalResourceId: &logical},
	)
	if err != nil {
		t.Fatal(err)
	}
	return awssdk.ToString(out.StackResourceDetail.PhysicalResourceId)
}

func (b *bench) keys(t *testing.T, bucket string) []string {
	t.Helper()
	out, err := s3.NewFromConfig(b.awsConfig()).ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, object := range out.Contents {
		keys = append(keys, awssdk.ToString(object.Key))
	}
	return keys
}

func (b *bench) put(t *testing.T, bucket, key string) {
	t.Helper()
	if _, err := s3.NewFromConfig(b.awsConfig()).PutObject(
		t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader("x")},
	); err != nil {
		t.Fatal(err)
	}
}
