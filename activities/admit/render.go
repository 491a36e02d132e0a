package admit

import (
	"context"

	"perch"
	"perch/activities/application"
	"perch/activities/awserr"
	"perch/activities/contract"
	"perch/activities/seed"
	"perch/cfn"
	"perch/cfn/custom"
	"perch/config"
)

// rendering is a template with everything that it was rendered from.
type rendering struct {
	environment perch.Environment
	commit      string
	kind        perch.Kind
	file        *config.File
	settings    perch.Settings
	// image is the image as perch.yaml names it. In settings, the image has its digest, if that is
	// known.
	image       string
	application cfn.ApplicationOutputs
	template    storedTemplate
	// exists means that the branch has a stack. defaultVersion means that no layer of perch.yaml
	// names the database's version.
	exists, defaultVersion bool
	// deployed has the options of the current template; the zero value if there is none, or if it
	// is to be replaced.
	deployed cfn.SetOptions
	// deployedBody and deployedParameters are the current template; nil if there is none, or if it
	// is to be replaced.
	deployedBody       []byte
	deployedParameters map[string]string
	// extendedSupport means that the existing database is enrolled in RDS Extended Support.
	extendedSupport bool
	// bundle is empty for a custom template. parameters and capability are empty for Perch's
	// template.
	bundle     []byte
	bundleKey  string
	parameters []cfn.Parameter
	capability string
	// custom is the custom template at the commit; nil if the environment has Perch's template.
	custom *custom.Template
}

// storedTemplate is a template whose key in the bucket has its hash.
type storedTemplate struct{ cfn.Template }

// key returns the template's key in the artifact bucket.
func (t storedTemplate) key() string { return "templates/" + t.Hash + ".json" }

// isCustom reports whether the environment has a custom template.
func (r rendering) isCustom() bool { return r.settings.Template != "" }

func (r rendering) sharesDatabase() bool {
	return r.settings.Database != nil && r.settings.Database.Mode == perch.DatabaseShared
}

// publish stores what was rendered, unless it is stored already, and records that it is admitted.
func (a *Admitter) publish(ctx context.Context, rendered rendering) (contract.RenderResult, error) {
	artifacts := rendered.application.ArtifactBucket
	if rendered.bundleKey != "" {
		if err := a.Applications.StoreObject(ctx, artifacts, rendered.bundleKey, rendered.bundle); err != nil {
			return contract.RenderResult{}, err
		}
	}
	if err := a.Applications.StoreObject(ctx, artifacts, rendered.template.key(), rendered.template.Body); err != nil {
		return contract.RenderResult{}, err
	}
	err := a.storeParameters(ctx, rendered)
	if err == nil && rendered.isCustom() {
		err = a.validate(ctx, rendered.settings.Template, a.Applications.ObjectURL(artifacts, rendered.template.key()))
	}
	if err == nil {
		err = a.allow(ctx, rendered)
	}
	return contract.RenderResult{
		Hash: rendered.template.Hash, Resources: rendered.template.Resources,
		SeedSteps: len(seed.Phase(rendered.file.Seed, false)), LaterSteps: len(seed.Phase(rendered.file.Seed, true)),
		SharedDatabase: rendered.sharesDatabase(),
	}, err
}

// allow records what was admitted, for the activities that act on it.
func (a *Admitter) allow(ctx context.Context, rendered rendering) error {
	return a.Applications.RecordAdmission(
		ctx,
		rendered.application.ArtifactBucket,
		rendered.environment,
		application.Admission{
			Commit: rendered.commit, Kind: rendered.kind, Template: rendered.template.key(),
			Hash:       rendered.template.Hash,
			Parameters: rendered.parametersKey(), Capability: rendered.capability, Custom: rendered.isCustom(),
			HealthPath: rendered.settings.HealthPath,
			Image:      rendered.image, Pinned: rendered.settings.Image,
		},
	)
}

// complete renders the template from the file, the settings and the outputs that made already has.
func (a *Admitter) complete(ctx context.Context, made rendering) (_ rendering, err error) {
	in := cfn.EnvironmentInput{
		Environment: made.environment, Kind: made.kind, Commit: made.commit, Policy: *a.Policy,
		Application: made.application, Seed: made.file.Seed,
	}
	if !made.isCustom() {
		if err := a.chooseVersion(ctx, &made); err != nil {
			return made, err
		}
		if in.Platform, err = a.platform(ctx, made.deployed); err != nil {
			return made, err
		}
		in.ExtendedSupport = made.extendedSupport
	}
	in.Settings = made.settings
	rendered, err := cfn.Render(in, made.custom)
	if err != nil {
		return made, awserr.Final(perch.ErrorInvalid, "%v", err)
	}
	made.template.Template, made.bundle, made.bundleKey = rendered.Template, rendered.Bundle, rendered.BundleKey
	made.parameters, made.capability = rendered.Given(), rendered.Capability
	return made, nil
}

// platform returns what the environment runs on. This is the ARN of the platform's newest version,
// which an update may change, or the solution stack of an environment that was created with one.
func (a *Admitter) platform(ctx context.Context, deployed cfn.SetOptions) (string, error) {
	if deployed.SolutionStack != "" {
		return deployed.SolutionStack, nil
	}
	return a.Beanstalk.NewestPlatform(ctx)
}

// chooseVersion sets the version of a dedicated database. A database that is restored has the
// version of its snapshot.
func (a *Admitter) chooseVersion(ctx context.Context, made *rendering) error {
	database := made.settings.Database
	if made.isCustom() || database == nil || database.Mode == perch.DatabaseShared {
		return nil
	}
	var running application.RunningDatabase
	if made.exists {
		var err error
		if running, err = a.Applications.RunningDatabase(
			ctx, made.environment.StackName(), cfn.DatabaseID,
		); err != nil {
			return err
		}
	}
	named := database.Version
	if made.defaultVersion {
		named = ""
	}
	settled := *database
	made.settings.Database, made.extendedSupport = &settled, running.Extended
	if database.Mode == perch.DatabaseSnapshot {
		return nil
	}
	var err error
	settled.Version, err = running.Version(named)
	return err
}
