// Package dial says in one sentence why Temporal cannot be used, the same in the worker and in the
// starter.
package dial

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"go.temporal.io/api/serviceerror"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// expiry is what crypto/x509 says of a certificate that is out of date, and when that was; gRPC
// hands on its text and not its type.
var expiry = regexp.MustCompile(
	`x509: certificate has expired or is not yet valid(?:: current time \S+ is (?:after|before) (\S+?)"?$)?`,
)

// rejected is what gRPC says where nothing listens, with the address. Its own words are wanted,
// too: a run may have failed because a database or an environment rejected a connection.
var rejected = regexp.MustCompile(
	`connection error: desc = "transport: Error while dialing: dial tcp (\S+): connect: connection refused"`,
)

// frame is what gRPC puts around the reason why there is no connection.
var frame = regexp.MustCompile(`connection error: desc = "(?:transport: )?(?:Error while dialing: )?(.*)"`)

// Failure is a sentence that says why a client cannot use the Temporal at address, which is the one
// that it was told, and what to do.
func Failure(address string, err error) error {
	switch said := Explain(err); {
	case err == nil:
		return nil
	case rejected.MatchString(err.Error()):
		return noAnswerAt(address)
	case said != nil:
		return fmt.Errorf("connect to %s: %w", address, said)
	case strings.Contains(err.Error(), "no children to pick from"): // gRPC has looked the name up and got no address.
		return fmt.Errorf(
			"no Temporal answers at %s, because this name has no address: set TEMPORAL_ADDRESS to where it is", address,
		)
	}
	return fmt.Errorf("no Temporal answers at %s: %w; start it there, or set TEMPORAL_ADDRESS (and "+
		"TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_* where it wants them)",
		address, Plain(err))
}

func noAnswerAt(address string) error {
	return fmt.Errorf(
		"no Temporal answers at %s (connection refused): start it there, or set TEMPORAL_ADDRESS to where it is",
		address,
	)
}

// Plain takes the wording of gRPC off an error that people read, and is what Explain says where
// that knows the cause.
func Plain(err error) error {
	if said := Explain(err); said != nil {
		return said
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("no answer in time")
	}
	if match := frame.FindStringSubmatch(err.Error()); match != nil {
		return errors.New(match[1])
	}
	return err
}

// Explain is a sentence that says what is wrong with the address, the credentials, the certificates
// or the namespace of a client and what to do, where err is about one of these; otherwise it is
// nil.
func Explain(err error) error {
	var (
		noNamespace *serviceerror.NamespaceNotFound
		denied      *serviceerror.PermissionDenied
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &noNamespace):
		return fmt.Errorf(
			"namespace %q is not there: make it in Temporal, or set TEMPORAL_NAMESPACE to one that is",
			noNamespace.Namespace,
		)
	case errors.As(err, &denied), status.Code(err) == codes.Unauthenticated:
		return fmt.Errorf("the credentials are rejected by Temporal (%s): set TEMPORAL_API_KEY, or "+
			"TEMPORAL_TLS_CLIENT_CERT_PATH and its key, to what is valid for this namespace", last(err))
	case strings.Contains(err.Error(), "tls: expired certificate"):
		return errors.New("the client's certificate has expired, says Temporal: renew the file that " +
			"TEMPORAL_TLS_CLIENT_CERT_PATH names")
	}
	if match := rejected.FindStringSubmatch(err.Error()); match != nil {
		return noAnswerAt(match[1])
	}
	if match := expiry.FindStringSubmatch(err.Error()); match != nil {
		when := ""
		if match[1] != "" {
			when = " (" + match[1] + ")"
		}
		return fmt.Errorf("the certificate of Temporal has expired%s or is not valid yet: renew it there, or set "+
			"this machine's clock right", when)
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
