package dial

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.temporal.io/api/serviceerror"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestExplain(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"no error":              {nil, ""},
		"nothing listens there": {errors.New("dial tcp 127.0.0.1:7233: connect: connection refused"), ""},
		"no such namespace":     {serviceerror.NewNamespaceNotFound("perhc"), `namespace "perhc" is not there: make it in Temporal, or set TEMPORAL_NAMESPACE to one that is`},
		"a wrong API key": {fmt.Errorf("failed reaching server: %w", status.Error(codes.Unauthenticated, "invalid api key.")),
			"the credentials are refused by Temporal (invalid api key): set TEMPORAL_API_KEY, or TEMPORAL_TLS_CLIENT_CERT_PATH and its key, to what is valid for this namespace"},
		"another one's API key": {fmt.Errorf("failed reaching server: %w", serviceerror.NewPermissionDenied("Request unauthorized.", "")),
			"the credentials are refused by Temporal (Request unauthorized): set TEMPORAL_API_KEY, or TEMPORAL_TLS_CLIENT_CERT_PATH and its key, to what is valid for this namespace"},
		"an expired certificate of the server": {
			errors.New(`connection error: desc = "transport: authentication handshake failed: tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-11-25T20:00:00Z is after 2026-11-24T20:00:00Z"`),
			"the certificate of Temporal has expired (2026-11-24T20:00:00Z) or is not valid yet: renew it there, or set this machine's clock right"},
		"an expired certificate of the client": {errors.New(`connection error: desc = "error reading server preface: remote error: tls: expired certificate"`),
			"the client's certificate has expired, says Temporal: renew the file that TEMPORAL_TLS_CLIENT_CERT_PATH names"},
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
				t.Errorf("got %v, want %s", got, c.want)
			}
			if strings.Contains(got.Error(), "\n") {
				t.Error("it has more than one line")
			}
		})
	}
}
