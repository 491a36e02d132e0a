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

var platformBeliefs = []Belief{
	{
		Name: "elasticbeanstalk/newest-platform",
		Sentence: "ListAvailableSolutionStacks lists platforms named `64bit Amazon Linux 2023 vX.Y.Z running " +
			"Docker`, the " +
			"newest first.",
		Source: beanstalkGuide + "concepts.platforms.html", ReliedOn: "activities/application/application.go",
		Minutes: 1,
		check: func(ctx context.Context, w *World) error {
			_, err := w.platform(ctx)
			return err
		},
	},
	{
		Name:     "elasticbeanstalk/platform-is-updated",
		Sentence: "An update to another PlatformArn keeps the environment.",
		Source:   environmentDoc, ReliedOn: "cfn/environment.go", Cents: 1, Minutes: 25, check: checkPlatformUpdate,
	},
	{
		Name: "elasticbeanstalk/change-over-to-platform-arn",
		Sentence: "An update that names the same platform by PlatformArn in place of SolutionStackName keeps the " +
			"environment.",
		Source:   "not documented; a change of SolutionStackName replaces the environment",
		ReliedOn: "cfn/environment.go", Cents: 1, Minutes: 25, check: checkChangeOver,
		Sandbox: "it replaces the environment, as the documentation says of SolutionStackName",
	},
}

// platforms returns the names of the versions of the Docker platform, as Beanstalk lists them.
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

// version returns the version of an Amazon Linux 2023 platform; zero for any other platform.
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
		return "", differs("no platform for Docker is listed")
	}
	for _, name := range names[1:] {
		first, other := version(names[0]), version(name)
		if slices.Compare(other[:], first[:]) > 0 {
			return "", differs("the first platform is %q, and %q is newer", names[0], name)
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

// staysThrough creates an environment on one platform, updates it to another, and checks that the
// update did not replace it.
func (w *World) staysThrough(ctx context.Context, name, before, after string) error {
	stack, err := w.create(ctx, "", w.applicationOn(before, name, ""))
	if err != nil {
		return err
	}
	first, err := w.environmentID(ctx, name)
	if err != nil {
		return err
	}
	if err := w.update(ctx, stack, w.applicationOn(after, name, ""), types.StackStatusUpdateComplete); err != nil {
		return err
	}
	second, err := w.environmentID(ctx, name)
	if err == nil && first != second {
		err = differs("the environment was %s and is %s", first, second)
	}
	return err
}

func (w *World) environmentID(ctx context.Context, name string) (string, error) {
	found, err := w.environments(ctx, name, false)
	if err != nil || len(found) != 1 {
		return "", orDiffers(err, "the environment is not listed")
	}
	return aws.ToString(found[0].EnvironmentId), nil
}

func checkPlatformUpdate(ctx context.Context, w *World) error {
	names, err := w.platforms(ctx)
	if err != nil {
		return err
	}
	if len(names) < 2 {
		return fmt.Errorf("only %d versions of the platform are offered, and an update needs two", len(names))
	}
	return w.staysThrough(ctx, w.environmentName("-patch"), w.platformProperty(names[1]), w.platformProperty(names[0]))
}

func checkChangeOver(ctx context.Context, w *World) error {
	platform, err := w.platform(ctx)
	if err != nil {
		return err
	}
	return w.staysThrough(
		ctx, w.environmentName("-change"), "SolutionStackName: "+platform, w.platformProperty(platform),
	)
}
