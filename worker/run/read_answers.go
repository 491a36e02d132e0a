package run

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/temporal"

	"perch"
	"perch/client"
	"perch/lifecycle"
	"perch/readapi"
)

const (
	// readAge is the maximum age of an answer from AWS and Temporal before it is refreshed.
	readAge = 5 * time.Second
	// roleAge is the maximum age of GitHub's answer. mostFreshRoles is how many fresh look-ups of a
	// person's role may follow each other. GitHub answers 5,000 requests an hour (GitHub docs: Rate
	// limits for the REST API), and no person may use them up.
	roleAge        = 5 * time.Minute
	mostFreshRoles = 20
)

// environmentReader reads environments from AWS. It is implemented by activities.Stacks.
type environmentReader interface {
	ListEnvironments(ctx context.Context, in perch.ListInput) (perch.ListResult, error)
	ReadPage(ctx context.Context, environment perch.Environment) (
		result perch.StatusResult, card perch.Card, err error,
	)
	ReadHistory(ctx context.Context, branch string) (lives []perch.Life, warnings []string, err error)
}

// logReader reads the logs of environments. It is implemented by logs.Reader.
type logReader interface {
	Tail(ctx context.Context, environment perch.Environment, since time.Time, lines int) perch.LogLines
}

// roleReader reads people's roles in the repository. It is implemented by repositories on GitHub.
type roleReader interface {
	Role(ctx context.Context, login string) (string, error)
}

// runReader reads the state of runs from Temporal. It is implemented by client.Client.
type runReader interface {
	Latest(ctx context.Context, environment perch.Environment) (client.Progress, client.Run, error)
	HeldCleanup(ctx context.Context, project string) (*client.HeldCleanup, error)
}

// reads answers the questions of the read API from caches that all readers share.
type reads struct {
	policy *perch.Policy
	stacks environmentReader
	runs   runReader
	// logs reads the lines since a time. logNow returns the current time by AWS's clock.
	logs   logReader
	logNow func() time.Time
	// roles is nil if the source is not on GitHub.
	roles roleReader
	// runsURL is the address of Temporal's list of runs; empty if it is unknown.
	runsURL string

	overviews   *answerCache[readapi.Overview]
	pages       *answerCache[readapi.Page]
	histories   *answerCache[readapi.History]
	lastLines   *answerCache[readapi.Logs]
	permissions *answerCache[readapi.Permission]
}

// withCaches adds the caches. now is their clock. changes counts the changes that make cached
// answers obsolete.
func (r *reads) withCaches(now func() time.Time, changes *atomic.Int64) *reads {
	r.overviews = &answerCache[readapi.Overview]{read: r.readOverview, now: now, age: readAge, changes: changes}
	r.pages = &answerCache[readapi.Page]{read: r.readPage, now: now, age: readAge, changes: changes}
	r.histories = &answerCache[readapi.History]{read: r.readHistory, now: now, age: readAge, changes: changes}
	r.lastLines = &answerCache[readapi.Logs]{read: r.readLogs, now: now, age: readAge, changes: changes}
	r.permissions = &answerCache[readapi.Permission]{
		read: r.readPermission, now: now, age: roleAge, strict: true, mostFresh: mostFreshRoles,
		changes: &atomic.Int64{},
	}
	return r
}

// wantsFresh reports whether the question requests a fresh answer.
func wantsFresh(request *http.Request) bool {
	return request.URL.Query().Get(readapi.FreshQuery) == "true"
}

func (r *reads) overview(request *http.Request) (any, error) {
	answer, stale, err := r.overviews.get(request.Context(), "", wantsFresh(request))
	answer.Problem = problemOf(stale)
	return answer, err
}

func (r *reads) readOverview(ctx context.Context, _ string) (readapi.Overview, error) {
	listed, err := r.stacks.ListEnvironments(ctx, perch.ListInput{Project: r.policy.Project})
	if err != nil {
		return readapi.Overview{}, unreadable("AWS", err)
	}
	held, err := r.runs.HeldCleanup(ctx, r.policy.Project)
	if err != nil { // The environments are shown all the same.
		listed.Warnings = append(listed.Warnings, "whether a cleanup waits for a person is not known: "+
			problemOf(unreadable("Temporal", err)))
	}
	return readapi.Overview{
		List: readapi.NewList(listed), Project: r.policy.Project, Repository: repositoryAddress(r.policy.Source),
		RunsURL: r.runsURL, Domain: r.policy.Domain, Held: heldDocument(held),
		Beats: r.readBeats(ctx, listed),
	}, nil
}

func (r *reads) page(request *http.Request) (any, error) {
	environment, err := r.environmentOf(request)
	if err != nil {
		return nil, err
	}
	answer, stale, err := r.pages.get(request.Context(), environment.Branch, wantsFresh(request))
	answer.Problem = problemOf(stale)
	return answer, err
}

func (r *reads) readPage(ctx context.Context, branch string) (readapi.Page, error) {
	environment, err := perch.NewEnvironment(r.policy.Project, branch)
	if err != nil {
		return readapi.Page{}, err
	}
	result, card, err := r.stacks.ReadPage(ctx, environment)
	if err != nil {
		return readapi.Page{}, unreadable("AWS", err)
	}
	far, latest, err := r.runs.Latest(ctx, environment)
	if err != nil {
		return readapi.Page{}, unreadable("Temporal", err)
	}
	page := readapi.Page{
		Status: readapi.NewStatus(environment, result, far, latest), Beat: far.Beat, Log: card.Log,
		Timeline: append([]perch.TimelineEntry{}, card.Timeline...),
		Settings: append([]perch.SettingDifference{}, card.State.Settings...),
		Seeds:    append([]perch.SeedRecord{}, card.Seeds...),
	}
	if result.Environment == nil {
		unborn := perch.EnvironmentStatus{Branch: branch}
		lifecycle.EnterRejections(&unborn, nil, r.policy, "")
		page.RemovalRejected = unborn.RemovalRejected
	}
	return page, nil
}

// environmentOf returns the environment of the question's branch.
func (r *reads) environmentOf(request *http.Request) (perch.Environment, error) {
	branch := request.URL.Query().Get("branch")
	if branch == "" {
		return perch.Environment{}, unanswerable(
			http.StatusBadRequest, "the question names no branch: add ?branch=NAME",
		)
	}
	environment, err := perch.NewEnvironment(r.policy.Project, branch)
	if err != nil {
		return perch.Environment{}, unanswerable(http.StatusBadRequest, "%s", perch.Printable(err.Error()))
	}
	return environment, nil
}

// repositoryAddress returns the repository's address for a browser; empty if the repository is not
// on GitHub.
func repositoryAddress(source perch.Source) string {
	if source.GitHub == nil {
		return ""
	}
	return source.GitHub.Address()
}

// heldDocument returns the document of a plan that waits for approval; nil if there is none.
func heldDocument(held *client.HeldCleanup) *readapi.HeldCleanup {
	if held == nil {
		return nil
	}
	return &readapi.HeldCleanup{
		Reason: held.Result.Brake.Reason, Hash: held.Result.Brake.Hash, At: readapi.Timestamp(held.At),
		Removals: slices.DeleteFunc(slices.Clone(held.Result.Verdicts), func(v perch.CleanupVerdict) bool {
			return v.Verdict != perch.VerdictRemove
		}),
	}
}

// sourceError explains why AWS, Temporal or GitHub could not be read.
type sourceError struct {
	source string
	err    error
}

// Error implements error.
func (e *sourceError) Error() string { return e.source + " could not be read: " + problemOf(e.err) }

// Unwrap returns the source's error.
func (e *sourceError) Unwrap() error { return e.err }

// unreadable wraps err as the error of a source. It returns nil for nil.
func unreadable(source string, err error) error {
	if err == nil {
		return nil
	}
	return &sourceError{source, err}
}

// problemOf formats an error as a sentence; empty for nil.
func problemOf(err error) string {
	var (
		application *temporal.ApplicationError
		source      *sourceError
	)
	switch {
	case err == nil:
		return ""
	case errors.As(err, &source):
		return source.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("no answer within %s", refreshTimeout)
	case errors.As(err, &application):
		return perch.Printable(application.Message())
	}
	return perch.Printable(err.Error())
}
