package activities

import (
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/lifecycle"
	"perch/sandbox/aws"
)

// failedDeletion is a stack of branch login whose deletion left its bucket behind, and the bucket's
// name.
func failedDeletion(t *testing.T, w *world) (stackID, bucket string) {
	t.Helper()
	stackID = w.bare("shop-login", "login", nil)
	w.settle(stackID)
	w.fault(aws.Fault{
		Stack: "shop-login", Type: "AWS::S3::Bucket", Phase: "delete",
		Reason: "The bucket you tried to delete is not empty", Count: 1,
	})
	w.delete(stackID, nil)
	contents := must(w, of[*Stacks](w).Contents, contract.StackInput{StackID: stackID})
	if len(contents.Buckets) != 1 {
		t.Fatalf("the stack holds %+v", contents)
	}
	return stackID, contents.Buckets[0]
}

func (w *world) delete(stackID string, retain []string) contract.AwaitResult {
	w.t.Helper()
	in := contract.ChangeInput{
		Environment: activitytest.Environment("shop", "login"), StackID: stackID, Retain: retain,
		Token: "delete-" + strings.ReplaceAll(w.t.Name(), "/", "-") + string(rune('a'+len(retain))),
	}
	must(w, of[*Stacks](w).DeleteStack, in)
	return must(w, of[*Stacks](w).AwaitStack, contract.AwaitInput{StackID: stackID, Token: in.Token})
}

func (w *world) sweep(in contract.SweepInput) error {
	_, err := activitytest.Try(of[*Verification](w).SweepResources, in)
	return err
}

func TestS24S25OnlyWhatFailedIsDiagnosedAndRetained(t *testing.T) {
	w := newWorld(t)
	id, bucket := failedDeletion(t, w)
	remains := must(
		w, of[*Stacks](w).DiagnoseDeletion,
		contract.StackInput{Environment: activitytest.Environment("shop", "login"), StackID: id},
	)
	if len(remains.Failures) != 1 || remains.Failures[0].PhysicalID != bucket ||
		lifecycle.Diagnose(remains.Failures[0]) != lifecycle.CureEmpty {
		t.Fatalf("%+v", remains)
	}
	if ended := w.delete(id, []string{remains.Failures[0].LogicalID}); ended.Status != "DELETE_COMPLETE" {
		t.Errorf("without the bucket the deletion ended in %+v", ended)
	}
	remains = must(
		w, of[*Stacks](w).DiagnoseDeletion,
		contract.StackInput{Environment: activitytest.Environment("shop", "login"), StackID: id},
	)
	if len(remains.Failures) != 0 {
		t.Errorf("S25: a resource that is not DELETE_FAILED would be retained: %+v", remains)
	}
}

func TestS22WhatWasLeftBehindIsDeletedThroughItsService(t *testing.T) {
	w := newWorld(t)
	id, bucket := failedDeletion(t, w)
	left := contract.SweepInput{Environment: activitytest.Environment(
		"shop", "login",
	), StackID: id, Resources: []lifecycle.Failure{
		{Type: "AWS::S3::Bucket", PhysicalID: bucket}, {Type: "AWS::RDS::DBInstance", PhysicalID: "no-such-database"},
		{Type: "AWS::SNS::Topic", PhysicalID: "unknown"},
	}}
	for range 2 { // The second time everything is gone already.
		if err := w.sweep(left); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.s3().HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &bucket}); err == nil {
		t.Error("the bucket is still there")
	}
}

// failedDeletionOfBoth is a stack whose deletion left its bucket and its database, and what failed.
func failedDeletionOfBoth(t *testing.T, w *world) contract.SweepInput {
	t.Helper()
	id := w.bare("shop-login", "login", func(in *cloudformation.CreateStackInput) {
		in.TemplateBody = sdk.String(`{"Resources": {"Files": {"Type": "AWS::S3::Bucket"}, "Db": {"Type": "AWS::RDS::DBInstance", "DeletionPolicy": "Delete",
			"Properties": {"Engine": "postgres", "EngineVersion": "16", "DBInstanceClass": "db.t4g.micro", "AllocatedStorage": "20",
			"MasterUsername": "perch", "MasterUserPassword": "secret-enough"}}}}`)
	})
	w.settle(id)
	for _, kind := range []string{"AWS::S3::Bucket", "AWS::RDS::DBInstance"} {
		w.fault(aws.Fault{Stack: "shop-login", Type: kind, Phase: "delete", Reason: "Internal failure", Count: 1})
	}
	w.delete(id, nil)
	remains := must(
		w, of[*Stacks](w).DiagnoseDeletion,
		contract.StackInput{Environment: activitytest.Environment("shop", "login"), StackID: id},
	)
	if len(remains.Failures) != 2 {
		t.Fatalf("left %+v", remains)
	}
	return contract.SweepInput{
		Environment: activitytest.Environment("shop", "login"), StackID: id, Resources: remains.Failures,
	}
}

// left are the buckets and databases among the resources that still exist.
func (w *world) left(resources []lifecycle.Failure) (kinds []string) {
	w.t.Helper()
	for _, r := range resources {
		var err error
		if r.Type == "AWS::S3::Bucket" {
			_, err = w.s3().HeadBucket(w.t.Context(), &s3.HeadBucketInput{Bucket: &r.PhysicalID})
		} else {
			_, err = rds.NewFromConfig(w.config).DescribeDBInstances(
				w.t.Context(), &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &r.PhysicalID},
			)
		}
		if err == nil {
			kinds = append(kinds, r.Type)
		}
	}
	return kinds
}

func TestAResourceThatCannotBeDeletedDoesNotKeepTheOthers(t *testing.T) {
	for _, rejection := range []aws.Fault{
		{
			Service: "rds", Action: "DeleteDBInstance", Code: "InvalidParameterCombination",
			Message: "Cannot delete protected DB Instance, please disable deletion protection and try again.",
		},
		{
			Service: "rds", Action: "DeleteDBInstance", Status: 403, Code: "AccessDenied",
			Message: "User is not authorized",
		},
	} {
		t.Run(rejection.Code, func(t *testing.T) {
			w := newWorld(t)
			in := failedDeletionOfBoth(t, w)
			w.fault(rejection)
			if err := w.sweep(in); err != nil {
				t.Errorf("error %v, want what stays left to VerifyGone", err)
			}
			if left := w.left(in.Resources); len(left) != 1 || left[0] != "AWS::RDS::DBInstance" {
				t.Errorf("left %q", left)
			}
		})
	}
}

func TestASweepIsTriedAgainAfterWhatPasses(t *testing.T) {
	w := newWorld(t)
	in := failedDeletionOfBoth(t, w)
	w.fault(aws.Fault{
		Service: "rds", Action: "DeleteDBInstance", Code: "Throttling", Message: "Rate exceeded", Count: 1,
	})
	activitytest.WantRetry(t, w.sweep(in), "Rate exceeded")
	if err := w.sweep(in); err != nil {
		t.Error(err)
	}
	if left := w.left(in.Resources); len(left) != 0 {
		t.Errorf("left %q", left)
	}
}

func TestS86ASweepTouchesNothingOfAnotherStack(t *testing.T) {
	w := newWorld(t)
	in := failedDeletionOfBoth(t, w)
	other := w.bare("shop-other", "other", nil)
	w.settle(other)
	contents := must(w, of[*Stacks](w).Contents, contract.StackInput{StackID: other})
	in.Resources = []lifecycle.Failure{{Type: "AWS::S3::Bucket", PhysicalID: contents.Buckets[0]}}
	if err := w.sweep(in); err != nil {
		t.Fatal(err)
	}
	in.Environment.Branch, in.StackID = "other", other
	activitytest.WantFinal(t, w.sweep(in), perch.ErrorInvalid, "may return to service", "not emptied")
	if left := w.left(in.Resources); len(left) != 1 {
		t.Error("the other stack's bucket is gone")
	}
}
