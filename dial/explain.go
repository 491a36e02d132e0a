// Package dial says in one sentence why Temporal cannot be used, the same in the worker and in the starter.
package dial

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"go.temporal.io/api/serviceerror"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// expiry is what crypto/x509 says of a certificate that is out of date, and when that was; gRPC hands on its text and not its type.
var expiry = regexp.MustCompile(`x509: certificate has expired or is not yet valid(?:: current time \S+ is (?:after|before) (\S+?)"?$)?`)

// Explain is a sentence that says what is wrong with the credentials, the certificates or the namespace of a client and what to do, where err is
// about one of these; otherwise it is nil.
func Explain(err error) error {
	var (
		noNamespace *serviceerror.NamespaceNotFound
		denied      *serviceerror.PermissionDenied
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &noNamespace):
		return fmt.Errorf("namespace %q is not there: make it in Temporal, or set TEMPORAL_NAMESPACE to one that is", noNamespace.Namespace)
	case errors.As(err, &denied), status.Code(err) == codes.Unauthenticated:
		return fmt.Errorf("the credentials are refused by Temporal (%s): set TEMPORAL_API_KEY, or TEMPORAL_TLS_CLIENT_CERT_PATH and its key, to what is valid for this namespace", last(err))
	case strings.Contains(err.Error(), "tls: expired certificate"):
		return errors.New("the client's certificate has expired, says Temporal: renew the file that TEMPORAL_TLS_CLIENT_CERT_PATH names")
	}
	if match := expiry.FindStringSubmatch(err.Error()); match != nil {
		when := ""
		if match[1] != "" {
			when = " (" + match[1] + ")"
		}
		return fmt.Errorf("the certificate of Temporal has expired%s or is not valid yet: renew it there, or set this machine's clock right", when)
	}
	return nil
}

// last is what the server itself says, without what was put before it on the way.
func last(err error) string {
	var (
		denied *serviceerror.PermissionDenied
		answer interface{ GRPCStatus() *status.Status }
	)
	switch {
	case errors.As(err, &denied):
		return strings.TrimRight(denied.Message, ".")
	case errors.As(err, &answer):
		return strings.TrimRight(answer.GRPCStatus().Message(), ".")
	}
	return err.Error()
}
