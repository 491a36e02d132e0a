package conformance

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

const resultsFile = "results.json"

var pageFile = filepath.Join("..", "docs", "fidelity.md")

var (
	useAWS   = flag.Bool("aws", false, "check the assumptions against a real account")
	account  = flag.String("account", "", "the account for -aws, 12 digits")
	region   = flag.String("region", "", "the region for -aws and -endpoint")
	yes      = flag.Bool("yes", false, "start the run on the account, after -aws has printed what it will do and cost")
	endpoint = flag.String("endpoint", "", "check the assumptions against the endpoint at this URL")
	sweep    = flag.Bool("sweep", false, "delete the resources that earlier runs left, and check nothing")
	only     = flag.String("only", "", "check only the assumptions whose names begin with this")
	update   = flag.Bool("update", false, "write the table of docs/fidelity.md")
)

// TestMain runs the tests, or the command if a flag names a real account or another endpoint.
func TestMain(m *testing.M) {
	flag.Parse()
	if !*useAWS && *endpoint == "" && (*sweep || *yes || *account != "" || *region != "" || *only != "") {
		fmt.Println("give -aws for a real account, or -endpoint URL for another endpoint")
		os.Exit(exitUsage)
	}
	if !*useAWS && *endpoint == "" {
		os.Exit(m.Run())
	}
	// go test sends SIGQUIT to a test binary that exceeds its timeout.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGQUIT)
	timeout, _ := flag.Lookup("test.timeout").Value.(flag.Getter).Get().(time.Duration)
	context.AfterFunc(ctx, stop) // A second Ctrl-C also interrupts the cleanup.
	code := Command{
		AWS: *useAWS, Account: *account, Region: *region, Yes: *yes, Endpoint: *endpoint, Sweep: *sweep, Only: *only,
		Timeout: timeout, Environ: os.Environ(), Results: resultsFile, Page: pageFile, Out: os.Stdout, now: time.Now,
	}.Run(ctx)
	os.Exit(code)
}
