package activities

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch/lifecycle"
	"perch/sandbox/aws"
)

// failedDeletion is a stack of branch login whose deletion left its bucket behind, and the bucket's name.
func failedDeletion(t *testing.T, w *world) (stackID, bucket string) {
	t.Helper()
	stackID = w.bare("shop-login", "login", nil)
	w.settle(stackID)
	w.fault(aws.Fault{Stack: "shop-login", Type: "AWS::S3::Bucket", Phase: "delete", Reason: "The bucket you tried to delete is not empty", Count: 1})
	w.delete(stackID, nil)
	contents := must(w, of[*Stacks](w).StackContents, StackInput{Project: "shop", Branch: "login", StackID: stackID})
	if len(contents.Buckets) != 1 {
		t.Fatalf("the stack holds %+v", contents)
	}
	return stackID, contents.Buckets[0]
}

func (w *world) delete(stackID string, retain []string) AwaitResult {
	w.t.Helper()
	in := ChangeInput{Project: "shop", Branch: "login", StackID: stackID, Retain: retain, Token: "delete-" + w.t.Name() + string(rune('a'+len(retain)))}
	must(w, of[*Stacks](w).DeleteStack, in)
	return must(w, of[*Stacks](w).AwaitStack, AwaitInput{StackID: stackID, Token: in.Token})
}

func (w *world) sweep(in SweepInput) error {
	_, err := try(of[*Verification](w).sweepResources, in)
	return err
}

// sweepResources is SweepResources with a result, as try wants one.
func (v *Verification) sweepResources(ctx context.Context, in SweepInput) (struct{}, error) {
	return struct{}{}, v.SweepResources(ctx, in)
}

func TestS24S25OnlyWhatFailedIsDiagnosedAndRetained(t *testing.T) {
	w := newWorld(t)
	id, bucket := failedDeletion(t, w)
	remains := must(w, of[*Stacks](w).DiagnoseDeletion, StackInput{Project: "shop", Branch: "login", StackID: id})
	if len(remains.Failures) != 1 || remains.Failures[0].PhysicalID != bucket || lifecycle.Diagnose(remains.Failures[0]) != lifecycle.CureEmpty {
		t.Fatalf("%+v", remains)
	}
	if ended := w.delete(id, []string{remains.Failures[0].LogicalID}); ended.Status != "DELETE_COMPLETE" {
		t.Errorf("without the bucket the deletion ended in %+v", ended)
	}
	remains = must(w, of[*Stacks](w).DiagnoseDeletion, StackInput{Project: "shop", Branch: "login", StackID: id})
	if len(remains.Failures) != 0 {
		t.Errorf("S25: a resource that is not DELETE_FAILED would be retained: %+v", remains)
	}
}

func TestS22WhatWasLeftBehindIsRemovedByItself(t *testing.T) {
	w := newWorld(t)
	id, bucket := failedDeletion(t, w)
	left := SweepInput{StackID: id, Resources: []lifecycle.Failure{
		{Type: "AWS::S3::Bucket", PhysicalID: bucket}, {Type: "AWS::RDS::DBInstance", PhysicalID: "no-such-database"}, {Type: "AWS::SNS::Topic", PhysicalID: "unknown"},
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

func TestWhatCannotBeRemovedByItselfKeepsNothingElse(t *testing.T) {
	for _, refusal := range []aws.Fault{
		{Service: "rds", Action: "DeleteDBInstance", Code: "InvalidParameterCombination", Message: "Cannot delete protected DB Instance, please disable deletion protection and try again."},
		{Service: "rds", Action: "DeleteDBInstance", Status: 403, Code: "AccessDenied", Message: "User is not authorized"},
	} {
		w := newWorld(t)
		id, bucket := failedDeletion(t, w)
		w.fault(refusal)
		err := w.sweep(SweepInput{StackID: id, Resources: []lifecycle.Failure{
			{Type: "AWS::RDS::DBInstance", PhysicalID: "db"}, {Type: "AWS::S3::Bucket", PhysicalID: bucket},
		}})
		if err != nil {
			t.Errorf("%s: error %v, want what stays left to VerifyGone", refusal.Code, err)
		}
		if _, err := w.s3().HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &bucket}); err == nil {
			t.Errorf("%s: the bucket is still there", refusal.Code)
		}
	}
}

func TestASweepIsTriedAgainAfterWhatPasses(t *testing.T) {
	w := newWorld(t)
	w.fault(aws.Fault{Service: "rds", Action: "DeleteDBInstance", Code: "Throttling", Message: "Rate exceeded", Count: 1})
	in := SweepInput{Resources: []lifecycle.Failure{{Type: "AWS::RDS::DBInstance", PhysicalID: "db"}}}
	wantRetry(t, w.sweep(in), "Rate exceeded")
	if err := w.sweep(in); err != nil {
		t.Error(err)
	}
}
