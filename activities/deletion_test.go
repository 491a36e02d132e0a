package activities

import (
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/bucket"
	"perch/activities/contract"
	"perch/activities/leftovers"
	"perch/activities/stack"
	"perch/sandbox/aws"
)

const denyWritesID = bucket.DenyWritesID

// prepare runs PrepareDeletion for branch login.
func (w *world) prepare(stackID string, force bool) contract.PrepareResult {
	w.t.Helper()
	in := contract.PrepareInput{Environment: activitytest.Environment("shop", "login"), StackID: stackID, Force: force}
	return must(w, of[*Deletions](w).PrepareDeletion, in)
}

// templated makes the stack of branch login from a template.
func (w *world) templated(body string) string {
	w.t.Helper()
	id := w.bare("shop-login", "login", func(in *cloudformation.CreateStackInput) { in.TemplateBody = &body })
	if ended := w.settle(id); ended.Status != "CREATE_COMPLETE" {
		w.t.Fatalf("the stack ended in %+v", ended)
	}
	return id
}

const (
	protectedDatabase = `{"Resources": {"Db": {"Type": "AWS::RDS::DBInstance", "Properties": {"Engine": "postgres", "EngineVersion": "16",
		"DBInstanceClass": "db.t4g.micro", "AllocatedStorage": "20", "MasterUsername": "perch", "MasterUserPassword": "secret-enough", "DeletionProtection": true}}}}`
	protectedCluster = `{"Resources": {"Db": {"Type": "AWS::RDS::DBCluster", "DeletionPolicy": "Delete", "Properties": {"Engine": "aurora-postgresql",
		"MasterUsername": "perch", "MasterUserPassword": "secret-enough", "DeletionProtection": true}}}}`
	lockedBucket = `{"Resources": {"Files": {"Type": "AWS::S3::Bucket", "Properties": {"ObjectLockEnabled": true}}}}`
	exporting    = `{"Resources": {"Files": {"Type": "AWS::S3::Bucket"}}, "Outputs": {"Name": {"Value": {"Ref": ` +
		`"Files"}, "Export": {"Name": "shop-files"}}}}`
	importing = `{"Resources": {"Files": {"Type": "AWS::S3::Bucket", "Properties": {"Tags": [{"Key": "of", "Value": ` +
		`{"Fn::ImportValue": "shop-files"}}]}}}}`
)

func TestS80PrepareDeletionFindsWhatWouldRejectIt(t *testing.T) {
	t.Run("a database with deletion protection", func(t *testing.T) {
		w := newWorld(t)
		id := w.templated(protectedDatabase)
		activitytest.WantWords(t, w.prepare(id, false).Obstacle, "deletion protection", "turn that off")
		if forced := w.prepare(id, true); forced.Obstacle != "" {
			t.Errorf("a forced removal leaves the database behind, and meets %q", forced.Obstacle)
		}
	})
	t.Run("a cluster with deletion protection", func(t *testing.T) {
		w := newWorld(t)
		id := w.templated(protectedCluster)
		activitytest.WantWords(
			t, w.prepare(id, false).Obstacle, "database cluster", "deletion protection", "turn that off",
		)
		if forced := w.prepare(id, true); forced.Obstacle != "" {
			t.Errorf("a forced removal leaves the cluster behind, and meets %q", forced.Obstacle)
		}
	})
	t.Run("an export that another stack imports", func(t *testing.T) {
		w := newWorld(t)
		id := w.templated(exporting)
		if free := w.prepare(id, false); free.Obstacle != "" {
			t.Errorf("an export that nothing imports is in the way: %q", free.Obstacle)
		}
		w.settle(w.bare(
			"reports", "reports", func(in *cloudformation.CreateStackInput) { in.TemplateBody = sdk.String(importing) },
		))
		for _, force := range []bool{false, true} {
			activitytest.WantWords(t, w.prepare(id, force).Obstacle, "stack reports imports its export shop-files")
		}
	})
	t.Run("an object under legal hold", func(t *testing.T) {
		w := newWorld(t)
		id := w.templated(lockedBucket)
		bucket := w.prepare(id, false).Contents.Buckets[0]
		put := &s3.PutObjectInput{Bucket: &bucket, Key: sdk.String("contract"), Body: strings.NewReader("x")}
		if _, err := w.s3().PutObject(t.Context(), put); err != nil {
			t.Fatal(err)
		}
		if unlocked := w.prepare(id, false); unlocked.Obstacle != "" {
			t.Errorf("an object without a lock is in the way: %q", unlocked.Obstacle)
		}
		hold := &s3.PutObjectInput{
			Bucket: &bucket, Key: sdk.String("evidence"), Body: strings.NewReader("x"), ObjectLockLegalHoldStatus: "ON",
		}
		if _, err := w.s3().PutObject(t.Context(), hold); err != nil {
			t.Fatal(err)
		}
		activitytest.WantWords(
			t, w.prepare(id, false).Obstacle, `object "evidence" in bucket `+bucket, "legal hold", "perch down --force",
		)
		if forced := w.prepare(id, true); forced.Obstacle != "" {
			t.Errorf("a forced removal leaves the bucket behind, and meets %q", forced.Obstacle)
		}
	})
}

func TestPrepareDeletionChangesNothingOfAnotherBranch(t *testing.T) {
	w := newWorld(t)
	w.apply()
	id := w.templated(bucketTemplate("one"))
	_, err := activitytest.Try(
		of[*Deletions](w).PrepareDeletion,
		contract.PrepareInput{Environment: activitytest.Environment("shop", "other"), StackID: id},
	)
	activitytest.WantFinal(t, err, perch.ErrorInvalid, "not the one of branch", "not changed")
	if records := w.removals(); len(records) != 0 {
		t.Errorf("recorded %+v", records)
	}
}

// removals returns the records in the cards.
func (w *world) removals() []leftovers.Record {
	w.t.Helper()
	all, err := of[*Stacks](w).List(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	listing, err := of[*Stacks](w).removals.List(w.t.Context(), all)
	if err != nil {
		w.t.Fatal(err)
	}
	return leftovers.Listed(listing)
}

// emptied runs EmptyBucket for branch login.
func (w *world) emptied(stackID, bucket string) error {
	w.t.Helper()
	_, err := activitytest.Try(of[*Buckets](w).EmptyBucket, contract.EmptyBucketInput{
		Environment: activitytest.Environment("shop", "login"), Bucket: bucket, StackID: stackID,
	})
	return err
}

func TestS81EmptyBucketRejectsAStackThatMayReturnToService(t *testing.T) {
	w := newWorldOf(t, aws.Config{Speed: 1})
	of[*Stacks](w).Poller.SetBudget(20) // At this speed, an unlimited one would poll for seconds without a pause.
	id := w.templated(bucketTemplate("one"))
	bucket := must(w, of[*Stacks](w).Contents, contract.StackInput{StackID: id}).Buckets[0]
	activitytest.WantFinal(t, w.emptied(id, bucket), perch.ErrorInvalid, "is CREATE_COMPLETE and may return to service")
	must(
		w, of[*Stacks](w).DeleteStack,
		contract.ChangeInput{Environment: activitytest.Environment("shop", "login"), StackID: id, Token: "gone"},
	)
	activitytest.WantRetry(t, w.emptied(id, bucket), "may still cancel the deletion")
	if calls := w.calls("s3", "PutBucketPolicy"); calls != 0 {
		t.Errorf("%d writes to the bucket's policy", calls)
	}
	begun := must(w, of[*Stacks](w).AwaitStack, contract.AwaitInput{StackID: id, Token: "gone", UntilDeleting: true})
	if begun.Status != stack.Deleting {
		t.Fatalf("the wait ended in %+v", begun)
	}
	if err := w.emptied(id, bucket); err != nil {
		t.Error(err)
	}
}

func TestS81EmptyBucketRejectsAnotherBranchsStack(t *testing.T) {
	w := newWorld(t)
	id, bucket := failedDeletion(t, w)
	in := contract.EmptyBucketInput{Environment: activitytest.Environment("shop", "other"), Bucket: bucket, StackID: id}
	_, err := activitytest.Try(of[*Buckets](w).EmptyBucket, in)
	activitytest.WantFinal(t, err, perch.ErrorInvalid, "not the one of branch", "not emptied")
	if err := w.emptied(id, bucket); err != nil {
		t.Error(err)
	}
}

func TestS82TheStatementThatDeniesWritesIsMergedAndPutBack(t *testing.T) {
	w := newWorld(t)
	id, bucket := failedDeletion(t, w)
	const own = `{"Version":"2012-10-17","Statement":[{"Sid":"Mine","Effect":"Deny","Principal":"*",` +
		`"Action":"s3:PutObjectAcl","Resource":"arn:aws:s3:::BUCKET/*"}]}`
	put := func(document string) {
		t.Helper()
		document = strings.ReplaceAll(document, "BUCKET", bucket)
		if _, err := w.s3().PutBucketPolicy(
			t.Context(), &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: &document},
		); err != nil {
			t.Fatal(err)
		}
	}
	policy := func() string {
		t.Helper()
		out, err := w.s3().GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: &bucket})
		if err != nil {
			t.Fatal(err)
		}
		return *out.Policy
	}
	put(own)
	if err := w.emptied(id, bucket); err != nil {
		t.Fatal(err)
	}
	activitytest.WantWords(t, policy(), `"Sid":"Mine"`, denyWritesID)
	put(own) // As after CloudFormation has deleted the stack's AWS::S3::BucketPolicy.
	if err := w.emptied(id, bucket); err != nil {
		t.Fatal(err)
	}
	if document := policy(); strings.Count(document, denyWritesID) != 1 || !strings.Contains(document, `"Sid":"Mine"`) {
		t.Errorf("the policy is %s", document)
	}
}

func TestS91ARemovalIsRecordedBeforeTheStackIsDeletedAndForgottenWhenItIsGone(t *testing.T) {
	w := newWorld(t)
	w.apply()
	id, bucket := failedDeletion(t, w)
	w.prepare(id, false)
	records := w.removals()
	if len(records) != 1 || records[0].StackID != id || !slices.Equal(records[0].Contents.Buckets, []string{bucket}) {
		t.Fatalf("recorded %+v", records)
	}
	if ended := w.delete(id, []string{"Files"}); ended.Status != stack.Deleted {
		t.Fatalf("ended %+v", ended)
	}
	// A run that knows nothing of the removal finds what it left by the record alone.
	in := contract.VerifyInput{Environment: activitytest.Environment("shop", "login"), Swept: true}
	if left := must(w, of[*Verification](w).VerifyGone, in).Leftovers; len(left) != 1 || left[0] != "bucket "+bucket {
		t.Errorf("left %q", left)
	}
	list := must(w, of[*Stacks](w).ListEnvironments, perch.ListInput{Project: "shop"})
	status := must(
		w, of[*Stacks](w).DescribeEnvironment,
		perch.StatusInput{Environment: activitytest.Environment("shop", "login")},
	)
	for _, left := range [][]perch.Leftover{list.Leftovers, status.Leftovers} {
		if len(left) != 1 || left[0].Branch != "login" || left[0].StackID != id ||
			!slices.Equal(left[0].Resources, []string{"bucket " + bucket}) {
			t.Errorf("leftovers %+v", left)
		}
	}
	still := must(w, of[*Verification](w).RecheckLeftovers, perch.CleanupInput{Project: "shop"})
	if len(still.Failed) != 1 || still.Failed[0].Stack != "shop-login" ||
		!strings.Contains(still.Failed[0].Error, bucket) {
		t.Errorf("cleanup finds %+v", still)
	}
	if _, err := w.s3().DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &bucket}); err != nil {
		t.Fatal(err)
	}
	dry := must(w, of[*Verification](w).RecheckLeftovers, perch.CleanupInput{Project: "shop", DryRun: true})
	if len(dry.Failed) != 1 || len(w.removals()) != 1 {
		t.Errorf("a dry run changed the record: %+v", dry)
	}
	if still := must(
		w, of[*Verification](w).RecheckLeftovers, perch.CleanupInput{Project: "shop"},
	); len(still.Failed) != 0 {
		t.Errorf("cleanup still finds %+v", still)
	}
	if records := w.removals(); len(records) != 0 {
		t.Errorf("still recorded: %+v", records)
	}
}

func TestS92ARecordThatCannotBeReadIsNamedUntilAPersonDeletesIt(t *testing.T) {
	w := newWorld(t)
	w.apply()
	store := of[*Stacks](w).removals
	bucket, _ := store.Bucket(t.Context())
	key := "cards/login.json"
	if _, err := w.s3().PutObject(
		t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader("{")},
	); err != nil {
		t.Fatal(err)
	}
	in := contract.VerifyInput{Environment: activitytest.Environment("shop", "login")}
	if left := must(
		w, of[*Verification](w).VerifyGone, in,
	).Leftovers; len(left) != 1 || !strings.Contains(left[0], "cards/unreadable/login-") {
		t.Errorf("left %q", left)
	}
	if still := must(
		w, of[*Verification](w).RecheckLeftovers, perch.CleanupInput{Project: "shop"},
	); len(still.Failed) != 1 {
		t.Errorf("cleanup finds %+v", still)
	}
}

// TestAnEarlierRemovalNeverAdvisesToRemoveTheNewEnvironment: the branch was recreated, so the
// message about leftovers of its earlier life must not advise to finish with `perch down`.
func TestAnEarlierRemovalNeverAdvisesToRemoveTheNewEnvironment(t *testing.T) {
	w := newWorld(t)
	w.apply()
	old := w.bare("shop-login", "login", nil)
	w.settle(old)
	w.prepare(old, false)
	w.delete(old, nil)
	long := time.Now().Add(-leftovers.LongestRemoval - time.Hour)
	if _, err := of[*Stacks](w).cards.Update(t.Context(), activitytest.Environment(
		"shop", "login",
	), func(c *perch.Card) error {
		for i := range c.Removals {
			c.Removals[i].Begun = long
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	leftovers := func() []perch.Leftover {
		return must(w, of[*Stacks](w).ListEnvironments, perch.ListInput{Project: "shop"}).Leftovers
	}
	if left := leftovers(); len(left) != 1 || left[0].Again ||
		!strings.Contains(left[0].Sentence(), "run `perch down login` to finish it") {
		t.Errorf("without an environment: %+v", left)
	}
	w.settle(w.bare("shop-login", "login", nil))
	left := append(leftovers(), must(
		w, of[*Stacks](w).DescribeEnvironment,
		perch.StatusInput{Environment: activitytest.Environment("shop", "login")},
	).Leftovers...)
	if len(left) != 2 {
		t.Fatalf("leftovers %+v", left)
	}
	for _, each := range left {
		if !each.Again ||
			!strings.Contains(each.Sentence(), "`perch cleanup` verifies it. Do not run `perch down login`") {
			t.Errorf("with an environment again: %s", each.Sentence())
		}
	}
	if still := must(
		w, of[*Verification](w).RecheckLeftovers, perch.CleanupInput{Project: "shop"},
	); len(still.Failed) != 0 {
		t.Errorf("cleanup finds %+v", still)
	}
	if left := leftovers(); len(left) != 0 {
		t.Errorf("after cleanup: %+v", left)
	}
}

func TestTheSharedDatabaseOfTheNewEnvironmentIsNotALeftover(t *testing.T) {
	w := newWorld(t)
	w.apply()
	old := w.bare("shop-login", "login", nil)
	w.settle(old)
	w.delete(old, nil)
	environment, err := perch.NewEnvironment("shop", "login")
	if err != nil {
		t.Fatal(err)
	}
	in := contract.VerifyInput{
		Environment: activitytest.Environment("shop", "login"), StackID: old,
		Known: []string{contract.SharedDatabase(environment.DatabaseName())},
	}
	if left := must(w, of[*Verification](w).VerifyGone, in).Leftovers; len(left) != 1 {
		t.Fatalf("left %q", left)
	}
	w.settle(w.bare("shop-login", "login", nil))
	if still := must(
		w, of[*Verification](w).RecheckLeftovers, perch.CleanupInput{Project: "shop"},
	); len(still.Failed) != 0 {
		t.Errorf("cleanup finds %+v", still)
	}
}
