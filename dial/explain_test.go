package dial

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.temporal.io/api/serviceerror"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// nothingListens is what a client of Temporal says where nothing listens.
const nothingListens = `failed reaching server: connection error: desc = "transport: Error while dialing: dial tcp ` +
	`10.0.0.1:7233: connect: connection refused"`

func TestFailureNamesTheAddressThatTheClientWasTold(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"nothing listens there": {errors.New(nothingListens),
			"no Temporal answers at temporal.example.com:7233 (connection refused): start it there, or set " +
				"TEMPORAL_ADDRESS to where it is"},
		"no such name": {errors.New("failed reaching server: no children to pick from"),
			"no Temporal answers at temporal.example.com:7233, because this name has no address: set " +
				"TEMPORAL_ADDRESS to where it is"},
		"it does not answer": {fmt.Errorf("failed reaching server: %w", context.DeadlineExceeded),
			"no Temporal answers at temporal.example.com:7233: no answer in time; start it there, or set " +
				"TEMPORAL_ADDRESS (and TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_* where it wants them)"},
		"something else listens there": {
			errors.New(`failed reaching server: connection error: desc = "error reading server preface: EOF"`),
			"no Temporal answers at temporal.example.com:7233: error reading server preface: EOF; start it there, or " +
				"set TEMPORAL_ADDRESS (and TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_* where it wants them)",
		},
		"no such namespace": {serviceerror.NewNamespaceNotFound("perhc"),
			`connect to temporal.example.com:7233: namespace "perhc" is not there: make it in Temporal, or set ` +
				`TEMPORAL_NAMESPACE to one that is`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Failure("temporal.example.com:7233", c.err); got.Error() != c.want {
				t.Errorf("got %v, want %s", got, c.want)
			}
		})
	}
	if err := Failure("temporal.example.com:7233", nil); err != nil {
		t.Errorf("no error became %v", err)
	}
}

func TestPlainTakesTheWordsOfGRPCOff(t *testing.T) {
	for err, want := range map[error]string{
		errors.New(
			`connection error: desc = "transport: Error while dialing: dial tcp 10.0.0.1:7233: i/o timeout"`,
		): "dial tcp 10.0.0.1:7233: i/o timeout",
		errors.New("workflow execution already completed"): "workflow execution already completed",
	} {
		if got := Plain(err).Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestExplain(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"no error": {nil, ""},
		"nothing listens there": {errors.New(nothingListens),
			"no Temporal answers at 10.0.0.1:7233 (connection refused): start it there, or set TEMPORAL_ADDRESS to " +
				"where it is"},
		"a database rejects a run": {errors.New("dial tcp 127.0.0.1:5432: connect: connection refused"), ""},
		"no such namespace": {
			serviceerror.NewNamespaceNotFound("perhc"),
			`namespace "perhc" is not there: make it in Temporal, or set TEMPORAL_NAMESPACE to one that is`,
		},
		"a wrong API key": {
			fmt.Errorf("failed reaching server: %w", status.Error(codes.Unauthenticated, "invalid api key.")),
			"the credentials are rejected by Temporal (invalid api key): set TEMPORAL_API_KEY, or " +
				"TEMPORAL_TLS_CLIENT_CERT_PATH and its key, to what is valid for this namespace",
		},
		"another one's API key": {
			fmt.Errorf("failed reaching server: %w", serviceerror.NewPermissionDenied("Request unauthorized.", "")),
			"the credentials are rejected by Temporal (Request unauthorized): set TEMPORAL_API_KEY, or " +
				"TEMPORAL_TLS_CLIENT_CERT_PATH and its key, to what is valid for this namespace",
		},
		"an expired certificate of the server": {
			errors.New(`connection error: desc = "transport: authentication handshake failed: tls: failed to verify ` +
				`certificate: x509: certificate has expired or is not yet valid: current time 2026-11-25T20:00:00Z ` +
				`is after 2026-11-24T20:00:00Z"`),
			"the certificate of Temporal has expired (2026-11-24T20:00:00Z) or is not valid yet: renew it there, or " +
				"set this machine's clock right"},
		"an expired certificate of the client": {errors.New(
			`connection error: desc = "error reading server preface: remote error: tls: expired certificate"`,
		),
			"the client's certificate has expired, says Temporal: renew the file that TEMPORAL_TLS_CLIENT_CERT_PATH " +
				"names"},
	} {
		t.Run(name, func(t *testing.T) {
			got := Explain(c.err)
			if c.want == "" {
				if got != nil {
					t.Fatalf("got %v, want nothing", got)
				}
				return
			}
			if got == nil || got.Error() != c.want {
				t.Fatalf("got %v, want %s", got, c.want)
			}
			if strings.Contains(got.Error(), "\n") {
				t.Error("it has more than one line")
			}
		})
	}
}
