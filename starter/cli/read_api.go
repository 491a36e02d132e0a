package cli

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"

	"perch"
	"perch/client"
	"perch/readapi"
)

// Environment variables for the address and token of a worker's read API.
const (
	readAddressVariable = "PERCH_READ_API"
	readTokenVariable   = "PERCH_READ_TOKEN"
)

// readers returns a client for the read API at PERCH_READ_API; nil if the variable is not set.
func (a *app) readers(project string) (*readapi.Client, error) {
	address, token := a.env(readAddressVariable), a.env(readTokenVariable)
	if address == "" {
		return nil, nil
	}
	if err := readapi.CheckAddress(address); err != nil {
		return nil, usageError("%s: %v", readAddressVariable, err)
	}
	if token == "" {
		return nil, usageError("%s is set and %s is not: give it the value that the worker was started with",
			readAddressVariable, readTokenVariable)
	}
	return &readapi.Client{
		Address: address, Token: token, Project: project, HTTP: &http.Client{Timeout: client.ReadTimeout},
	}, nil
}

// readFailure adds the exit code to an error of the read API: 2 if the question or its token is
// wrong, 1 if the worker could not answer, 3 if no worker answers.
func readFailure(err error) error {
	var failed *readapi.Error
	if !errors.As(err, &failed) {
		return &exitError{code: exitTimeout, err: &client.NoAnswerError{Reason: perch.Printable(err.Error()) +
			"; start a worker with --read there, correct " + readAddressVariable +
			", or unset it to ask through Temporal"}}
	}
	code := exitFailed
	if failed.Status == http.StatusUnauthorized || failed.Status == http.StatusBadRequest {
		code = exitUsage
	}
	return &exitError{code: code, err: errors.New(perch.Printable(failed.Sentence))}
}

// readList reads the list of environments, from the read API or by a run.
func (a *app) readList(ctx context.Context, project string) (readapi.List, error) {
	readers, err := a.readers(project)
	if err != nil {
		return readapi.List{}, err
	}
	if readers != nil {
		answer, err := readers.Overview(ctx)
		if err != nil {
			return readapi.List{}, readFailure(err)
		}
		answer.Warnings = withProblem(answer.Warnings, answer.At, answer.Problem)
		return answer.List, nil
	}
	c, err := a.connect(ctx)
	if err != nil {
		return readapi.List{}, err
	}
	defer c.Close()
	result, err := c.List(ctx, project, c.remarks)
	if err != nil {
		return readapi.List{}, ended(err)
	}
	return readapi.NewList(result), nil
}

// readStatus reads the page of an environment from the read API, or only its status by a run. link
// is the address of the environment's latest run; empty if it is unknown.
func (a *app) readStatus(ctx context.Context, e perch.Environment) (page readapi.Page, link string, err error) {
	readers, err := a.readers(e.Project)
	if err != nil {
		return page, "", err
	}
	if readers != nil {
		page, err := readers.Page(ctx, e.Branch)
		if err != nil {
			return page, "", readFailure(err)
		}
		page.Warnings = withProblem(page.Warnings, page.At, page.Problem)
		return page, a.runLink(page.Run), nil
	}
	c, err := a.connect(ctx)
	if err != nil {
		return page, "", err
	}
	defer c.Close()
	result, err := c.Status(ctx, e, c.remarks)
	if err != nil {
		return page, "", ended(err)
	}
	far, latest, err := c.Latest(ctx, e)
	if err != nil {
		return page, "", &exitError{code: exitFailed, err: err}
	}
	page.Status = readapi.NewStatus(e, result, far, latest)
	return page, c.link(latest), nil
}

// readHistory reads the records of removed environments, from the read API or by a run.
func (a *app) readHistory(ctx context.Context, in perch.HistoryInput) (readapi.History, error) {
	readers, err := a.readers(in.Project)
	if err != nil {
		return readapi.History{}, err
	}
	if readers != nil {
		answer, err := readers.History(ctx, in.Branch)
		if err != nil {
			return readapi.History{}, readFailure(err)
		}
		return answer, nil
	}
	c, err := a.connect(ctx)
	if err != nil {
		return readapi.History{}, err
	}
	defer c.Close()
	result, err := c.History(ctx, in, c.remarks)
	if err != nil {
		return readapi.History{}, ended(err)
	}
	return readapi.NewHistory(result), nil
}

// withProblem adds to warnings the reason why an answer is not current.
func withProblem(warnings []string, at, problem string) []string {
	if problem == "" {
		return warnings
	}
	return append(warnings, "this is what was known at "+at+", because the worker cannot read it now: "+problem)
}

// runLink returns the address of a run in Temporal's web UI, without a call to Temporal. It is
// empty if the UI's address is unknown or there is no run.
func (a *app) runLink(run client.Run) string {
	ui := strings.TrimRight(a.env("PERCH_TEMPORAL_UI"), "/")
	if ui == "" || run.RunID == "" {
		return ""
	}
	return perch.RunURL(ui, cmp.Or(a.env("TEMPORAL_NAMESPACE"), "default"), run.WorkflowID, run.RunID)
}
