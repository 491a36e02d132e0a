package doctor

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
)

// checkDomain checks that the hosted zone exists and serves the policy's domain. It reads the
// zone's name from its first record (Route 53 API reference: ListResourceRecordSets sorts by name,
// and every zone has an NS and an SOA record for its own name).
func (d *Doctor) checkDomain(ctx context.Context) (string, error) {
	if d.policy.Domain == "" {
		return "the policy names none: an environment's URL is the address of its instance", nil
	}
	zone := d.policy.HostedZone
	out, err := d.route53.ListResourceRecordSets(
		ctx,
		&route53.ListResourceRecordSetsInput{HostedZoneId: &zone, MaxItems: aws.Int32(1)},
	)
	if awserr.HasCode(err, "NoSuchHostedZone") {
		return "", fmt.Errorf(
			"there is no hosted zone %s in account %s; correct `hosted_zone` in the policy",
			zone,
			d.policy.Account,
		)
	}
	if err != nil {
		return "", awserr.Wrap(err, "look at hosted zone %s", zone)
	}
	if len(out.ResourceRecordSets) == 0 {
		return "", fmt.Errorf(
			"hosted zone %s has no records, not even the NS record that every zone has: choose another one as "+
				"`hosted_zone` in the policy",
			zone,
		)
	}
	name := strings.ToLower(strings.TrimSuffix(aws.ToString(out.ResourceRecordSets[0].Name), "."))
	if domain := strings.ToLower(d.policy.Domain); domain != name && !strings.HasSuffix(domain, "."+name) {
		return "", fmt.Errorf(
			"hosted zone %s is for %s, and %s is not a name in it; correct `domain` or `hosted_zone` in the policy",
			zone,
			name,
			d.policy.Domain,
		)
	}
	return fmt.Sprintf("%s is in hosted zone %s (%s)", d.policy.Domain, zone, name), nil
}

// checkCertificate checks that the load balancer's certificate covers every host name of an
// environment.
func (d *Doctor) checkCertificate(ctx context.Context, arn string) perch.Check {
	switch {
	case d.policy.Domain == "":
		return perch.Check{
			Name:    perch.CheckCertificate,
			OK:      true,
			Checked: true,
			Detail:  "none is needed without a domain",
		}
	case arn == "":
		return notChecked(
			perch.CheckCertificate,
			"the application stack does not name it: make the stack, or bring it up to date, with `perch application "+
				"up`",
		)
	}
	return makeCheck(
		ctx,
		perch.CheckCertificate,
		func(ctx context.Context) (string, error) { return d.readCertificate(ctx, arn) },
	)
}

func (d *Doctor) readCertificate(ctx context.Context, arn string) (string, error) {
	out, err := d.acm.DescribeCertificate(ctx, &acm.DescribeCertificateInput{CertificateArn: &arn})
	if awserr.HasCode(err, "ResourceNotFoundException") {
		return "", fmt.Errorf("certificate %s is gone; make it again with `perch application up`", arn)
	}
	if err != nil {
		return "", awserr.Wrap(err, "look at certificate %s", arn)
	}
	if out.Certificate == nil {
		return "", errors.New("AWS returned nothing about certificate " + arn)
	}
	return explainCertificate(*out.Certificate, "*."+d.policy.Domain)
}

func explainCertificate(certificate types.CertificateDetail, wanted string) (string, error) {
	arn := aws.ToString(certificate.CertificateArn)
	names := slices.Compact(
		append([]string{aws.ToString(certificate.DomainName)}, certificate.SubjectAlternativeNames...),
	)
	covers := slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, wanted) })
	switch status := certificate.Status; {
	case status == types.CertificateStatusPendingValidation:
		return "", fmt.Errorf(
			"certificate %s is %s: check that the domain's name servers are those of its hosted zone, and wait",
			arn,
			status,
		)
	case status != types.CertificateStatusIssued:
		return "", fmt.Errorf(
			"certificate %s is %s: see why in the Certificate Manager console, and make another one with `perch "+
				"application up`",
			arn,
			status,
		)
	case !covers:
		return "", fmt.Errorf(
			"certificate %s is for %s and not for %s; `perch application up` makes one for the policy's `domain`",
			arn,
			strings.Join(names, ", "),
			wanted,
		)
	}
	return fmt.Sprintf("%s is issued (%s)", wanted, arn), nil
}
