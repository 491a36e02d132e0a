package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/acm/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"

	"perch"
	"perch/activities/awserr"
	"perch/cfn"
	"perch/lifecycle"
)

// application checks one application stack, and returns what it has put out.
func (e *Examinations) application(ctx context.Context, kind perch.Kind) (string, cfn.ApplicationOutputs, error) {
	var none cfn.ApplicationOutputs
	name := perch.ApplicationStackName(e.policy.Project, kind)
	stack, found, err := e.apps.stacks.describe(ctx, name)
	if err != nil {
		return "", none, err
	}
	status := string(stack.StackStatus)
	switch {
	case !found && kind == perch.KindProduction:
		return fmt.Sprintf("there is no stack %s; environments of kind production need it, and `perch application up --kind production` makes it", name), none, nil
	case found && e.apps.ours(ctx, stack) && lifecycle.InProgress(status):
		return "", none, fmt.Errorf("stack %s is %s; wait until that is over", name, status)
	case found && e.apps.ours(ctx, stack) && strings.HasPrefix(status, "UPDATE") && strings.HasSuffix(status, "_FAILED"):
		return "", none, fmt.Errorf("stack %s is %s: continue its rollback in the CloudFormation console, where its events say what is wrong", name, status)
	case found && e.apps.ours(ctx, stack) && (status == "ROLLBACK_COMPLETE" || !strings.HasSuffix(status, "_COMPLETE")):
		return "", none, fmt.Errorf("stack %s is %s: see why in its events, delete it in the CloudFormation console, and "+
			"create it again with `perch application up --kind %s`", name, status, kind)
	}
	outputs, err := e.apps.outputs(ctx, kind)
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
	use, err := e.rights.lookUps.ruleUse(ctx, outputs.LoadBalancerArn)
	if err == nil && use.full() {
		err = fmt.Errorf("%s: remove an environment with `perch down BRANCH`, or use `load_balancer: own`", use)
	}
	return detail + "; " + use.String(), outputs, err
}

// domain checks that the hosted zone is there and is one of the domain's. The first record of a zone is its own name's (Route 53 API reference:
// ListResourceRecordSets sorts by name, and every zone has an NS and an SOA record).
func (e *Examinations) domain(ctx context.Context) (string, error) {
	if e.policy.Domain == "" {
		return "the policy names none: an environment's URL is the address of its instance", nil
	}
	zone := e.policy.HostedZone
	out, err := e.route53.ListResourceRecordSets(ctx, &route53.ListResourceRecordSetsInput{HostedZoneId: &zone, MaxItems: aws.Int32(1)})
	if awserr.HasCode(err, "NoSuchHostedZone") {
		return "", fmt.Errorf("there is no hosted zone %s in account %s; correct `hosted_zone` in the policy", zone, e.policy.Account)
	}
	if err != nil {
		return "", awserr.Wrap(err, "look at hosted zone %s", zone)
	}
	if len(out.ResourceRecordSets) == 0 {
		return "", fmt.Errorf("hosted zone %s has no record, not even its own: choose another one as `hosted_zone` in the policy", zone)
	}
	name := strings.ToLower(strings.TrimSuffix(aws.ToString(out.ResourceRecordSets[0].Name), "."))
	if domain := strings.ToLower(e.policy.Domain); domain != name && !strings.HasSuffix(domain, "."+name) {
		return "", fmt.Errorf("hosted zone %s is for %s, and %s is no name in it; correct `domain` or `hosted_zone` in the policy", zone, name, e.policy.Domain)
	}
	return fmt.Sprintf("%s is in hosted zone %s (%s)", e.policy.Domain, zone, name), nil
}

// certificate checks that the load balancer's certificate is good for every host name.
func (e *Examinations) certificate(ctx context.Context, arn string) perch.Check {
	switch {
	case e.policy.Domain == "":
		return perch.Check{Name: perch.CheckCertificate, OK: true, Checked: true, Detail: "none is needed without a domain"}
	case arn == "":
		return unchecked(perch.CheckCertificate, "the application stack does not name it: make the stack, or bring it up to date, with `perch application up`")
	}
	return look(ctx, perch.CheckCertificate, func(ctx context.Context) (string, error) { return e.certified(ctx, arn) })
}

func (e *Examinations) certified(ctx context.Context, arn string) (string, error) {
	out, err := e.acm.DescribeCertificate(ctx, &acm.DescribeCertificateInput{CertificateArn: &arn})
	if awserr.HasCode(err, "ResourceNotFoundException") {
		return "", fmt.Errorf("certificate %s is gone; make it again with `perch application up`", arn)
	}
	if err != nil {
		return "", awserr.Wrap(err, "look at certificate %s", arn)
	}
	if out.Certificate == nil {
		return "", errors.New("AWS says nothing of certificate " + arn)
	}
	return judgeCertificate(*out.Certificate, "*."+e.policy.Domain)
}

func judgeCertificate(certificate types.CertificateDetail, wanted string) (string, error) {
	arn := aws.ToString(certificate.CertificateArn)
	names := slices.Compact(append([]string{aws.ToString(certificate.DomainName)}, certificate.SubjectAlternativeNames...))
	covers := slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, wanted) })
	switch status := certificate.Status; {
	case status == types.CertificateStatusPendingValidation:
		return "", fmt.Errorf("certificate %s is %s: see that the domain's name servers are those of its hosted zone, and wait", arn, status)
	case status != types.CertificateStatusIssued:
		return "", fmt.Errorf("certificate %s is %s: see why in the Certificate Manager console, and make another one with `perch application up`", arn, status)
	case !covers:
		return "", fmt.Errorf("certificate %s is for %s and not for %s; `perch application up` makes one for the policy's `domain`", arn, strings.Join(names, ", "), wanted)
	}
	return fmt.Sprintf("%s is issued (%s)", wanted, arn), nil
}
