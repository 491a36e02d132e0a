package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	api "github.com/google/go-github/v60/github"
)

// permissions are what a token or an App needs, by the kind of report.
var permissions = map[string]string{
	kindDeployment: `"Deployments: write"`, kindStatus: `"Commit statuses: write"`,
	kindComment: `"Pull requests: write"`,
}

// problem is why something was not delivered.
type problem struct {
	// words are a sentence without a period; empty if there is no need to tell anyone.
	words string
	// passes says that another try may succeed without a person; done says that nothing is left to
	// try.
	passes, done bool
}

// explain tells GitHub's errors apart. One that a person has to correct is a sentence that says
// how.
func (c *Channel) explain(err error, kind string) problem {
	var edited overwritten
	status, message := c.access.Answer(err)
	switch {
	case err == nil:
		return problem{}
	case errors.Is(err, errPace), waitOf(err) > 0:
		return problem{passes: true}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return problem{words: "GitHub did not answer in time", passes: true}
	case errors.As(err, &edited):
		return problem{words: edited.Error(), passes: true, done: true}
	case status == 0:
		return problem{words: "GitHub cannot be reached", passes: true}
	}
	said := fmt.Sprintf("GitHub answered %d (%s) to a %s", status, message, kind)
	switch {
	case strings.Contains(message, "archived"):
		return problem{
			words: said + ": " + c.repository() + " is archived; nothing can be reported until it is unarchived",
		}
	case strings.Contains(message, "locked"):
		return problem{
			words: said + ": the pull request's conversation is locked; unlock it to see the environment there",
		}
	case status == http.StatusUnauthorized:
		return problem{
			words: said + ": the token or the App's key is expired, revoked or mistyped; give the worker a new one",
		}
	case (status == http.StatusForbidden || status == http.StatusNotFound) && permissions[kind] == "":
		return problem{words: said + ": check the App's id, its key, and its installation in " + c.repository()}
	case status == http.StatusForbidden, status == http.StatusNotFound:
		return problem{words: fmt.Sprintf(
			"%s: give the token or the App the permission %s in %s", said, permissions[kind], c.repository(),
		)}
	case status == http.StatusUnprocessableEntity, status == http.StatusConflict:
		return problem{words: said}
	}
	return problem{words: said, passes: true}
}

func (c *Channel) repository() string { return c.owner + "/" + c.name }

// waitOf is how long GitHub wants no requests; 0 if err is not about a rate limit.
func waitOf(err error) time.Duration {
	var (
		primary   *api.RateLimitError
		secondary *api.AbuseRateLimitError
		answer    *api.ErrorResponse
	)
	switch {
	case errors.As(err, &primary):
		return min(max(time.Until(primary.Rate.Reset.Time), time.Second), time.Hour)
	case errors.As(err, &secondary) && secondary.RetryAfter != nil:
		return min(*secondary.RetryAfter, time.Hour)
	case errors.As(err, &secondary):
		return time.Minute
	case errors.As(err, &answer) && answer.Response != nil:
		if seconds, err := strconv.Atoi(answer.Response.Header.Get("Retry-After")); err == nil && seconds > 0 {
			return min(time.Duration(seconds)*time.Second, time.Hour)
		}
		if answer.Response.StatusCode == http.StatusTooManyRequests {
			return time.Minute
		}
	}
	return 0
}
