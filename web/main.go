// Command web receives GitHub's webhooks and hands them to Temporal. It holds no credentials of AWS
// or GitHub.
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
