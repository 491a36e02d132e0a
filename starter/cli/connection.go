package cli

import (
	"context"
	"errors"
	"strings"
	"time"

	"perch"
	"perch/client"
)

// lookTimeout is the time limit for reading a run's state from Temporal.
const lookTimeout = 5 * time.Second

// connection is a connection to Temporal.
type connection struct {
	*client.Client
	// ui is the address of Temporal's web UI (PERCH_TEMPORAL_UI); empty if it is unknown.
	ui string
	// remarks is the view for runs without a live view.
	remarks client.View
}

func (a *app) connect(ctx context.Context) (*connection, error) {
	c, err := client.Dial(ctx, a.env)
	var settings *client.SettingsError
	switch {
	case errors.As(err, &settings):
		return nil, &exitError{code: exitUsage, err: err}
	case err != nil:
		return nil, &exitError{code: exitFailed, err: err}
	}
	ui := strings.TrimRight(a.env("PERCH_TEMPORAL_UI"), "/")
	return &connection{Client: c, ui: ui, remarks: &remarks{out: a.stderr}}, nil
}

// link returns the address of r in Temporal's web UI. It is empty if the UI's address is unknown or
// there is no run.
func (c *connection) link(r client.Run) string {
	if c.ui == "" || r.RunID == "" {
		return ""
	}
	return perch.RunURL(c.ui, c.Namespace(), r.WorkflowID, r.RunID)
}

// ended adds the exit code to a short run's error: 3 if nothing answered in time, 1 if the run
// failed.
func ended(err error) error {
	var silent *client.NoAnswerError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &silent):
		return &exitError{code: exitTimeout, err: err}
	}
	return &exitError{code: exitFailed, err: err}
}
