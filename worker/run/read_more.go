package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"perch"
	"perch/readapi"
)

const (
	// defaultSince and defaultLines are the defaults for a question about logs.
	defaultSince = 15 * time.Minute
	defaultLines = 100
	// mostSince is the longest time that such a question may look back.
	mostSince = 30 * 24 * time.Hour
)

func (r *reads) history(request *http.Request) (any, error) {
	branch := request.URL.Query().Get("branch")
	if branch != "" {
		environment, err := r.environmentOf(request)
		if err != nil {
			return nil, err
		}
		branch = environment.Branch
	}
	answer, stale, err := r.histories.get(request.Context(), branch, false)
	if stale != nil {
		answer.Warnings = append(
			append([]string{}, answer.Warnings...), "newer records are not known: "+problemOf(stale),
		)
	}
	return answer, err
}

func (r *reads) readHistory(ctx context.Context, branch string) (readapi.History, error) {
	lives, warnings, err := r.stacks.ReadHistory(ctx, branch)
	history := readapi.History{Lives: append([]perch.Life{}, lives...), Warnings: append([]string{}, warnings...)}
	return history, unreadable("AWS", err)
}

// logQuestion is a question about logs. Its JSON is the key in the cache.
type logQuestion struct {
	Branch string
	Since  time.Duration
	Lines  int
}

func (r *reads) logLines(request *http.Request) (any, error) {
	environment, err := r.environmentOf(request)
	if err != nil {
		return nil, err
	}
	question := logQuestion{Branch: environment.Branch, Since: defaultSince, Lines: defaultLines}
	query := request.URL.Query()
	if text := query.Get("since"); text != "" {
		question.Since, err = time.ParseDuration(text)
		if err != nil || question.Since <= 0 || question.Since > mostSince {
			return nil, unanswerable(http.StatusBadRequest,
				"since=%q is not a time to look back: give a duration such as 15m, of at most %.0f hours", text,
				mostSince.Hours())
		}
	}
	if text := query.Get("lines"); text != "" {
		question.Lines, err = strconv.Atoi(text)
		if err != nil || question.Lines < 1 || question.Lines > readapi.MostLogLines {
			return nil, unanswerable(
				http.StatusBadRequest, "lines=%q is not a number from 1 to %d", text, readapi.MostLogLines,
			)
		}
	}
	key, err := json.Marshal(question)
	if err != nil {
		return nil, fmt.Errorf("write the question: %w", err)
	}
	answer, stale, err := r.lastLines.get(request.Context(), string(key), false)
	var gone *readapi.Error
	switch {
	case err != nil:
		return nil, err
	case errors.As(stale, &gone):
		return nil, gone
	case stale != nil:
		answer.Problem = "these lines are not current: " + problemOf(stale)
	}
	return answer, nil
}

func (r *reads) readLogs(ctx context.Context, key string) (readapi.Logs, error) {
	var question logQuestion
	if err := json.Unmarshal([]byte(key), &question); err != nil {
		return readapi.Logs{}, fmt.Errorf("read the question: %w", err)
	}
	environment, err := perch.NewEnvironment(r.policy.Project, question.Branch)
	if err != nil {
		return readapi.Logs{}, err
	}
	result, _, err := r.stacks.ReadPage(ctx, environment)
	if err != nil {
		return readapi.Logs{}, unreadable("AWS", err)
	}
	if result.Environment == nil {
		return readapi.Logs{}, unanswerable(http.StatusNotFound,
			"branch %s has no environment, so there are no logs; `perch up %s` requests one", environment.Branch,
			environment.Branch)
	}
	lines := r.logs.Tail(ctx, environment, r.logNow().Add(-question.Since), question.Lines)
	return readapi.Logs{Branch: environment.Branch, LogLines: lines}, nil
}

// loginForm matches logins on GitHub (GitHub docs: username considerations).
var loginForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`)

func (r *reads) permission(request *http.Request) (any, error) {
	login := request.URL.Query().Get("login")
	switch {
	case r.roles == nil:
		return nil, unanswerable(http.StatusNotFound,
			"the repository of project %s is not on GitHub, so permissions are unknown: set `source.github` in "+
				"the policy",
			r.policy.Project)
	case !loginForm.MatchString(login):
		return nil, unanswerable(http.StatusBadRequest, "%q is not a login on GitHub", login)
	}
	answer, stale, err := r.permissions.get(request.Context(), login, wantsFresh(request))
	if errors.Is(err, errTooFresh) {
		return nil, unanswerable(http.StatusTooManyRequests,
			"the permission of %s was looked up too often in the last minutes: try again in a minute", login)
	}
	if err == nil {
		err = stale // An outdated answer must not allow what the person may no longer do.
	}
	return answer, err
}

func (r *reads) readPermission(ctx context.Context, login string) (readapi.Permission, error) {
	role, err := r.roles.Role(ctx, login)
	return readapi.Permission{Login: login, Role: role}, unreadable("GitHub", err)
}
