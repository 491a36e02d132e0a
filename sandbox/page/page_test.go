package page

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"

	"perch/sandbox/aws/awstest"
	"perch/sandbox/aws/s3"
	"perch/sandbox/aws/services"
)

// storage returns a client of the sandbox's S3.
func storage(t *testing.T) *sdk.Client {
	t.Helper()
	service, err := s3.New(s3.Config{Account: "123456789012", Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(service)
	t.Cleanup(server.Close)
	return sdk.NewFromConfig(aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), HTTPClient: awstest.NewClient(), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("AKIASANDBOX", "secret", ""),
	}, func(o *sdk.Options) { o.UsePathStyle = true })
}

// fill creates a bucket with objects; objects has keys and texts by turns.
func fill(t *testing.T, client *sdk.Client, bucket string, objects ...string) {
	t.Helper()
	_, err := client.CreateBucket(context.Background(), &sdk.CreateBucketInput{Bucket: &bucket})
	for i := 0; err == nil && i < len(objects); i += 2 {
		_, err = client.PutObject(
			context.Background(),
			&sdk.PutObjectInput{Bucket: &bucket, Key: &objects[i], Body: strings.NewReader(objects[i+1])},
		)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func login() services.Environment {
	return services.Environment{
		Host: "login.localhost", Name: "shop-login", Status: "Ready", Health: "Green", HealthPath: "/healthz",
		Options: map[string]string{
			"PERCH_BRANCH": "feature/login", "PERCH_COMMIT": "0123456789abcdef0123456789abcdef01234567",
			"PERCH_STACK": "shop-feature-login",
			"PERCH_KIND":  "branch", "BUCKET_PRIVATE_ASSETS": "shop-login-assets",
		},
	}
}

func get(t *testing.T, client *sdk.Client, host, path string, environments ...services.Environment) (int, string) {
	t.Helper()
	handler := New(Config{Environments: func() []services.Environment { return environments }, S3: client})
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Host = host
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func contains(t *testing.T, body string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(body, part) {
			t.Errorf("%q is not in\n%s", part, body)
		}
	}
}

func TestTheHostHeaderDecides(t *testing.T) {
	client := storage(t)
	fill(t, client, "shop-login-assets")
	for host, want := range map[string]int{
		"login.localhost": 200, "login.localhost:8080": 200, "LOGIN.localhost:8080": 200, "login.localhost.": 200,
		"other.localhost": 404, "localhost": 404, "127.0.0.1:8080": 404, "": 404, "[::1]:8080": 404,
	} {
		if got, _ := get(t, client, host, "/", login()); got != want {
			t.Errorf("Host %q: %d, want %d", host, got, want)
		}
	}
}

func TestThePageShowsWhatTheEnvironmentIsMadeOf(t *testing.T) {
	client := storage(t)
	fill(
		t, client, "shop-login-assets", "fixtures/note.txt", "seeded from the branch", "photo.jpg",
		strings.Repeat("x", 5000), "raw.bin", "\x00\x01",
	)
	status, body := get(t, client, "login.localhost", "/", login())
	if status != http.StatusOK {
		t.Fatal(status)
	}
	contains(t, body, "feature/login", "0123456789ab", "shop-feature-login", "private-assets", "s3://shop-login-assets",
		"fixtures/note.txt", "seeded from the branch", "photo.jpg", "5.0 kB", "raw.bin", "2 B")
	if strings.Contains(body, "xxxx") || strings.Contains(body, "holds more") {
		t.Errorf("a long object is shown, or objects are said to be missing:\n%s", body)
	}
}

func TestEverythingIsEscaped(t *testing.T) {
	client := storage(t)
	script := "<script>alert(1)</script>"
	fill(t, client, "shop-login-assets", script, script)
	e := login()
	e.Options["PERCH_BRANCH"], e.Options["PERCH_STACK"], e.Name = script, script, script
	for _, status := range []string{"Ready", "Updating"} {
		e.Status = status
		if _, body := get(t, client, "login.localhost", "/", e); strings.Contains(body, "<script") {
			t.Errorf("%s: a script is on the page:\n%s", status, body)
		}
	}
	if _, body := get(t, client, "<script>.localhost", "/", e); strings.Contains(body, "<script") {
		t.Errorf("a script is on the page:\n%s", body)
	}
}

func TestOnlyAReadyEnvironmentAnswers(t *testing.T) {
	for _, status := range []string{"Launching", "Updating", "Terminating"} {
		e := login()
		e.Status = status
		for _, path := range []string{"/", "/healthz"} {
			code, body := get(t, storage(t), e.Host, path, e)
			if code != http.StatusServiceUnavailable {
				t.Errorf("%s %s: %d, want 503", status, path, code)
			}
			contains(t, body, status)
		}
	}
}

func TestTheHealthPathSaysOK(t *testing.T) {
	if code, body := get(
		t, storage(t), "login.localhost", "/healthz", login(),
	); code != http.StatusOK || strings.TrimSpace(body) != "ok" {
		t.Fatalf("%d %q", code, body)
	}
	if code, _ := get(t, storage(t), "login.localhost", "/elsewhere", login()); code != http.StatusNotFound {
		t.Fatalf("%d for a path that is not there, want 404", code)
	}
}

func TestAHostWithoutEnvironmentIsShownTheOthers(t *testing.T) {
	_, body := get(t, storage(t), "gone.localhost:8080", "/", login())
	contains(t, body, "gone.localhost", `href="http://login.localhost:8080/"`)
	_, body = get(t, storage(t), "gone.localhost:8080", "/")
	contains(t, body, "There is no environment at all.")
}

func TestALargeBucketIsCutAndSaysSo(t *testing.T) {
	client := storage(t)
	var objects []string
	for i := range mostObjects + 1 {
		objects = append(objects, fmt.Sprintf("object-%03d", i), "")
	}
	fill(t, client, "shop-login-assets", objects...)
	_, body := get(t, client, "login.localhost", "/", login())
	contains(t, body, "object-199", "its first 200 objects")
	if strings.Contains(body, "object-200") {
		t.Error("more than 200 objects are shown")
	}
}

func TestABucketThatCannotBeReadIsNamed(t *testing.T) {
	code, body := get(t, storage(t), "login.localhost", "/", login())
	if code != http.StatusOK {
		t.Fatal(code)
	}
	contains(t, body, "The bucket could not be read", "NoSuchBucket")
}

func TestSizesAreReadable(t *testing.T) {
	for bytes, want := range map[int64]string{0: "0 B", 999: "999 B", 1500: "1.5 kB", 2_500_000: "2.5 MB"} {
		if got := size(bytes); got != want {
			t.Errorf("%d: %s, want %s", bytes, got, want)
		}
	}
}

func TestAnEnvironmentThatIsMadeShowsItsProgress(t *testing.T) {
	launching := login()
	launching.Status = "Launching"
	creating := Progress{State: "creating", Words: "Creating: database, 3 of about 10 minutes"}
	for name, c := range map[string]struct {
		far          Progress
		environments []services.Environment
		code         int
		words        []string
		reloads      bool
	}{
		"before there are instances": {creating, nil, 503, []string{"creating", creating.Words}, true},
		"while instances are launched": {
			creating, []services.Environment{launching}, 503, []string{"creating", creating.Words}, true,
		},
		"without a run": {
			Progress{}, []services.Environment{launching}, 503, []string{"Launching", "not ready"}, true,
		},
		"no environment": {Progress{}, nil, 404, []string{"No environment answers at login.localhost"}, false},
		"it is there":    {creating, []services.Environment{login()}, 200, []string{"feature/login"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			client := storage(t)
			fill(t, client, "shop-login-assets")
			handler := New(Config{
				Environments: func() []services.Environment { return c.environments }, S3: client,
				Progress: func(_ context.Context, host string) Progress {
					if host != "login.localhost" {
						t.Errorf("requested the progress of %s", host)
					}
					return c.far
				},
			})
			r := httptest.NewRequest(http.MethodGet, "http://login.localhost:8080/", nil)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code != c.code {
				t.Errorf("the page answers %d, want %d", w.Code, c.code)
			}
			contains(t, w.Body.String(), c.words...)
			if reloads := strings.Contains(w.Body.String(), `<meta http-equiv="refresh"`); reloads != c.reloads {
				t.Errorf("it loads itself again: %v, want %v", reloads, c.reloads)
			}
		})
	}
}
