package share_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"perch"
	"perch/activities/beanstalk"
	"perch/activities/quota"
	sandbox "perch/sandbox/aws"
)

// slowAWS passes each call to the sandbox after a second of the test's clock.
type slowAWS struct{ *sandbox.Server }

func (s slowAWS) Do(r *http.Request) (*http.Response, error) {
	time.Sleep(time.Second)
	out := httptest.NewRecorder()
	s.ServeHTTP(out, r)
	return out.Result(), nil
}

// TestRequestsAtTheSameTimeShareWhatTheyReadOfTheAccount has ten callers: the first reads, and the
// nine that come during that read share the next one.
func TestRequestsAtTheSameTimeShareWhatTheyReadOfTheAccount(t *testing.T) {
	for action, read := range map[string]func(aws.Config) func(context.Context) error{
		"ListAvailableSolutionStacks": func(cfg aws.Config) func(context.Context) error {
			client := beanstalk.NewClient(cfg, &perch.Policy{Region: cfg.Region}, time.Second)
			return func(ctx context.Context) error {
				_, err := client.NewestPlatform(ctx)
				return err
			}
		},
		"DescribeListeners": func(cfg aws.Config) func(context.Context) error {
			reader := quota.NewReader(cfg)
			return func(ctx context.Context) error {
				_, err := reader.Rules(ctx, "")
				return err
			}
		},
	} {
		t.Run(action, func(t *testing.T) {
			server, err := sandbox.New(sandbox.Config{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := server.Close(); err != nil {
					t.Error(err)
				}
			})
			synctest.Test(t, func(t *testing.T) {
				call := read(aws.Config{
					Region: "eu-central-1", BaseEndpoint: aws.String("http://sandbox"), RetryMaxAttempts: 1,
					Credentials: credentials.NewStaticCredentialsProvider("sandbox", "sandbox", ""),
					HTTPClient:  slowAWS{server},
				})
				var all sync.WaitGroup
				for range 10 {
					all.Go(func() {
						if err := call(t.Context()); err != nil {
							t.Error(err)
						}
					})
					synctest.Wait()
				}
				all.Wait()
			})
			count := 0
			for _, c := range server.Calls() {
				if c.Action == action {
					count++
				}
			}
			if count != 2 {
				t.Errorf("ten callers made %d calls, want 2", count)
			}
		})
	}
}
