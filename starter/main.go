// Command starter requests environments: it talks to Temporal and reads local files, and holds no
// credentials of AWS or GitHub.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"perch/starter/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv)
	stop()
	os.Exit(code)
}
