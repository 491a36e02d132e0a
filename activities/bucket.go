package activities

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.temporal.io/sdk/activity"

	"perch"
	"perch/activities/awserr"
	"perch/activities/pulse"
)

// Buckets are the activities that act on a stack's buckets.
type Buckets struct {
	s3  *s3.Client
	cfn *cloudformation.Client
	// mayEmpty rejects a stack that may return to service, or that is not the environment's, and a bucket that
	// its template keeps.
	mayEmpty func(context.Context, EmptyBucketInput) error
}

// newBuckets makes the activities of the account and region of cfg.
func newBuckets(cfg aws.Config, stacks *Stacks) *Buckets {
	withoutRetries := func(o *s3.Options) { o.Retryer = aws.NopRetryer{} }
	return &Buckets{s3: s3.NewFromConfig(cfg, withoutRetries), cfn: stacks.cfn, mayEmpty: stacks.mayEmpty}
}

// EmptyBucketInput names a bucket and the environment and the stack that must own it.
type EmptyBucketInput struct {
	Project string `json:"project"`
	Branch  string `json:"branch"`
	Bucket  string `json:"bucket"`
	StackID string `json:"stack_id"`
}

// EmptyBucketResult says what was removed.
type EmptyBucketResult struct {
	// Objects counts versions and delete markers, those that earlier attempts removed included.
	Objects int `json:"objects"`
}

// EmptyBucket removes every version, delete marker and unfinished upload from a bucket of the stack, after
// it has denied further writes, and returns when a listing has shown that nothing is left. A bucket that is
// gone, or is deleted meanwhile, is empty. It rejects, before it changes anything, a bucket of another stack
// and a stack that may return to service: one that is deleted, that CloudFormation failed to delete, or of
// which it is deleting a resource, cannot. Keys that a lock or a denial protects are named in the error.
//
// N versions and markers cost 2*ceil(N/1000) requests and a few more. Its heartbeats are a perch.Progress with the place that
// everything before is deleted up to, from where another attempt goes on. Memory does not depend on N.
func (b *Buckets) EmptyBucket(ctx context.Context, in EmptyBucketInput) (EmptyBucketResult, error) {
	stack, err := arn.Parse(in.StackID)
	if err != nil {
		return EmptyBucketResult{}, awserr.Final(perch.ErrorInvalid, "empty bucket %s: stack id %q is not an ARN: %v", in.Bucket, in.StackID, err)
	}
	if err := b.mayEmpty(ctx, in); err != nil {
		return EmptyBucketResult{}, err
	}
	e := &emptying{
		s3: b.s3, cfn: b.cfn,
		bucket: in.Bucket, stackID: in.StackID, partition: stack.Partition, account: stack.AccountID,
	}
	e.page, e.remove, e.deny = e.listVersions, e.deleteKeys, e.denyWrites
	e.moved.Store(time.Now().UnixNano())
	from := e.resume(ctx)
	working, leave := context.WithCancelCause(ctx)
	defer leave(nil)
	stop := e.beat(ctx, leave)
	defer stop()
	err = e.run(working, from)
	switch {
	case awserr.HasCode(err, "NoSuchBucket"):
		err = nil
	case err != nil && errors.Is(context.Cause(working), pulse.ErrStopping):
		err = pulse.ErrStopping
	}
	return EmptyBucketResult{Objects: e.progress.Load().Done}, err
}

func (e *emptying) run(ctx context.Context, from marker) error {
	for _, step := range []func(context.Context) error{e.check, e.denyWrites, e.abortUploads} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return e.sweep(ctx, from)
}

// bucketBeat is the heartbeat of EmptyBucket. Everything before the markers is deleted.
type bucketBeat struct {
	perch.Progress
	KeyMarker     string `json:"key_marker,omitempty"`
	VersionMarker string `json:"version_marker,omitempty"`
}

// resume takes up the count and the place of an earlier attempt.
func (e *emptying) resume(ctx context.Context) marker {
	var earlier bucketBeat
	if !activity.HasHeartbeatDetails(ctx) || activity.GetHeartbeatDetails(ctx, &earlier) != nil || earlier.Since.IsZero() {
		earlier = bucketBeat{Progress: perch.Progress{Since: time.Now().UTC()}}
	}
	earlier.Status, earlier.Resource = "EMPTYING", e.bucket
	e.progress.Store(&earlier)
	return marker{earlier.KeyMarker, earlier.VersionMarker}
}

// bucketBeats is how often EmptyBucket heartbeats: what a worker that dies forgets is at most what it deleted in that time.
const bucketBeats = time.Second

// beat heartbeats until stop is called, and once more then. It calls leave when the worker stops.
func (e *emptying) beat(ctx context.Context, leave context.CancelCauseFunc) (stop func()) {
	activity.RecordHeartbeat(ctx, *e.progress.Load())
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(bucketBeats)
		defer ticker.Stop()
		stopping := activity.GetWorkerStopChannel(ctx)
		for {
			select {
			case <-stopping:
				leave(pulse.ErrStopping)
				stopping = nil
			case <-over:
				activity.RecordHeartbeat(ctx, *e.progress.Load())
				return
			case <-ticker.C:
				activity.RecordHeartbeat(ctx, *e.progress.Load())
			}
		}
	}()
	return func() {
		close(over)
		<-ended
	}
}
