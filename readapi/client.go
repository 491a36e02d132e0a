// Package readapi is the read API of a worker: the JSON documents of `ls`, `status`, `history` and
// `logs`, and a client that reads them.
//
// The worker answers from a cache that all readers share. So a read starts no workflow, and the
// number of readers does not affect the number of AWS calls. Every question is a GET request with
// the header `Authorization: Bearer TOKEN`. The answer is JSON; with a status other than 200 it is
// an Error.
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

// URL paths of the questions. The version v1 changes only for an incompatible change.
const (
	// PathOverview returns an Overview.
	PathOverview = "/v1/environments"
	// PathPage returns the Page of the branch in the query parameter `branch`.
	PathPage = "/v1/environment"
	// PathHistory returns the History. The optional query parameter `branch` selects one branch.
	PathHistory = "/v1/history"
	// PathLogs returns the Logs of the branch in the query parameter `branch`. It returns at most
	// `lines` lines, none older than `since`, a duration such as 15m.
	PathLogs = "/v1/logs"
	// PathPermission returns the Permission of the person in the query parameter `login`.
	PathPermission = "/v1/permission"
)

// ProjectQuery is an optional query parameter of every question that names the expected project. A
// worker of another project answers with status 400.
const ProjectQuery = "project"

// FreshQuery is an optional query parameter of PathOverview, PathPage and PathPermission. With
// `fresh=true` the answer is at most three seconds old. If the permission of one login is requested
// with it too often, the worker answers with status 429.
const FreshQuery = "fresh"

// MostLogLines is the maximum number of lines in an answer of PathLogs.
const MostLogLines = 1000

// longestAnswer is the maximum size of an answer in bytes; the client reads no more.
const longestAnswer = 32 << 20

// Error is an answer with a status other than 200.
type Error struct {
	// Status is the HTTP status:
	//
	//   - 400 for an invalid question
	//   - 401 for a wrong token
	//   - 404 for an environment that does not exist
	//   - 429 for too many fresh answers
	//   - 502 if AWS, GitHub or Temporal did not answer
	Status int `json:"-"`
	// Sentence says what is wrong and what to do.
	Sentence string `json:"error"`
}

// Error implements error.
func (e *Error) Error() string { return e.Sentence }

// Client reads from one worker. It is safe for concurrent use.
type Client struct {
	// Address is the worker's URL, such as http://127.0.0.1:9091.
	Address string
	// Token is the token that the worker was started with.
	Token string
	// Project is the expected project; a worker of another project answers with an error. If it is
	// empty, any project is accepted.
	Project string
	// HTTP is the client that makes the calls.
	HTTP *http.Client
}

// CheckAddress returns an error that says what to give instead if address cannot be that of a
// worker's read API.
func CheckAddress(address string) error {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
		return fmt.Errorf(
			"%q is not the address of a worker's read API: give the address of its --read, such as "+
				"http://127.0.0.1:9091", address,
		)
	}
	return nil
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

// History reads the records of removed environments. If branch is not empty, it reads only those of
// that branch.
func (c *Client) History(ctx context.Context, branch string) (answer History, err error) {
	query := url.Values{}
	if branch != "" {
		query.Set("branch", branch)
	}
	return answer, c.get(ctx, PathHistory, query, &answer)
}

// Logs reads the last log lines of a branch's environment.
func (c *Client) Logs(ctx context.Context, branch string, since time.Duration, lines int) (answer Logs, err error) {
	query := url.Values{"branch": {branch}, "since": {since.String()}, "lines": {strconv.Itoa(lines)}}
	return answer, c.get(ctx, PathLogs, query, &answer)
}

// Permission reads a person's role in the repository. The answer is at most three seconds old if
// fresh is set, and at most five minutes old otherwise.
func (c *Client) Permission(ctx context.Context, login string, fresh bool) (answer Permission, err error) {
	query := url.Values{"login": {login}, FreshQuery: {strconv.FormatBool(fresh)}}
	return answer, c.get(ctx, PathPermission, query, &answer)
}

// get sends one question. It returns an Error, or an error of the connection.
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
				"the server at %s answers %s and is not the read API of a worker: give the address of a "+
					"worker's --read", c.Address, response.Status,
			)
		}
		return failed
	}
	if err := body.Decode(answer); err != nil {
		return fmt.Errorf("read the answer of the worker at %s: %w", c.Address, err)
	}
	return nil
}

// withProject returns query with the expected project added.
func withProject(query url.Values, project string) url.Values {
	all := url.Values{ProjectQuery: {project}}
	maps.Copy(all, query)
	return all
}
