package run

import (
	"maps"
	"slices"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	r53types "github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"perch"
	"perch/sandbox/aws/services"
)

// audit compares everything that exists with what the live branches should have: environments by
// `ls`, everything else by its own service.
func (s *soak) audit(t *testing.T) {
	t.Helper()
	environments := map[string]string{}
	for _, e := range s.environments(t) {
		environments[e.text("branch")] = e.text("commit")
	}
	if diff := cmp.Diff(s.live, environments); diff != "" {
		t.Errorf("commits of the environments (-want +got):\n%s", diff)
	}
	stacks := []string{perch.ApplicationStackName(s.project, perch.KindStaging)}
	for branch := range s.live {
		stacks = append(stacks, s.stackOf(t, branch))
	}
	want := map[string][]string{"AWS::CloudFormation::Stack": stacks, "AWS::S3::Bucket": s.dropped(t, stacks)}
	for _, stack := range stacks {
		held := s.held(t, stack)
		for _, kind := range []string{
			"AWS::S3::Bucket", "AWS::RDS::DBInstance", "AWS::ElasticBeanstalk::Environment", "AWS::Route53::RecordSet",
		} {
			want[kind] = append(want[kind], held[kind]...)
		}
	}
	sorted := cmpopts.SortSlices(func(a, b string) bool { return a < b })
	if diff := cmp.Diff(want, s.everything(t), sorted, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("what there is (-want +got):\n%s", diff)
	}
}

// dropped returns the buckets that updates of these stacks have dropped. Every other tagged
// resource must belong to an existing stack.
func (s *soak) dropped(t *testing.T, stacks []string) (buckets []string) {
	t.Helper()
	living, held := map[string]bool{}, map[string]bool{}
	for _, stack := range stacks {
		living[s.stackID(t, stack)] = true
		for _, bucket := range s.held(t, stack)["AWS::S3::Bucket"] {
			held[bucket] = true
		}
	}
	for _, resource := range s.aws.Resources() {
		name, isBucket := strings.CutPrefix(resource.ARN, "arn:aws:s3:::")
		switch stackID := resource.Tags["aws:cloudformation:stack-id"]; {
		case stackID != "" && !living[stackID]:
			t.Errorf("%s belongs to %s, which does not exist", resource.ARN, stackID)
		case isBucket && stackID != "" && !held[name]:
			buckets = append(buckets, name)
		}
	}
	return buckets
}

func (s *soak) stackID(t *testing.T, name string) string {
	t.Helper()
	out, err := s.formation().DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: &name})
	fatal(t, err)
	return awssdk.ToString(out.Stacks[0].StackId)
}

// everything returns what exists in the account, by type and id, according to each service.
func (s *soak) everything(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{"AWS::CloudFormation::Stack": s.liveStacks(t)}
	add := func(kind string, id *string) { all[kind] = append(all[kind], awssdk.ToString(id)) }
	buckets, err := s3.NewFromConfig(s.awsConfig()).ListBuckets(t.Context(), &s3.ListBucketsInput{})
	fatal(t, err)
	for _, bucket := range buckets.Buckets {
		if !strings.HasPrefix(*bucket.Name, "elasticbeanstalk-") { // Elastic Beanstalk's own bucket stays.
			add("AWS::S3::Bucket", bucket.Name)
		}
	}
	databases, err := rds.NewFromConfig(s.awsConfig()).DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{})
	fatal(t, err)
	for _, database := range databases.DBInstances {
		add("AWS::RDS::DBInstance", database.DBInstanceIdentifier)
	}
	apps, err := elasticbeanstalk.NewFromConfig(s.awsConfig()).DescribeEnvironments(
		t.Context(), &elasticbeanstalk.DescribeEnvironmentsInput{},
	)
	fatal(t, err)
	for _, app := range apps.Environments {
		if app.Status != "Terminated" {
			add("AWS::ElasticBeanstalk::Environment", app.EnvironmentName)
		}
	}
	records, err := route53.NewFromConfig(s.awsConfig()).ListResourceRecordSets(
		t.Context(), &route53.ListResourceRecordSetsInput{HostedZoneId: awssdk.String(services.HostedZone)},
	)
	fatal(t, err)
	for _, record := range records.ResourceRecordSets {
		if record.Type != r53types.RRTypeNs && record.Type != r53types.RRTypeSoa {
			all["AWS::Route53::RecordSet"] = append(
				all["AWS::Route53::RecordSet"], strings.TrimSuffix(*record.Name, "."),
			)
		}
	}
	return all
}

// liveStacks returns the names of all stacks that are not deleted.
func (s *soak) liveStacks(t *testing.T) []string {
	t.Helper()
	names := map[string]bool{}
	for pages := cloudformation.NewDescribeStacksPaginator(
		s.formation(), &cloudformation.DescribeStacksInput{},
	); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		fatal(t, err)
		for _, stack := range page.Stacks {
			names[awssdk.ToString(stack.StackName)] = true
		}
	}
	return slices.Collect(maps.Keys(names))
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
