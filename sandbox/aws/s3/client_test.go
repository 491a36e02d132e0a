package s3

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"perch/sandbox/aws/awstest"
)

const (
	testAccount = "123456789012"
	testRegion  = "eu-central-1"
)

// serve starts a service with an HTTP server. dir is the folder of its state; empty keeps the state
// in memory.
func serve(t *testing.T, dir string) (*Service, *httptest.Server) {
	t.Helper()
	s, err := New(Config{Account: testAccount, Region: testRegion, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		server.Close()
		_ = s.Close()
	})
	return s, server
}

// client returns the Go SDK's client for the endpoint.
func client(endpoint string) *sdk.Client {
	return sdk.NewFromConfig(aws.Config{
		Region:           testRegion,
		BaseEndpoint:     aws.String(endpoint),
		RetryMaxAttempts: 1, HTTPClient: awstest.NewClient(),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	}, func(o *sdk.Options) { o.UsePathStyle = true })
}

// fixture is a service with a client and one bucket.
type fixture struct {
	*sdk.Client
	t       *testing.T
	ctx     context.Context
	service *Service
	url     string
}

const testBucket = "shop-login-assets"

func newFixture(t *testing.T, versioning string) *fixture {
	t.Helper()
	service, server := serve(t, "")
	b := &fixture{client(server.URL), t, t.Context(), service, server.URL}
	if err := service.makeBucket(testBucket, newSettings()); err != nil {
		t.Fatal(err)
	}
	b.setVersioning(versioning)
	return b
}

// setVersioning sets the bucket's versioning state; empty changes nothing.
func (b *fixture) setVersioning(status string) {
	b.t.Helper()
	if status == "" {
		return
	}
	set := func(next *settings) error { return next.setVersioning(status) }
	if err := b.service.changeSettings(testBucket, set); err != nil {
		b.t.Fatal(err)
	}
}

// must returns a function that returns value, or fails the test if there is an error.
func must[T any](value T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// wantCode checks the code and the status of an SDK error.
func wantCode(t *testing.T, err error, code string, status int) {
	t.Helper()
	var api smithy.APIError
	var response *smithyhttp.ResponseError
	if !errors.As(err, &api) || !errors.As(err, &response) {
		t.Fatalf("error is %v, want code %s", err, code)
	}
	if api.ErrorCode() != code || response.HTTPStatusCode() != status {
		t.Errorf(
			"error is %s with status %d, want %s with %d", api.ErrorCode(), response.HTTPStatusCode(), code, status,
		)
	}
}
