package s3

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// cli runs the AWS CLI against the service and returns its output.
func (b *fixture) cli(arguments ...string) (string, error) {
	b.t.Helper()
	path, err := exec.LookPath("aws")
	if err != nil {
		b.t.Skip("the AWS CLI is missing")
	}
	command := exec.CommandContext(b.ctx, path, arguments...)
	command.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + b.t.TempDir(), "AWS_ENDPOINT_URL=" + b.url, "AWS_REGION=" + testRegion,
		"AWS_DEFAULT_REGION=" + testRegion,
		"AWS_ACCESS_KEY_ID=AKIACLI", "AWS_SECRET_ACCESS_KEY=secret", "AWS_PAGER=", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_MAX_ATTEMPTS=1",
	}
	out, err := command.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func (b *fixture) mustCLI(arguments ...string) string {
	b.t.Helper()
	out, err := b.cli(arguments...)
	if err != nil {
		b.t.Fatalf("aws %s: %v\n%s", strings.Join(arguments, " "), err, out)
	}
	return out
}

func TestTheAWSCLICopiesAndSyncs(t *testing.T) {
	b := newFixture(t, versioningEnabled)
	dir := t.TempDir()
	big := strings.Repeat("0123456789abcdef", 9<<16)
	for name, content := range map[string]string{"small & odd.txt": "small", "big.bin": big} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		// `aws s3 sync` compares this time with the object's, which S3 stores in whole seconds.
		yesterday := time.Now().AddDate(0, 0, -1)
		if err := os.Chtimes(path, yesterday, yesterday); err != nil {
			t.Fatal(err)
		}
	}
	b.mustCLI("s3", "sync", dir, "s3://"+testBucket+"/dir", "--only-show-errors")
	if out := b.mustCLI("s3", "sync", dir, "s3://"+testBucket+"/dir"); out != "" {
		t.Errorf("the second sync copied: %s", out)
	}
	back := filepath.Join(t.TempDir(), "back")
	b.mustCLI("s3", "cp", "s3://"+testBucket+"/dir/big.bin", back, "--only-show-errors")
	if data := must(os.ReadFile(back))(t); string(data) != big {
		t.Errorf("the copy has %d bytes", len(data))
	}
	b.mustCLI("s3", "cp", "s3://"+testBucket+"/dir", "s3://"+testBucket+"/copy", "--recursive", "--only-show-errors")
	if out := b.mustCLI("s3", "ls", "s3://"+testBucket+"/"); out != "PRE copy/\n                           PRE dir/" {
		t.Errorf("ls prints %q", out)
	}
	b.mustCLI("s3", "rm", "s3://"+testBucket, "--recursive", "--only-show-errors")
	if out, err := b.cli("s3", "rb", "s3://"+testBucket); err == nil || !strings.Contains(
		out, "(BucketNotEmpty) when calling the DeleteBucket operation: The bucket you tried to delete is not empty",
	) {
		t.Errorf("rb: %v, %s", err, out)
	}
}

func TestTheAWSCLIPagesThroughVersions(t *testing.T) {
	b := newFixture(t, versioningEnabled)
	for i := range 7 {
		b.put(fmt.Sprintf("key %d\n&", i%3), "x")
	}
	b.delete("key 0\n&", "")
	got := b.mustCLI(
		"s3api", "list-object-versions", "--bucket", testBucket, "--page-size", "2", "--query",
		"[length(Versions),length(DeleteMarkers)]", "--output", "json",
	)
	if strings.Join(strings.Fields(got), "") != "[7,1]" {
		t.Errorf("versions and markers: %q", got)
	}
	doomed := b.mustCLI("s3api", "list-object-versions", "--bucket", testBucket, "--output", "json",
		"--query", "{Objects: [Versions, DeleteMarkers][].{Key: Key, VersionId: VersionId}, Quiet: `true`}")
	b.mustCLI("s3api", "delete-objects", "--bucket", testBucket, "--delete", doomed)
	b.mustCLI("s3api", "delete-bucket", "--bucket", testBucket)
	if out, err := b.cli(
		"s3api", "head-bucket", "--bucket", testBucket,
	); err == nil || !strings.Contains(out, "(404)") {
		t.Errorf("head-bucket: %v, %s", err, out)
	}
}
