package github

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

const graphql = "/api/graphql"

// These match the only query that the server implements, which reads the Git references that its
// variables name.
var (
	refsQuery = regexp.MustCompile(`^query\(([^()]*)\)\{repository\(owner:\$owner,name:\$name\)\{nameWithOwner((?: ` +
		`\w+:ref\(qualifiedName:\$\w+\)\{prefix name target\{oid\}\})*)\}\}$`)
	refPattern = regexp.MustCompile(`(\w+):ref\(qualifiedName:\$(\w+)\)`)
)

type graphqlRequest struct {
	Query     string            `json:"query"`
	Variables map[string]string `json:"variables"`
}

// serveGraphQL responds as the GraphQL API does: with status 200 even if the response has an error.
func (s *Server) serveGraphQL(w http.ResponseWriter, r *http.Request) {
	var q graphqlRequest
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		Answer(http.StatusBadRequest, "Problems parsing JSON").ServeHTTP(w, r)
		return
	}
	parts := refsQuery.FindStringSubmatch(q.Query)
	if parts == nil {
		QueryError("", "Parse error on \"query\"").ServeHTTP(w, r)
		return
	}
	name, _ := s.identity()
	who := accessOf(r)
	if who.Permissions["metadata"] != "" && !who.hasPermission("contents=read") {
		QueryError("FORBIDDEN", "Resource not accessible by integration").ServeHTTP(w, r)
		return
	}
	asked := q.Variables["owner"] + "/" + q.Variables["name"]
	exists := strings.EqualFold(asked, name) || strings.EqualFold(asked, s.former)
	if !exists || who.Permissions["metadata"] == "" {
		QueryError("NOT_FOUND", fmt.Sprintf("Could not resolve to a Repository with the name '%s'.", asked)).ServeHTTP(
			w, r,
		)
		return
	}
	answer := map[string]any{"nameWithOwner": name}
	for _, field := range refPattern.FindAllStringSubmatch(parts[2], -1) {
		if !strings.Contains(","+parts[1]+",", ",$"+field[2]+":String!,") {
			QueryError("", fmt.Sprintf("Variable $%s is used by anonymous query but not declared", field[2])).ServeHTTP(
				w, r,
			)
			return
		}
		answer[field[1]] = s.refBody(q.Variables[field[2]])
	}
	reply(w, http.StatusOK, map[string]any{"data": map[string]any{"repository": answer}})
}

// refBody returns the JSON of a Git reference, or nil if the reference does not exist.
func (s *Server) refBody(name string) any {
	found, err := s.repository.Reference(plumbing.ReferenceName(name), true)
	if errors.Is(err, plumbing.ErrReferenceNotFound) || !strings.HasPrefix(name, "refs/") {
		return nil
	}
	if err != nil {
		panic(err)
	}
	return map[string]any{
		"prefix": "refs/heads/", "name": strings.TrimPrefix(name, "refs/heads/"),
		"target": map[string]any{"oid": found.Hash().String()},
	}
}

// QueryError returns a handler that sends a GraphQL error. kind is the error's type; if it is
// empty, the error has no type. headers alternates names and values.
func QueryError(kind, message string, headers ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		failure := map[string]any{"message": message}
		if kind != "" {
			failure["type"] = kind
			failure["path"] = []string{"repository"}
		}
		reply(w, http.StatusOK, map[string]any{"data": map[string]any{"repository": nil}, "errors": []any{failure}})
	})
}
