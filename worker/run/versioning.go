package run

import (
	"errors"

	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// Environment variables that enable Worker Versioning. Temporal's documentation and controller use
// the same names.
const (
	deploymentName = "TEMPORAL_DEPLOYMENT_NAME"
	buildID        = "TEMPORAL_WORKER_BUILD_ID"
)

// deployment reads the variables of Worker Versioning. If both are set, a run stays on the build
// that began it, and new runs go to the current build. If neither is set, every worker takes every
// run.
func deployment(env func(string) string) (worker.DeploymentOptions, error) {
	name, build := env(deploymentName), env(buildID)
	if name == "" && build == "" {
		return worker.DeploymentOptions{}, nil
	}
	if name == "" || build == "" {
		return worker.DeploymentOptions{}, errors.New("worker versioning needs both " + deploymentName + " and " +
			buildID + "; set both, or neither")
	}
	return worker.DeploymentOptions{
		UseVersioning: true, Version: worker.WorkerDeploymentVersion{DeploymentName: name, BuildID: build},
		DefaultVersioningBehavior: workflow.VersioningBehaviorPinned,
	}, nil
}
