package run

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"perch/sandbox/aws"
)

// withBuckets returns a perch.yaml with these buckets, the first of which is seeded.
func withBuckets(names ...string) string {
	var buckets []string
	for _, name := range names {
		buckets = append(buckets, name+": {}")
	}
	return bare("shop", "  buckets: {"+strings.Join(buckets, ", ")+
		"}", "seed:", "  - s3: {from: fixtures/media, to: "+names[0]+"}")
}

// keysOf returns the keys of the bucket's objects.
func (b *bench) keysOf(t *testing.T, bucket string) (keys []string) {
	t.Helper()
	out, err := b.storage().ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range out.Contents {
		keys = append(keys, *object.Key)
	}
	return keys
}

// takesWrites checks that an app can write to the bucket: it writes an object and deletes it again.
func (b *bench) takesWrites(t *testing.T, bucket string) {
	t.Helper()
	key := "written-by-the-app"
	if _, err := b.storage().PutObject(
		t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader("x")},
	); err != nil {
		t.Errorf("bucket %s takes no writes: %v", bucket, err)
		return
	}
	if _, err := b.storage().DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: &key}); err != nil {
		t.Error(err)
	}
}

// missingBucket reports whether the bucket is gone.
func (b *bench) missingBucket(t *testing.T, bucket string) bool {
	t.Helper()
	_, err := b.storage().HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &bucket})
	return err != nil
}

// close denies writes to a bucket as a removal does, and keeps the other statements of its policy.
func (b *bench) close(t *testing.T, bucket string, others ...string) {
	t.Helper()
	closing := `{"Sid":"PerchEmptiesThisBucket","Effect":"Deny","Principal":"*","Action":"s3:PutObject",` +
		`"Resource":"arn:aws:s3:::` + bucket + `/*"}`
	policy := `{"Version":"2012-10-17","Statement":[` + strings.Join(append(others, closing), ",") + `]}`
	if _, err := b.storage().PutBucketPolicy(
		t.Context(), &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: &policy},
	); err != nil {
		t.Fatal(err)
	}
}

func TestS84ADeniedDeletionLosesNothing(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.repo.commit(t, "kept-data", map[string]string{"perch.yaml": withBuckets("assets", "media")})
	b.must(t, "up", "kept-data")
	bucket := b.resource(t, b.stackOf(t, "kept-data"), "BucketAssets")
	before := b.keysOf(t, bucket)
	lift := b.order(t, aws.Fault{
		Service: "cloudformation", Action: "DeleteStack", Contains: "shop-kept-data", Status: 403, Code: "AccessDenied",
		Message: "User is not authorized to perform: cloudformation:DeleteStack",
	})
	contains(t, b.failed(t, "down", "kept-data"), "cloudformation:DeleteStack")
	lift()
	if after := b.keysOf(t, bucket); len(before) == 0 || !slices.Equal(before, after) {
		t.Errorf("the bucket had %q and has %q", before, after)
	}
	b.takesWrites(t, bucket)
	equal(t, b.must(t, "up", "kept-data"), document{"outcome": "ready", "created": false, "seeded": false})
}

func TestS79ADeletionThatCloudFormationCancelsLosesNothing(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.repo.commit(t, "exports", map[string]string{"perch.yaml": withBuckets("assets")})
	b.must(t, "up", "exports")
	bucket := b.resource(t, b.stackOf(t, "exports"), "BucketAssets")
	before := b.keysOf(t, bucket)
	b.order(t, aws.Fault{Stack: "shop-exports", Type: "AWS::CloudFormation::Stack", Phase: "delete", Count: 1,
		Reason: "Delete canceled. Cannot delete export shop-url as it is in use by reports."})
	contains(
		t, b.failed(t, "down", "exports"), "canceled the deletion of stack shop-exports", "in use by reports",
		"no bucket was touched",
	)
	if after := b.keysOf(t, bucket); len(before) == 0 || !slices.Equal(before, after) {
		t.Errorf("the bucket had %q and has %q", before, after)
	}
	b.takesWrites(t, bucket)
	equal(t, b.must(t, "up", "exports"), document{"outcome": "ready", "created": false, "seeded": false})
	equal(t, b.must(t, "down", "exports"), document{"outcome": "gone"})
}

func TestS85AStackOfNothingButFullBucketsIsDeletedInTwoSteps(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.repo.commit(t, "pile", map[string]string{"a.txt": "1"})
	stack := "shop-pile"
	created, err := b.formation().CreateStack(t.Context(), &cloudformation.CreateStackInput{
		StackName: &stack, TemplateBody: awssdk.String(theirs), Tags: b.tags(t, "pile"),
	})
	if err != nil {
		t.Fatal(err)
	}
	b.awaitStack(t, stack, "CREATE_COMPLETE")
	bucket := b.resource(t, *created.StackId, "Theirs")
	for i := range 3 {
		key := fmt.Sprint("object-", i)
		if _, err := b.storage().PutObject(
			t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader("x")},
		); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, b.must(t, "down", "pile"), document{"outcome": "gone", "leftovers": []any{}})
	if diff := cmp.Diff([]string{"CreateStack", "DeleteStack", "DeleteStack"}, b.changes(stack)); diff != "" {
		t.Errorf("calls that change (-want +got):\n%s", diff)
	}
}

func TestS87ABucketThatAnUpdateDroppedIsDeletedWithTheEnvironment(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.repo.commit(t, "drops", map[string]string{"perch.yaml": withBuckets("media", "assets")})
	b.must(t, "up", "drops")
	dropped := b.resource(t, b.stackOf(t, "drops"), "BucketMedia")
	b.repo.commit(t, "drops", map[string]string{"perch.yaml": withBuckets("assets")})
	b.must(t, "up", "drops")
	if b.missingBucket(t, dropped) {
		t.Fatal("the update deleted a bucket with objects")
	}
	equal(t, b.must(t, "down", "drops"), document{"outcome": "gone", "leftovers": []any{}})
	if !b.missingBucket(t, dropped) {
		t.Errorf("bucket %s is left", dropped)
	}
	equal(t, b.must(t, "down", "drops"), document{"outcome": "absent"})
}

func TestS87WhatCannotBeDeletedIsNamedByEveryLaterCommand(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.repo.commit(t, "sticky", map[string]string{"perch.yaml": withBuckets("media", "assets")})
	b.must(t, "up", "sticky")
	dropped := b.resource(t, b.stackOf(t, "sticky"), "BucketMedia")
	b.repo.commit(t, "sticky", map[string]string{"perch.yaml": withBuckets("assets")})
	b.must(t, "up", "sticky")
	lift := b.order(t, aws.Fault{
		Service: "s3", Contains: dropped, Action: "DeleteBucket", Status: 403, Code: "AccessDenied", Message: "not now",
	})
	for range 2 {
		contains(t, b.failed(t, "down", "sticky"), dropped, "still there")
	}
	named := func(command string, d document) {
		t.Helper()
		contains(t, fmt.Sprint(d.at("leftovers")), dropped, "sticky")
	}
	named("status", b.must(t, "status", "sticky"))
	named("ls", b.must(t, "ls"))
	named("up", b.must(t, "up", "sticky"))
	lift()
	equal(t, b.must(t, "down", "sticky"), document{"outcome": "gone", "leftovers": []any{}})
	if !b.missingBucket(t, dropped) {
		t.Errorf("bucket %s is left", dropped)
	}
	if left := fmt.Sprint(b.must(t, "ls").at("leftovers")); strings.Contains(left, "sticky") {
		t.Errorf("ls still names %s", left)
	}
}

func TestS232ADatabaseThatAnUpdateDroppedGoesWithItsGroups(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.repo.commit(
		t, "heavy",
		map[string]string{"perch.yaml": bare(b.project, "  database: {class: db.t4g.micro, storage_gb: 20}")},
	)
	b.must(t, "up", "heavy")
	stack := b.stackOf(t, "heavy")
	database := b.resource(t, stack, "Database")
	b.order(
		t, aws.Fault{Stack: "shop-heavy", LogicalID: "Database", Phase: "delete", Reason: "Internal failure", Count: 3},
	)
	b.repo.commit(t, "heavy", map[string]string{"perch.yaml": bare(b.project)})
	b.must(t, "up", "heavy")
	if !b.hasDatabase(t, database) {
		t.Fatal("the update deleted the database")
	}
	removed := b.must(t, "down", "heavy")
	equal(t, removed, document{"outcome": "gone"})
	contains(t, fmt.Sprint(removed.at("leftovers")), "database snapshot "+database+"-perch-final-")
	if b.hasDatabase(t, database) {
		t.Errorf("database %s is left", database)
	}
	equal(t, b.must(t, "down", "heavy"), document{"outcome": "absent"})
}

func TestS232WhatAForcedRemovalLeftGoesWithTheNextOne(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.repo.commit(
		t, "guarded-data",
		map[string]string{"perch.yaml": bare(b.project, "  database: {class: db.t4g.micro, storage_gb: 20}")},
	)
	b.must(t, "up", "guarded-data")
	database := b.resource(t, b.stackOf(t, "guarded-data"), "Database")
	b.protectDatabase(t, database, true)
	contains(t, b.failed(t, "down", "guarded-data"), "deletion protection")
	contains(t, b.failed(t, "down", "guarded-data", "--force"), "database "+database, "still there")
	contains(t, b.failed(t, "down", "guarded-data"), "database "+database)
	b.protectDatabase(t, database, false)
	equal(t, b.must(t, "down", "guarded-data"), document{"outcome": "gone", "leftovers": []any{}})
	if b.hasDatabase(t, database) {
		t.Errorf("database %s is left", database)
	}
}

func (b *bench) hasDatabase(t *testing.T, id string) bool {
	t.Helper()
	_, err := rds.NewFromConfig(b.awsConfig()).DescribeDBInstances(
		t.Context(), &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &id},
	)
	return err == nil
}

func (b *bench) protectDatabase(t *testing.T, id string, protect bool) {
	t.Helper()
	_, err := rds.NewFromConfig(b.awsConfig()).ModifyDBInstance(t.Context(), &rds.ModifyDBInstanceInput{
		DBInstanceIdentifier: &id, DeletionProtection: &protect,
	})
	fatal(t, err)
}

func TestS83AnEnvironmentThatWasLeftEmptiedIsSeededAgain(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.repo.commit(t, "emptied", map[string]string{"perch.yaml": withBuckets("assets")})
	b.must(t, "up", "emptied")
	bucket := b.resource(t, b.stackOf(t, "emptied"), "BucketAssets")
	seeded := b.keysOf(t, bucket)
	for _, key := range seeded {
		if _, err := b.storage().DeleteObject(
			t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: &key},
		); err != nil {
			t.Fatal(err)
		}
	}
	b.close(t, bucket, `{"Sid":"OfTheApp","Effect":"Deny","Principal":"*","Action":"s3:PutObjectAcl",`+
		`"Resource":"arn:aws:s3:::`+bucket+`/*"}`)
	equal(t, b.must(t, "up", "emptied"), document{"outcome": "ready", "created": false, "seeded": true})
	if again := b.keysOf(t, bucket); len(seeded) == 0 || !slices.Equal(seeded, again) {
		t.Errorf("the bucket had %q and has %q", seeded, again)
	}
	out, err := b.storage().GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: &bucket})
	if err != nil || strings.Contains(*out.Policy, "PerchEmpties") || !strings.Contains(*out.Policy, "OfTheApp") {
		t.Errorf("the policy is %v, %v", out, err)
	}
	equal(t, b.must(t, "up", "emptied"), document{"outcome": "ready", "seeded": false})
}
