package bucket

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/worker"

	"perch/activities/activitytest"
	"perch/sandbox/aws/resource"
	storageservice "perch/sandbox/aws/s3"
	"perch/sandbox/aws/wire"
)

const (
	bucketStack = "arn:aws:cloudformation:eu-central-1:123456789012:stack/shop-login/" +
		"6c1f6b10-0000-11f0-8000-000000000000"
	bucketName = "shop-login-assets"
)

// storage is an S3 server over HTTP with one bucket of bucketStack, and a record of its requests.
type storage struct {
	testing.TB
	service *storageservice.Service
	url     string

	mu sync.Mutex
	// before may answer a request instead of the service; it is called with mu held.
	before func(operation string, w http.ResponseWriter, r *http.Request) bool
	calls  map[string]int
	// doomed counts the keys that deletions named.
	doomed int
	// serving are the requests that are being answered.
	serving sync.WaitGroup
}

// newStorage starts it; versioning is Enabled, Suspended or empty.
func newStorage(t testing.TB, config storageservice.Config, versioning string) *storage {
	t.Helper()
	config.Account, config.Region = "123456789012", "eu-central-1"
	service, err := storageservice.New(config)
	if err != nil {
		t.Fatal(err)
	}
	s := &storage{TB: t, service: service, calls: map[string]int{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	properties := map[string]any{}
	if versioning != "" {
		properties["VersioningConfiguration"] = map[string]any{"Status": versioning}
	}
	s.create(bucketName, bucketStack, properties)
	return s
}

// create makes a bucket as CloudFormation does; without a stack it has no tags.
func (s *storage) create(name, stack string, properties map[string]any) {
	s.Helper()
	r := resource.Request{StackID: stack, LogicalID: "Assets", Properties: map[string]any{"BucketName": name}}
	maps.Copy(r.Properties, properties)
	if stack != "" {
		r.Tags = map[string]string{StackIDTag: stack}
	}
	if _, err := s.service.Handlers()["AWS::S3::Bucket"].Create(s.Context(), r); err != nil {
		s.Fatal(err)
	}
}

// answer returns a function for before, with which an operation fails with an error. If operation
// is empty, every operation fails.
func (s *storage) answer(
	operation string, status int, code, message string,
) func(string, http.ResponseWriter, *http.Request) bool {
	return func(asked string, w http.ResponseWriter, r *http.Request) bool {
		if operation != "" && asked != operation {
			return false
		}
		s.service.WriteError(w, r, wire.Errorf(status, code, "%s", message))
		return true
	}
}

func (s *storage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.serving.Add(1)
	defer s.serving.Done()
	operation := s.service.Operation(r)
	s.mu.Lock()
	s.calls[operation]++
	answered := s.before != nil && s.before(operation, w, r)
	s.mu.Unlock()
	if answered {
		return
	}
	if operation == "DeleteObjects" {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		s.mu.Lock()
		s.doomed += bytes.Count(body, []byte("<Key>"))
		s.mu.Unlock()
	}
	s.service.ServeHTTP(w, r)
}

// requests counts the requests so far.
func (s *storage) requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, calls := range s.calls {
		n += calls
	}
	return n
}

// count is how often an operation was requested.
func (s *storage) count(operation string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[operation]
}

// forget clears the record, once the requests of a client that has ended are answered. From then
// on, the service answers every request.
func (s *storage) forget() {
	s.serving.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls, s.doomed, s.before = map[string]int{}, 0, nil
}

// direct calls the service directly, without HTTP and without a record.
func (s *storage) direct(method, target, body string) *httptest.ResponseRecorder {
	s.Helper()
	w := httptest.NewRecorder()
	s.service.ServeHTTP(w, httptest.NewRequest(method, "http://localhost"+target, strings.NewReader(body)))
	if w.Code >= 300 {
		s.Fatalf("%s %s: %d %s", method, target, w.Code, w.Body)
	}
	return w
}

func address(key string) string {
	parts := strings.Split(key, "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return "/" + bucketName + "/" + strings.Join(parts, "/")
}

func (s *storage) put(key string)    { s.direct(http.MethodPut, address(key), "x") }
func (s *storage) remove(key string) { s.direct(http.MethodDelete, address(key), "") }

// fill makes n versions and markers, two versions and a marker of each key.
func (s *storage) fill(n int) {
	for i := range n {
		if key := fmt.Sprintf("media/%07d", i/3); i%3 == 2 {
			s.remove(key)
		} else {
			s.put(key)
		}
	}
}

func (s *storage) version(status string) {
	s.direct(http.MethodPut, "/"+bucketName+
		"?versioning", "<VersioningConfiguration><Status>"+status+"</Status></VersioningConfiguration>")
}

// left is what a listing of versions shows, and how many unfinished uploads there are.
func (s *storage) left() (versions, uploads int) {
	listing := s.direct(http.MethodGet, "/"+bucketName+"?versions&encoding-type=url", "").Body.String()
	unfinished := s.direct(http.MethodGet, "/"+bucketName+"?uploads", "").Body.String()
	return strings.Count(listing, "<VersionId>"), strings.Count(unfinished, "<Upload>")
}

func (s *storage) wantEmpty() {
	s.Helper()
	if versions, uploads := s.left(); versions+uploads > 0 {
		s.Errorf("%d versions and %d uploads are left", versions, uploads)
	}
}

// emptyInput and emptyResult are of an activity that empties a bucket.
type (
	emptyInput  struct{ Bucket, StackID string }
	emptyResult struct{ Objects int }
)

// emptyAt is such an activity at an S3.
func emptyAt(url string) func(context.Context, emptyInput) (emptyResult, error) {
	emptier := NewEmptier(awsAt(url))
	return func(ctx context.Context, in emptyInput) (emptyResult, error) {
		objects, err := emptier.Empty(ctx, in.Bucket, in.StackID)
		return emptyResult{objects}, err
	}
}

func awsAt(url string) aws.Config {
	return aws.Config{
		Region: "eu-central-1", BaseEndpoint: &url,
		Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secretsecret", ""),
	}
}

// attempt is how one attempt of the activity ended.
type attempt struct {
	emptyResult
	err error
	// beat is the last heartbeat that Temporal received. If the attempt failed, that is its last
	// one.
	beat bucketBeat
}

// empty runs the activity on the bucket until it is done, or until ctx, the life of its worker,
// ends. If there is a heartbeat of an earlier attempt, it continues from there.
func (s *storage) empty(ctx context.Context, earlier *bucketBeat) attempt {
	env := activitytest.NewEnvironment()
	env.SetWorkerOptions(worker.Options{BackgroundActivityContext: ctx})
	if earlier != nil {
		env.SetHeartbeatDetails(*earlier)
	}
	var a attempt
	var mu sync.Mutex
	env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
		mu.Lock()
		defer mu.Unlock()
		_ = details.Get(&a.beat)
	})
	a.emptyResult, a.err = activitytest.TryIn(env, emptyAt(s.url), emptyInput{Bucket: bucketName, StackID: bucketStack})
	mu.Lock()
	defer mu.Unlock()
	return a
}

// wantEmptied runs the activity. It must leave nothing, and must have removed this many versions.
func (s *storage) wantEmptied(removed int) {
	s.Helper()
	a := s.empty(s.Context(), nil)
	if a.err != nil || a.Objects != removed {
		s.Errorf("removed %d with error %v, want %d", a.Objects, a.err, removed)
	}
	s.wantEmpty()
}
