package branch

import (
	"context"

	"perch"
	"perch/activities/sourceerr"
	"perch/config"
)

// ReadDeployedConfig is like ReadConfig, for a commit that was deployed. It also rejects a commit
// that the repository no longer has.
func (r *Reader) ReadDeployedConfig(ctx context.Context, commit string) (*config.File, error) {
	has, err := r.Source.HasCommit(ctx, commit)
	if err != nil {
		return nil, sourceerr.Wrap(err, "look for commit %s", commit)
	}
	if !has {
		return nil, perch.Reject("the repository %s has no commit %s; push it first", r.policy.Repository, commit)
	}
	return r.ReadConfig(ctx, commit)
}

// ReadConfig reads perch.yaml at the commit. If the file does not exist or has an error, the error
// is a *perch.Rejection.
func (r *Reader) ReadConfig(ctx context.Context, commit string) (*config.File, error) {
	data, found, err := r.Source.File(ctx, commit, config.FileName)
	if fault := sourceerr.CommitFault(err); fault != "" {
		return nil, perch.Reject("%s", fault)
	}
	if err != nil {
		return nil, sourceerr.Wrap(err, "read %s at %s", config.FileName, commit)
	}
	if !found {
		return nil, perch.Reject(
			"commit %s has no %s in its root; `perch config init` writes one: commit it and push",
			commit,
			config.FileName,
		)
	}
	file, err := config.Read(config.FileName, data)
	if err != nil {
		return nil, perch.Reject("%v", err)
	}
	return file, nil
}
