package ready

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"perch/activities/awserr"
)

// nameCheck asks Route 53 whether its name servers answer for a host name. They know a new record
// within 60 seconds as a rule (API reference: ChangeResourceRecordSets), and CloudFormation is not
// documented to wait for that.
type nameCheck struct {
	route53    *route53.Client
	zone, host string
	// record is the type of the host's record; empty until it is known.
	record types.RRType
}

// unchecked begins a warning.
const unchecked = "it was not checked whether Route 53 answers for %s: "

// newNameCheck makes the check of a host name; nil if the name is not in the policy's domain.
func (p *Prober) newNameCheck(host string) *nameCheck {
	name, domain := strings.ToLower(host), strings.ToLower(p.Policy.Domain)
	if p.Policy.HostedZone == "" || domain == "" || !strings.HasSuffix("."+name, "."+domain) {
		return nil
	}
	return &nameCheck{route53: p.route53, zone: p.Policy.HostedZone, host: host}
}

// ask checks once. A problem may pass. A warning says why it cannot be checked; with a problem, it
// is for a wait that ends now. There is neither if Route 53 answers for the host, or if the zone
// has no record of it: a custom template may have its record in another zone.
func (n *nameCheck) ask(ctx context.Context) (problem, warning string) {
	if n == nil {
		return "", ""
	}
	if n.record == "" {
		found, err := n.findRecord(ctx)
		if err != nil || !found {
			return n.explain(err)
		}
	}
	out, err := n.route53.TestDNSAnswer(ctx, &route53.TestDNSAnswerInput{
		HostedZoneId: &n.zone, RecordName: &n.host, RecordType: n.record,
	})
	if err != nil {
		return n.explain(err)
	}
	if code := aws.ToString(out.ResponseCode); code != "NOERROR" || len(out.RecordData) == 0 {
		return fmt.Sprintf("Route 53 does not answer for %s yet (%s)", n.host, code), ""
	}
	return "", ""
}

// findRecord reads the type of the host's record. It is listed before the name servers know it (API
// reference: ListResourceRecordSets). A name's records are listed by type, so A and AAAA come
// first; a CNAME is alone.
func (n *nameCheck) findRecord(ctx context.Context) (found bool, err error) {
	out, err := n.route53.ListResourceRecordSets(ctx, &route53.ListResourceRecordSetsInput{
		HostedZoneId: &n.zone, StartRecordName: &n.host, MaxItems: aws.Int32(1),
	})
	if err != nil || len(out.ResourceRecordSets) == 0 {
		return false, err
	}
	first := out.ResourceRecordSets[0]
	if !strings.EqualFold(strings.TrimSuffix(aws.ToString(first.Name), "."), n.host) {
		return false, nil
	}
	switch first.Type {
	case types.RRTypeA, types.RRTypeAaaa, types.RRTypeCname:
		n.record = first.Type
		return true, nil
	}
	return false, nil
}

// explain says an error of Route 53's in words. Throttling may pass, as may a lost connection. No
// error ends a deployment: the app answers, and nothing says that its name does not.
func (n *nameCheck) explain(err error) (problem, warning string) {
	var answer interface{ HTTPStatusCode() int }
	switch {
	case err == nil:
		return "", ""
	case awserr.Denied(err):
		return "", fmt.Sprintf(
			unchecked+"the worker's role lacks %s, or a policy above it "+
				"denies that; give it this permission",
			n.host,
			awserr.Action(err),
		)
	}
	warning = fmt.Sprintf(unchecked+"%s", n.host, awserr.Sentence(err))
	if errors.As(err, &answer) && answer.HTTPStatusCode()/100 == 4 && !awserr.Throttled(err) {
		return "", warning
	}
	return fmt.Sprintf("Route 53 does not say whether it answers for %s: %s", n.host, awserr.Sentence(err)), warning
}
