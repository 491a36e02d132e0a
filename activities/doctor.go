package activities

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
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"perch"
	"perch/cfn"
	"perch/lifecycle"
)

// lookTimeout bounds one check of Examine: the starter waits for three of them in a row at most.
const lookTimeout = 8 * time.Second

// Examinations are the activities that look whether everything is there that the worker needs. They change nothing.
type Examinations struct {
	policy  *perch.Policy
	region  string
	source  Source
	apps    *Applications
	rights  *rights
	sts     *sts.Client
	acm     *acm.Client
	route53 *route53.Client
}

// Examine makes every check, whatever comes of the others. A check that fails is a result and no error.
func (e *Examinations) Examine(ctx context.Context, in perch.DoctorInput) (perch.DoctorResult, error) {
	if err := e.apps.stacks.serves(in.Project); err != nil {
		return perch.DoctorResult{}, err
	}
	var (
		running    sync.WaitGroup
		repository perch.Check
	)
	running.Go(func() { repository = look(ctx, perch.CheckRepository, e.repository) })
	checks := e.account(ctx)
	running.Wait()
	checks = append(checks, repository)
	slices.SortStableFunc(checks, func(a, b perch.Check) int { return rank(a.Name) - rank(b.Name) })
	return perch.DoctorResult{Checks: checks}, nil
}

// rank puts checks in the order of perch.WorkerChecks; the applications stand together.
func rank(name string) int {
	return slices.IndexFunc(perch.WorkerChecks(), func(first string) bool { return strings.HasPrefix(name, first) })
}

// look makes one check.
func look(ctx context.Context, name string, at func(context.Context) (string, error)) perch.Check {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	detail, err := at(ctx)
	if err != nil {
		return perch.Check{Name: name, Checked: true, Detail: reasonOf(ctx, err)}
	}
	return perch.Check{Name: name, OK: true, Checked: true, Detail: detail}
}

func reasonOf(ctx context.Context, err error) string {
	if ctx.Err() != nil {
		return fmt.Sprintf("no answer within %s", lookTimeout)
	}
	return words(err)
}

func unchecked(name, because string) perch.Check {
	return perch.Check{Name: name, Detail: "not checked, because " + because}
}

// account checks whose credentials the worker has, and then what they are good for.
func (e *Examinations) account(ctx context.Context) []perch.Check {
	account := look(ctx, perch.CheckAccount, e.identity)
	if account.OK {
		return append(e.inAccount(ctx), account)
	}
	checks := []perch.Check{account}
	for _, name := range []string{perch.CheckApplication, perch.CheckRights, perch.CheckStacks, perch.CheckAddresses, perch.CheckDomain, perch.CheckCertificate} {
		checks = append(checks, unchecked(name, "the worker has no credentials for the policy's account"))
	}
	return checks
}

func (e *Examinations) identity(ctx context.Context) (string, error) {
	identity, err := e.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", fmt.Errorf("AWS does not say whose credentials the worker has: %s; give it valid ones", words(err))
	}
	if account := aws.ToString(identity.Account); account != e.policy.Account {
		return "", fmt.Errorf("the worker's AWS credentials are for account %s and its policy is for %s; use the right profile or correct `account` in the policy", account, e.policy.Account)
	}
	if e.region != e.policy.Region {
		return "", fmt.Errorf("the worker calls region %s and its policy is for %s; correct `region` in the policy", e.region, e.policy.Region)
	}
	return fmt.Sprintf("%s in %s, as %s", e.policy.Account, e.region, aws.ToString(identity.Arn)), nil
}

// inAccount makes the checks that need AWS. The application comes first: bucket and certificate are its own.
func (e *Examinations) inAccount(ctx context.Context) []perch.Check {
	var (
		running                                 sync.WaitGroup
		outputs                                 cfn.ApplicationOutputs
		production                              []perch.Check
		rights, stacks, addresses, domain, cert perch.Check
	)
	running.Go(func() { stacks = look(ctx, perch.CheckStacks, e.stacks) })
	running.Go(func() { addresses = look(ctx, perch.CheckAddresses, e.addresses) })
	running.Go(func() { domain = look(ctx, perch.CheckDomain, e.domain) })
	if len(e.policy.Kinds[perch.KindProduction]) > 0 {
		running.Go(func() {
			production = append(production, look(ctx, perch.CheckApplication+" "+string(perch.KindProduction), func(ctx context.Context) (string, error) {
				detail, _, err := e.application(ctx, perch.KindProduction)
				return detail, err
			}))
		})
	}
	staging := look(ctx, perch.CheckApplication, func(ctx context.Context) (detail string, err error) {
		detail, outputs, err = e.application(ctx, perch.KindStaging)
		return detail, err
	})
	running.Go(func() {
		rights = look(ctx, perch.CheckRights, func(ctx context.Context) (string, error) { return e.rights.look(ctx, outputs.ArtifactBucket) })
	})
	cert = e.certificate(ctx, outputs.CertificateArn)
	running.Wait()
	return append([]perch.Check{staging, rights, stacks, addresses, domain, cert}, production...)
}

// stacks checks that every stack of the project is this repository's: one under a former name goes on
// costing money, and cleanup leaves it alone.
func (e *Examinations) stacks(ctx context.Context) (string, error) {
	all, err := e.apps.stacks.environments(ctx)
	if err != nil {
		return "", err
	}
	if len(all.otherRepositories) == 0 {
		return fmt.Sprintf("every stack of project %s is tagged with %s", e.policy.Project, e.policy.Repository), nil
	}
	sentences := make([]string, len(all.otherRepositories))
	for i, other := range all.otherRepositories {
		sentences[i] = other.String()
	}
	return "", errors.New(strings.Join(sentences, "; "))
}

// repository checks that branches and files can be read.
func (e *Examinations) repository(ctx context.Context) (string, error) {
	branch := e.policy.DefaultBranch
	heads, err := e.source.Heads(ctx, branch)
	if err != nil {
		return "", fmt.Errorf("%s: %w", e.policy.Repository, err)
	}
	commit, found := heads[branch]
	if !found {
		if other := otherDefault(ctx, e.source); other != "" && other != branch {
			return "", fmt.Errorf("%s does not show its default branch %s", e.policy.Repository, lifecycle.NoDefaultBranch(branch, other))
		}
		return "", fmt.Errorf("%s does not show its default branch %s: correct `default_branch` or `source` in the policy, or give the worker's credentials access to the repository", e.policy.Repository, branch)
	}
	has, err := e.source.HasCommit(ctx, commit)
	if err == nil && !has {
		err = fmt.Errorf("it has branch %s and not its commit %s", branch, commit)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", e.policy.Repository, err)
	}
	return fmt.Sprintf("%s is readable; its default branch %s is at %.7s", e.policy.Repository, branch, commit), nil
}
