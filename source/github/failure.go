package github

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/bradleyfalzon/ghinstallation/v2"
	api "github.com/google/go-github/v60/github"

	"perch/source"
)

const (
	// shortestWait is the wait if GitHub names no time (GitHub docs: Rate limits, exceeding the
	// rate limit).
	shortestWait = time.Minute
	// longestWait is the longest wait, even if GitHub names a later time. It is the period of the
	// primary rate limit.
	longestWait = time.Hour
	// longestMessage is how many characters of GitHub's message an error repeats.
	longestMessage = 200
)

// failure classifies GitHub's errors, in one place. An error that no retry fixes becomes a
// *source.Rejected, and a rate limit a *source.RateLimited. Everything else is temporary.
func (r *Repository) failure(err error, tried string, args ...any) error {
	if fault := (*source.CommitFault)(nil); errors.As(err, &fault) {
		return fault
	}
	return fmt.Errorf("%s: %w", fmt.Sprintf(tried, args...), r.reason(err))
}

func (r *Repository) reason(err error) error {
	var rejected *source.Rejected
	switch {
	case errors.As(err, &rejected), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	if limited := r.limit(err); limited != nil {
		return limited
	}
	if query := (*queryError)(nil); errors.As(err, &query) {
		return r.queried(query)
	}
	if answer, message := answerOf(err); answer != nil {
		return r.answered(
			answer.StatusCode, answer.Header.Get("X-GitHub-SSO") != "",
			fmt.Sprintf("GitHub answered %d (%s)", answer.StatusCode, r.clean(message)),
		)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("GitHub's answer broke off")
	}
	if syntax, kind := (*json.SyntaxError)(nil), (*json.UnmarshalTypeError)(nil); errors.As(err, &syntax) ||
		errors.As(err, &kind) {
		return errors.New("GitHub's answer is not the JSON that it should be: " + r.clean(err.Error()))
	}
	return errors.New(r.clean(err.Error()))
}

// Answer returns the status of GitHub's answer that caused err, and what GitHub said, without
// secrets; 0 if GitHub did not answer.
func (r *Repository) Answer(err error) (status int, message string) {
	answer, said := answerOf(err)
	if answer == nil {
		return 0, ""
	}
	return answer.StatusCode, r.clean(said)
}

// answerOf returns the answer that caused err, and what GitHub said; nil if there was none.
func answerOf(err error) (*http.Response, string) {
	var (
		answer *api.ErrorResponse
		factor *api.TwoFactorAuthError
		app    *ghinstallation.HTTPError
	)
	switch {
	case errors.As(err, &answer):
		return answer.Response, answer.Message
	case errors.As(err, &factor):
		return factor.Response, factor.Message
	case errors.As(err, &app) && app.Response != nil:
		return app.Response, app.Message
	}
	return nil, ""
}

// renamed says what to do about a repository whose name has changed.
const renamed = "was renamed or transferred; if that is meant, write its new name as `source.github.repository` in " +
	"the policy, and the new name followed by the former one as `repository`"

// answered says what an error answer means for the repository. signOn means that GitHub requires
// single sign-on.
func (r *Repository) answered(status int, signOn bool, said string) error {
	switch {
	case status == http.StatusUnauthorized:
		return &source.Rejected{
			Reason: said + ": the token or the App's key is expired, revoked or mistyped; give the worker a new one",
		}
	case status == http.StatusForbidden && signOn:
		return &source.Rejected{Reason: said + ": the organization wants single sign-on; authorize the token for it"}
	case status == http.StatusForbidden:
		return &source.Rejected{
			Reason: fmt.Sprintf("%s: give the token or the App the permission \"Contents: read\" in %s", said, r),
		}
	case status == http.StatusNotFound:
		return &source.Rejected{Reason: fmt.Sprintf("%s: %s was removed, or made private to this token, or the App "+
			"is not installed there; correct `source` in the policy, or the token's access", said, r)}
	case status == http.StatusMovedPermanently, status == http.StatusPermanentRedirect:
		return &source.Rejected{Reason: fmt.Sprintf("%s: %s %s", said, r, renamed)}
	case status == http.StatusConflict:
		return &source.Rejected{Reason: fmt.Sprintf("%s: %s is empty; push a branch", said, r)}
	case status == http.StatusUnavailableForLegalReasons:
		return &source.Rejected{Reason: said + ": GitHub has blocked access to the repository"}
	}
	return errors.New(said)
}

// limit returns a *source.RateLimited, or nil if err is not a rate limit. GitHub answers 403 or
// 429. The time to try again is in Retry-After or, if the quota is used up, in X-RateLimit-Reset.
func (r *Repository) limit(err error) error {
	var (
		primary   *api.RateLimitError
		secondary *api.AbuseRateLimitError
		query     *queryError
	)
	switch {
	case errors.As(err, &primary):
		return r.wait("GitHub's rate limit is used up", primary.Response, primary.Rate.Reset.Time)
	case errors.As(err, &secondary):
		until := time.Time{}
		if secondary.RetryAfter != nil {
			until = r.now().Add(*secondary.RetryAfter)
		}
		return r.wait("GitHub's secondary rate limit is reached", secondary.Response, until)
	case errors.As(err, &query) && query.limited():
		return r.wait("GitHub wants fewer requests", query.answer, reset(query.answer))
	}
	answer, message := answerOf(err)
	if answer == nil || answer.StatusCode != http.StatusTooManyRequests && answer.StatusCode != http.StatusForbidden {
		return nil
	}
	if answer.StatusCode == http.StatusForbidden && !usedUp(answer) && answer.Header.Get("Retry-After") == "" &&
		!strings.Contains(message, "rate limit") {
		return nil
	}
	return r.wait("GitHub wants fewer requests", answer, reset(answer))
}

func usedUp(answer *http.Response) bool { return answer.Header.Get("X-RateLimit-Remaining") == "0" }

// reset returns when a used-up quota is full again; zero if it is not used up, or if GitHub does
// not say.
func reset(answer *http.Response) time.Time {
	seconds, err := strconv.ParseInt(answer.Header.Get("X-RateLimit-Reset"), 10, 64)
	if err != nil || !usedUp(answer) {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}

// wait returns a rate limit until the time that GitHub named, within limits. Retry-After has
// priority over until.
func (r *Repository) wait(reason string, answer *http.Response, until time.Time) error {
	now := r.now()
	if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && seconds >= 0 {
		until = now.Add(time.Duration(min(seconds, int(longestWait/time.Second))) * time.Second)
	}
	if until.IsZero() {
		until = now.Add(shortestWait)
	}
	if latest := now.Add(longestWait); until.After(latest) {
		until = latest
	}
	return &source.RateLimited{Until: until, Reason: reason}
}

// tokens matches GitHub's tokens, including those of an App's installation (GitHub docs: About
// authentication, token formats).
var tokens = regexp.MustCompile(`gh[a-z]_\w+|github_pat_\w+`)

// clean removes secrets and control characters from a message, and shortens it.
func (r *Repository) clean(message string) string {
	for _, secret := range r.secrets {
		message = strings.ReplaceAll(message, secret, "***")
	}
	message = tokens.ReplaceAllString(message, "***")
	letters := []rune(strings.Join(strings.FieldsFunc(message, func(c rune) bool { return unicode.IsControl(c) }), " "))
	if len(letters) > longestMessage {
		return string(letters[:longestMessage]) + "..."
	}
	return string(letters)
}
