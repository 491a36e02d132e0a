// Package doctor checks whether everything that a worker needs is in place: credentials, the
// application stacks, the permissions of the worker's role, the hosted zone and the certificate,
// free Elastic IP addresses, and the repository. It changes nothing.
//
// A failed check is a result and not an error. The checks run concurrently, each with a time limit,
// because the starter waits for them.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"perch"
	"perch/activities/quota"
	"perch/cfn"
	"perch/lifecycle"
)

// lookTimeout limits one check of Examine. The starter waits for at most three of them in a row.
const lookTimeout = 8 * time.Second

// Project gives the checks what the worker's other activities know of the project.
type Project interface {
	// DescribeStack reads a stack by its name or id.
	DescribeStack(ctx context.Context, name string) (stack types.Stack, found bool, err error)
	// OwnsStack reports whether the stack's tags show that it belongs to the project.
	OwnsStack(ctx context.Context, stack types.Stack) bool
	// OtherRepositories lists the project's stacks whose tags name another repository.
	OtherRepositories(ctx context.Context) ([]perch.OtherRepository, error)
	// ApplicationOutputs returns the outputs of an application stack.
	ApplicationOutputs(ctx context.Context, kind perch.Kind) (cfn.ApplicationOutputs, error)
}

// Source reads branches and files of the repository.
type Source interface {
	Heads(ctx context.Context, branches ...string) (map[string]string, error)
	HasCommit(ctx context.Context, commit string) (bool, error)
	DefaultBranch(ctx context.Context) (string, error)
	RepositoryID(ctx context.Context) (string, error)
	File(ctx context.Context, commit, path string) (data []byte, found bool, err error)
}

// Reports checks the channels that report to people.
type Reports interface {
	// Check says what is reported, or which permission is missing. It writes nothing.
	Check(ctx context.Context) (string, error)
}

// Doctor makes the checks.
type Doctor struct {
	// Reports is checked too; nil if there is no channel.
	Reports Reports
	// Cards returns the cards of the environments, which record what was denied to any worker.
	Cards func(ctx context.Context) ([]perch.Card, error)
	// Source has the default branch and its files.
	Source Source

	policy  *perch.Policy
	region  string
	project Project
	quotas  *quota.Reader
	rights  *roleRights
	sts     *sts.Client
	acm     *acm.Client
	route53 *route53.Client
}

// New returns a Doctor.
func New(cfg aws.Config, policy *perch.Policy, source Source, project Project, quotas *quota.Reader) *Doctor {
	return &Doctor{
		Source: source, policy: policy, region: cfg.Region, project: project, quotas: quotas,
		rights: newRoleRights(cfg, policy),
		sts:    sts.NewFromConfig(cfg), acm: acm.NewFromConfig(cfg), route53: route53.NewFromConfig(cfg),
	}
}

// Examine makes every check, even if some fail, and returns the results in the order of
// perch.WorkerChecks.
func (d *Doctor) Examine(ctx context.Context) []perch.Check {
	var (
		running    sync.WaitGroup
		repository perch.Check
		reports    []perch.Check
	)
	running.Go(func() { repository = makeCheck(ctx, perch.CheckRepository, d.checkRepository) })
	if d.Reports != nil {
		running.Go(func() { reports = []perch.Check{makeCheck(ctx, perch.CheckReports, d.checkReports)} })
	}
	checks := d.checkAccount(ctx)
	running.Wait()
	checks = append(append(checks, repository), reports...)
	slices.SortStableFunc(checks, func(a, b perch.Check) int { return checkRank(a.Name) - checkRank(b.Name) })
	return checks
}

// checkReports checks the channels. It also reads from the cards whether a report could not be
// delivered, because it was denied to another worker or before this one started.
func (d *Doctor) checkReports(ctx context.Context) (string, error) {
	told, err := d.Reports.Check(ctx)
	problems := []error{err}
	cards, unread := d.Cards(ctx)
	if unread != nil {
		problems = append(
			problems, fmt.Errorf("it is not known which reports were not delivered: %s", errorWords(unread)),
		)
	}
	for _, sentence := range lifecycle.ReportProblems(cards) {
		problems = append(problems, errors.New(sentence))
	}
	var sentences []string
	for _, problem := range problems {
		if problem != nil {
			sentences = append(sentences, problem.Error())
		}
	}
	if len(sentences) > 0 {
		return "", errors.New(strings.Join(sentences, "; "))
	}
	return told, nil
}

// checkRank returns the place of a check in the order of perch.WorkerChecks. The applications are
// next to each other, and the reports follow the repository.
func checkRank(name string) int {
	if name == perch.CheckReports {
		name = perch.CheckRepository
	}
	return slices.IndexFunc(perch.WorkerChecks(), func(first string) bool { return strings.HasPrefix(name, first) })
}

// makeCheck makes one check.
func makeCheck(ctx context.Context, name string, at func(context.Context) (string, error)) perch.Check {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	detail, err := at(ctx)
	var absent *absence
	if errors.As(err, &absent) {
		return perch.Check{Name: name, OK: true, Detail: absent.sentence}
	}
	if err != nil {
		return perch.Check{Name: name, Checked: true, Detail: failureWords(ctx, err)}
	}
	return perch.Check{Name: name, OK: true, Checked: true, Detail: detail}
}

func failureWords(ctx context.Context, err error) string {
	if ctx.Err() != nil {
		return fmt.Sprintf("no answer within %s", lookTimeout)
	}
	return errorWords(err)
}

func notChecked(name, because string) perch.Check {
	return perch.Check{Name: name, Detail: "not checked, because " + because}
}

// checkAccount checks which account the worker's credentials belong to, and then what they allow.
func (d *Doctor) checkAccount(ctx context.Context) []perch.Check {
	account := makeCheck(ctx, perch.CheckAccount, d.checkIdentity)
	if account.OK {
		return append(d.inAccount(ctx), account)
	}
	checks := []perch.Check{account}
	for _, name := range []string{
		perch.CheckApplication, perch.CheckRights, perch.CheckStacks, perch.CheckAddresses, perch.CheckDomain,
		perch.CheckCertificate,
	} {
		checks = append(checks, notChecked(name, "the worker has no credentials for the policy's account"))
	}
	return checks
}

func (d *Doctor) checkIdentity(ctx context.Context) (string, error) {
	identity, err := d.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", fmt.Errorf(
			"AWS does not say whose credentials the worker has: %s; give it valid ones",
			errorWords(err),
		)
	}
	if account := aws.ToString(identity.Account); account != d.policy.Account {
		return "", fmt.Errorf(
			"the worker's AWS credentials are for account %s and its policy is for %s; use the right profile or "+
				"correct `account` in the policy",
			account,
			d.policy.Account,
		)
	}
	if d.region != d.policy.Region {
		return "", fmt.Errorf(
			"the worker calls region %s and its policy is for %s; correct `region` in the policy",
			d.region,
			d.policy.Region,
		)
	}
	return fmt.Sprintf("%s in %s, as %s", d.policy.Account, d.region, aws.ToString(identity.Arn)), nil
}

// inAccount makes the checks that need AWS. The application comes first, because its stack names
// the bucket and the certificate.
func (d *Doctor) inAccount(ctx context.Context) []perch.Check {
	var (
		running                                 sync.WaitGroup
		outputs                                 cfn.ApplicationOutputs
		production                              []perch.Check
		rights, stacks, addresses, domain, cert perch.Check
	)
	running.Go(func() { stacks = makeCheck(ctx, perch.CheckStacks, d.checkStacks) })
	running.Go(func() { addresses = makeCheck(ctx, perch.CheckAddresses, d.checkAddresses) })
	running.Go(func() { domain = makeCheck(ctx, perch.CheckDomain, d.checkDomain) })
	if len(d.policy.Kinds[perch.KindProduction]) > 0 {
		running.Go(func() {
			production = append(
				production,
				makeCheck(
					ctx,
					perch.CheckApplication+" "+string(perch.KindProduction),
					func(ctx context.Context) (string, error) {
						detail, _, err := d.checkApplication(ctx, perch.KindProduction)
						return detail, err
					},
				),
			)
		})
	}
	staging := makeCheck(ctx, perch.CheckApplication, func(ctx context.Context) (detail string, err error) {
		detail, outputs, err = d.checkApplication(ctx, perch.KindStaging)
		return detail, err
	})
	running.Go(func() {
		rights = makeCheck(
			ctx,
			perch.CheckRights,
			func(ctx context.Context) (string, error) { return d.rights.tryAll(ctx, outputs.ArtifactBucket) },
		)
	})
	cert = d.checkCertificate(ctx, outputs.CertificateArn)
	running.Wait()
	return append([]perch.Check{staging, rights, stacks, addresses, domain, cert}, production...)
}

// checkStacks checks that every stack of the project is tagged with this repository. Cleanup leaves
// a stack with the repository's former name alone, so the stack costs money until someone acts.
func (d *Doctor) checkStacks(ctx context.Context) (string, error) {
	others, err := d.project.OtherRepositories(ctx)
	if err != nil {
		return "", err
	}
	if len(others) == 0 {
		return fmt.Sprintf("every stack of project %s is tagged with %s", d.policy.Project, d.policy.Repository), nil
	}
	sentences := make([]string, len(others))
	for i, other := range others {
		sentences[i] = other.String()
	}
	return "", errors.New(strings.Join(sentences, "; "))
}
