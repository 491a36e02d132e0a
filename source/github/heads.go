package github

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	api "github.com/google/go-github/v60/github"

	"perch"
	"perch/source"
)

// Heads returns the commits that these branches point to now, all from one answer of GitHub. Only
// if err is nil is a branch that is not in the result known not to exist, because GitHub then
// showed the repository under its name, and said for each branch whether it exists.
//
// It uses GraphQL, because no call of the REST API returns several branches at once.
func (r *Repository) Heads(ctx context.Context, branches ...string) (heads map[string]string, err error) {
	for _, branch := range branches {
		if err := perch.ValidateBranch(branch); err != nil {
			return nil, err
		}
	}
	said, err := r.query(ctx, r.question(branches))
	if err == nil {
		heads, err = r.heads(said, branches)
	}
	if err != nil {
		return nil, r.failure(err, "read branch %s of %s", strings.Join(branches, " and branch "), r)
	}
	return heads, nil
}

// question returns a query that asks about each branch under a separate alias. The names are in the
// query's variables, and never in its text.
func (r *Repository) question(branches []string) map[string]any {
	declared, fields := "", ""
	variables := map[string]string{"owner": r.owner, "name": r.name}
	for i, branch := range branches {
		declared += fmt.Sprintf(",$b%d:String!", i)
		fields += fmt.Sprintf(" b%d:ref(qualifiedName:$b%d){prefix name target{oid}}", i, i)
		variables[fmt.Sprintf("b%d", i)] = heads + branch
	}
	return map[string]any{
		"query": "query($owner:String!,$name:String!" + declared +
			"){repository(owner:$owner,name:$name){nameWithOwner" + fields + "}}",
		"variables": variables,
	}
}

// heads is the prefix of the names of branches in Git.
const heads = "refs/heads/"

// queryAnswer is GitHub's answer to a query. The status of a GraphQL answer is 200 even if it has
// errors.
type queryAnswer struct {
	Data *struct {
		Repository map[string]json.RawMessage `json:"repository"`
	} `json:"data"`
	Errors []struct {
		Type       string `json:"type"`
		Message    string `json:"message"`
		Extensions struct {
			SAML bool `json:"saml_failure"`
		} `json:"extensions"`
	} `json:"errors"`
	// Message is set instead if GitHub answers before it has read the query.
	Message string `json:"message"`
}

// query returns the fields of the repository. If the answer has any error, query returns that error
// and ignores the rest.
func (r *Repository) query(ctx context.Context, question any) (map[string]json.RawMessage, error) {
	request, err := r.graph.NewRequest(http.MethodPost, "graphql", question)
	if err != nil {
		return nil, err
	}
	var said queryAnswer
	response, err := r.graph.Do(ctx, request, &said)
	if err != nil {
		return nil, err
	}
	switch {
	case len(said.Errors) > 0:
		first := said.Errors[0]
		return nil, &queryError{
			kind: first.Type, message: first.Message, signOn: first.Extensions.SAML, answer: response.Response,
		}
	case said.Message != "":
		return nil, &queryError{message: said.Message, answer: response.Response}
	case said.Data == nil:
		return nil, errNoContent
	case said.Data.Repository == nil:
		return nil, &queryError{kind: queryNotFound, message: "the repository is null", answer: response.Response}
	}
	return said.Data.Repository, nil
}

// heads reads the answer. Every branch must be in it, with its commit or as null, because a branch
// that is left out proves nothing.
func (r *Repository) heads(said map[string]json.RawMessage, branches []string) (map[string]string, error) {
	var name string
	if err := json.Unmarshal(said["nameWithOwner"], &name); err != nil || name == "" {
		return nil, errors.New("GitHub's answer does not name the repository")
	}
	if !strings.EqualFold(name, r.String()) {
		return nil, &source.Rejected{Reason: fmt.Sprintf("GitHub answers for %s: %s %s", name, r, renamed)}
	}
	found := map[string]string{}
	for i, branch := range branches {
		commit, err := head(said[fmt.Sprintf("b%d", i)], branch)
		if err != nil {
			return nil, fmt.Errorf("branch %s: %w", branch, err)
		}
		if commit != "" {
			found[branch] = commit
		}
	}
	return found, nil
}

// head returns the branch's commit; empty if GitHub says that there is no such branch.
func head(said json.RawMessage, branch string) (commit string, err error) {
	if len(said) == 0 {
		return "", errors.New("GitHub's answer leaves it out")
	}
	var ref *struct {
		Prefix string               `json:"prefix"`
		Name   string               `json:"name"`
		Target struct{ OID string } `json:"target"`
	}
	if err := json.Unmarshal(said, &ref); err != nil {
		return "", err
	}
	switch {
	case ref == nil:
		return "", nil
	case ref.Prefix+ref.Name != heads+branch:
		return "", fmt.Errorf("GitHub answers for %q", ref.Prefix+ref.Name)
	case !fullCommit.MatchString(ref.Target.OID):
		return "", fmt.Errorf("GitHub says that it points to %q, which is not a commit", ref.Target.OID)
	}
	return ref.Target.OID, nil
}

// graphClient returns a client of the GraphQL API, with the same transport as rest. On an
// Enterprise server, the address of GraphQL is next to that of the REST API, and on github.com
// below it (GitHub docs: Forming calls with GraphQL). It is a separate client, because GraphQL has
// a separate quota.
func graphClient(rest *api.Client, transport *http.Client) (*api.Client, error) {
	beside := "."
	if strings.HasSuffix(rest.BaseURL.Path, "/api/v3/") {
		beside = ".."
	}
	base, err := rest.BaseURL.Parse(beside + "/")
	if err != nil {
		return nil, err
	}
	graph := api.NewClient(transport)
	graph.BaseURL, graph.UserAgent = base, rest.UserAgent
	return graph, nil
}
