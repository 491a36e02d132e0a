// Command sandbox runs all of Perch in one process: Temporal with its UI, imitations of AWS and
// GitHub, a worker and the dashboard. It needs nothing but Go.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"perch/sandbox/run"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run.Main(ctx, os.Args[1:], os.Stdout, os.Stderr, os.Getenv))
}
