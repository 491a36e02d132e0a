package conformance

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	dnstypes "github.com/aws/aws-sdk-go-v2/service/route53/types"
)

const dnsAPI = "https://docs.aws.amazon.com/Route53/latest/APIReference/"

// A hosted zone that is deleted within 12 hours costs nothing (AWS pricing: Route 53).
var zoneAssumptions = []Assumption{
	{
		Name: "route53/normalized-names",
		Sentence: "ListResourceRecordSets returns a record's name in lower case, with a dot at the end, and with `*` " +
			"as `\\052`.",
		Source:   dnsAPI + "API_ListResourceRecordSets.html",
		ReliedOn: "activities/leftovers/verify.go", Minutes: 4, check: checkNormalizedNames,
	},
	{
		Name: "route53/listing-begins-at-a-name",
		Sentence: "ListResourceRecordSets with StartRecordName begins with that name, or with the next name if that " +
			"name has no record.",
		Source:   dnsAPI + "API_ListResourceRecordSets.html",
		ReliedOn: "activities/leftovers/verify.go", Minutes: 4, check: checkListingBegins,
	},
	{
		Name: "route53/answers-when-in-sync",
		Sentence: "ListResourceRecordSets returns a new record at once. TestDNSAnswer returns NXDOMAIN until the " +
			"name servers know the record, and then NOERROR with the record's value.",
		Source:   dnsAPI + "API_TestDNSAnswer.html",
		ReliedOn: "activities/ready/name.go", Minutes: 5, check: checkAnswers,
	},
	{
		Name: "route53/removed-record-is-deleted",
		Sentence: "If an update removes a record from the template, the zone no longer has the record when the " +
			"update is complete.",
		Source: recorded, ReliedOn: "activities/leftovers/verify.go", Minutes: 5, check: checkRecordRemoved,
	},
	{
		Name: "route53/zone-with-another-record",
		Sentence: "The deletion of a stack ends in DELETE_FAILED if its hosted zone has a record that the stack does " +
			"not manage.",
		Source: dnsAPI + "API_DeleteHostedZone.html", ReliedOn: "lifecycle/repair.go", Minutes: 5,
		check: checkZoneWithAnotherRecord,
	},
}

// domain returns the check's domain. It ends in .test, which is reserved for tests (RFC 2606).
func (w *World) domain() string { return w.run + "." + w.name + ".perch-conformance.test" }

// zoneTemplate returns a template with a hosted zone and an A record for each name.
func (w *World) zoneTemplate(names ...string) string {
	resources := []string{"Zone: {Type: AWS::Route53::HostedZone, Properties: {Name: " + w.domain() + "}}"}
	for i, name := range names {
		resources = append(resources, fmt.Sprintf(`Record%d: {Type: AWS::Route53::RecordSet, Properties: {`+
			`HostedZoneId: !Ref Zone, Name: "%s.%s", Type: A, TTL: "60", ResourceRecords: [127.0.0.1]}}`, i, name,
			w.domain()))
	}
	return template(resources...)
}

// createZone creates a stack with a hosted zone and an A record for each name.
func (w *World) createZone(ctx context.Context, names ...string) (stack, zone string, err error) {
	if stack, err = w.createStack(ctx, "", w.zoneTemplate(names...)); err != nil {
		return "", "", err
	}
	zone, err = w.physicalID(ctx, stack, "Zone")
	return stack, zone, err
}

// recordNames returns the names of a zone's A records. The listing begins at the name start, or at
// the first record if start is empty.
func (w *World) recordNames(ctx context.Context, zone, start string) ([]string, error) {
	in := &route53.ListResourceRecordSetsInput{HostedZoneId: &zone}
	if start != "" {
		in.StartRecordName = aws.String(start + "." + w.domain())
	}
	out, err := w.dns.ListResourceRecordSets(ctx, in)
	if err := wantAccepted("ListResourceRecordSets", err); err != nil {
		return nil, err
	}
	var names []string
	for _, set := range out.ResourceRecordSets {
		if set.Type == dnstypes.RRTypeA {
			names = append(names, aws.ToString(set.Name))
		}
	}
	return names, nil
}

// wantRecords checks the names of a zone's A records, without the zone's domain and separated by
// spaces.
func (w *World) wantRecords(ctx context.Context, zone, start, want string) error {
	names, err := w.recordNames(ctx, zone, start)
	for i := range names {
		names[i], _, _ = strings.Cut(names[i], "."+w.domain())
	}
	if got := strings.Join(names, " "); err == nil && got != want {
		err = differencef("the records from %q are %q, want %q", start, got, want)
	}
	return err
}

func checkNormalizedNames(ctx context.Context, w *World) error {
	_, zone, err := w.createZone(ctx, "Shop", "*")
	if err != nil {
		return err
	}
	names, err := w.recordNames(ctx, zone, "")
	want := `\052.` + w.domain() + ". shop." + w.domain() + "."
	if got := strings.Join(names, " "); err == nil && got != want {
		err = differencef("the records are %q, want %q", got, want)
	}
	return err
}

func checkListingBegins(ctx context.Context, w *World) error {
	_, zone, err := w.createZone(ctx, "a", "c", "e")
	if err != nil {
		return err
	}
	if err := w.wantRecords(ctx, zone, "c", "c e"); err != nil {
		return err
	}
	return w.wantRecords(ctx, zone, "d", "e")
}

// checkAnswers also notes how long after the completion of the stack the name servers knew the
// record.
func checkAnswers(ctx context.Context, w *World) error {
	_, zone, err := w.createZone(ctx, "a")
	if err != nil {
		return err
	}
	complete := time.Now()
	if err := w.wantRecords(ctx, zone, "", "a"); err != nil {
		return err
	}
	if err := w.waitUntil(ctx, "the name servers know the record", func() (bool, error) {
		code, values, err := w.testAnswer(ctx, zone, "a")
		switch {
		case err != nil:
			return false, err
		case code == "NXDOMAIN":
			return false, nil
		case code != "NOERROR" || values != "127.0.0.1":
			return false, differencef("the response is %s %q, want NOERROR and the record's value", code, values)
		}
		return true, nil
	}); err != nil {
		return err
	}
	w.note = "the name servers knew the record " + time.Since(complete).Round(time.Second).String() +
		" after the stack was complete"
	if code, values, err := w.testAnswer(ctx, zone, "missing"); err != nil || code != "NXDOMAIN" {
		return cmp.Or(err, differencef("the response for a name without records is %s %q, want NXDOMAIN", code, values))
	}
	return nil
}

// testAnswer returns the response of Route 53's name servers to a query for the A record of a name
// below the domain.
func (w *World) testAnswer(ctx context.Context, zone, name string) (code, values string, err error) {
	out, err := w.dns.TestDNSAnswer(ctx, &route53.TestDNSAnswerInput{
		HostedZoneId: &zone, RecordName: aws.String(name + "." + w.domain()), RecordType: dnstypes.RRTypeA,
	})
	if err := wantAccepted("TestDNSAnswer", err); err != nil {
		return "", "", err
	}
	return aws.ToString(out.ResponseCode), strings.Join(out.RecordData, " "), nil
}

func checkRecordRemoved(ctx context.Context, w *World) error {
	stack, zone, err := w.createZone(ctx, "a", "b")
	if err != nil {
		return err
	}
	if err := w.wantRecords(ctx, zone, "", "a b"); err != nil {
		return err
	}
	if err := w.updateStack(ctx, stack, w.zoneTemplate("a"), types.StackStatusUpdateComplete); err != nil {
		return err
	}
	return w.wantRecords(ctx, zone, "", "a")
}

func checkZoneWithAnotherRecord(ctx context.Context, w *World) error {
	stack, zone, err := w.createZone(ctx)
	if err != nil {
		return err
	}
	if err := w.changeRecord(ctx, zone, dnstypes.ChangeActionCreate); err != nil {
		return err
	}
	defer func() { _ = w.changeRecord(context.WithoutCancel(ctx), zone, dnstypes.ChangeActionDelete) }()
	return w.deleteStack(ctx, stack, types.StackStatusDeleteFailed)
}

// changeRecord creates or deletes a record that no stack manages.
func (w *World) changeRecord(ctx context.Context, zone string, action dnstypes.ChangeAction) error {
	_, err := w.dns.ChangeResourceRecordSets(ctx, &route53.ChangeResourceRecordSetsInput{
		HostedZoneId: &zone, ChangeBatch: &dnstypes.ChangeBatch{Changes: []dnstypes.Change{{
			Action: action, ResourceRecordSet: &dnstypes.ResourceRecordSet{
				Name: aws.String("extra." + w.domain()), Type: dnstypes.RRTypeA, TTL: aws.Int64(60),
				ResourceRecords: []dnstypes.ResourceRecord{{Value: aws.String("127.0.0.1")}},
			},
		}}},
	})
	return wantAccepted("ChangeResourceRecordSets", err)
}
