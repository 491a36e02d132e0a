package github

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	api "github.com/google/go-github/v60/github"

	"perch"
	"perch/report"
)

// deployments tells the state of the commit's deployment, and that earlier ones are inactive.
func (d *delivery) deployments(ctx context.Context) error {
	if d.card.State.Phase == perch.PhaseGone {
		d.retire("")
		return d.retireEarlier(ctx, report.Removed(d.card.State))
	}
	wanted, concerns := report.Deployment(d.card.State)
	if !concerns {
		return nil
	}
	commit := d.card.State.Commit
	d.retire(commit)
	if d.memory.Deployment == nil {
		found, err := d.deployment(ctx, commit)
		if err != nil {
			return err
		}
		d.memory.Deployment = found
	}
	if err := d.deploymentStatus(ctx, d.memory.Deployment, wanted); err != nil {
		return err
	}
	return d.retireEarlier(ctx, report.Retired(commit))
}

// retire lets the last deployment be an earlier one, unless it is the commit's.
func (d *delivery) retire(commit string) {
	if last := d.memory.Deployment; last != nil && last.Commit != commit {
		d.memory.Earlier = append(d.memory.Earlier, *last)
		d.memory.Deployment = nil
	}
	for i, earlier := range d.memory.Earlier {
		if earlier.Commit == commit && commit != "" {
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
		if stays(earlier) {
			left = append(left, earlier)
			continue
		}
		if err := d.deploymentStatus(ctx, &earlier, retired); err != nil && !isMissing(err) {
			left, failure = append(left, earlier), err
		}
	}
	d.memory.Earlier = left
	return failure
}

// deployment finds the deployment of the commit, or creates it.
func (d *delivery) deployment(ctx context.Context, commit string) (*perch.GitHubDeployment, error) {
	task := "perch:" + d.card.Environment.StackName()
	listed, _, err := d.client.Repositories.ListDeployments(ctx, d.owner, d.name, &api.DeploymentsListOptions{
		SHA: commit, Task: task, Environment: d.wants.Environment, ListOptions: api.ListOptions{PerPage: 1},
	})
	if err != nil {
		return nil, err
	}
	if len(listed) > 0 {
		return &perch.GitHubDeployment{ID: listed[0].GetID(), Commit: commit}, nil
	}
	request := &api.DeploymentRequest{
		Ref: &commit, Task: &task, Environment: &d.wants.Environment, AutoMerge: api.Bool(false),
		RequiredContexts:     &[]string{},
		TransientEnvironment: api.Bool(true), ProductionEnvironment: api.Bool(false),
		Payload: map[string]string{
			"branch": d.card.Environment.Branch, "stack": d.card.StackID, "run": d.card.State.RunID,
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
	if isMissing(err) && of == d.memory.Deployment { // It was deleted: the next delivery creates another one.
		d.memory.Deployment = nil
	}
	if err != nil {
		return err
	}
	of.State, of.Description = wanted.State, wanted.Description
	return nil
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
