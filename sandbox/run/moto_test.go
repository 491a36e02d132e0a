package run

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"go.temporal.io/server/common/testing/freeport"

	"perch"
)

// motoTemplate has one of each kind of resource that a removal must verify.
const motoTemplate = `AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Address: {Type: String}
  Branch: {Type: String}
  Commit: {Type: String, MinLength: 40}
  Host: {Type: String}
  HostedZoneId: {Type: String}
Conditions:
  Named: !Not [!Equals [!Ref Branch, ""]]
Resources:
  Media:
    Type: AWS::S3::Bucket
    Properties: {Tags: [{Key: commit, Value: !Ref Commit}]}
  Uploads: {Type: AWS::S3::Bucket}
  Database:
    Type: AWS::RDS::DBInstance
    DeletionPolicy: Delete
    Properties:
      Engine: postgres
      DBInstanceClass: db.t4g.micro
      AllocatedStorage: "20"
      MasterUsername: shop
      ManageMasterUserPassword: true
  Record:
    Type: AWS::Route53::RecordSet
    Properties: {HostedZoneId: !Ref HostedZoneId, Name: !Ref Host, Type: A, TTL: "60", ResourceRecords: [127.0.0.1]}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: "sts:AssumeRole"}]
      Policies:
        - PolicyName: media
          PolicyDocument:
            Version: "2012-10-17"
            Statement: [{Effect: Allow, Action: "s3:GetObject", Resource: !Sub "${Media.Arn}/*"}]
  Profile:
    Type: AWS::IAM::InstanceProfile
    Condition: Named
    Properties: {Roles: [!Ref Role]}
Outputs:
  Site: {Value: !Sub "${Address}"}
`

const motoConfig = `project: moto
image: example.com/shop:{commit}
defaults:
  template: template.yaml
  url_output: Site
  parameters: {Address: "ADDRESS"}
seed:
  - s3: {from: fixtures, to: Media}
`

// motoApplication replaces the template of the application stack. Moto does not have Elastic
// Beanstalk, and a custom template only needs the artifact bucket from the stack.
const motoApplication = `{"Resources": {"Artifacts": {"Type": "AWS::S3::Bucket"}}, "Outputs": {
	"ApplicationName": {"Value": "none"}, "ArtifactBucket": {"Value": {"Ref": "Artifacts"}}, "InstanceProfile": {"Value": "none"}, "ServiceRole": {"Value": "none"}}}`

// TestOnMoto proves that Perch works with more than its own sandbox: a custom template is created,
// seeded and deleted against moto, which knows nothing about Perch. Nothing is left.
func TestOnMoto(t *testing.T) {
	t.Parallel()
	b, way := newMoto(t)
	commit := b.repo.commit(t, "redesign", map[string]string{"a.txt": "1"})
	equal(
		t, b.must(t, "up", "redesign"), document{"outcome": "ready", "created": true, "seeded": true, "commit": commit},
	)
	equal(t, b.must(t, "up", "redesign"), document{"outcome": "ready", "created": false, "seeded": false})
	media := b.bucket(t, "moto-redesign", "Media")
	if keys := b.keys(t, media); !slices.Equal(keys, []string{"logo.svg"}) {
		t.Errorf("the seeded bucket holds %v", keys)
	}
	b.version(t, media)
	b.put(t, media, "logo.svg")
	uploads := b.bucket(t, "moto-redesign", "Uploads")
	for _, bucket := range []string{media, uploads} {
		way.label(t, b, bucket, "moto-redesign")
	}
	if databases, records, buckets := b.motoHolds(t); databases != 1 || records != 1 || buckets != 3 {
		t.Errorf("up made %d databases, %d records and %d buckets", databases, records, buckets)
	}

	// CloudFormation fails a deletion with a full bucket. Moto reports success, and leaves the
	// rest.
	b.discard(t, media)
	equal(t, b.must(t, "down", "redesign"), document{"outcome": "gone", "error": "", "leftovers": []any{}})
	if databases, records, buckets := b.motoHolds(t); databases != 0 || records != 0 || buckets != 1 {
		t.Errorf(
			"left are %d databases, %d records, and %d buckets, of which one is the application's", databases, records,
			buckets,
		)
	}
}

// discard deletes every version in a bucket.
func (b *bench) discard(t *testing.T, bucket string) {
	t.Helper()
	client := s3.NewFromConfig(b.awsConfig())
	out, err := client.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &bucket})
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range out.Versions {
		in := &s3.DeleteObjectInput{Bucket: &bucket, Key: version.Key, VersionId: version.VersionId}
		if _, err := client.DeleteObject(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
}

// newMoto starts moto, and adds a project whose worker works against it to the shared Temporal.
func newMoto(t *testing.T) (*bench, *tagged) {
	t.Helper()
	way := tagging(t, startMoto(t))
	proxy := httptest.NewServer(way)
	t.Cleanup(proxy.Close)
	app := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(app.Close)
	b := sharedSandbox(t).newRepository(t, "moto", map[string]string{
		"perch.yaml": strings.Replace(motoConfig, "ADDRESS", app.URL, 1), "template.yaml": motoTemplate,
		"fixtures/logo.svg": "<svg/>",
	})
	b.awsURL, b.policyFile = proxy.URL, filepath.Join(t.TempDir(), "policy.yaml")
	own := project{
		name: "moto", source: perch.Source{Git: b.repo.dir}, repo: b.repo.dir,
		repository: perch.NormalizeRepository(b.repo.dir), defaultBranch: "main",
	}
	if err := writePolicy(own, b.policyFile, b.pagesPort, b.registryURL); err != nil {
		t.Fatal(err)
	}
	zone, err := route53.NewFromConfig(b.awsConfig()).CreateHostedZone(t.Context(), &route53.CreateHostedZoneInput{
		Name: awssdk.String("moto.example.com"), CallerReference: awssdk.String("1"),
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.formation().CreateStack(t.Context(), &cloudformation.CreateStackInput{
		StackName:    awssdk.String(perch.ApplicationStackName("moto", perch.KindStaging)),
		TemplateBody: awssdk.String(motoApplication),
		Tags: []types.Tag{
			{Key: awssdk.String(perch.TagProject), Value: awssdk.String("moto")},
			{Key: awssdk.String(perch.TagRepository), Value: awssdk.String(perch.EncodeTag(own.repository))},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	err = b.work(b.policyFile, func(p *perch.Policy) {
		p.Account, p.Capabilities = "123456789012", []string{"CAPABILITY_IAM"}
		p.Domain, p.HostedZone = "moto.example.com", strings.TrimPrefix(*zone.HostedZone.Id, "/hostedzone/")
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("stop the worker: %v", err)
		}
	})
	return b, way
}

// startMoto runs moto's server on a free port of this machine until the test ends.
func startMoto(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("moto_server")
	if err != nil {
		t.Skip("moto_server is missing; pip install 'moto[server]'")
	}
	port := strconv.Itoa(freeport.MustGetFreePort())
	command := exec.Command(program, "-H", localhost, "-p", port)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	address := "http://" + net.JoinHostPort(localhost, port)
	eventually(t, "moto answers", func() (any, bool) {
		response, err := http.Get(address + "/moto-api/")
		if err != nil {
			return err, false
		}
		return response.Status, response.Body.Close() == nil
	})
	return address
}

// version turns on versioning in a bucket, because moto ignores VersioningConfiguration.
func (b *bench) version(t *testing.T, bucket string) {
	t.Helper()
	_, err := s3.NewFromConfig(b.awsConfig()).PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket:                  &bucket,
		VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusEnabled},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// tagged is a proxy to moto that tags a stack's buckets as CloudFormation does on AWS. Moto does
// not tag them, and Perch empties no bucket without the tag.
type tagged struct {
	*httputil.ReverseProxy
	owners sync.Map
}

func tagging(t *testing.T, address string) *tagged {
	t.Helper()
	target, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	way := &tagged{ReverseProxy: httputil.NewSingleHostReverseProxy(target)}
	way.ModifyResponse = func(response *http.Response) error {
		request := response.Request
		owner, known := way.owners.Load(strings.Trim(request.URL.Path, "/"))
		if request.Method != http.MethodGet || !request.URL.Query().Has("tagging") || !known {
			return nil
		}
		body := fmt.Sprintf(
			`<Tagging><TagSet><Tag><Key>aws:cloudformation:stack-id</Key><Value>%s</Value></Tag></TagSet></Tagging>`,
			owner,
		)
		response.StatusCode, response.Body = http.StatusOK, io.NopCloser(strings.NewReader(body))
		response.ContentLength = int64(len(body))
		response.Header.Set("Content-Length", strconv.Itoa(len(body)))
		return nil
	}
	return way
}

// label tags a bucket with the stack that it belongs to.
func (w *tagged) label(t *testing.T, b *bench, bucket, stack string) {
	t.Helper()
	out, err := b.formation().DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: &stack})
	if err != nil {
		t.Fatal(err)
	}
	w.owners.Store(bucket, awssdk.ToString(out.Stacks[0].StackId))
}

// motoHolds counts the databases, the address records and the buckets.
func (b *bench) motoHolds(t *testing.T) (databases, records, buckets int) {
	t.Helper()
	instances, err := rds.NewFromConfig(b.awsConfig()).DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{})
	if err != nil {
		t.Fatal(err)
	}
	zones, err := route53.NewFromConfig(b.awsConfig()).ListHostedZones(t.Context(), &route53.ListHostedZonesInput{})
	if err != nil {
		t.Fatal(err)
	}
	sets, err := route53.NewFromConfig(b.awsConfig()).ListResourceRecordSets(
		t.Context(), &route53.ListResourceRecordSetsInput{HostedZoneId: zones.HostedZones[0].Id},
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range sets.ResourceRecordSets {
		if set.Type == "A" {
			records++
		}
	}
	list, err := s3.NewFromConfig(b.awsConfig()).ListBuckets(t.Context(), &s3.ListBucketsInput{})
	if err != nil {
		t.Fatal(err)
	}
	return len(instances.DBInstances), records, len(list.Buckets)
}
