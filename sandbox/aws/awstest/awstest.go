// Package awstest has what the tests of AWS's clients share.
package awstest

import (
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// NewClient makes an HTTP client for a test whose AWS client makes one attempt. It sends each
// request with a body that is not an io.WriterTo.
//
// The SDK (smithy-go v1.28.9) closes a request's body as soon as the answer begins. If net/http
// looks for the end of the body after that, WriteTo returns io.EOF. net/http takes it for a failed
// write and closes the connection during the answer. In production the SDK's next attempt hides it.
func NewClient() aws.HTTPClient {
	return client{awshttp.NewBuildableClient()}
}

type client struct{ aws.HTTPClient }

func (c client) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return c.HTTPClient.Do(r)
}
