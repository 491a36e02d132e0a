package awstest

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// TestAnAnswerMayOvertakeTheEndOfTheRequest holds net/http back after it has written the body,
// until the SDK reads the answer.
func TestAnAnswerMayOvertakeTheEndOfTheRequest(t *testing.T) {
	answered, wrote := make(chan struct{}), make(chan error, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "<GetCallerIdentityResponse><GetCallerIdentityResult/></GetCallerIdentityResponse>")
	}))
	t.Cleanup(server.Close)
	buildable := awshttp.NewBuildableClient().WithTransportOptions(func(transport *http.Transport) {
		transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			connection, err := new(net.Dialer).DialContext(ctx, network, address)
			return slowWriter{connection, answered}, err
		}
	})
	caller := sts.NewFromConfig(aws.Config{
		Region: "eu-central-1", BaseEndpoint: &server.URL, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", ""),
		HTTPClient:  announcing{client{buildable}, sync.OnceFunc(func() { close(answered) })},
	})
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		WroteRequest: func(info httptrace.WroteRequestInfo) { wrote <- info.Err },
	})
	if _, err := caller.GetCallerIdentity(ctx, nil); err != nil {
		t.Error(err)
	}
	if err := <-wrote; err != nil {
		t.Errorf("net/http gave the connection up: writing the request: %v", err)
	}
}

// slowWriter returns from writing a body only when the answer is read.
type slowWriter struct {
	net.Conn
	answered chan struct{}
}

func (c slowWriter) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if strings.HasPrefix(string(p), "Action=") {
		<-c.answered
	}
	return n, err
}

// announcing calls read before a body of an answer is read.
type announcing struct {
	aws.HTTPClient
	read func()
}

func (a announcing) Do(r *http.Request) (*http.Response, error) {
	response, err := a.HTTPClient.Do(r)
	if err == nil {
		response.Body = announcedBody{response.Body, a.read}
	}
	return response, err
}

type announcedBody struct {
	io.ReadCloser
	read func()
}

func (b announcedBody) Read(p []byte) (int, error) {
	b.read()
	return b.ReadCloser.Read(p)
}
