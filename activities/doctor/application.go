package doctor

import (
	"context"
	"fmt"
	"strings"

	"perch"
	"perch/cfn"
	"perch/lifecycle"
)

// absence is an error about something that does not exist, and need not exist. Its text is a
// sentence.
type absence struct{ sentence string }

// Error implements error.
func (a *absence) Error() string { return a.sentence }

// checkApplication checks one application stack, and returns its outputs.
func (d *Doctor) checkApplication(ctx context.Context, kind perch.Kind) (string, cfn.ApplicationOutputs, error) {
	var none cfn.ApplicationOutputs
	name := perch.ApplicationStackName(d.policy.Project, kind)
	stack, found, err := d.project.DescribeStack(ctx, name)
	if err != nil {
		return "", none, err
	}
	status := string(stack.StackStatus)
	switch {
	case !found && kind == perch.KindProduction:
		return "", none, &absence{fmt.Sprintf(
			"there is no stack %s; environments of kind production need it, and `perch application up --kind "+
				"production` makes it",
			name,
		)}
	case found && d.project.OwnsStack(ctx, stack) && lifecycle.InProgress(status):
		return "", none, fmt.Errorf("stack %s is %s; wait until that is over", name, status)
	case found && d.project.OwnsStack(ctx, stack) && strings.HasPrefix(status, "UPDATE") &&
		strings.HasSuffix(status, "_FAILED"):
		return "", none, fmt.Errorf(
			"stack %s is %s: continue its rollback in the CloudFormation console, where its events say what is wrong",
			name,
			status,
		)
	case found && d.project.OwnsStack(ctx, stack) &&
		(status == "ROLLBACK_COMPLETE" || !strings.HasSuffix(status, "_COMPLETE")):
		return "", none, fmt.Errorf(
			"stack %s is %s: see why in its events, delete it in the CloudFormation console, and "+
				"create it again with `perch application up --kind %s`",
			name,
			status,
			kind,
		)
	}
	outputs, err := d.project.ApplicationOutputs(ctx, kind)
	if err == nil {
		_, err = outputs.Profile(kind)
	}
	if err != nil {
		return "", outputs, err
	}
	detail := fmt.Sprintf("%s is %s", name, status)
	if outputs.LoadBalancerArn == "" {
		return detail, outputs, nil
	}
	use, err := d.quotas.Rules(ctx, outputs.LoadBalancerArn)
	if err == nil && use.Full() {
		err = fmt.Errorf("%s: remove an environment with `perch down BRANCH`, or use `load_balancer: dedicated`", use)
	}
	return detail + "; " + use.String(), outputs, err
}
