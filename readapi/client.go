// Package readapi is the read API of a worker: the documents of `ls`, `status`, `history` and
// `logs`, and the client that reads them.
//
// The worker answers from a cache that all readers share, so that reading starts no workflow and
// the number of readers does not change the number of calls of AWS. Every question is a GET with
// the header `Authorization: Bearer TOKEN`; the answer is JSON. An answer other than 200 has an
// Error.
package readapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The questions, as paths below the worker's address. The version v1 changes only if clients have
// to change.
const (
	// PathOverview answers an Overview.
	PathOverview = "/v1/environments"
	// PathPage answers the Page of the query's `branch`.
	PathPage = "/v1/environment"
	// PathHistory answers the History, of the query's `branch` alone if it has one.
	PathHistory = "/v1/history"
	// PathLogs answers the Logs of the query's `branch`: at most `lines` lines that are not older
	// than `since`, a duration such as 15m.
	PathLogs = "/v1/logs"
	// PathPermission answers the Permission of the query's `login`.
	PathPermission = "/v1/permission"
)

// ProjectQuery is a query parameter that every question may have: the expected project. A worker of
// another project answers 400.
const ProjectQuery = "project"

// FreshQuery is a query parameter that PathOverview, PathPage and PathPermission may have: with
// `fresh=true` the answer is at most three seconds old. A worker answers 429 if one login's
// permission is requested so too often.
const FreshQuery = "fresh"

// longestAnswer is how many bytes of an answer are read.
const longestAnswer = 32 << 20

// Error is an answer other than 200.
type Error struct {
	// Status is that of HTTP: 400 for a question that cannot be answered, 401 without the right
	// token, 404 for an environment that does not exist, 429 for too many fresh answers, 502 if AWS
	// or GitHub did not answer.
	Status int `json:"-"`
	// Sentence says what is wrong and what to do.
	Sentence string `json:"error"`
}

// Error implements error.
func (e *Error) Error() string { return e.Sentence }

// Client asks one worker. It is safe for concurrent use.
type Client struct {
	// Address is where the worker answers, such as http://127.0.0.1:9091.
	Address string
	// Token is the token that the worker was started with.
	Token string
	// Project is the expected project: a worker of another one answers with an error. It is empty
	// if any project will do.
	Project string
	// HTTP is the client that makes the calls.
	HTTP *http.Client
}

// Overview reads all environments of the worker's project.
func (c *Client) Overview(ctx context.Context) (answer Overview, err error) {
	return answer, c.get(ctx, PathOverview, nil, &answer)
}

// FreshOverview is Overview with an answer that is at most three seconds old.
func (c *Client) FreshOverview(ctx context.Context) (answer Overview, err error) {
	return answer, c.get(ctx, PathOverview, url.Values{FreshQuery: {"true"}}, &answer)
}

// Page reads the environment of a branch.
func (c *Client) Page(ctx context.Context, branch string) (answer Page, err error) {
	return answer, c.get(ctx, PathPage, url.Values{"branch": {branch}}, &answer)
}

// FreshPage is Page with an answer that is at most three seconds old.
func (c *Client) FreshPage(ctx context.Context, branch string) (answer Page, err error) {
	return answer, c.get(ctx, PathPage, url.Values{"branch": {branch}, FreshQuery: {"true"}}, &answer)
}

// History reads the lives that have ended, of one branch if it is not empty.
func (c *Client) History(ctx context.Context, branch string) (answer History, err error) {
	query := url.Values{}
	if branch != "" {
		query.Set("branch", branch)
	}
	return answer, c.get(ctx, PathHistory, query, &answer)
}

// Logs reads the last lines that the environment of a branch has logged.
func (c *Client) Logs(ctx context.Context, branch string, since time.Duration, lines int) (answer Logs, err error) {
	query := url.Values{"branch": {branch}, "since": {since.String()}, "lines": {strconv.Itoa(lines)}}
	return answer, c.get(ctx, PathLogs, query, &answer)
}

// Permission asks what a person may do. The answer is at most three seconds old with fresh, and
// five minutes without.
func (c *Client) Permission(ctx context.Context, login string, fresh bool) (answer Permission, err error) {
	query := url.Values{"login": {login}, FreshQuery: {strconv.FormatBool(fresh)}}
	return answer, c.get(ctx, PathPermission, query, &answer)
}

// get asks one question. Its error is an Error, or one of the connection.
func (c *Client) get(ctx context.Context, path string, query url.Values, answer any) error {
	address := strings.TrimSuffix(c.Address, "/") + path
	if c.Project != "" {
		query = withProject(query, c.Project)
	}
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("ask the worker at %s: %w", c.Address, err)
	}
	request.Header.Set("Authorization", "Bearer "+c.Token)
	response, err := c.HTTP.Do(request)
	if err != nil {
		return fmt.Errorf("ask the worker at %s: %w", c.Address, err)
	}
	defer response.Body.Close()
	body := json.NewDecoder(io.LimitReader(response.Body, longestAnswer))
	if response.StatusCode != http.StatusOK {
		failed := &Error{Status: response.StatusCode}
		if err := body.Decode(failed); err != nil || failed.Sentence == "" {
			failed.Sentence = fmt.Sprintf(
				"what answers %s at %s is not the read API of a worker: give the address of a worker's --read",
				response.Status, c.Address,
			)
		}
		return failed
	}
	if err := body.Decode(answer); err != nil {
		return fmt.Errorf("read the answer of the worker at %s: %w", c.Address, err)
	}
	return nil
}

// withProject is query with the expected project.
func withProject(query url.Values, project string) url.Values {
	all := url.Values{ProjectQuery: {project}}
	maps.Copy(all, query)
	return all
}
