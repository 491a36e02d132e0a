package github

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	api "github.com/google/go-github/v60/github"

	"perch"
	"perch/report"
)

// deployments tells the state of the commit's deployment, and that earlier ones are inactive.
func (d *delivery) deployments(ctx context.Context) error {
	if d.card.State.Phase == perch.PhaseGone {
		d.retire("")
		if err := d.adopt(ctx, ""); err != nil {
			return err
		}
		return d.retireEarlier(ctx, report.Removed(d.card.State))
	}
	wanted, concerns := report.Deployment(d.card.State)
	if !concerns {
		return nil
	}
	commit := d.card.State.Commit
	d.retire(commit)
	if err := d.adopt(ctx, commit); err != nil {
		return err
	}
	err := d.currentDeployment(ctx, commit, wanted)
	if isDeleted(err) {
		d.memory.Deployment = nil
		err = d.currentDeployment(ctx, commit, wanted)
	}
	if err != nil {
		return err
	}
	return d.retireEarlier(ctx, report.Retired(commit))
}

// currentDeployment tells the state of the commit's deployment, and creates it if there is none.
func (d *delivery) currentDeployment(ctx context.Context, commit string, wanted report.Line) error {
	if d.memory.Deployment == nil {
		made, err := d.createDeployment(ctx, commit)
		if err != nil {
			return err
		}
		d.memory.Deployment, d.memory.Intended = made, nil
	}
	return d.deploymentStatus(ctx, d.memory.Deployment, wanted)
}

// retire lets the last deployment be an earlier one, unless it is the commit's.
func (d *delivery) retire(commit string) {
	if last := d.memory.Deployment; last != nil && last.Commit != commit {
		d.memory.Earlier = append(d.memory.Earlier, *last)
		d.memory.Deployment = nil
	}
	for i, earlier := range d.memory.Earlier {
		if d.memory.Deployment == nil && earlier.Commit == commit && commit != "" {
			d.memory.Deployment = &earlier
			d.memory.Earlier = append(d.memory.Earlier[:i:i], d.memory.Earlier[i+1:]...)
			return
		}
	}
}

// retireEarlier makes earlier deployments inactive. One that was a success stays until the next one
// is: it is what is up.
func (d *delivery) retireEarlier(ctx context.Context, retired report.Line) error {
	stays := func(earlier perch.GitHubDeployment) bool {
		return earlier.State == report.DeploymentSuccess && d.card.State.Phase != perch.PhaseReady &&
			d.card.State.Phase != perch.PhaseGone
	}
	var left []perch.GitHubDeployment
	var failure error
	for _, earlier := range d.memory.Earlier {
		if stays(earlier) || d.isDenied(failure) {
			left = append(left, earlier)
			continue
		}
		if err := d.deploymentStatus(ctx, &earlier, retired); err != nil && !isDeleted(err) {
			left, failure = append(left, earlier), err
		}
	}
	d.memory.Earlier = left
	return failure
}

// isDenied reports whether GitHub has denied a call, and would deny the next one.
func (d *delivery) isDenied(err error) bool {
	status, _ := d.access.Answer(err)
	return status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusNotFound
}

// mostAdopted is how many deployments are looked at, the newest first, if the card remembers none:
// each costs a call.
const mostAdopted = 30

// adopt enters deployments into the memory that GitHub has and the memory lacks: the commit's, and
// the branch's earlier ones that are not inactive. If the memory is empty, the card may have been
// lost, and all deployments are looked at. Otherwise only those whose creation got no answer are.
func (d *delivery) adopt(ctx context.Context, commit string) error {
	if d.memory.Deployment == nil && len(d.memory.Earlier) == 0 {
		return d.adoptAll(ctx, commit)
	}
	intended := slices.Clone(d.memory.Intended)
	if commit != "" && !slices.Contains(intended, commit) {
		intended = append(intended, commit)
	}
	for _, each := range intended {
		if d.knows(each) {
			continue
		}
		found, err := d.find(ctx, each)
		switch {
		case err != nil:
			return err
		case len(found) == 0:
		case each == commit:
			d.memory.Deployment = &perch.GitHubDeployment{ID: found[0].GetID(), Commit: each}
		default:
			d.memory.Earlier = append(d.memory.Earlier, perch.GitHubDeployment{ID: found[0].GetID(), Commit: each})
		}
	}
	d.settleIntents(commit)
	return nil
}

// adoptAll is adopt for an empty memory.
func (d *delivery) adoptAll(ctx context.Context, commit string) error {
	found, err := d.find(ctx, "")
	if err != nil {
		return err
	}
	var (
		latest  *perch.GitHubDeployment
		earlier []perch.GitHubDeployment
	)
	for _, each := range found[:min(mostAdopted, len(found))] {
		known := perch.GitHubDeployment{ID: each.GetID(), Commit: each.GetSHA()}
		if latest == nil && known.Commit == commit {
			latest = &known
			continue
		}
		said, _, err := d.client.Repositories.ListDeploymentStatuses(
			ctx, d.owner, d.name, known.ID, &api.ListOptions{PerPage: 1},
		)
		if err != nil {
			return err
		}
		if len(said) > 0 {
			known.State, known.Description = said[0].GetState(), said[0].GetDescription()
		}
		if known.State != report.DeploymentInactive {
			earlier = append(earlier, known)
		}
	}
	d.memory.Deployment, d.memory.Earlier = latest, earlier
	d.settleIntents(commit)
	return nil
}

// settleIntents forgets which deployments were about to be created, except that of the commit if it
// does not exist yet.
func (d *delivery) settleIntents(commit string) {
	d.memory.Intended = nil
	if commit != "" && d.memory.Deployment == nil {
		d.memory.Intended = []string{commit}
	}
}

// knows reports whether the memory has a deployment of the commit.
func (d *delivery) knows(commit string) bool {
	if last := d.memory.Deployment; last != nil && last.Commit == commit {
		return true
	}
	return slices.ContainsFunc(
		d.memory.Earlier, func(e perch.GitHubDeployment) bool { return e.Commit == commit },
	)
}

// find lists the environment's deployments of a commit, or of all commits if it is empty, the
// newest first. Perch creates each with the environment's task and its branch.
func (d *delivery) find(ctx context.Context, commit string) (ours []*api.Deployment, err error) {
	listed, _, err := d.client.Repositories.ListDeployments(ctx, d.owner, d.name, &api.DeploymentsListOptions{
		SHA: commit, Task: d.task(), Environment: d.wants.Environment, ListOptions: api.ListOptions{PerPage: pageSize},
	})
	for _, each := range listed {
		var payload deploymentPayload
		if json.Unmarshal(each.Payload, &payload) == nil && payload.Branch == d.card.Environment.Branch {
			ours = append(ours, each)
		}
	}
	return ours, err
}

// task is the name by which GitHub lists the deployments of the environment alone.
func (d *delivery) task() string { return "perch:" + d.card.Environment.StackName() }

// deploymentPayload says whose deployment it is.
type deploymentPayload struct {
	Branch string `json:"branch"`
	Stack  string `json:"stack"`
	Run    string `json:"run"`
}

// createDeployment creates the deployment of the commit.
func (d *delivery) createDeployment(ctx context.Context, commit string) (*perch.GitHubDeployment, error) {
	task := d.task()
	request := &api.DeploymentRequest{
		Ref: &commit, Task: &task, Environment: &d.wants.Environment, AutoMerge: api.Bool(false),
		RequiredContexts:     &[]string{},
		TransientEnvironment: api.Bool(true), ProductionEnvironment: api.Bool(false),
		Payload: deploymentPayload{
			Branch: d.card.Environment.Branch, Stack: d.card.StackID, Run: d.card.State.RunID,
		},
	}
	var made *api.Deployment
	if err := d.write(func() (response *api.Response, err error) {
		made, response, err = d.client.Repositories.CreateDeployment(ctx, d.owner, d.name, request)
		return response, err
	}); err != nil {
		return nil, err
	}
	if made.GetID() == 0 {
		return nil, errors.New("GitHub created no deployment")
	}
	return &perch.GitHubDeployment{ID: made.GetID(), Commit: commit}, nil
}

// deploymentStatus tells the state of a deployment, if it is another one than was told last.
func (d *delivery) deploymentStatus(ctx context.Context, of *perch.GitHubDeployment, wanted report.Line) error {
	if of.State == wanted.State && of.Description == wanted.Description {
		return nil
	}
	request := &api.DeploymentStatusRequest{
		State: &wanted.State, Description: &wanted.Description, AutoInactive: api.Bool(false),
	}
	if wanted.URL != "" {
		request.EnvironmentURL = &wanted.URL
	}
	if run := d.runURL(); run != "" {
		request.LogURL = &run
	}
	err := d.write(func() (response *api.Response, err error) {
		_, response, err = d.client.Repositories.CreateDeploymentStatus(ctx, d.owner, d.name, of.ID, request)
		return response, err
	})
	if isMissing(err) {
		err = d.whetherDeleted(ctx, of.ID, err)
	}
	if err != nil {
		return err
	}
	of.State, of.Description = wanted.State, wanted.Description
	return nil
}

// deleted says that GitHub no longer has a deployment.
type deleted struct{ error }

func (d deleted) Unwrap() error { return d.error }

func isDeleted(err error) bool {
	var gone deleted
	return errors.As(err, &gone)
}

// whetherDeleted returns missing, GitHub's answer that it does not have a deployment, as deleted if
// that is so. GitHub gives the same answer for what the token may not see or write.
func (d *delivery) whetherDeleted(ctx context.Context, id int64, missing error) error {
	if _, _, err := d.client.Repositories.GetDeployment(ctx, d.owner, d.name, id); !isMissing(err) {
		return missing
	}
	if _, _, err := d.client.Repositories.ListDeployments(ctx, d.owner, d.name, &api.DeploymentsListOptions{
		ListOptions: api.ListOptions{PerPage: 1},
	}); err != nil {
		return missing
	}
	return deleted{missing}
}

// statuses tells the commit status of the state's commit, and of the commits of requests that were
// superseded.
func (d *delivery) statuses(ctx context.Context) error {
	var left []perch.CardState
	var failure error
	for _, ended := range d.card.Ended {
		wanted, concerns := report.Status(ended)
		if !concerns || ended.Commit == d.card.State.Commit {
			continue
		}
		if err := d.status(ctx, ended.Commit, wanted); err != nil {
			left, failure = append(left, ended), err
		}
	}
	d.card.Ended = left
	wanted, concerns := report.Status(d.card.State)
	if !concerns {
		return failure
	}
	set := perch.GitHubStatus{Commit: d.card.State.Commit, State: wanted.State, Description: wanted.Description}
	if d.memory.Status != nil && *d.memory.Status == set {
		return failure
	}
	if err := d.status(ctx, set.Commit, wanted); err != nil {
		return err
	}
	d.memory.Status = &set
	return failure
}

func (d *delivery) status(ctx context.Context, commit string, wanted report.Line) error {
	status := &api.RepoStatus{
		State: &wanted.State, Description: &wanted.Description,
		Context: api.String("perch/" + d.card.Environment.Project),
	}
	if target := cmp.Or(wanted.URL, d.runURL()); target != "" {
		status.TargetURL = &target
	}
	return d.write(func() (response *api.Response, err error) {
		_, response, err = d.client.Repositories.CreateStatus(ctx, d.owner, d.name, commit, status)
		return response, err
	})
}

// isMissing reports whether GitHub does not have what was requested.
func isMissing(err error) bool {
	var answer *api.ErrorResponse
	return errors.As(err, &answer) && answer.Response.StatusCode == http.StatusNotFound
}
