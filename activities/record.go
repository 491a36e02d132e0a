package activities

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
	"perch/activities/contract"
	"perch/activities/stack"
	"perch/cfn"
)

// recordPrefix is where the artifact bucket keeps the records of removals.
const recordPrefix = "removals/"

// removalRecord is what a removal has to see gone of one stack. It is written before the stack is deleted,
// because a deleted stack no longer names its resources, and deleted when they are seen to be gone. So what
// is left of an environment is known to every later run, whatever happens to the run that removed it.
type removalRecord struct {
	// Branch is the environment's branch, StackID its stack.
	Branch  string `json:"branch"`
	StackID string `json:"stack_id"`
	// Begun is when the removal began, in UTC.
	Begun time.Time `json:"begun"`
	// Contents are what the stack held before anything of it was deleted.
	Contents contract.Contents `json:"contents"`
	// Leftovers are what a verification still saw; empty before the first one.
	Leftovers []string `json:"leftovers,omitempty"`
	// Known are those of Leftovers that no service can be asked for, such as a database that could not be dropped.
	Known []string `json:"known,omitempty"`
	// Unconfirmed are what the tagging API still listed and no service could be asked for. Deleted resources are listed
	// for hours, so they count as leftovers only after longestRemoval.
	Unconfirmed []string `json:"unconfirmed,omitempty"`
}

// key is the record's place: one for each life of an environment.
func (r removalRecord) key() string { return recordKey(stackNameOf(r.StackID), r.StackID) }

func recordKey(stackName, stackID string) string {
	return recordPrefix + stackName + "/" + path.Base(stackID) + ".json"
}

// stackNameOf reads the name from an id: arn:aws:cloudformation:REGION:ACCOUNT:stack/NAME/UUID.
func stackNameOf(stackID string) string { return path.Base(path.Dir(stackID)) }

func (r removalRecord) leftover() perch.Leftover {
	return perch.Leftover{
		Branch: r.Branch, Stack: stackNameOf(r.StackID), StackID: r.StackID,
		Resources: slices.Concat([]string{}, r.Leftovers, r.Unconfirmed), Since: r.Begun,
	}
}

// removalRecords keeps the records in the artifact bucket of the staging application, where branches are.
type removalRecords struct {
	apps *Applications
	s3   *s3.Client
}

// bucket is the artifact bucket; empty if there is no application stack, and so no place for a record.
func (r *removalRecords) bucket(ctx context.Context) (string, error) {
	described, found, err := r.apps.stacks.Describe(ctx, perch.ApplicationStackName(r.apps.policy.Project, perch.KindStaging))
	if err != nil || !found || !r.apps.ours(ctx, described) {
		return "", err
	}
	return stack.Outputs(described)[cfn.OutputArtifacts], nil
}

// bucketIn is the same bucket, from a list of all stacks.
func (r *removalRecords) bucketIn(ctx context.Context, all stack.All) string {
	described := all.Others[perch.ApplicationStackName(r.apps.policy.Project, perch.KindStaging)]
	if !r.apps.ours(ctx, described) {
		return ""
	}
	return stack.Outputs(described)[cfn.OutputArtifacts]
}

// save writes the record over the last one of the same stack.
func (r *removalRecords) save(ctx context.Context, bucket string, record removalRecord) error {
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

// forget deletes the record: everything that it names is gone.
func (r *removalRecords) forget(ctx context.Context, bucket string, record removalRecord) error {
	key := record.key()
	_, err := r.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &key})
	return awserr.Wrap(err, "delete removal record %s in bucket %s", key, bucket)
}

// list reads the records of one environment's lives, or of all environments if stackName is empty.
func (r *removalRecords) list(ctx context.Context, bucket, stackName string) ([]removalRecord, error) {
	if bucket == "" {
		return nil, nil
	}
	prefix := recordPrefix
	if stackName != "" {
		prefix += stackName + "/"
	}
	var records []removalRecord
	pages := s3.NewListObjectsV2Paginator(r.s3, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserr.Wrap(err, "list removal records in bucket %s", bucket)
		}
		for _, object := range page.Contents {
			record, found, err := r.read(ctx, bucket, aws.ToString(object.Key))
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

// read reads one record; one that another run has deleted meanwhile is not found.
func (r *removalRecords) read(ctx context.Context, bucket, key string) (removalRecord, bool, error) {
	out, err := r.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if awserr.HasCode(err, "NoSuchKey", "NotFound") {
		return removalRecord{}, false, nil
	}
	if err != nil {
		return removalRecord{}, false, awserr.Wrap(err, "read removal record %s in bucket %s", key, bucket)
	}
	defer out.Body.Close()
	body, err := io.ReadAll(out.Body)
	if err != nil {
		return removalRecord{}, false, fmt.Errorf("read removal record %s: %w", key, err)
	}
	var record removalRecord
	if json.Unmarshal(body, &record) != nil || record.StackID == "" || record.key() != key {
		record = removalRecord{StackID: strings.TrimSuffix(key, ".json"), Leftovers: []string{fmt.Sprintf(
			"what the object %s in bucket %s names: it cannot be read; delete those resources by hand, then the object", key, bucket)}}
	}
	return record, true, nil
}

// leftovers are the records that name something, or of a removal that was never verified although it
// began so long ago that no run works on it any more. The stacks that still exist are not left over; lives says
// whether a branch has an environment.
func leftovers(records []removalRecord, exists, lives func(string) bool, now time.Time) []perch.Leftover {
	var left []perch.Leftover
	for _, record := range records {
		interrupted := now.Sub(record.Begun) > longestRemoval && !exists(record.StackID)
		if len(record.Leftovers) > 0 || interrupted {
			each := record.leftover()
			each.Again = lives(record.Branch) && !exists(record.StackID)
			left = append(left, each)
		}
	}
	slices.SortFunc(left, func(a, b perch.Leftover) int { return strings.Compare(a.StackID, b.StackID) })
	return left
}

// leftoversBeside are those of one branch, whose environment has the stack; empty if it has none.
func leftoversBeside(records []removalRecord, stackID string) []perch.Leftover {
	exists := func(id string) bool { return id == stackID }
	lives := func(string) bool { return stackID != "" }
	return leftovers(records, exists, lives, time.Now())
}

// longestRemoval is longer than the deadlines of a removal's activities allow one attempt to delete and verify.
const longestRemoval = 6 * time.Hour
