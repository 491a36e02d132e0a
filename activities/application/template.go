package application

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"perch"
	"perch/activities/awserr"
	"perch/cfn"
)

// Template is a template in the form that CreateStack and UpdateStack take.
type Template struct {
	URL          string
	Parameters   []types.Parameter
	Capabilities []types.Capability
}

// AdmittedTemplate returns the admitted template with this hash.
func (s *Stacks) AdmittedTemplate(
	ctx context.Context,
	environment perch.Environment,
	kind perch.Kind,
	hash string,
) (Template, error) {
	allowed, bucket, err := s.Admitted(ctx, environment, kind, hash)
	if err != nil {
		return Template{}, err
	}
	template := Template{URL: s.ObjectURL(bucket, allowed.Template), Capabilities: capabilities(allowed.Capability)}
	if allowed.Parameters != "" {
		template.Parameters, err = s.parameters(ctx, bucket, allowed.Parameters)
	}
	return template, err
}

// parameters reads the parameters that package admit stored.
func (s *Stacks) parameters(ctx context.Context, bucket, key string) (parameters []types.Parameter, err error) {
	body, err := s.ReadObject(ctx, bucket, key)
	if err != nil {
		return nil, awserr.Wrap(err, "read parameters %s in bucket %s", key, bucket)
	}
	var stored []cfn.Parameter
	if err := json.Unmarshal(body, &stored); err != nil {
		return nil, fmt.Errorf("read parameters %s in bucket %s: %w", key, bucket, err)
	}
	for _, p := range stored {
		parameters = append(
			parameters,
			types.Parameter{ParameterKey: aws.String(p.Name), ParameterValue: aws.String(p.Value)},
		)
	}
	return parameters, nil
}

func capabilities(name string) []types.Capability {
	if name == "" {
		return nil
	}
	return []types.Capability{types.Capability(name)}
}
