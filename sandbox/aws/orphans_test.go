package aws_test

import (
	"slices"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	tagging "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	taggingtypes "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"perch/sandbox/aws"
)

const tagged = `
Resources:
  Kept: {Type: AWS::S3::Bucket, Properties: {BucketName: shop-kept}}
  Dropped: {Type: AWS::S3::Bucket, Properties: {BucketName: shop-dropped}}
  Database: {Type: AWS::RDS::DBInstance, DeletionPolicy: Delete, Properties: {Engine: postgres, DBInstanceIdentifier: shop-db, DBInstanceClass: db.t4g.micro, AllocatedStorage: "20", MasterUsername: shop, ManageMasterUserPassword: true, DeletionProtection: true}}
  Secret: {Type: AWS::SecretsManager::Secret, Properties: {Name: shop-secret, SecretString: "x"}}
  Balancer: {Type: AWS::ElasticLoadBalancingV2::LoadBalancer, Properties: {Subnets: [subnet-0a1111111111111aa]}}
  Group: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: shop}}
`

// taggedWith returns the resources that the tagging API finds by a tag: the last parts of their
// ARNs, sorted.
func (w *world) taggedWith(key, value string) []string {
	w.t.Helper()
	filter := []taggingtypes.TagFilter{{Key: &key, Values: []string{value}}}
	out, err := tagging.NewFromConfig(w.config).GetResources(
		w.t.Context(), &tagging.GetResourcesInput{TagFilters: filter},
	)
	if err != nil {
		w.t.Fatal(err)
	}
	var names []string
	for _, mapping := range out.ResourceTagMappingList {
		service := strings.Split(*mapping.ResourceARN, ":")[2]
		if service == "s3" {
			service = *mapping.ResourceARN
		}
		names = append(names, service)
	}
	slices.Sort(names)
	return names
}

func TestS139ABucketThatAnUpdateDropsStaysWithItsTags(t *testing.T) {
	w := newWorld(t, aws.Config{})
	name, body := "shop-a", tagged
	tags := []types.Tag{
		{Key: sdk.String("branch"), Value: sdk.String("a")},
		{Key: sdk.String("perch:project"), Value: sdk.String("shop")},
	}
	out, err := w.stacks.CreateStack(
		t.Context(), &cloudformation.CreateStackInput{StackName: &name, TemplateBody: &body, Tags: tags},
	)
	if err != nil {
		t.Fatal(err)
	}
	id := *out.StackId
	w.reach(id, "CREATE_COMPLETE")
	in := &s3.PutObjectInput{Bucket: sdk.String("shop-dropped"), Key: sdk.String("a"), Body: strings.NewReader("a")}
	if _, err := w.storage.PutObject(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	without := strings.Replace(
		tagged, "  Dropped: {Type: AWS::S3::Bucket, Properties: {BucketName: shop-dropped}}\n", "", 1,
	)
	if _, err := w.stacks.UpdateStack(
		t.Context(), &cloudformation.UpdateStackInput{StackName: &name, TemplateBody: &without},
	); err != nil {
		t.Fatal(err)
	}
	w.reach(id, "UPDATE_COMPLETE")
	if reason := sdk.ToString(w.describe(id).
		StackStatusReason); reason != "Update successful. One or more resources could not be deleted." {
		t.Errorf("the reason is %q", reason)
	}
	byID := []string{"arn:aws:s3:::shop-dropped", "arn:aws:s3:::shop-kept", "ec2", "rds", "secretsmanager"}
	byOwnTags := []string{
		"arn:aws:s3:::shop-dropped", "arn:aws:s3:::shop-kept", "ec2", "elasticloadbalancing", "rds", "secretsmanager",
	}
	for key, value := range map[string]string{
		"aws:cloudformation:stack-id": id, "branch": "a", "perch:project": "shop",
	} {
		want := byOwnTags
		if value == id {
			want = byID // A load balancer gets the stack's tags, but not CloudFormation's system tags.
		}
		if diff := cmp.Diff(want, w.taggedWith(key, value)); diff != "" {
			t.Errorf("found by %s (-want +got):\n%s", key, diff)
		}
	}
	resources, err := w.stacks.DescribeStackResources(
		t.Context(), &cloudformation.DescribeStackResourcesInput{StackName: &id},
	)
	if err != nil || len(resources.StackResources) != 5 {
		t.Errorf("the stack lists %v, %v", resources, err)
	}
}

func TestADatabaseShowsItsProtectionAndItsTags(t *testing.T) {
	w := newWorld(t, aws.Config{})
	id := w.create("shop-a", tagged)
	w.reach(id, "CREATE_COMPLETE")
	out, err := rds.NewFromConfig(w.config).DescribeDBInstances(
		t.Context(), &rds.DescribeDBInstancesInput{DBInstanceIdentifier: sdk.String("shop-db")},
	)
	if err != nil {
		t.Fatal(err)
	}
	tags := map[string]string{}
	for _, tag := range out.DBInstances[0].TagList {
		tags[*tag.Key] = *tag.Value
	}
	if !sdk.ToBool(out.DBInstances[0].DeletionProtection) || tags["aws:cloudformation:stack-id"] != id {
		t.Errorf("protected %v, tags %v", sdk.ToBool(out.DBInstances[0].DeletionProtection), tags)
	}
}

// TestAnEnvironmentIsDeletedBeforeTheBucketsThatItNames checks that CloudFormation deletes
// resources in reverse order of their references. The environment that refers to the buckets is
// deleted first, and the buckets are only touched after that.
func TestAnEnvironmentIsDeletedBeforeTheBucketsThatItNames(t *testing.T) {
	const body = `
Resources:
  Application: {Type: AWS::ElasticBeanstalk::Application, Properties: {ApplicationName: shop}}
  Media: {Type: AWS::S3::Bucket}
  Files: {Type: AWS::S3::Bucket}
  Environment:
    Type: AWS::ElasticBeanstalk::Environment
    Properties:
      ApplicationName: !Ref Application
      EnvironmentName: shop-env
      SolutionStackName: 64bit Amazon Linux 2023 v4.7.3 running Docker
      OptionSettings:
        - {Namespace: aws:elasticbeanstalk:environment, OptionName: EnvironmentType, Value: SingleInstance}
        - {Namespace: aws:elasticbeanstalk:application:environment, OptionName: MEDIA, Value: !Ref Media}
        - {Namespace: aws:elasticbeanstalk:application:environment, OptionName: FILES, Value: !Sub "s3://${Files}"}
`
	w := newWorld(t, aws.Config{})
	id := w.create("shop-a", body)
	w.reach(id, "CREATE_COMPLETE")
	w.deleteWith(id, "delete-1")
	w.reach(id, "DELETE_COMPLETE")
	told := w.toldWith(id, "delete-1")
	at := func(event string) int { return slices.Index(told, event+" ") }
	if gone := at(
		"Environment DELETE_COMPLETE",
	); gone < 0 || at("Media DELETE_IN_PROGRESS") < gone || at("Files DELETE_IN_PROGRESS") < gone {
		t.Errorf("events:\n%s", strings.Join(told, "\n"))
	}
}

func TestS185AFaultMakesTheTaggingAPIRemember(t *testing.T) {
	w := newWorld(t, aws.Config{})
	id := w.create(
		"shop-a",
		`{"Resources": {"Files": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "shop-files"}}}}`,
	)
	w.reach(id, "CREATE_COMPLETE")
	w.deleteWith(id, "delete-1")
	w.reach(id, "DELETE_COMPLETE")
	fault, err := w.server.AddFault(aws.Fault{Service: "tagging", Stale: 3600})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(
		[]string{"arn:aws:s3:::shop-files"}, w.taggedWith("aws:cloudformation:stack-id", id),
	); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	w.server.DeleteFault(fault)
	if left := w.taggedWith("aws:cloudformation:stack-id", id); len(left) != 0 {
		t.Errorf("without the fault it lists %q", left)
	}
}
