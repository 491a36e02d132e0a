package conformance

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
)

var platformAssumptions = []Assumption{
	{
		Name: "elasticbeanstalk/newest-platform",
		Sentence: "ListAvailableSolutionStacks lists the platforms named `64bit Amazon Linux 2023 vX.Y.Z running " +
			"Docker` newest first.",
		Source: beanstalkGuide + "concepts.platforms.html", ReliedOn: "activities/application/application.go",
		Minutes: 1,
		check: func(ctx context.Context, w *World) error {
			_, err := w.platform(ctx)
			return err
		},
	},
	{
		Name:     "elasticbeanstalk/platform-is-updated",
		Sentence: "An update to another PlatformArn does not replace the environment.",
		Source:   environmentDoc, ReliedOn: "cfn/environment.go", Cents: 1, Minutes: 25, check: checkPlatformUpdate,
	},
	{
		Name: "elasticbeanstalk/switch-to-platform-arn",
		Sentence: "An update that names the same platform by PlatformArn instead of SolutionStackName does not " +
			"replace the environment.",
		Source:   "not documented; a change of SolutionStackName replaces the environment",
		ReliedOn: "cfn/environment.go", Cents: 1, Minutes: 25, check: checkSwitchToARN,
		Sandbox: "it replaces the environment, as the documentation says of SolutionStackName",
	},
}

// platforms returns the names of the versions of the Docker platform, in Beanstalk's order.
func (w *World) platforms(ctx context.Context) ([]string, error) {
	out, err := w.beanstalk.ListAvailableSolutionStacks(ctx, &elasticbeanstalk.ListAvailableSolutionStacksInput{})
	if err := wantAccepted("ListAvailableSolutionStacks", err); err != nil {
		return nil, err
	}
	var names []string
	for _, name := range out.SolutionStacks {
		if version(name) != [3]int{} && strings.HasSuffix(name, " running Docker") {
			names = append(names, name)
		}
	}
	return names, nil
}

// version returns the version of an Amazon Linux 2023 platform. The result is zero for any other
// platform.
func version(platform string) (v [3]int) {
	_, err := fmt.Sscanf(platform, "64bit Amazon Linux 2023 v%d.%d.%d running", &v[0], &v[1], &v[2])
	if err != nil {
		return [3]int{}
	}
	return v
}

// platform returns the newest Docker platform, which Beanstalk lists first.
func (w *World) platform(ctx context.Context) (string, error) {
	names, err := w.platforms(ctx)
	if err != nil {
		return "", err
	}
	if len(names) == 0 {
		return "", differencef("Beanstalk lists no platform for Docker")
	}
	for _, name := range names[1:] {
		first, other := version(names[0]), version(name)
		if slices.Compare(other[:], first[:]) > 0 {
			return "", differencef("the first platform in the list is %q, but %q is newer", names[0], name)
		}
	}
	return names[0], nil
}

// platformProperty returns the property that sets an environment's platform by its ARN.
func (w *World) platformProperty(name string) string {
	v := version(name)
	return fmt.Sprintf(`PlatformArn: "arn:aws:elasticbeanstalk:%s::platform/`+
		`Docker running on 64bit Amazon Linux 2023/%d.%d.%d"`, w.target.Config.Region, v[0], v[1], v[2])
}

// wantNotReplaced creates an environment on one platform, updates it to another, and checks that
// the update did not replace the environment.
func (w *World) wantNotReplaced(ctx context.Context, name, before, after string) error {
	stack, err := w.createStack(ctx, "", w.applicationTemplate(before, name, ""))
	if err != nil {
		return err
	}
	first, err := w.environmentID(ctx, name)
	if err != nil {
		return err
	}
	updated := w.applicationTemplate(after, name, "")
	if err := w.updateStack(ctx, stack, updated, types.StackStatusUpdateComplete); err != nil {
		return err
	}
	second, err := w.environmentID(ctx, name)
	if err == nil && first != second {
		err = differencef("the update replaced the environment %s by %s", first, second)
	}
	return err
}

func (w *World) environmentID(ctx context.Context, name string) (string, error) {
	found, err := w.environments(ctx, name, false)
	if err != nil || len(found) != 1 {
		return "", errorOrDifference(err, "the environment is not listed")
	}
	return aws.ToString(found[0].EnvironmentId), nil
}

func checkPlatformUpdate(ctx context.Context, w *World) error {
	names, err := w.platforms(ctx)
	if err != nil {
		return err
	}
	if len(names) < 2 {
		return fmt.Errorf("the list has only %d versions of the platform, and the check needs two", len(names))
	}
	return w.wantNotReplaced(
		ctx, w.environmentName("-patch"), w.platformProperty(names[1]), w.platformProperty(names[0]),
	)
}

func checkSwitchToARN(ctx context.Context, w *World) error {
	platform, err := w.platform(ctx)
	if err != nil {
		return err
	}
	return w.wantNotReplaced(
		ctx, w.environmentName("-change"), "SolutionStackName: "+platform, w.platformProperty(platform),
	)
}
