package run

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"perch/sandbox/aws"
)

// hide makes the image missing until show is called.
func (b *bench) hide(t *testing.T, image string) (show func()) {
	t.Helper()
	return b.hideBy(t, image, http.StatusNotFound)
}

// hideBy makes the registry answer a look-up of the image with the status.
func (b *bench) hideBy(t *testing.T, image string, status int) (show func()) {
	t.Helper()
	id, err := b.aws.AddFault(aws.Fault{Service: "registry", Contains: image, Status: status, Code: "UNAVAILABLE"})
	if err != nil {
		t.Fatal(err)
	}
	show = func() { b.aws.DeleteFault(id) }
	t.Cleanup(show)
	return show
}

// imageOf returns the image of the commit in the perch.yaml of bare.
func imageOf(commit string) string { return "registry.example.com/shop:" + commit }

// imageBranch commits perch.yaml to the branch, with content that no other branch has. The same
// files at the same time would be the same commit, and so the same image.
func (b *bench) imageBranch(t *testing.T, branch, config string) (commit string) {
	t.Helper()
	return b.repo.commit(t, branch, map[string]string{"perch.yaml": config, "CHANGES.md": branch})
}

// waitsForImage waits until the branch's run waits for its image, and for nothing else.
func (b *bench) waitsForImage(t *testing.T, branch string) {
	t.Helper()
	eventually(t, branch+" waits for its image", func() (any, bool) {
		_, status := b.ask(t, "status", branch)
		return status, status.text("phase") == "waiting for image"
	})
	if changes := b.changes(b.stackOf(t, branch)); len(changes) != 0 {
		t.Errorf("while %s waited for its image there were these calls: %v", branch, changes)
	}
}

// bundleKey matches the key of a source bundle in a template.
var bundleKey = regexp.MustCompile(`bundles/[0-9a-f]{64}\.zip`)

// deployedImage returns the image that the bundle in the branch's template names.
func (b *bench) deployedImage(t *testing.T, branch string) string {
	t.Helper()
	stack := b.stackOf(t, branch)
	template, err := b.formation().GetTemplate(t.Context(), &cloudformation.GetTemplateInput{StackName: &stack})
	if err != nil {
		t.Fatal(err)
	}
	key := bundleKey.FindString(*template.TemplateBody)
	bucket := b.must(t, "application", "status").text("outputs", "ArtifactBucket")
	object, err := s3.NewFromConfig(b.awsConfig()).GetObject(
		t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key},
	)
	if err != nil {
		t.Fatal(err)
	}
	defer object.Body.Close()
	body, err := io.ReadAll(object.Body)
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	file, err := bundle.Open("docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var compose struct {
		Services map[string]struct{ Image string }
	}
	if err := json.NewDecoder(file).Decode(&compose); err != nil {
		t.Fatal(err)
	}
	return compose.Services["app"].Image
}

// warnings returns the document's warnings as one text.
func (d document) warnings() string {
	list, _ := d.at("warnings").([]any)
	return fmt.Sprintln(list...)
}

func TestS200AFirstPushWaitsForItsImage(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	commit := b.imageBranch(t, "unbuilt", bare("shop"))
	built := b.hide(t, imageOf(commit))
	plan := b.must(t, "plan", "unbuilt")
	contains(t, plan.warnings(), "image "+imageOf(commit)+" is not in its registry yet", "waits for it up to 15m0s")
	ended := b.begin(t, "up", "unbuilt")
	b.waitsForImage(t, "unbuilt")
	built()
	exit, up := ended()
	if exit != 0 {
		t.Fatalf("exit code %d: %v", exit, up)
	}
	equal(t, up, document{"outcome": "ready", "created": true, "commit": commit, "warnings": []any{}})
}

func TestS201AnImageThatDoesNotComeFailsTheRun(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	commit := b.imageBranch(t, "never-built", bare("shop", "  image_wait: 1s"))
	b.hide(t, imageOf(commit))
	out := b.starter(t.Context(), "up", "never-built")
	if out.exit != 1 {
		t.Errorf("exit code %d", out.exit)
	}
	contains(
		t,
		out.stderr,
		"Waiting for image "+imageOf(commit),
		"image "+imageOf(
			commit,
		)+" is not in its registry, 1s after the request",
		"build of commit "+commit,
		"run `perch up never-built`",
	)
	if changes := b.changes(b.stackOf(t, "never-built")); len(changes) != 0 {
		t.Errorf("calls that change: %v", changes)
	}
}

func TestS202ANewerPushEndsTheWaitForAnImage(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	older := b.imageBranch(t, "broken-build", bare("shop"))
	b.hide(t, imageOf(older))
	first := b.begin(t, "up", "broken-build")
	b.waitsForImage(t, "broken-build")
	newer := b.repo.commit(t, "broken-build", map[string]string{"a.txt": "1"})
	equal(t, b.must(t, "up", "broken-build"), document{"outcome": "ready", "commit": newer})
	_, up := first()
	equal(t, up, document{"outcome": "superseded", "superseded_by": newer})
	b.deployedOnce(t, "broken-build", newer)
}

func TestS203ARemovalEndsTheWaitForAnImage(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	commit := b.imageBranch(t, "given-up", bare("shop"))
	b.hide(t, imageOf(commit))
	first := b.begin(t, "up", "given-up")
	b.waitsForImage(t, "given-up")
	equal(t, b.must(t, "down", "given-up"), document{"outcome": "absent"})
	_, up := first()
	equal(t, up, document{"outcome": "superseded", "superseded_by": "removal"})
}

func TestS204AMovedTagChangesNothingUntilTheNextUp(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	const image = "registry.example.com/moving:stable"
	first, err := b.registry.PutVersion(image, "1", "amd64")
	if err != nil {
		t.Fatal(err)
	}
	b.imageBranch(t, "moving", bare("shop", "  image: "+image))
	b.must(t, "up", "moving")
	deployed := b.deployedImage(t, "moving")
	if want := "registry.example.com/moving@" + first; deployed != want {
		t.Fatalf("%s is deployed, want %s", deployed, want)
	}
	// An outage of the registry changes nothing either.
	lift := b.hideBy(t, image, http.StatusBadGateway)
	again := b.must(t, "up", "moving")
	contains(
		t,
		again.warnings(),
		"the registry of image "+image+" cannot be asked: it answers 502",
		"the digest that was found last is deployed, "+deployed,
	)
	lift()
	second, err := b.registry.PutVersion(image, "2", "amd64")
	if err != nil {
		t.Fatal(err)
	}
	if got := b.deployedImage(t, "moving"); got != deployed {
		t.Errorf("%s is deployed after the tag has moved", got)
	}
	if diff := b.changes(b.stackOf(t, "moving")); strings.Join(diff, " ") != "CreateStack" {
		t.Errorf("calls that change: %v", diff)
	}
	b.must(t, "up", "moving")
	if got, want := b.deployedImage(t, "moving"), "registry.example.com/moving@"+second; got != want {
		t.Errorf("%s is deployed, want %s", got, want)
	}
}

func TestS205AnImageForAnotherProcessorIsRejected(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	const image = "registry.example.com/intel:1"
	if _, err := b.registry.Put(image, "amd64"); err != nil {
		t.Fatal(err)
	}
	lines := strings.Replace(bare("shop", "  image: "+image), "t3.small", "t4g.small", 1)
	b.imageBranch(t, "graviton", lines)
	for _, command := range []string{"plan", "up"} {
		exit, rejected := b.ask(t, command, "graviton")
		if exit != 4 {
			t.Errorf("%s: exit code %d", command, exit)
		}
		contains(
			t,
			rejected.text("error"),
			"image "+image+" is for linux/amd64, and instance_type t4g.small needs linux/arm64",
			"docker buildx build --platform linux/arm64",
		)
	}
}

func TestS206ARegistryThatCannotBeAskedIsAWarning(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	commit := b.imageBranch(t, "outage", bare("shop"))
	b.hideBy(t, imageOf(commit), http.StatusServiceUnavailable)
	out := b.starter(t.Context(), "up", "outage")
	if out.exit != 0 {
		t.Fatalf("exit code %d: %s", out.exit, out.stderr)
	}
	contains(
		t,
		out.stderr,
		"Warning: the registry of image "+imageOf(
			commit,
		)+" cannot be asked: it answers 503 Service Unavailable; it is deployed as it is written.",
	)
	if got := b.deployedImage(t, "outage"); got != imageOf(commit) {
		t.Errorf("%s is deployed", got)
	}
}

func TestS207AStrictRegistryHasTheDemosImagesAndWhatIsPushed(t *testing.T) {
	t.Parallel()
	b := newSandbox(t, func(o *options) { o.images = strictly })
	b.must(t, "application", "up")
	equal(t, b.must(t, "up", "fix/typo"), document{"outcome": "ready", "warnings": []any{}})
	const image = "ghcr.io/acme/shop:1"
	b.imageBranch(t, "pushed-late", bare("shop", "  image: "+image))
	ended := b.begin(t, "up", "pushed-late")
	b.waitsForImage(t, "pushed-late")
	built, err := random.Image(16, 1)
	if err != nil {
		t.Fatal(err)
	}
	built, err = mutate.ConfigFile(built, &v1.ConfigFile{OS: "linux", Architecture: "amd64"})
	if err != nil {
		t.Fatal(err)
	}
	to, err := name.NewTag(strings.TrimPrefix(b.registryURL, "http://") + "/" + image)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(to, built); err != nil {
		t.Fatal(err)
	}
	if exit, up := ended(); exit != 0 || up.text("outcome") != "ready" {
		t.Fatalf("exit code %d: %v", exit, up)
	}
	digest, err := built.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := b.deployedImage(t, "pushed-late"), "ghcr.io/acme/shop@"+digest.String(); got != want {
		t.Errorf("%s is deployed, want %s", got, want)
	}
}
