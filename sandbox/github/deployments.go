package github

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing"
)

// longestDescription is the maximum number of characters in the description of a deployment status
// (GitHub docs: Create a deployment status) and of a commit status
// (sclorg/testing-farm-as-github-action#187).
const (
	longestDescription = 140
	tooLong            = "description is too long (maximum is 140 characters)"
)

// deploymentStates are the states of a deployment (GitHub docs: Create a deployment status).
var deploymentStates = []string{"error", "failure", "inactive", "in_progress", "queued", "pending", "success"}

// Deployment is a deployment with its statuses, newest last.
type Deployment struct {
	ID          int64              `json:"id"`
	SHA         string             `json:"sha"`
	Ref         string             `json:"ref"`
	Task        string             `json:"task"`
	Environment string             `json:"environment"`
	Description string             `json:"description,omitempty"`
	Payload     json.RawMessage    `json:"payload,omitempty"`
	Transient   bool               `json:"transient"`
	Production  bool               `json:"production"`
	Creator     string             `json:"creator"`
	At          time.Time          `json:"at"`
	Statuses    []DeploymentStatus `json:"statuses,omitempty"`
}

// DeploymentStatus is a status of a deployment.
type DeploymentStatus struct {
	ID          int64     `json:"id"`
	State       string    `json:"state"`
	Description string    `json:"description,omitempty"`
	Environment string    `json:"environment"`
	URL         string    `json:"url,omitempty"`
	LogURL      string    `json:"log_url,omitempty"`
	Creator     string    `json:"creator"`
	At          time.Time `json:"at"`
}

// State returns the state of the last status, or pending if the deployment has no status.
func (d Deployment) State() string { return cmp.Or(d.Last().State, "pending") }

// Last returns the last status, which is empty if the deployment has no status.
func (d Deployment) Last() DeploymentStatus {
	if len(d.Statuses) == 0 {
		return DeploymentStatus{}
	}
	return d.Statuses[len(d.Statuses)-1]
}

// Deployments returns all deployments, oldest first.
func (s *Server) Deployments() []Deployment {
	s.serving.Lock()
	defer s.serving.Unlock()
	list := copyAll(s.state.Deployments)
	for i := range list {
		list[i].Statuses = slices.Clone(list[i].Statuses)
	}
	return list
}

// DeleteDeployment deletes a deployment, as a person can on GitHub.
func (s *Server) DeleteDeployment(id int64) {
	s.serving.Lock()
	defer s.serving.Unlock()
	s.state.Deployments = slices.DeleteFunc(s.state.Deployments, func(d *Deployment) bool { return d.ID == id })
}

func (s *Server) listDeployments(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	wants := func(name, has string) bool { return query.Get(name) == "" || query.Get(name) == has }
	var found []*Deployment
	for _, d := range slices.Backward(s.state.Deployments) {
		if wants("sha", d.SHA) && wants("ref", d.Ref) && wants("task", d.Task) && wants("environment", d.Environment) {
			found = append(found, d)
		}
	}
	s.writeList(w, r, len(found), func(i int) any { return deploymentBody(found[i]) })
}

type deploymentRequest struct {
	Ref         string          `json:"ref"`
	Task        string          `json:"task"`
	Environment string          `json:"environment"`
	Description string          `json:"description"`
	Payload     json.RawMessage `json:"payload"`
	Transient   bool            `json:"transient_environment"`
	Production  *bool           `json:"production_environment"`
	AutoMerge   *bool           `json:"auto_merge"`
	Contexts    *[]string       `json:"required_contexts"`
}

// createDeployment creates a deployment of a branch, a tag or a commit. Like GitHub, it has two
// defaults that clients usually turn off (GitHub docs: Create a deployment). auto_merge merges the
// default branch into the ref; here, every such merge is a conflict. Without required_contexts, the
// latest status of each context of the commit must be success.
func (s *Server) createDeployment(w http.ResponseWriter, r *http.Request) {
	var in deploymentRequest
	if !decodeJSON(w, r, &in) {
		return
	}
	commit, found := s.resolveCommit(in.Ref)
	failed := s.failedChecks(commit, in.Contexts)
	switch {
	case in.Ref == "":
		validationError("Deployment", "ref", "missing_field", "").ServeHTTP(w, r)
	case !found:
		Answer(http.StatusUnprocessableEntity, "No ref found for: "+in.Ref).ServeHTTP(w, r)
	case (in.AutoMerge == nil || *in.AutoMerge) && s.isBehind(commit):
		Answer(http.StatusConflict, fmt.Sprintf("Conflict merging %s into %s.", s.defaultBranch(), in.Ref)).ServeHTTP(
			w, r,
		)
	case len(failed) > 0: // nexthink-oss/ghup#135
		failure(http.StatusConflict, nil, map[string]any{
			"message": fmt.Sprintf("Conflict: Commit status checks failed for %s.", in.Ref),
			"errors": []any{map[string]any{
				"resource": "Deployment", "field": "required_contexts", "code": "invalid", "contexts": failed,
			}},
		}).ServeHTTP(w, r)
	default:
		d := &Deployment{
			ID: s.state.nextID(), SHA: commit, Ref: in.Ref, Task: cmp.Or(in.Task, "deploy"),
			Description: in.Description, Environment: cmp.Or(in.Environment, "production"), Payload: in.Payload,
			Transient: in.Transient,
			Creator:   accessOf(r).Login, At: s.config.Now(),
		}
		d.Production = d.Environment == "production"
		if in.Production != nil {
			d.Production = *in.Production
		}
		s.state.Deployments = append(s.state.Deployments, d)
		reply(w, http.StatusCreated, deploymentBody(d))
	}
}

// resolveCommit returns the commit of a branch, a tag or a full hash.
func (s *Server) resolveCommit(ref string) (commit string, found bool) {
	if plumbing.IsHash(ref) {
		_, err := s.repository.CommitObject(plumbing.NewHash(ref))
		return ref, err == nil
	}
	for _, name := range []plumbing.ReferenceName{
		plumbing.NewBranchReferenceName(ref), plumbing.NewTagReferenceName(ref), plumbing.ReferenceName(ref),
	} {
		if reference, err := s.repository.Reference(name, true); err == nil && ref != "" {
			return reference.Hash().String(), true
		}
	}
	return "", false
}

func (s *Server) defaultBranch() string {
	if s.config.DefaultBranch != "" {
		return s.config.DefaultBranch
	}
	head, err := s.repository.Reference(plumbing.HEAD, false)
	if err != nil || !head.Target().IsBranch() {
		return ""
	}
	return head.Target().Short()
}

// isBehind reports whether commit lacks commits of the default branch.
func (s *Server) isBehind(commit string) bool {
	base, found := s.resolveCommit(s.defaultBranch())
	return found && !s.isAncestor(commit, base)
}

// failedChecks returns the required contexts of a commit whose latest status is not success. If
// required is nil, all contexts of the commit are required.
func (s *Server) failedChecks(commit string, required *[]string) (found []map[string]string) {
	latest := map[string]string{}
	for _, status := range s.statusesOf(commit) {
		latest[status.Context] = status.State
	}
	names := slices.Sorted(maps.Keys(latest))
	if required != nil {
		names = *required
	}
	for _, name := range names {
		if latest[name] != "success" {
			found = append(found, map[string]string{"context": name, "state": cmp.Or(latest[name], "missing")})
		}
	}
	return found
}

func (s *Server) getDeployment(w http.ResponseWriter, r *http.Request) {
	if d := s.deploymentOf(w, r); d != nil {
		reply(w, http.StatusOK, deploymentBody(d))
	}
}

func (s *Server) listDeploymentStatuses(w http.ResponseWriter, r *http.Request) {
	d := s.deploymentOf(w, r)
	if d == nil {
		return
	}
	newest := slices.Clone(d.Statuses)
	slices.Reverse(newest)
	s.writeList(w, r, len(newest), func(i int) any { return deploymentStatusBody(newest[i]) })
}

func (s *Server) createDeploymentStatus(w http.ResponseWriter, r *http.Request) {
	d := s.deploymentOf(w, r)
	if d == nil {
		return
	}
	var in struct {
		State        string `json:"state"`
		Description  string `json:"description"`
		Environment  string `json:"environment"`
		URL          string `json:"environment_url"`
		LogURL       string `json:"log_url"`
		AutoInactive *bool  `json:"auto_inactive"`
	}
	if !decodeJSON(w, r, &in) {
		return
	}
	switch {
	case !slices.Contains(deploymentStates, in.State):
		validationError("DeploymentStatus", "state", "custom", "state is not included in the list").ServeHTTP(w, r)
		return
	case utf8.RuneCountInString(in.Description) > longestDescription: // Shopify/shipit-engine#1004
		validationError("DeploymentStatus", "description", "custom", tooLong).ServeHTTP(w, r)
		return
	}
	if in.State == "success" && (in.AutoInactive == nil || *in.AutoInactive) {
		s.deactivateEarlier(d, accessOf(r).Login)
	}
	d.Environment = cmp.Or(in.Environment, d.Environment)
	status := DeploymentStatus{
		ID: s.state.nextID(), State: in.State, Description: in.Description, Environment: d.Environment, URL: in.URL,
		LogURL: in.LogURL, Creator: accessOf(r).Login, At: s.config.Now(),
	}
	d.Statuses = append(d.Statuses, status)
	reply(w, http.StatusCreated, deploymentStatusBody(status))
}

// deactivateEarlier makes earlier deployments to the same environment inactive if their state is
// success and they are neither transient nor to production (GitHub docs: Create a deployment
// status, auto_inactive).
func (s *Server) deactivateEarlier(by *Deployment, login string) {
	for _, d := range s.state.Deployments {
		if d.ID < by.ID && d.Environment == by.Environment && !d.Transient && !d.Production && d.State() == "success" {
			d.Statuses = append(d.Statuses, DeploymentStatus{
				ID: s.state.nextID(), State: "inactive", Environment: d.Environment, Creator: login, At: s.config.Now(),
			})
		}
	}
}

// deploymentOf returns the deployment that the request names. If the deployment does not exist,
// deploymentOf responds with 404 and returns nil.
func (s *Server) deploymentOf(w http.ResponseWriter, r *http.Request) *Deployment {
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	for _, d := range s.state.Deployments {
		if d.ID == id {
			return d
		}
	}
	Answer(http.StatusNotFound, "Not Found").ServeHTTP(w, r)
	return nil
}

func deploymentBody(d *Deployment) map[string]any {
	payload := d.Payload
	if len(payload) == 0 {
		payload = json.RawMessage("{}")
	}
	return map[string]any{
		"id": d.ID, "sha": d.SHA, "ref": d.Ref, "task": d.Task, "environment": d.Environment,
		"description": d.Description,
		"payload":     payload, "transient_environment": d.Transient, "production_environment": d.Production,
		"creator": accountBody(d.Creator), "created_at": timestamp(d.At), "updated_at": timestamp(d.At),
	}
}

func deploymentStatusBody(status DeploymentStatus) map[string]any {
	return map[string]any{
		"id": status.ID, "state": status.State, "description": status.Description, "environment": status.Environment,
		"environment_url": status.URL, "log_url": status.LogURL, "target_url": status.LogURL,
		"creator": accountBody(status.Creator), "created_at": timestamp(status.At), "updated_at": timestamp(status.At),
	}
}
