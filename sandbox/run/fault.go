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
	"reflect"
	"strconv"
	"strings"
	"time"

	"perch/sandbox/aws"
)

const faultUsage = `Usage: perch-sandbox fault add KEY=VALUE ... [flags]   inject a fault; prints its id
       perch-sandbox fault ls [flags]                  list the faults, with how often each has struck
       perch-sandbox fault rm ID|all [flags]           remove one, or all

  --aws-port N         the sandbox whose AWS endpoint has this port
  --data DIR           the sandbox that runs with this data folder
                       (default: that of AWS_ENDPOINT_URL, which ` + "`perch-sandbox env`" + ` exports, else port 4566)

A fault is for calls or for resources. Keys that are left out match everything.

  calls      service=cloudformation action=DescribeStacks contains=TEXT access_key=KEY
             and the effect: code=AccessDenied message=TEXT status=403, or drop=true, or rate=5 (calls a second)
             when=after: the call takes effect, and its answer is lost
             stale=5: DescribeStacks answers as it would have five seconds ago; with service=ssm, ListCommandInvocations does
             service=registry contains=ghcr.io/acme/shop:1 code=MANIFEST_UNKNOWN status=404: the image is missing
             key=PREFIX code=SlowDown message=TEXT: single keys of DeleteObjects fail
  resources  type=AWS::RDS::DBInstance logical_id=Database stack=NAME phase=create|update|delete
             and the effect: reason=TEXT, or hang=true, or refill=true (a bucket, before it is deleted)
             when=after: it fails while it is created or updated; an Elastic Beanstalk environment logs the reason
             type=AWS::CloudFormation::Stack phase=delete|update: the stack's own deletion or update is accepted and then called off
  both       count=1: how often it strikes (default: until it is removed)

For example, to lose the answer of the next CreateStack:
  perch-sandbox fault add action=CreateStack when=after drop=true count=1
`

// orderFault carries out `sandbox fault`.
func orderFault(ctx context.Context, args []string, o options, out, note io.Writer, env func(string) string) error {
	endpoint, err := findEndpoint(ctx, o, note, env)
	if err != nil {
		return err
	}
	address := endpoint + "/_perch/faults"
	switch {
	case len(args) > 1 && args[0] == "add":
		body, err := readFault(args[1:])
		if err != nil {
			return usageError{err, faultHelp}
		}
		var ordered bytes.Buffer
		err = callEndpoint(ctx, http.MethodPost, address, faultHelp, body, io.MultiWriter(out, &ordered))
		noteDoubt(ordered.Bytes(), note)
		return err
	case len(args) == 1 && args[0] == "ls":
		var listed bytes.Buffer
		err := callEndpoint(ctx, http.MethodGet, address, faultHelp, nil, io.MultiWriter(out, &listed))
		noteIdle(listed.Bytes(), note)
		return err
	case len(args) == 2 && args[0] == "rm":
		if args[1] != "all" {
			address += "?id=" + url.QueryEscape(args[1])
		}
		return callEndpoint(ctx, http.MethodDelete, address, faultHelp, nil, out)
	}
	return usageError{errors.New("name a command for faults: add KEY=VALUE ..., ls, rm ID or rm all"), faultHelp}
}

// noteDoubt prints what the endpoint considers a likely mistake in a fault that it has accepted.
func noteDoubt(answer []byte, note io.Writer) {
	var ordered aws.OrderedFault
	_ = json.Unmarshal(answer, &ordered) // Without a valid answer there is nothing to note.
	if ordered.Note != "" {
		fmt.Fprintf(note, "perch-sandbox: %s is in force, but %s\n", ordered.ID, ordered.Note)
	}
}

// noteIdle names the listed faults that have not struck, because they may be mistyped.
func noteIdle(listed []byte, note io.Writer) {
	var list struct{ Faults []aws.FaultInForce }
	_ = json.Unmarshal(listed, &list) // Without a valid list there is nothing to note.
	for _, fault := range list.Faults {
		if fault.Struck == 0 {
			fmt.Fprintf(note, "perch-sandbox: %s has not struck yet; if it should have, check its values\n", fault.ID)
		}
	}
}

// findEndpoint returns the AWS endpoint of the sandbox that the command is for: the one that a flag
// names, else that of the environment, else the one on the default port. In the last case it says
// so on note.
func findEndpoint(ctx context.Context, o options, note io.Writer, env func(string) string) (string, error) {
	exported := strings.TrimRight(env(endpointVariable), "/")
	switch {
	case o.given["--aws-port"]:
		return o.endpoint(), nil
	case o.data != "":
		exports, err := findExports(ctx, o)
		return lookup(exports, func(string) string { return "" })(endpointVariable), err
	case exported != "":
		return exported, nil
	}
	fmt.Fprintf(
		note, "perch-sandbox: acting on the sandbox at %s, because %s is not set\n", o.endpoint(), endpointVariable,
	)
	return o.endpoint(), nil
}

// readFault returns a fault's JSON, read from KEY=VALUE words. The endpoint rejects unknown keys.
func readFault(words []string) ([]byte, error) {
	fault, kinds := map[string]any{}, aws.FaultKeys()
	for _, word := range words {
		key, text, found := strings.Cut(word, "=")
		if !found {
			return nil, fmt.Errorf("%q is not KEY=VALUE", word)
		}
		value, err := faultValue(kinds[key], text)
		if err != nil {
			return nil, fmt.Errorf("%s is %w", key, err)
		}
		fault[key] = value
	}
	return json.Marshal(fault)
}

func faultValue(kind reflect.Kind, text string) (any, error) {
	switch kind {
	case reflect.Int, reflect.Float64:
		number, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("a number, not %q", text)
		}
		return number, nil
	case reflect.Bool:
		on, err := strconv.ParseBool(text)
		if err != nil {
			return nil, fmt.Errorf("true or false, not %q", text)
		}
		return on, nil
	}
	return text, nil
}

func callEndpoint(ctx context.Context, method, address, help string, body []byte, stdout io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("ask %s: %w", address, err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return noSandbox(strings.TrimSuffix(address, request.URL.RequestURI()))
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("read answer of %s: %w", address, err)
	}
	if response.StatusCode >= http.StatusBadRequest {
		var rejection struct{ Error string }
		if json.Unmarshal(answer, &rejection) != nil || rejection.Error == "" {
			rejection.Error = string(bytes.TrimSpace(answer))
		}
		err := errors.New("the sandbox rejects it: " + rejection.Error)
		if response.StatusCode == http.StatusBadRequest {
			return usageError{err, help}
		}
		return err
	}
	_, err = stdout.Write(answer)
	return err
}

func noSandbox(endpoint string) error {
	return fmt.Errorf(
		"no sandbox answers at %s: start one with `go run ./sandbox`, or name its port with --aws-port", endpoint,
	)
}
