// Command web is the program perch-web. It receives GitHub's webhooks and hands them to Temporal,
// and it serves the dashboard. It has no AWS credentials.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"perch/web/server"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(server.Main(ctx, os.Args[1:], os.Stdout, os.Stderr, os.Getenv))
}
