package aws_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch/sandbox/aws"
)

// boto3 runs a Python script that needs boto3 against the endpoint and returns what it prints.
func (w *world) boto3(script string, arguments ...string) string {
	w.t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		w.t.Skip("python3 is missing")
	}
	if exec.Command(python, "-c", "import boto3").Run() != nil {
		w.t.Skip("boto3, the Python package, is missing")
	}
	command := exec.CommandContext(w.t.Context(), python, append([]string{script}, arguments...)...)
	command.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.t.TempDir(), "AWS_ACCESS_KEY_ID=AKIABOTO",
		"AWS_SECRET_ACCESS_KEY=secret", "AWS_EC2_METADATA_DISABLED=true",
	}
	out, err := command.CombinedOutput()
	if err != nil {
		w.t.Fatalf("python3 %s: %v\n%s", script, err, out)
	}
	return strings.TrimSpace(string(out))
}

// branchStack creates a stack of a branch and returns its bucket.
func (w *world) branchStack(name, branch string) string {
	w.t.Helper()
	_, err := w.stacks.CreateStack(w.t.Context(), &cloudformation.CreateStackInput{
		StackName: &name, TemplateBody: sdk.String(buckets),
		Tags: []types.Tag{{Key: sdk.String("branch"), Value: &branch}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.reach(name, "CREATE_COMPLETE")
	described, err := w.stacks.DescribeStacks(w.t.Context(), &cloudformation.DescribeStacksInput{StackName: &name})
	if err != nil {
		w.t.Fatal(err)
	}
	return *described.Stacks[0].Outputs[0].OutputValue
}

func TestTheCleanupScriptRemovesWhatHasNoBranch(t *testing.T) {
	w := newWorld(t, aws.Config{})
	live, dead := w.branchStack("shop-main", "main"), w.branchStack("shop-old", "feature/old & <gone>")
	for _, bucket := range []string{live, dead} {
		for i := range 12 {
			key := sdk.String(fmt.Sprintf("dir/%d &\n<key>", i%5))
			if _, err := w.storage.PutObject(
				t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: key, Body: strings.NewReader("x")},
			); err != nil {
				t.Fatal(err)
			}
			if i%3 == 0 {
				if _, err := w.storage.DeleteObject(
					t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: key},
				); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	script := filepath.Join("s3", "testdata", "cleanup.py")
	if got := w.boto3(script, "--endpoint", w.address, "--live", "main", "feature/a"); got != "shop-old" {
		t.Errorf("the script removed %q", got)
	}
	if _, err := w.storage.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &dead}); err == nil {
		t.Errorf("bucket %s of the removed stack is still there", dead)
	}
	versions, err := w.storage.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &live})
	if err != nil || len(versions.Versions)+len(versions.DeleteMarkers) != 16 {
		t.Errorf(
			"the live branch's bucket has %d versions and %d markers, %v", len(versions.Versions),
			len(versions.DeleteMarkers), err,
		)
	}
	if got := w.boto3(script, "--endpoint", w.address, "--live", "main"); got != "" {
		t.Errorf("a second run removed %q", got)
	}
}
