package run

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
)

const clockUsage = `Usage: perch-sandbox clock [flags]                    what time it is in the sandbox
       perch-sandbox clock forward DURATION [flags]   put its clock forward, such as 168h

  --aws-port N         the sandbox whose AWS endpoint has this port
  --data DIR           the sandbox that runs with this data folder
                       (default: that of AWS_ENDPOINT_URL, which ` + "`perch-sandbox env`" + ` exports, else port 4566)

Stacks, expiry and pins go by this clock, so that weeks pass at once. Nothing happens by itself:
` + "`perch expiry`" + ` or ` + "`perch cleanup`" + ` then does what the schedule would have done.
The clock only goes forward, and a sandbox that is started again begins with the machine's time.
`

// setClock carries out `sandbox clock`.
func setClock(ctx context.Context, args []string, o options, out, note io.Writer, env func(string) string) error {
	endpoint, err := findEndpoint(ctx, o, note, env)
	if err != nil {
		return err
	}
	switch {
	case len(args) == 0:
		return callEndpoint(ctx, http.MethodGet, endpoint+"/_perch/clock", clockHelp, nil, out)
	case len(args) == 2 && args[0] == "forward":
		return callEndpoint(ctx, http.MethodPost, endpoint+"/_perch/clock?by="+url.QueryEscape(args[1]), clockHelp, nil, out)
	}
	return usageError{errors.New("say `clock`, or `clock forward DURATION`"), clockHelp}
}
