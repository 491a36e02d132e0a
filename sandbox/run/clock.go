package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"perch/sandbox/aws"
)

// clockPath is where the AWS endpoint has its clock.
const clockPath = "/_perch/clock"

const clockUsage = `Usage: perch-sandbox clock [flags]                    what time it is in the sandbox
       perch-sandbox clock forward DURATION [flags]   put its clock forward, such as 168h

  --aws-port N         the sandbox whose AWS endpoint has this port
  --data DIR           the sandbox that runs with this data folder
                       (default: that of AWS_ENDPOINT_URL, which ` + "`perch-sandbox env`" + ` exports, else port 4566)

Stacks, expiry and pins use this clock, so that weeks pass in seconds. Nothing runs automatically then: run
` + "`perch expiry`" + ` or ` + "`perch cleanup`" + ` to do what the schedule would have done.
The clock only goes forward, and a sandbox that is started again begins with the machine's time.
`

// setClock carries out `sandbox clock`.
func setClock(ctx context.Context, args []string, o options, out, note io.Writer, env func(string) string) error {
	endpoint, err := findEndpoint(ctx, o, note, env)
	if err != nil {
		return err
	}
	method, address := http.MethodGet, endpoint+clockPath
	switch {
	case len(args) == 2 && args[0] == "forward":
		method, address = http.MethodPost, address+"?by="+url.QueryEscape(args[1])
	case len(args) > 0:
		return usageError{errors.New("say `clock`, or `clock forward DURATION`"), clockHelp}
	}
	var answer bytes.Buffer
	if err := callEndpoint(ctx, method, address, clockHelp, nil, &answer); err != nil {
		return err
	}
	var reading aws.ClockReading
	if err := json.Unmarshal(answer.Bytes(), &reading); err != nil {
		return fmt.Errorf("read the clock of %s: %w", endpoint, err)
	}
	fmt.Fprintf(out, "It is %s in the sandbox, %s ahead of this machine.\n",
		reading.Now.UTC().Format("2006-01-02 15:04 UTC"), strings.TrimSuffix(reading.Ahead, "0m0s"))
	return nil
}
