package run

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/goccy/go-yaml"

	"perch"
	"perch/activities/awserr"
	"perch/config"
	"perch/source"
)

const policyUsage = `perch-worker policy init writes the policy of a new installation from the outputs of its stack.

Usage: perch-worker policy init --from-stack NAME [--out FILE] [--region REGION] [--repo DIR]

  --from-stack NAME  the stack of deploy/bootstrap.yaml, such as perch-bootstrap
  --out FILE         the file to write; one that exists is not replaced (default policy.yaml)
  --region REGION    where the stack is (default: as for every AWS client, AWS_REGION or the profile)
  --repo DIR         the project's Git checkout, whose origin names the repository (default the current folder)

AWS credentials are found as every AWS client finds them. The command reads the stack and the hosted zone, and changes
nothing on AWS.
`

// policyInit has the flags of `perch-worker policy init`.
type policyInit struct {
	stack, out, region, repo string
}

// configurationError is an error in the caller's input, as opposed to one of AWS. The exit code is
// 2.
type configurationError struct{ error }

func misconfigured(format string, args ...any) error {
	return configurationError{fmt.Errorf(format, args...)}
}

// policyMain runs `worker policy ARGS`.
func policyMain(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var p policyInit
	flags := flag.NewFlagSet("perch-worker policy init", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&p.stack, "from-stack", "", "")
	flags.StringVar(&p.out, "out", "policy.yaml", "")
	flags.StringVar(&p.region, "region", "", "")
	flags.StringVar(&p.repo, "repo", ".", "")
	err := errors.New("the one command below `worker policy` is init")
	if len(args) > 0 && args[0] == "init" {
		err = flags.Parse(args[1:])
	}
	switch {
	case errors.Is(err, flag.ErrHelp) || len(args) == 1 && (args[0] == "-h" || args[0] == "--help"):
		fmt.Fprint(stdout, policyUsage)
		return 0
	case err != nil || flags.NArg() > 0:
		fmt.Fprintf(stderr, "perch-worker: %v\n\n%s", wrongUsage(err, flags.Args()), policyUsage)
		return 2
	case p.stack == "":
		fmt.Fprintf(stderr, "perch-worker: which stack? Give --from-stack NAME, the stack of deploy/bootstrap.yaml\n")
		return 2
	}
	if err := p.run(ctx); err != nil {
		fmt.Fprintf(stderr, "perch-worker: %v\n", err)
		if errors.As(err, &configurationError{}) {
			return 2
		}
		return 1
	}
	fmt.Fprintf(stdout, "%s is written. Read it: it is what the worker will do at all.\n", p.out)
	return 0
}

// run collects everything that can fail and then writes the file.
func (p policyInit) run(ctx context.Context) error {
	if _, err := os.Lstat(p.out); err == nil {
		return misconfigured("%s exists and was not overwritten: give --out with another name, or move it away", p.out)
	}
	checkout, err := source.OpenCheckout(p.repo)
	if err != nil {
		return configurationError{err}
	}
	if checkout.Origin == "" {
		return misconfigured(
			"the checkout %s has no remote named origin, so nothing says where the worker reads branches: add it with "+
				"`git remote add origin ADDRESS`",
			checkout.Dir,
		)
	}
	cfg, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithRegion(p.region))
	if err != nil {
		return misconfigured("read AWS settings: %w", err)
	}
	if cfg.Region == "" {
		return misconfigured("which region? Give --region, or set AWS_REGION")
	}
	outputs, account, err := p.outputs(ctx, cfg)
	if err != nil {
		return err
	}
	domain, err := domainOf(ctx, cfg, outputs["HostedZoneId"])
	if err != nil {
		return err
	}
	return p.write(policyText(p.stack, account, cfg.Region, domain, checkout, outputs))
}

// outputs returns the outputs of the stack, and the account that the stack is in.
func (p policyInit) outputs(ctx context.Context, cfg aws.Config) (map[string]string, string, error) {
	described, err := cloudformation.NewFromConfig(cfg).
		DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &p.stack})
	if err != nil {
		return nil, "", fmt.Errorf(
			"describe stack %s in %s: %w; create it with `aws cloudformation deploy --template-file "+
				"deploy/bootstrap.yaml --stack-name %s`, or check --region and the credentials",
			p.stack,
			cfg.Region,
			awserr.Said(err),
			p.stack,
		)
	}
	stack := described.Stacks[0]
	switch stack.StackStatus {
	case types.StackStatusCreateComplete, types.StackStatusUpdateComplete, types.StackStatusUpdateRollbackComplete:
	default:
		return nil, "", fmt.Errorf(
			"stack %s is %s: wait until it is complete, or see why it is not with `aws cloudformation "+
				"describe-stack-events --stack-name %s`",
			p.stack,
			stack.StackStatus,
			p.stack,
		)
	}
	all := map[string]string{}
	for _, output := range stack.Outputs {
		all[aws.ToString(output.OutputKey)] = aws.ToString(output.OutputValue)
	}
	for _, name := range []string{"Project", "ServiceRole", "VpcId", "SubnetIds"} {
		if all[name] == "" {
			return nil, "", fmt.Errorf(
				"stack %s has no output %s: name a stack of deploy/bootstrap.yaml", p.stack, name,
			)
		}
	}
	return all, strings.Split(aws.ToString(stack.StackId), ":")[4], nil
}

// domainOf returns the domain of a hosted zone, which is the name of its first record.
func domainOf(ctx context.Context, cfg aws.Config, zone string) (string, error) {
	if zone == "" {
		return "", nil
	}
	out, err := route53.NewFromConfig(cfg).
		ListResourceRecordSets(ctx, &route53.ListResourceRecordSetsInput{HostedZoneId: &zone, MaxItems: aws.Int32(1)})
	if err != nil {
		return "", fmt.Errorf("read hosted zone %s: %w", zone, awserr.Said(err))
	}
	if len(out.ResourceRecordSets) == 0 {
		return "", fmt.Errorf(
			"hosted zone %s has no records, so it does not say its domain: write the policy by hand (docs/policy.md)",
			zone,
		)
	}
	return strings.TrimSuffix(aws.ToString(out.ResourceRecordSets[0].Name), "."), nil
}

// policyText returns the text of the policy for these outputs.
func policyText(
	stack, account, region, domain string,
	checkout *source.Checkout,
	outputs map[string]string,
) ([]byte, error) {
	repository := perch.NormalizeRepository(checkout.Origin)
	from := yaml.MapSlice{{Key: "git", Value: checkout.Origin}}
	if name, ok := strings.CutPrefix(repository, "github.com/"); ok {
		from = yaml.MapSlice{{Key: "github", Value: yaml.MapSlice{{Key: "repository", Value: name}}}}
	}
	network := yaml.MapSlice{
		{Key: "vpc", Value: outputs["VpcId"]},
		{Key: "subnets", Value: strings.Split(outputs["SubnetIds"], ",")},
	}
	if databases := outputs["DatabaseSubnetIds"]; databases != "" && databases != outputs["SubnetIds"] {
		network = append(network, yaml.MapItem{Key: "database_subnets", Value: strings.Split(databases, ",")})
	}
	policy := yaml.MapSlice{
		{
			Key:   "account",
			Value: account,
		}, {Key: "region", Value: region}, {Key: "service_role", Value: outputs["ServiceRole"]},
		{Key: "project", Value: outputs["Project"]}, {Key: "repository", Value: repository},
		{Key: "source", Value: from},
		{Key: "default_branch", Value: checkout.DefaultBranch},
	}
	if domain != "" {
		policy = append(
			policy,
			yaml.MapItem{Key: "domain", Value: domain},
			yaml.MapItem{Key: "hosted_zone", Value: outputs["HostedZoneId"]},
		)
	}
	policy = append(
		policy,
		yaml.MapItem{Key: "network", Value: network},
		yaml.MapItem{Key: "kinds", Value: map[string][]string{"branch": {"*"}}},
	)
	if seeds := outputs["SeedBucket"]; seeds != "" {
		policy = append(policy, yaml.MapItem{Key: "seeds", Value: map[string][]string{"from": {"s3://" + seeds + "/"}}})
	}
	text, err := yaml.MarshalWithOptions(policy, yaml.IndentSequence(true))
	if err != nil {
		return nil, fmt.Errorf("write policy: %w", err)
	}
	head := "# The worker's policy, from the outputs of stack " + stack + ". docs/policy.md describes every key.\n" +
		"# To allow staging and production, name their branches: kinds: {production: [main], staging: [staging], " +
		"branch: [\"*\"]}\n"
	return append([]byte(head), text...), nil
}

// write checks the text in the same way as the worker, and creates the file.
func (p policyInit) write(text []byte, err error) error {
	if err != nil {
		return err
	}
	if _, err := config.ReadPolicy(p.out, text); err != nil {
		return fmt.Errorf("the outputs of stack %s make no policy: %w", p.stack, err)
	}
	file, err := os.OpenFile(p.out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return misconfigured("write policy: %w", err)
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write policy: %w", err)
	}
	return nil
}
