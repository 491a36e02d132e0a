// Command worker holds the credentials and does the work: it runs Perch's workflows and activities.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"perch/worker/run"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run.Main(ctx, os.Args[1:], os.Stdout, os.Stderr, os.Getenv))
}
