package run

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"perch/sandbox/aws/services"
)

// snapshot is the content of the account: the state of each thing as JSON, by its name.
type snapshot map[string]string

func (s snapshot) add(t *testing.T, name string, value any) {
	t.Helper()
	text, err := json.Marshal(value)
	fatal(t, err)
	s[name] = string(text)
}

// look takes a snapshot.
func (b *bench) look(t *testing.T) snapshot {
	t.Helper()
	s := snapshot{}
	b.lookAtStacks(t, s)
	b.lookAtBuckets(t, s)
	cfg := b.awsConfig()
	databases, err := rds.NewFromConfig(cfg).DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{})
	fatal(t, err)
	for _, database := range databases.DBInstances {
		s.add(t, "database "+*database.DBInstanceIdentifier, database)
	}
	snapshots, err := rds.NewFromConfig(cfg).DescribeDBSnapshots(t.Context(), &rds.DescribeDBSnapshotsInput{})
	fatal(t, err)
	for _, taken := range snapshots.DBSnapshots {
		s.add(t, "snapshot "+*taken.DBSnapshotIdentifier, taken)
	}
	apps, err := elasticbeanstalk.NewFromConfig(cfg).DescribeEnvironments(
		t.Context(), &elasticbeanstalk.DescribeEnvironmentsInput{},
	)
	fatal(t, err)
	for _, app := range apps.Environments {
		s.add(t, "environment "+*app.EnvironmentId, app)
	}
	records, err := route53.NewFromConfig(cfg).ListResourceRecordSets(t.Context(), &route53.ListResourceRecordSetsInput{
		HostedZoneId: awssdk.String(services.HostedZone),
	})
	fatal(t, err)
	for _, record := range records.ResourceRecordSets {
		s.add(t, "record "+string(record.Type)+" "+*record.Name, record)
	}
	commands, err := ssm.NewFromConfig(cfg).ListCommandInvocations(t.Context(), &ssm.ListCommandInvocationsInput{})
	fatal(t, err)
	for _, command := range commands.CommandInvocations {
		s.add(t, "command "+*command.CommandId, command)
	}
	return s
}

func (b *bench) lookAtStacks(t *testing.T, s snapshot) {
	t.Helper()
	for pages := cloudformation.NewListStacksPaginator(
		b.formation(), &cloudformation.ListStacksInput{},
	); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		fatal(t, err)
		for _, summary := range page.StackSummaries {
			stacks, err := b.formation().DescribeStacks(
				t.Context(), &cloudformation.DescribeStacksInput{StackName: summary.StackId},
			)
			fatal(t, err)
			template, err := b.formation().GetTemplate(
				t.Context(), &cloudformation.GetTemplateInput{StackName: summary.StackId},
			)
			fatal(t, err)
			stacks.Stacks[0].StackStatusReason = nil // During an operation, it is only shown for a moment.
			s.add(t, "stack "+*summary.StackId, stacks.Stacks)
			s.add(t, "template of "+*summary.StackId, template.TemplateBody)
		}
	}
}

// lookAtBuckets reads every bucket with its policy, tags, versions and incomplete uploads.
func (b *bench) lookAtBuckets(t *testing.T, s snapshot) {
	t.Helper()
	storage := b.storage()
	buckets, err := storage.ListBuckets(t.Context(), &s3.ListBucketsInput{})
	fatal(t, err)
	for _, bucket := range buckets.Buckets {
		name := *bucket.Name
		tags, _ := storage.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: &name}) // It may have none.
		policy, _ := storage.GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: &name})
		s.add(t, "bucket "+name, []any{tags != nil, policy != nil})
		if tags != nil {
			s.add(t, "tags of "+name, tags.TagSet)
		}
		if policy != nil {
			s.add(t, "policy of "+name, policy.Policy)
		}
		versions, err := storage.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &name})
		fatal(t, err)
		for _, version := range versions.Versions {
			s.add(t, "object "+name+"/"+*version.Key+" "+awssdk.ToString(version.VersionId), version.ETag)
		}
		for _, marker := range versions.DeleteMarkers {
			s.add(t, "delete marker "+name+"/"+*marker.Key+" "+awssdk.ToString(marker.VersionId), true)
		}
		uploads, err := storage.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &name})
		fatal(t, err)
		s.add(t, "uploads of "+name, uploads.Uploads)
	}
}

// changed returns the differences to a later snapshot. In the artifact buckets, the keys to which
// Admit and Report write may be added. Admissions and cards may also change, because a request that
// the policy allows changes them. No card may be removed.
func (s snapshot) changed(after snapshot) (differences []string) {
	for name, was := range s {
		is, found := after[name]
		switch {
		case !found:
			differences = append(differences, "gone: "+name)
		case is != was && !strings.Contains(name, "/admissions/") && !strings.Contains(name, "/cards/"):
			differences = append(differences, "changed: "+name+"\n  was "+was+"\n  is  "+is)
		}
	}
	for name, is := range after {
		if _, found := s[name]; !found && !admitted(name) {
			differences = append(differences, "new: "+name+" "+is)
		}
	}
	slices.Sort(differences)
	return differences
}

// admitted reports whether the text names an object that Admit stores, by its content or as its
// record, or a card.
func admitted(text string) bool {
	return slices.ContainsFunc([]string{
		"/templates/", "/bundles/", "/parameters/", "/admissions/", "/cards/",
	}, func(folder string) bool {
		return strings.Contains(text, "application") && strings.Contains(text, folder)
	})
}

// writes returns the changing calls after the first ones, including those that failed.
func (b *bench) writes(after int) (made []string) {
	for _, call := range b.aws.Calls()[after:] {
		reads := slices.ContainsFunc([]string{
			"Describe", "List", "Get", "Head", "Validate", "Estimate", "Lookup", "Test",
		}, func(verb string) bool {
			return strings.HasPrefix(call.Action, verb)
		})
		if !reads && (call.Action != "PutObject" || !admitted(call.Summary)) {
			made = append(made, call.Service+" "+call.Action+" "+call.Summary)
		}
	}
	return made
}
