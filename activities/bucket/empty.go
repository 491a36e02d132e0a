// Package bucket empties S3 buckets: it deletes every version, delete marker and unfinished upload,
// as fast as S3 allows.
//
// An Emptier first denies writes to the bucket, so that an app that still runs does not fill it
// again. It works inside an activity. Its heartbeats have a place in the bucket's listing, before
// which everything is deleted. The next attempt continues from there.
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

// Emptier empties buckets that belong to stacks.
type Emptier struct {
	s3  *s3.Client
	cfn *cloudformation.Client
}

// NewEmptier returns an Emptier for the account and region of cfg. It asks CloudFormation which
// stack a nested stack belongs to.
func NewEmptier(cfg aws.Config) *Emptier {
	withoutRetries := func(o *s3.Options) { o.Retryer = aws.NopRetryer{} }
	return &Emptier{s3: s3.NewFromConfig(cfg, withoutRetries), cfn: cloudformation.NewFromConfig(cfg)}
}

// CheckStackID returns an error if stackID is not an ARN.
func CheckStackID(bucket, stackID string) error {
	if _, err := arn.Parse(stackID); err != nil {
		return awserr.Final(perch.ErrorInvalid, "empty bucket %s: stack id %q is not an ARN: %v", bucket, stackID, err)
	}
	return nil
}

// Empty denies further writes to the bucket, deletes every version, delete marker and unfinished
// upload, and returns when a listing has shown that nothing is left. A bucket that does not exist,
// or that is deleted meanwhile, counts as empty. Before it changes anything, Empty rejects a bucket
// that does not have the stack's id. If a lock or a denial protects keys, the error names them.
// The count includes what earlier attempts of the activity deleted.
//
// N versions and markers take 2*ceil(N/1000) requests and a few more. Each heartbeat is a
// perch.Progress with the place in the listing before which everything is deleted. The memory that
// Empty uses does not depend on N.
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

// resume returns the place that an earlier attempt reached, and continues its count.
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

// bucketBeats is the time between heartbeats of EmptyBucket. If a worker dies, the next attempt
// lists again at most what was deleted in that time.
const bucketBeats = time.Second

// throttledFor is how long the heartbeats report throttling after S3 last throttled a request.
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

// beat sends heartbeats until stop is called, which sends a last one. It calls leave when the
// worker stops.
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
