package github

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// These types of GraphQL errors have a meaning for Perch. GitHub has no list of its types. An error
// with another type, or with none, is temporary.
const (
	queryNotFound  = "NOT_FOUND"
	queryForbidden = "FORBIDDEN"
	queryScopes    = "INSUFFICIENT_SCOPES"
	queryLimited   = "RATE_LIMITED"
)

// queryError is the first error in a GraphQL answer.
type queryError struct {
	kind, message string
	// signOn means that the organization requires single sign-on.
	signOn bool
	// answer has the headers about the quota. Its status is 200.
	answer *http.Response
}

func (e *queryError) Error() string {
	if e.kind == "" {
		return fmt.Sprintf("GitHub answered (%s)", e.message)
	}
	return fmt.Sprintf("GitHub answered %s (%s)", e.kind, e.message)
}

// limited reports whether the error is a rate limit. The primary one has a type. A secondary one
// may only have a message (GitHub docs: Rate limits and query limits for the GraphQL API, exceeding
// the rate limit).
func (e *queryError) limited() bool {
	return e.kind == queryLimited || strings.Contains(e.message, "rate limit")
}

// queried says what the error means for the repository, in the same words as for the REST API.
func (r *Repository) queried(e *queryError) error {
	said := (&queryError{kind: r.clean(e.kind), message: r.clean(e.message)}).Error()
	switch e.kind {
	case queryNotFound:
		return r.answered(http.StatusNotFound, false, said)
	case queryForbidden, queryScopes:
		return r.answered(http.StatusForbidden, e.signOn, said)
	}
	return errors.New(said)
}
