package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// The exit codes of Command.
const (
	exitDone = iota
	// exitFailed: an assumption does not hold, an assumption could not be checked, or a resource
	// could not be deleted.
	exitFailed
	// exitUsage: a flag is wrong, or -yes is missing. The command has changed nothing on AWS.
	exitUsage
)

// Command runs the checks from the command line: `go test ./conformance -args`, followed by the
// flags that set the fields.
type Command struct {
	// AWS is -aws: check against a real account. Account, Region and Yes are -account, -region and
	// -yes.
	AWS             bool
	Account, Region string
	Yes             bool
	// Endpoint is -endpoint: the URL of an endpoint that is not AWS.
	Endpoint string
	// Sweep is -sweep: delete the resources that earlier runs left, and check nothing.
	Sweep bool
	// Only is -only: check only the assumptions whose names begin with this text.
	Only string
	// Timeout is the flag -timeout of go test. 0 means no timeout.
	Timeout time.Duration
	// Environ is the environment of the process, as NAME=VALUE.
	Environ []string
	// Results and Page are the files that a run against AWS writes: results.json and
	// docs/fidelity.md.
	Results, Page string
	// Out is where the command prints the estimate and the outcomes.
	Out io.Writer

	// load returns the configuration for AWS; the default is loadAWS. now returns the current time.
	load func(ctx context.Context, region string) (aws.Config, error)
	now  func() time.Time
}

// parallel is the number of assumptions that a run on AWS checks at the same time. It is small
// because an account has 5 Elastic IP addresses, and CloudFormation allows 5 calls of
// DescribeStacks a second.
const parallel = 4

// Run carries out the command and returns its exit code.
func (c Command) Run(ctx context.Context) int {
	code, err := c.run(ctx)
	if err != nil {
		fmt.Fprintln(c.Out, err)
	}
	return code
}

func (c Command) run(ctx context.Context) (int, error) {
	assumptions, err := c.chooseAssumptions()
	if err != nil {
		return exitUsage, err
	}
	if !c.AWS {
		target := endpointTarget(c.Endpoint, c.Region, c.Out)
		if target.Account, err = callerAccount(ctx, target.Config); err != nil {
			return exitUsage, fmt.Errorf("the endpoint %s cannot be used: %w", c.Endpoint, err)
		}
		return c.checkOrSweep(ctx, target, assumptions)
	}
	target, err := c.awsTarget(ctx)
	if err != nil {
		return exitUsage, err
	}
	c.announce(assumptions)
	if !c.Yes {
		return exitUsage, errors.New("nothing was changed on AWS; add -yes to start the run")
	}
	return c.checkOrSweep(ctx, target, assumptions)
}

var (
	accountPattern = regexp.MustCompile(`^[0-9]{12}$`)
	regionPattern  = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
)

// chooseAssumptions validates the flags, and returns the assumptions that -only selects.
func (c Command) chooseAssumptions() ([]Assumption, error) {
	var chosen []Assumption
	for _, b := range Assumptions() {
		if strings.HasPrefix(b.Name, c.Only) {
			chosen = append(chosen, b)
		}
	}
	_, duration := estimate(chosen, parallel)
	switch {
	case c.AWS == (c.Endpoint != ""):
		return nil, errors.New("give either -aws for a real account, or -endpoint URL for another endpoint")
	case len(chosen) == 0:
		return nil, fmt.Errorf("no assumption is named %q: docs/fidelity.md lists the names", c.Only+"...")
	case !regionPattern.MatchString(c.Region):
		return nil, fmt.Errorf("-region is %q: give a region such as eu-central-1", c.Region)
	case !c.AWS:
		return chosen, nil
	case !accountPattern.MatchString(c.Account):
		return nil, fmt.Errorf("-account is %q: give the 12 digits of the account", c.Account)
	case c.Yes && c.Timeout > 0 && c.Timeout < 2*duration:
		return nil,
			fmt.Errorf("go test would end the run after %s, but the run takes about %s: add -timeout %s -v", c.Timeout,
				duration, 3*duration)
	}
	return chosen, nil
}

// awsTarget returns the real account as a target. It fails if the credentials are for another
// account.
func (c Command) awsTarget(ctx context.Context) (Target, error) {
	for _, variable := range c.Environ {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "AWS_ENDPOINT_URL") {
			return Target{}, fmt.Errorf("%s is set, so -aws would not reach AWS: unset it, or use -endpoint", name)
		}
	}
	load := c.load
	if load == nil {
		load = loadAWS
	}
	settings, err := load(ctx, c.Region)
	if err != nil {
		return Target{}, fmt.Errorf("load the configuration of AWS: %w", err)
	}
	account, err := callerAccount(ctx, settings)
	if err != nil {
		return Target{},
			fmt.Errorf("the credentials cannot be used in %s: %w; sign in, for example with `aws sso login`",
				c.Region, err)
	}
	if account != c.Account {
		return Target{},
			fmt.Errorf("the credentials are for account %s, and -account is %s: change one of them", account,
				c.Account)
	}
	target := Target{Config: settings, Account: account, Interval: 5 * time.Second, Patience: 90 * time.Minute,
		Parallel: parallel, Log: c.Out}
	if settings.BaseEndpoint != nil { // Only a test sets the endpoint.
		target.Interval = endpointInterval
	}
	return target, nil
}

func loadAWS(ctx context.Context, region string) (aws.Config, error) {
	settings, err := config.LoadDefaultConfig(ctx, config.WithRegion(region), config.WithRetryMaxAttempts(10))
	if err == nil && settings.BaseEndpoint != nil {
		err = fmt.Errorf("the profile has endpoint_url %s, so -aws would not reach AWS", *settings.BaseEndpoint)
	}
	return settings, err
}

func callerAccount(ctx context.Context, settings aws.Config) (string, error) {
	out, err := sts.NewFromConfig(settings).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.Account), nil
}

const endpointInterval = 5 * time.Millisecond

// endpointTarget returns an endpoint that is not AWS as a target. Its credentials are not valid on
// AWS, so no call can change anything there.
func endpointTarget(address, region string, log io.Writer) Target {
	return Target{
		Config: aws.Config{
			Region: region, BaseEndpoint: &address,
			Credentials: credentials.NewStaticCredentialsProvider("conformance", "conformance", ""),
		},
		Interval: endpointInterval, Patience: 30 * time.Second, Parallel: 8, Log: log,
	}
}

// announce prints what a run against AWS will do, how long it takes and what it costs.
func (c Command) announce(assumptions []Assumption) {
	if c.Sweep {
		fmt.Fprintf(c.Out, "This deletes all stacks, buckets and database snapshots of account %s in %s "+
			"whose names begin with %s and that have the tag %s.\n", c.Account, c.Region, Prefix, Tag)
		return
	}
	cost, duration := estimate(assumptions, parallel)
	fmt.Fprintf(c.Out, "This checks %d assumptions in account %s in %s.\nIt takes about %s and costs about %.2f USD.\n"+
		"It creates stacks whose names begin with %s and that have the tag %s.\n"+
		"It deletes these stacks and all their resources afterwards.\n"+
		"The assumptions about databases and environments need a default VPC.\n",
		len(assumptions), c.Account, c.Region, duration, cost, Prefix, Tag)
}

// checkOrSweep checks the assumptions and records the results of a real account, or sweeps if
// -sweep is set.
func (c Command) checkOrSweep(ctx context.Context, target Target, assumptions []Assumption) (int, error) {
	if c.Sweep {
		found, err := Sweep(ctx, target, "", true)
		fmt.Fprintf(c.Out, "deleted %d: %s\n", len(found), strings.Join(found, ", "))
		return exitCode(err == nil), err
	}
	run := newRun()
	outcomes := Run(ctx, target, run, assumptions)
	left, err := Sweep(context.WithoutCancel(ctx), target, run, true)
	if len(left) > 0 {
		fmt.Fprintf(c.Out, "the sweep deleted: %s\n", strings.Join(left, ", "))
	}
	if c.AWS {
		err = errors.Join(err, c.record(outcomes))
	}
	ok := err == nil
	for _, o := range outcomes {
		ok = ok && o.Verdict == Holds && o.Left == ""
	}
	if err != nil {
		err = fmt.Errorf("%w; run again with -sweep to delete the leftovers", err)
	}
	return exitCode(ok), err
}

func exitCode(ok bool) int {
	if ok {
		return exitDone
	}
	return exitFailed
}

// record adds the outcomes to the file of results, and writes the table of the page.
func (c Command) record(outcomes []Outcome) error {
	results, err := readResults(c.Results)
	if err != nil {
		return err
	}
	for _, o := range outcomes {
		if o.Verdict != NotChecked {
			results[o.Assumption.Name] = Result{
				Verdict: o.Verdict, Detail: o.Detail, Date: c.now().UTC().Format(time.DateOnly), Region: c.Region,
			}
		}
	}
	if err := results.write(c.Results); err != nil {
		return err
	}
	return WritePage(c.Page, results)
}
