package activities

import (
	"slices"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/activities/stack"
	"perch/sandbox/aws"
)

const databaseConfig = "  database: {engine: postgres, version: \"16\", class: db.t4g.micro}\n"

// whole is a world with an environment that has everything, and what it holds.
func whole(t *testing.T) (*world, contract.VerifyInput) {
	t.Helper()
	w := newWorld(t)
	w.apply()
	config := strings.Replace(testConfig, "  load_balancer: shared\n", "  load_balancer: shared\n"+databaseConfig, 1)
	id := w.up("login", w.repo.commit("login", map[string]string{"perch.yaml": config, "fixtures/media/a.txt": "a"}))
	contents := must(w, of[*Stacks](w).Contents, contract.StackInput{StackID: id})
	return w, contract.VerifyInput{
		Environment: activitytest.Environment("shop", "login"), StackID: id, Contents: contents,
	}
}

func TestStackContentsAreThePhysicalIDsOfWhatHasToGo(t *testing.T) {
	w, in := whole(t)
	c := in.Contents
	if len(c.Buckets) != 2 || len(c.Databases) != 1 || !slices.Equal(c.Environments, []string{"shop-login"}) ||
		len(c.Records) != 1 || c.Records[0] != "login.shop.localhost" {
		t.Errorf("got %+v", c)
	}
	resources, err := of[*Stacks](w).Resources(t.Context(), in.StackID)
	if err != nil {
		t.Fatal(err)
	}
	if c.Resources != len(resources) {
		t.Errorf("%d resources, want %d", c.Resources, len(resources))
	}
	must(w, of[*Stacks](w).DeleteStack, contract.ChangeInput{
		Environment: activitytest.Environment("shop", "login"), StackID: in.StackID, Token: "gone",
	})
	w.settle(in.StackID)
	gone := must(w, of[*Stacks](w).Contents, contract.StackInput{StackID: in.StackID})
	if gone.Resources != 0 || len(gone.Buckets)+len(gone.Databases) != 0 {
		t.Errorf("a deleted stack holds %+v", gone)
	}
}

func TestAStackThatCloudFormationDoesNotKnowHoldsNothing(t *testing.T) {
	w := newWorld(t)
	contents := must(
		w, of[*Stacks](w).Contents,
		contract.StackInput{StackID: "arn:aws:cloudformation:eu-central-1:123456789012:stack/shop-x/none"},
	)
	if contents.Resources != 0 {
		t.Errorf("got %+v", contents)
	}
}

func TestVerifyGoneSeesEveryKindOfLeftover(t *testing.T) {
	w, in := whole(t)
	left, err := of[*Verification](w).verifier.Look(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(left.Left, "\n")
	activitytest.WantWords(
		t, text, "stack "+in.StackID+" (CREATE_COMPLETE)", "bucket "+in.Contents.Buckets[0],
		"bucket "+in.Contents.Buckets[1], "database "+in.Contents.Databases[0],
		"Beanstalk environment shop-login (Ready)", "DNS record login.shop.localhost",
	)
	must(w, of[*Stacks](w).DeleteStack, contract.ChangeInput{
		Environment: activitytest.Environment("shop", "login"), StackID: in.StackID, Token: "gone",
	})
	if ended := w.settle(in.StackID); ended.Status != stack.Deleted {
		t.Fatalf("ended %+v", ended)
	}
	if left := must(w, of[*Verification](w).VerifyGone, in).Leftovers; len(left) != 0 {
		t.Errorf("after the deletion: %q", left)
	}
}

// TestS216ElasticBeanstalksBucketIsNotALeftoverAndIsNeverEmptied deploys a bundle, which Elastic
// Beanstalk copies into its own bucket.
func TestS216ElasticBeanstalksBucketIsNotALeftoverAndIsNeverEmptied(t *testing.T) {
	const bucket = "elasticbeanstalk-eu-central-1-123456789012"
	w, in := whole(t)
	must(w, of[*Stacks](w).DeleteStack, contract.ChangeInput{
		Environment: activitytest.Environment("shop", "login"), StackID: in.StackID, Token: "gone",
	})
	if ended := w.settle(in.StackID); ended.Status != stack.Deleted {
		t.Fatalf("ended %+v", ended)
	}
	_, err := activitytest.Try(of[*Buckets](w).EmptyBucket, contract.EmptyBucketInput{
		Environment: activitytest.Environment("shop", "login"), Bucket: bucket, StackID: in.StackID,
	})
	activitytest.WantFinal(t, err, perch.ErrorInvalid, bucket, "did not empty it")
	gone := must(w, of[*Verification](w).VerifyGone, in)
	if len(gone.Leftovers)+len(gone.Unconfirmed) != 0 {
		t.Errorf("after the deletion: %+v", gone)
	}
	for _, resource := range w.aws.Resources() {
		if strings.Contains(resource.ARN, bucket) {
			t.Errorf("%s has the tags %v", resource.ARN, resource.Tags)
		}
	}
	copies, err := w.s3().ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: sdk.String(bucket)})
	if err != nil || len(copies.Contents) != 1 ||
		!strings.HasPrefix(*copies.Contents[0].Key, "resources/environments/e-") {
		t.Errorf("the bucket holds %v, %v; want the copy of the bundle", copies, err)
	}
}

// kept makes a stack of the one resource, deletes it and returns what VerifyGone sees.
func kept(t *testing.T, w *world, resource string) []string {
	t.Helper()
	id := w.bare("shop-login", "login", func(in *cloudformation.CreateStackInput) {
		in.TemplateBody = sdk.String(`{"Resources": {"It": ` + resource + `}}`)
	})
	if ended := w.settle(id); ended.Status != "CREATE_COMPLETE" {
		t.Fatalf("ended %+v", ended)
	}
	contents := must(w, of[*Stacks](w).Contents, contract.StackInput{StackID: id})
	must(
		w, of[*Stacks](w).DeleteStack,
		contract.ChangeInput{Environment: activitytest.Environment("shop", "login"), StackID: id, Token: "gone"},
	)
	if ended := w.settle(id); ended.Status != stack.Deleted {
		t.Fatalf("ended %+v", ended)
	}
	return must(
		w, of[*Verification](w).VerifyGone,
		contract.VerifyInput{Environment: activitytest.Environment("shop", "login"), StackID: id, Contents: contents},
	).Leftovers
}

func TestS56ADNSRecordThatIsLeftIsALeftover(t *testing.T) {
	w := newWorld(t)
	left := kept(t, w, `{"Type": "AWS::Route53::RecordSet", "DeletionPolicy": "Retain",
		"Properties": {"HostedZoneId": "`+w.policy.HostedZone+`", "Name": "login.shop.localhost.", "Type": "A", "TTL": "60", "ResourceRecords": ["10.0.0.1"]}}`)
	if !slices.Equal(left, []string{"DNS record login.shop.localhost"}) {
		t.Errorf("left %q", left)
	}
}

func TestS57ADatabaseSnapshotThatAppearsIsALeftover(t *testing.T) {
	w := newWorld(t)
	left := kept(t, w, `{"Type": "AWS::RDS::DBInstance", "DeletionPolicy": "Snapshot", "Properties": {"Engine": "postgres", "EngineVersion": "16",
		"DBInstanceClass": "db.t4g.micro", "AllocatedStorage": "20", "DBName": "app", "MasterUsername": "perch", "MasterUserPassword": "secret-enough"}}`)
	if len(left) != 1 || !strings.HasPrefix(left[0], "database snapshot shop-login-snapshot-it-") {
		t.Errorf("left %q", left)
	}
}

func TestABucketThatTheStackRetainedIsALeftover(t *testing.T) {
	w := newWorld(t)
	left := kept(t, w, `{"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"}`)
	if len(left) == 0 || !strings.HasPrefix(left[0], "bucket shop-login-it-") {
		t.Errorf("left %q", left)
	}
}

func TestWhatIsDeletedLateIsLookedAtAgain(t *testing.T) {
	w := newWorld(t)
	w.makeBucket("goes-late")
	id := w.bare("shop-login", "login", nil)
	w.settle(id)
	must(
		w, of[*Stacks](w).DeleteStack,
		contract.ChangeInput{Environment: activitytest.Environment("shop", "login"), StackID: id, Token: "gone"},
	)
	w.settle(id)
	v := of[*Verification](w)
	in := contract.VerifyInput{
		Environment: activitytest.Environment("shop", "login"), StackID: id,
		Contents: perch.StackContents{Buckets: []string{"goes-late"}},
	}
	looks, err := v.verifier.Look(t.Context(), in)
	if err != nil || len(looks.Left) != 1 {
		t.Fatalf("%q, %v", looks, err)
	}
	if _, err := w.s3().DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: sdk.String("goes-late")}); err != nil {
		t.Fatal(err)
	}
	if left := must(w, v.VerifyGone, in).Leftovers; len(left) != 0 {
		t.Errorf("left %q", left)
	}
}

func TestWhatCannotBeReadIsNotGone(t *testing.T) {
	for _, c := range []struct{ service, action, code, kind string }{
		{"cloudformation", "DescribeStacks", "AccessDenied", perch.ErrorDenied},
		{"cloudformation", "DescribeStackEvents", "AccessDenied", perch.ErrorDenied},
		{"s3", "HeadBucket", "AccessDenied", perch.ErrorDenied},
		{"rds", "DescribeDBInstances", "AccessDenied", perch.ErrorDenied},
		{"rds", "DescribeDBSnapshots", "AccessDenied", perch.ErrorDenied},
		{"elasticbeanstalk", "DescribeEnvironments", "AccessDenied", perch.ErrorDenied},
		{"route53", "ListResourceRecordSets", "AccessDenied", perch.ErrorDenied},
		{"tagging", "GetResources", "AccessDeniedException", perch.ErrorDenied},
		{"cloudformation", "DescribeStacks", "Throttling", ""},
		{"rds", "DescribeDBInstances", "Throttling", ""},
	} {
		t.Run(c.service+" "+c.action+" "+c.code, func(t *testing.T) {
			w := newWorld(t)
			id := w.bare("shop-login", "login", nil)
			w.settle(id)
			must(w, of[*Stacks](w).DeleteStack, contract.ChangeInput{
				Environment: activitytest.Environment("shop", "login"), StackID: id, Token: "gone",
			})
			w.settle(id)
			in := contract.VerifyInput{Environment: activitytest.Environment("shop", "login"), StackID: id,
				Contents: perch.StackContents{
					Buckets: []string{"b-1"}, Databases: []string{"d-1"}, Environments: []string{"shop-login"},
					Records: []string{"login.shop.localhost"},
				}}
			w.fault(aws.Fault{Service: c.service, Action: c.action, Status: 403, Code: c.code, Message: "no"})
			_, err := activitytest.Try(of[*Verification](w).VerifyGone, in)
			if c.kind == "" {
				activitytest.WantRetry(t, err, c.code)
				return
			}
			activitytest.WantFinal(t, err, c.kind, "the worker's role lacks")
		})
	}
}

// TestS147OnlyARealRemovalIsRecorded calls VerifyGone by hand for stacks that are not being
// removed, and names leftovers that nothing has seen.
func TestS147OnlyARealRemovalIsRecorded(t *testing.T) {
	w := newWorld(t)
	w.apply()
	living := w.bare("shop-login", "login", nil)
	w.settle(living)
	for name, in := range map[string]contract.VerifyInput{
		"a living stack":   {Environment: activitytest.Environment("shop", "login"), StackID: living},
		"another branch's": {Environment: activitytest.Environment("shop", "other"), StackID: living},
		"another project":  {Environment: activitytest.Environment("till", "login"), StackID: living},
	} {
		_, err := activitytest.Try(of[*Verification](w).VerifyGone, in)
		if activitytest.WantFinal(t, err, perch.ErrorInvalid, ""); len(w.removals()) != 0 {
			t.Errorf("%s: recorded %+v", name, w.removals())
		}
	}
	w.delete(living, nil)
	w.makeBucket("of-production")
	in := contract.VerifyInput{
		Environment: activitytest.Environment("shop", "login"), StackID: living, Swept: true,
		Contents: perch.StackContents{
			Buckets: []string{"of-production"}, Kept: []perch.KeptResource{{Type: "AWS::S3::Bucket", ID: "kept"}},
		},
		Known: []string{"forged"},
	}
	for _, id := range []string{living, ""} {
		in.StackID = id
		if seen := must(w, of[*Verification](w).VerifyGone, in); len(seen.Leftovers)+len(seen.Kept) != 0 {
			t.Errorf("stack %q: seen %+v", id, seen)
		}
		if records := w.removals(); len(records) != 0 {
			t.Errorf("stack %q: recorded %+v", id, records)
		}
	}
}

func TestWhatWasAdmittedIsDeletedWithTheEnvironmentAndNotWhileOneExists(t *testing.T) {
	w, in := whole(t)
	bucket, err := of[*Applications](w).stacks.ArtifactBucket(t.Context(), perch.KindBranch)
	if err != nil {
		t.Fatal(err)
	}
	admissions := func() int {
		out, err := w.s3().ListObjectsV2(
			t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: sdk.String("admissions/")},
		)
		if err != nil {
			t.Fatal(err)
		}
		return len(out.Contents)
	}
	if count := admissions(); count != 1 {
		t.Fatalf("%d admissions", count)
	}
	must(w, of[*Stacks](w).DeleteStack, contract.ChangeInput{
		Environment: activitytest.Environment("shop", "login"), StackID: in.StackID, Token: "gone",
	})
	w.settle(in.StackID)
	again := w.bare("shop-login", "login", nil)
	w.settle(again)
	must(w, of[*Verification](w).VerifyGone, in)
	if count := admissions(); count != 1 {
		t.Error("the admission of the environment that exists is deleted")
	}
	must(w, of[*Stacks](w).DeleteStack, contract.ChangeInput{
		Environment: activitytest.Environment("shop", "login"), StackID: again, Token: "gone-again",
	})
	w.settle(again)
	must(w, of[*Verification](w).VerifyGone, in)
	if count := admissions(); count != 0 {
		t.Errorf("%d admissions are left", count)
	}
}
