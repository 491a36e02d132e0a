package activities

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/activities/stack"
	"perch/lifecycle"
	"perch/sandbox/aws"
)

// customConfig is a project with a custom template.
const customConfig = `project: shop
image: registry.example.com/shop:{commit}
branches: {kinds: {staging: staging}}
defaults:
  template: deploy/template.yaml
  parameters: {Site: "{slug}.example.com"}
seed:
  - s3: {from: fixtures/media, to: Media}
`

const customTemplate = `Parameters:
  Branch: {Type: String}
  Site: {Type: String}
  Size: {Type: Number, Default: 1}
Resources:
  Media: {Type: AWS::S3::Bucket}
  Logs: {Type: AWS::S3::Bucket, DeletionPolicy: Retain}
  Topic:
    Type: AWS::SNS::Topic
    Properties: {DisplayName: !Ref Branch}
Outputs:
  URL: {Value: !Sub "http://${Site}"}
  Endpoint: {Value: not-for-perch.example.com}
`

// databaseTemplate has a database whose snapshot has the tags of the stack.
var databaseTemplate = strings.Replace(customTemplate, "  Topic:\n", `  Database:
    Type: AWS::RDS::DBInstance
    Properties: {Engine: postgres, DBInstanceClass: db.t4g.micro, AllocatedStorage: "20", MasterUsername: perch, MasterUserPassword: long-enough, CopyTagsToSnapshot: true}
  Topic:
`, 1)

// newCustomWorld is a world with its application stack, and a commit of login with files beside
// those above.
func newCustomWorld(t *testing.T, files map[string]string) (*world, string) {
	t.Helper()
	w := newWorld(t)
	w.apply()
	all := map[string]string{
		"perch.yaml": customConfig, "deploy/template.yaml": customTemplate, "fixtures/media/logo.svg": "<svg/>",
	}
	maps.Copy(all, files)
	return w, w.repo.commit("login", all)
}

// customUp gives login its environment and returns its stack.
func (w *world) customUp(commit string) contract.StackState {
	w.t.Helper()
	rendered := w.render("login", commit)
	stacks := of[*Stacks](w)
	in := contract.ChangeInput{
		Environment: activitytest.Environment("shop", "login"), Kind: perch.KindBranch, Token: "create-" + commit,
		Template: rendered.Hash,
	}
	out := must(w, stacks.CreateStack, in)
	if ended := must(
		w, stacks.AwaitStack, contract.AwaitInput{StackID: out.StackID, Token: in.Token},
	); ended.Status != "CREATE_COMPLETE" {
		w.t.Fatalf("ended in %s: %s", ended.Status, ended.Reason)
	}
	return must(w, stacks.DescribeStack, contract.StackInput{Environment: activitytest.Environment("shop", "login")})
}

func TestACustomTemplateIsReadOnceForARequest(t *testing.T) {
	w, commit := newCustomWorld(t, nil)
	read := map[string]int{}
	requests := of[*Requests](w)
	w.set.branches.Source = countedSource{w.set.branches.Source, read}
	if _, err := activitytest.Try(
		requests.Admit, contract.AdmitInput{Request: w.request("login", commit)},
	); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]int{"perch.yaml": 1, "deploy/template.yaml": 1}, read); diff != "" {
		t.Errorf("files that are read (-want +got):\n%s", diff)
	}
}

// countedSource counts how often each file is read.
type countedSource struct {
	Source
	read map[string]int
}

func (s countedSource) File(ctx context.Context, commit, path string) ([]byte, bool, error) {
	s.read[path]++
	return s.Source.File(ctx, commit, path)
}

func TestACustomTemplateIsCreatedWithItsParameters(t *testing.T) {
	w, commit := newCustomWorld(t, nil)
	state := w.customUp(commit)
	want := contract.StackState{
		StackID: state.StackID, Status: "CREATE_COMPLETE", Ours: true, Kind: perch.KindBranch,
		Template: w.render("login", commit).Hash, Commit: commit, URL: "http://login.example.com",
	}
	if state != want {
		t.Errorf("got %+v, want %+v: another output called Endpoint is none of Perch's business", state, want)
	}
	stack, _, err := of[*Stacks](w).Describe(t.Context(), state.StackID)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, p := range stack.Parameters {
		got[*p.ParameterKey] = *p.ParameterValue
	}
	if diff := cmp.Diff(
		map[string]string{"Branch": "login", "Site": "login.example.com", "Size": "1"}, got,
	); diff != "" {
		t.Errorf("parameters -want +got:\n%s", diff)
	}
	seed := contract.SeedInput{
		Environment: activitytest.Environment("shop", "login"), Commit: commit, StackID: state.StackID,
	}
	if out := must(w, of[*Seeds](w).SeedData, seed); out.Objects != 1 {
		t.Errorf("seeded %+v", out)
	}
	if got := w.objects(state.StackID, "Media"); !maps.Equal(got, map[string]string{"logo.svg": "<svg/>"}) {
		t.Errorf("the bucket holds %v", got)
	}
	settled := w.admit(w.request("login", commit)).Settled
	if settled == nil || settled.Stack != state {
		t.Errorf("the same commit again is %+v, want settled", settled)
	}
}

// TestSeedDataGoesOnlyIntoBuckets: the physical id of many a resource is a name that its
// template chooses, and the worker may write to all buckets of the project.
func TestSeedDataGoesOnlyIntoBuckets(t *testing.T) {
	another := "shop-production-data"
	for name, resources := range map[string]string{
		"beside a bucket of the id that is named": "  media: {Type: AWS::S3::Bucket}\n  BucketMedia: {Type: " +
			"AWS::Logs::LogGroup, Properties: {LogGroupName: " + another + "}}\n",
		"beside a bucket of the id for the name": "  BucketMedia: {Type: AWS::S3::Bucket}\n  media: {Type: " +
			"AWS::Logs::LogGroup, Properties: {LogGroupName: " + another + "}}\n",
	} {
		t.Run(name, func(t *testing.T) {
			w, commit := newCustomWorld(t, map[string]string{
				"perch.yaml": strings.Replace(customConfig, "to: Media", "to: media", 1),
				"deploy/template.yaml": strings.Replace(
					customTemplate, "  Media: {Type: AWS::S3::Bucket}\n", resources, 1,
				),
			})
			w.makeBucket(another)
			state := w.customUp(commit)
			if out := must(w, of[*Seeds](w).SeedData, contract.SeedInput{
				Environment: activitytest.Environment("shop", "login"), Commit: commit, StackID: state.StackID,
			}); out.Objects != 1 {
				t.Errorf("seeded %+v", out)
			}
			list, err := w.s3().ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &another})
			if err != nil || len(list.Contents) > 0 {
				t.Errorf("%d objects are in another bucket, error %v", len(list.Contents), err)
			}
			if got := w.objects(state.StackID, "media"); !maps.Equal(got, map[string]string{"logo.svg": "<svg/>"}) {
				t.Errorf("the template's bucket holds %v", got)
			}
		})
	}
}

func TestAnotherCommitOrParameterIsAnUpdateAndTheSameIsNone(t *testing.T) {
	w, commit := newCustomWorld(t, nil)
	state := w.customUp(commit)
	if out := w.customUpdate(state.StackID, commit); !out.Unchanged {
		t.Errorf("the same commit: %+v", out)
	}
	next := w.repo.commit(
		"login",
		map[string]string{"perch.yaml": strings.Replace(customConfig, "{slug}.example.com", "other.example.com", 1)},
	)
	if out := w.customUpdate(state.StackID, next); out.Unchanged {
		t.Error("another parameter needs no update")
	}
	now := must(
		w, of[*Stacks](w).DescribeStack, contract.StackInput{Environment: activitytest.Environment("shop", "login")},
	)
	if now.Commit != next || now.URL != "http://other.example.com" || now.Template != w.render("login", next).Hash {
		t.Errorf("got %+v", now)
	}
	if again := w.repo.commit("login", nil); w.render("login", again).Hash == now.Template {
		t.Error("another commit has the same hash, so the stack would go on naming the old one")
	}
}

func TestWhatIsWrongWithATemplateIsARejection(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		words []string
	}{
		"no file": {
			map[string]string{"perch.yaml": strings.Replace(customConfig, "deploy/", "", 1)},
			[]string{"has no file template.yaml, which perch.yaml names as template"},
		},
		"no template": {
			map[string]string{"deploy/template.yaml": "<html>"},
			[]string{"deploy/template.yaml:1:1: this is not a CloudFormation template"},
		},
		"a circle": {
			map[string]string{"deploy/template.yaml": strings.Replace(customTemplate, "!Ref Branch", "!Ref Topic", 1)},
			[]string{"deploy/template.yaml:8:3: these resources wait for each other", "Topic"},
		},
		"a lost parameter": {
			map[string]string{"perch.yaml": strings.Replace(customConfig, "Site:", "Sight:", 1)},
			[]string{
				"deploy/template.yaml:3:3: parameter Site has no value",
				"perch.yaml (defaults, line 6) gives a value to Sight",
			},
		},
		"a role": {map[string]string{
			"deploy/template.yaml": strings.Replace(customTemplate, "AWS::SNS::Topic", "AWS::IAM::Role", 1),
		}, []string{"deploy/template.yaml:8:3: resource Topic (AWS::IAM::Role) needs CAPABILITY_IAM, and the policy " +
			"allows none"}},
		"a seed without aim": {
			map[string]string{"perch.yaml": strings.Replace(customConfig, "to: Media", "to: media", 1)},
			[]string{"seed[0].s3.to names the bucket media"},
		},
		"no address": {map[string]string{
			"perch.yaml": strings.Replace(customConfig, "  parameters", "  url_output: Site\n  parameters", 1),
		}, []string{"the template has no output Site"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			all := map[string]string{"perch.yaml": customConfig, "deploy/template.yaml": customTemplate}
			maps.Copy(all, c.files)
			got := w.admit(w.request("login", w.repo.commit("login", all)))
			if got.Rejection == nil {
				t.Fatalf("got %+v", got)
			}
			activitytest.WantWords(t, said(got), c.words...)
		})
	}
}

func TestCloudFormationLooksAtATemplateBeforeAnythingIsMade(t *testing.T) {
	w, commit := newCustomWorld(t, map[string]string{"deploy/template.yaml": strings.Replace(
		customTemplate, "{Type: AWS::S3::Bucket}", "{Type: AWS::S3::Bucket, Size: 5}", 1,
	)})
	_, err := activitytest.Try(of[*Requests](w).Admit, contract.AdmitInput{Request: w.request("login", commit)})
	activitytest.WantFinal(
		t, err, perch.ErrorInvalid, "validate template deploy/template.yaml",
		"Invalid template resource property 'Size'",
	)
	if n := w.calls("cloudformation", "CreateStack"); n != 1 {
		t.Errorf("%d stacks were made, and only the application's should be", n)
	}
}

func TestWhatTheTemplateKeepsIsNeitherEmptiedNorExpectedToGo(t *testing.T) {
	w, commit := newCustomWorld(t, nil)
	state := w.customUp(commit)
	contents := must(w, of[*Stacks](w).Contents, contract.StackInput{StackID: state.StackID})
	if len(contents.Buckets) != 1 || !strings.HasPrefix(contents.Buckets[0], "shop-login-media-") ||
		len(contents.Kept) != 1 || contents.Resources != 3 {
		t.Fatalf("got %+v", contents)
	}
	must(w, of[*Stacks](w).DeleteStack, contract.ChangeInput{
		Environment: activitytest.Environment("shop", "login"), StackID: state.StackID, Token: "gone",
	})
	if ended := w.settle(state.StackID); ended.Status != stack.Deleted {
		t.Fatalf("ended %+v", ended)
	}
	out := must(w, of[*Verification](w).VerifyGone, contract.VerifyInput{
		Environment: activitytest.Environment("shop", "login"), StackID: state.StackID, Contents: contents,
	})
	if len(out.Leftovers) != 0 || len(out.Kept) != 1 || out.Kept[0] != "AWS::S3::Bucket "+contents.Kept[0].ID {
		t.Errorf("got %+v", out)
	}
	if _, err := w.s3().HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &contents.Kept[0].ID}); err != nil {
		t.Errorf("the bucket that the template keeps: %v", err)
	}
}

func TestWhatAFailedDeletionKeptIsNotALeftoverOfTheNext(t *testing.T) {
	w, commit := newCustomWorld(t, map[string]string{"deploy/template.yaml": databaseTemplate})
	state := w.customUp(commit)
	before := must(w, of[*Stacks](w).Contents, contract.StackInput{StackID: state.StackID})
	w.fault(aws.Fault{LogicalID: "Topic", Phase: "delete", Reason: "a subscription exists", Count: 1})
	must(w, of[*Stacks](w).DeleteStack, contract.ChangeInput{
		Environment: activitytest.Environment("shop", "login"), StackID: state.StackID, Token: "first",
	})
	if ended := w.settle(state.StackID); ended.Status != "DELETE_FAILED" {
		t.Fatalf("ended %+v", ended)
	}
	contents := must(w, of[*Stacks](w).Contents, contract.StackInput{StackID: state.StackID})
	if diff := cmp.Diff(perch.StackContents{Kept: before.Kept, Resources: 1}, contents); diff != "" {
		t.Errorf("after the deletion that failed -want +got:\n%s", diff)
	}
	must(w, of[*Stacks](w).DeleteStack, contract.ChangeInput{
		Environment: activitytest.Environment("shop", "login"), StackID: state.StackID, Token: "second",
	})
	w.settle(state.StackID)
	out := must(w, of[*Verification](w).VerifyGone, contract.VerifyInput{
		Environment: activitytest.Environment("shop", "login"), StackID: state.StackID, Contents: contents,
	})
	if len(out.Leftovers) != 0 || len(out.Kept) != 2 {
		t.Errorf("got %+v", out)
	}
}

func TestWhatATemplateKeepsIsFoundAgainByItsARN(t *testing.T) {
	for id, arn := range map[string]string{
		"shop-login-logs-1": "arn:aws:s3:::shop-login-logs-1",
		"https://sqs.eu-central-1.amazonaws.com/123456789012/" +
			"shop-login-jobs": "arn:aws:sqs:eu-central-1:123456789012:shop-login-jobs",
		"/shop/login/key":   "arn:aws:ssm:eu-central-1:123456789012:parameter/shop/login/key",
		"/shop/login":       "arn:aws:logs:eu-central-1:123456789012:log-group:/shop/login",
		"shop-login-orders": "arn:aws:dynamodb:eu-central-1:123456789012:table/shop-login-orders",
		"arn:aws:sns:eu-central-1:123456789012:shop-login-news": "arn:aws:sns:eu-central-1:" +
			"123456789012:shop-login-news",
	} {
		contents := perch.StackContents{Kept: []perch.KeptResource{{ID: id}}}
		if !contents.Keeps(arn) {
			t.Errorf("%s is not found in %s", id, arn)
		}
		if contents.Keeps(arn + "-other") {
			t.Errorf("%s is found in another's ARN", id)
		}
	}
}

func TestADatabaseWhoseSnapshotFailsIsNotSweptAway(t *testing.T) {
	w, commit := newCustomWorld(t, map[string]string{"deploy/template.yaml": databaseTemplate})
	state := w.customUp(commit)
	contents := w.prepare(state.StackID, false).Contents
	w.fault(aws.Fault{
		LogicalID: "Database", Phase: "delete", Reason: "Cannot create more than 100 manual snapshots", Count: 1,
	})
	w.delete(state.StackID, nil)
	remains := must(
		w, of[*Stacks](w).DiagnoseDeletion,
		contract.StackInput{Environment: activitytest.Environment("shop", "login"), StackID: state.StackID},
	)
	if ended := w.delete(state.StackID, []string{"Database"}); ended.Status != stack.Deleted {
		t.Fatalf("ended %+v", ended)
	}
	w.fault(aws.Fault{
		Service: "rds", Action: "DeleteDBInstance", Status: 400, Code: "SnapshotQuotaExceeded",
		Message: "Cannot create more than 100 manual snapshots",
	})
	sweep := contract.SweepInput{
		Environment: activitytest.Environment("shop", "login"), StackID: state.StackID, Resources: remains.Failures,
	}
	if err := w.sweep(sweep); err != nil {
		t.Fatal(err)
	}
	out := must(w, of[*Verification](w).VerifyGone, contract.VerifyInput{
		Environment: activitytest.Environment("shop", "login"), StackID: state.StackID, Contents: contents,
	})
	if len(contents.Databases) != 1 || !slices.Contains(out.Leftovers, "database "+contents.Databases[0]) {
		t.Errorf("the database of %+v is gone without a snapshot: %+v", contents, out)
	}
}

// TestS146WhatTheTemplateKeepsOutlivesEveryCall empties and sweeps, by hand, what a deleted stack
// has kept.
func TestS146WhatTheTemplateKeepsOutlivesEveryCall(t *testing.T) {
	w, commit := newCustomWorld(t, nil)
	state := w.customUp(commit)
	contents := must(w, of[*Stacks](w).Contents, contract.StackInput{StackID: state.StackID})
	logs := contents.Kept[0].ID
	if ended := w.delete(state.StackID, nil); ended.Status != stack.Deleted {
		t.Fatalf("ended %+v", ended)
	}
	in := contract.EmptyBucketInput{
		Environment: activitytest.Environment("shop", "login"), Bucket: logs, StackID: state.StackID,
	}
	_, err := activitytest.Try(of[*Buckets](w).EmptyBucket, in)
	activitytest.WantFinal(t, err, perch.ErrorInvalid, "keeps bucket "+logs, "it was not emptied")
	if err := w.sweep(contract.SweepInput{
		Environment: activitytest.Environment("shop", "login"), StackID: state.StackID,
		Resources: []lifecycle.Failure{
			{Type: "AWS::S3::Bucket", PhysicalID: logs},
		},
	}); err != nil {
		t.Error(err)
	}
	if _, err := w.s3().HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &logs}); err != nil {
		t.Errorf("the bucket that the template keeps: %v", err)
	}
}
