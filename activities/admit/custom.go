package admit

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"perch"
	"perch/activities/awserr"
	"perch/activities/sourceerr"
	"perch/cfn"
	"perch/cfn/custom"
	"perch/config"
	"perch/lifecycle"
)

// customTemplate reads the custom template that the settings name, at the commit. If the template
// is missing or wrong, the error is a *perch.Rejection.
func (a *Admitter) customTemplate(
	ctx context.Context,
	commit string,
	settings perch.Settings,
) (*custom.Template, error) {
	data, found, err := a.Branches.File(ctx, commit, settings.Template)
	if fault := sourceerr.CommitFault(err); fault != "" {
		return nil, perch.Reject("%s", fault)
	}
	if err != nil {
		return nil, sourceerr.Wrap(err, "read %s at %s", settings.Template, commit)
	}
	if !found {
		return nil, perch.Reject(
			"commit %s has no file %s, which %s names as template; commit it, or correct `template`",
			commit,
			settings.Template,
			config.FileName,
		)
	}
	template, err := custom.Read(settings.Template, data)
	if err != nil {
		return nil, perch.Reject("%v", err)
	}
	return template, nil
}

// admitCustom reads the custom template and checks it against the policy. If the policy rejects it,
// the error is a *perch.Rejection that says why.
func (a *Admitter) admitCustom(
	ctx context.Context,
	admission lifecycle.Admission,
	origins config.Origins,
) (*custom.Template, error) {
	template, err := a.customTemplate(ctx, admission.Request.Commit, admission.Wanted.Settings)
	if err != nil {
		return nil, err
	}
	environment, err := perch.NewEnvironment(admission.Request.Project, admission.Request.Branch)
	if err != nil {
		return nil, perch.Reject("%v", err)
	}
	in := cfn.EnvironmentInput{
		Environment: environment, Kind: admission.Wanted.Kind, Commit: admission.Request.Commit,
		Settings: admission.Wanted.Settings, Policy: *a.Policy, Seed: admission.Wanted.Seed,
		Origin: func(path string) string { return origins[path] },
	}
	if err := template.Admit(in); err != nil {
		return nil, perch.Reject("%v", err)
	}
	return template, nil
}

// storeParameters stores the parameters next to the template. The template's hash includes them.
func (a *Admitter) storeParameters(ctx context.Context, rendered rendering) error {
	key := rendered.parametersKey()
	if key == "" {
		return nil
	}
	body, err := json.Marshal(rendered.parameters)
	if err != nil {
		return fmt.Errorf("store parameters: %w", err)
	}
	return a.Applications.StoreObject(ctx, rendered.application.ArtifactBucket, key, body)
}

// validate has CloudFormation check a stored template before anything is changed, because
// CloudFormation finds errors that Perch does not.
func (a *Admitter) validate(ctx context.Context, path, url string) error {
	_, err := a.cfn.ValidateTemplate(ctx, &cloudformation.ValidateTemplateInput{TemplateURL: &url})
	return awserr.Wrap(err, "validate template %s", path)
}

// parametersKey returns the key of the template's parameters; empty if it has none.
func (r rendering) parametersKey() string {
	if len(r.parameters) == 0 {
		return ""
	}
	return "templates/" + r.template.Hash + ".parameters.json"
}

// values returns the parameters by name.
func values(parameters []cfn.Parameter) map[string]string {
	byName := map[string]string{}
	for _, p := range parameters {
		byName[p.Name] = p.Value
	}
	return byName
}
