// Package bucket empties S3 buckets: every version, delete marker and unfinished upload, as fast as
// S3 allows.
//
// An Emptier denies writes to the bucket first, so that an app that still runs does not fill it
// again. It works inside an activity: its heartbeats carry the place that everything before is
// deleted up to, and a later attempt goes on from there.
package bucket

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

// Emptier empties buckets of stacks.
type Emptier struct {
	s3  *s3.Client
	cfn *cloudformation.Client
}

// NewEmptier is an Emptier for the account and region of cfg. It asks CloudFormation whose bucket a
// nested stack's is.
func NewEmptier(cfg aws.Config) *Emptier {
	withoutRetries := func(o *s3.Options) { o.Retryer = aws.NopRetryer{} }
	return &Emptier{s3: s3.NewFromConfig(cfg, withoutRetries), cfn: cloudformation.NewFromConfig(cfg)}
}

// CheckStackID rejects what is not the id of a stack.
func CheckStackID(bucket, stackID string) error {
	if _, err := arn.Parse(stackID); err != nil {
		return awserr.Final(perch.ErrorInvalid, "empty bucket %s: stack id %q is not an ARN: %v", bucket, stackID, err)
	}
	return nil
}

// Empty removes every version, delete marker and unfinished upload from the bucket, after it has
// denied further writes, and returns when a listing has shown that nothing is left. A bucket that
// is gone, or is deleted meanwhile, is empty. It rejects, before it changes anything, a bucket that
// does not carry the stack's id. Keys that a lock or a denial protects are named in the error. The
// count includes what earlier attempts of the activity removed.
//
// N versions and markers cost 2*ceil(N/1000) requests and a few more. Its heartbeats are a
// perch.Progress with the place that everything before is deleted up to. Memory does not depend on
// N.
func (b *Emptier) Empty(ctx context.Context, bucket, stackID string) (objects int, err error) {
	if err := CheckStackID(bucket, stackID); err != nil {
		return 0, err
	}
	stack, _ := arn.Parse(stackID)
	e := &emptying{
		s3: b.s3, cfn: b.cfn,
		bucket: bucket, stackID: stackID, partition: stack.Partition, account: stack.AccountID,
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
	return e.progress.Load().Done, err
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
	if !activity.HasHeartbeatDetails(ctx) || activity.GetHeartbeatDetails(ctx, &earlier) != nil ||
		earlier.Since.IsZero() {
		earlier = bucketBeat{Progress: perch.Progress{Since: time.Now().UTC()}}
	}
	earlier.Status, earlier.Resource = "EMPTYING", e.bucket
	e.progress.Store(&earlier)
	return marker{earlier.KeyMarker, earlier.VersionMarker}
}

// bucketBeats is how often EmptyBucket heartbeats: what a worker that dies forgets is at most what
// it deleted in that time.
const bucketBeats = time.Second

// throttledFor is how long the heartbeats say that S3 throttles after it last did.
const throttledFor = 10 * time.Second

// currentBeat returns the next heartbeat.
func (e *emptying) currentBeat(now time.Time) bucketBeat {
	beat := *e.progress.Load()
	if now.Sub(time.Unix(0, e.throttled.Load())) < throttledFor {
		beat.Reason = "S3 throttles the requests, so it takes longer"
	}
	return beat
}

// noteThrottling notes whether S3 asked to slow down.
func (e *emptying) noteThrottling(slow bool) {
	if slow {
		e.throttled.Store(time.Now().UnixNano())
	}
}

// beat heartbeats until stop is called, and once more then. It calls leave when the worker stops.
func (e *emptying) beat(ctx context.Context, leave context.CancelCauseFunc) (stop func()) {
	activity.RecordHeartbeat(ctx, e.currentBeat(time.Now()))
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
				activity.RecordHeartbeat(ctx, e.currentBeat(time.Now()))
				return
			case <-ticker.C:
				activity.RecordHeartbeat(ctx, e.currentBeat(time.Now()))
			}
		}
	}()
	return func() {
		close(over)
		<-ended
	}
}
