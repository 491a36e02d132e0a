package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// checkTimeout is longer than reachTimeout, within which the worker gets its answer from Temporal.
const checkTimeout = reachTimeout + 2*time.Second

// check asks the worker at address whether it is ready, and returns an error if not. It is the
// health check of images without a shell.
func check(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return fmt.Errorf("ask worker at %s: %w; give the address of its --listen", address, err)
	}
	response, err := http.DefaultClient.Do(request)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("no worker listens at %s (connection refused): start one with --listen %s, or give --check "+
			"the address of its --listen", address, address)
	}
	if err != nil {
		return fmt.Errorf("ask worker at %s: %w", address, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	if err != nil {
		return fmt.Errorf("ask worker at %s: %w", address, err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("worker at %s is not ready: %s", address, strings.TrimSpace(string(body)))
	}
	return nil
}
