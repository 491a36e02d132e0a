package leftovers

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch"
	"perch/activities/awserr"
	"perch/activities/stack"
	"perch/cfn"
)

// recordPrefix is where the artifact bucket keeps the records of removals.
const recordPrefix = "removals/"

// Record is what a removal has to see gone of one stack. It is written before the stack is deleted,
// because a deleted stack no longer names its resources, and deleted when they are seen to be gone.
// So what is left of an environment is known to every later run, whatever happens to the run that
// removed it.
type Record struct {
	// Branch is the environment's branch, StackID its stack.
	Branch  string `json:"branch"`
	StackID string `json:"stack_id"`
	// Begun is when the removal began, in UTC.
	Begun time.Time `json:"begun"`
	// Contents are what the stack held before anything of it was deleted.
	Contents perch.StackContents `json:"contents"`
	// Leftovers are what a verification still saw; empty before the first one.
	Leftovers []string `json:"leftovers,omitempty"`
	// Known are those of Leftovers that no service can be asked for, such as a database that could
	// not be dropped.
	Known []string `json:"known,omitempty"`
	// Unconfirmed are what the tagging API still listed and no service could be asked for. Deleted
	// resources are listed for hours, so they count as leftovers only after LongestRemoval.
	Unconfirmed []string `json:"unconfirmed,omitempty"`
}

// key is the record's place: one for each life of an environment.
func (r Record) key() string { return RecordKey(r.StackID) }

// RecordKey is the key of the record of a stack.
func RecordKey(stackID string) string {
	return recordPrefix + stackNameOf(stackID) + "/" + path.Base(stackID) + ".json"
}

// stackNameOf reads the name from an id: arn:aws:cloudformation:REGION:ACCOUNT:stack/NAME/UUID.
func stackNameOf(stackID string) string { return path.Base(path.Dir(stackID)) }

func (r Record) leftover() perch.Leftover {
	return perch.Leftover{
		Branch: r.Branch, Stack: stackNameOf(r.StackID), StackID: r.StackID,
		Resources: slices.Concat([]string{}, r.Leftovers, r.Unconfirmed), Since: r.Begun,
	}
}

// Records keeps the records in the artifact bucket of the staging application, where branches are.
type Records struct {
	policy *perch.Policy
	stacks *stack.Reader
	s3     *s3.Client
}

// NewRecords makes a Records.
func NewRecords(cfg aws.Config, policy *perch.Policy, stacks *stack.Reader) *Records {
	return &Records{policy: policy, stacks: stacks, s3: s3.NewFromConfig(cfg)}
}

// Bucket is the artifact bucket; empty if there is no application stack, and so no place for a
// record.
func (r *Records) Bucket(ctx context.Context) (string, error) {
	described, found, err := r.stacks.Describe(ctx, perch.ApplicationStackName(r.policy.Project, perch.KindStaging))
	if err != nil || !found || !r.stacks.Owner.Current(ctx).Owns(stack.Tags(described)) {
		return "", err
	}
	return stack.Outputs(described)[cfn.OutputArtifacts], nil
}

// BucketIn is the same bucket, from a list of all stacks.
func (r *Records) BucketIn(ctx context.Context, all stack.All) string {
	described := all.Others[perch.ApplicationStackName(r.policy.Project, perch.KindStaging)]
	if !r.stacks.Owner.Current(ctx).Owns(stack.Tags(described)) {
		return ""
	}
	return stack.Outputs(described)[cfn.OutputArtifacts]
}

// Save writes the record over the last one of the same stack.
func (r *Records) Save(ctx context.Context, bucket string, record Record) error {
	body, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("write removal record of %s: %w", record.StackID, err)
	}
	key := record.key()
	_, err = r.s3.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &bucket, Key: &key, Body: bytes.NewReader(body), ContentType: aws.String("application/json"),
	})
	return awserr.Wrap(err, "write removal record %s in bucket %s", key, bucket)
}

// Forget deletes the record: everything that it names is gone.
func (r *Records) Forget(ctx context.Context, bucket string, record Record) error {
	key := record.key()
	_, err := r.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &key})
	return awserr.Wrap(err, "delete removal record %s in bucket %s", key, bucket)
}

// List reads the records of one environment's lives, or of all environments if stackName is empty.
func (r *Records) List(ctx context.Context, bucket, stackName string) ([]Record, error) {
	if bucket == "" {
		return nil, nil
	}
	prefix := recordPrefix
	if stackName != "" {
		prefix += stackName + "/"
	}
	var records []Record
	pages := s3.NewListObjectsV2Paginator(r.s3, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserr.Wrap(err, "list removal records in bucket %s", bucket)
		}
		for _, object := range page.Contents {
			record, found, err := r.Read(ctx, bucket, aws.ToString(object.Key))
			if err != nil {
				return nil, err
			}
			if found {
				records = append(records, record)
			}
		}
	}
	return records, nil
}

// Read reads one record; one that another run has deleted meanwhile is not found.
func (r *Records) Read(ctx context.Context, bucket, key string) (Record, bool, error) {
	out, err := r.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if awserr.HasCode(err, "NoSuchKey", "NotFound") {
		return Record{}, false, nil
	}
	if err != nil {
		return Record{}, false, awserr.Wrap(err, "read removal record %s in bucket %s", key, bucket)
	}
	defer out.Body.Close()
	body, err := io.ReadAll(out.Body)
	if err != nil {
		return Record{}, false, fmt.Errorf("read removal record %s: %w", key, err)
	}
	var record Record
	if json.Unmarshal(body, &record) != nil || record.StackID == "" || record.key() != key {
		record = Record{StackID: strings.TrimSuffix(key, ".json"), Leftovers: []string{fmt.Sprintf(
			"what the object %s in bucket %s names: it cannot be read; delete those resources by hand, then the object", key, bucket)}}
	}
	return record, true, nil
}

// Summarize returns the records that name something, or of a removal that was never verified
// although it began so long ago that no run works on it any more. The stacks that still exist are
// not left over; lives says whether a branch has an environment.
func Summarize(records []Record, exists, lives func(string) bool, now time.Time) []perch.Leftover {
	var left []perch.Leftover
	for _, record := range records {
		interrupted := now.Sub(record.Begun) > LongestRemoval && !exists(record.StackID)
		if len(record.Leftovers) > 0 || interrupted {
			each := record.leftover()
			each.Again = lives(record.Branch) && !exists(record.StackID)
			left = append(left, each)
		}
	}
	slices.SortFunc(left, func(a, b perch.Leftover) int { return strings.Compare(a.StackID, b.StackID) })
	return left
}

// SummarizeBeside returns those of one branch, whose environment has the stack; empty if it has
// none.
func SummarizeBeside(records []Record, stackID string) []perch.Leftover {
	exists := func(id string) bool { return id == stackID }
	lives := func(string) bool { return stackID != "" }
	return Summarize(records, exists, lives, time.Now())
}

// LongestRemoval is longer than the deadlines of a removal's activities allow one attempt to delete
// and verify.
const LongestRemoval = 6 * time.Hour
