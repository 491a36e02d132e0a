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
var zoneBeliefs = []Belief{
	{
		Name:     "route53/names-are-normal",
		Sentence: "A record's name is listed in lower case, with a dot at its end, and `*` as `\\052`.",
		Source:   dnsAPI + "API_ListResourceRecordSets.html",
		ReliedOn: "activities/leftovers/verify.go", Minutes: 4, check: checkNormalNames,
	},
	{
		Name: "route53/listing-begins-at-a-name",
		Sentence: "ListResourceRecordSets with StartRecordName begins with that name, or with the next one " +
			"if it has no record.",
		Source:   dnsAPI + "API_ListResourceRecordSets.html",
		ReliedOn: "activities/leftovers/verify.go", Minutes: 4, check: checkListingBegins,
	},
	{
		Name: "route53/answers-when-in-sync",
		Sentence: "A new record is listed at once; TestDNSAnswer answers NXDOMAIN until the name servers know it, " +
			"then NOERROR with the record's value.",
		Source:   dnsAPI + "API_TestDNSAnswer.html",
		ReliedOn: "activities/ready/name.go", Minutes: 5, check: checkAnswers,
	},
	{
		Name:     "route53/records-go-with-their-stack",
		Sentence: "A record that leaves a stack's template is gone from the zone when the update is complete.",
		Source:   recorded, ReliedOn: "activities/leftovers/verify.go", Minutes: 5, check: checkRecordGoes,
	},
	{
		Name:     "route53/full-zone",
		Sentence: "A zone with a record that its stack does not know cannot be deleted: DELETE_FAILED.",
		Source:   dnsAPI + "API_DeleteHostedZone.html", ReliedOn: "lifecycle/repair.go", Minutes: 5,
		check: checkFullZone,
	},
}

// domain is a domain that cannot be registered (RFC 2606).
func (w *World) domain() string { return w.run + "." + w.name + ".perch-conformance.test" }

// zoneWith is a template with a hosted zone and records of the names below it.
func (w *World) zoneWith(names ...string) string {
	resources := []string{"Zone: {Type: AWS::Route53::HostedZone, Properties: {Name: " + w.domain() + "}}"}
	for i, name := range names {
		resources = append(resources, fmt.Sprintf(`Record%d: {Type: AWS::Route53::RecordSet, Properties: {`+
			`HostedZoneId: !Ref Zone, Name: "%s.%s", Type: A, TTL: "60", ResourceRecords: [127.0.0.1]}}`, i, name,
			w.domain()))
	}
	return template(resources...)
}

// zone creates a stack with a hosted zone.
func (w *World) zone(ctx context.Context, names ...string) (stack, zone string, err error) {
	if stack, err = w.create(ctx, "", w.zoneWith(names...)); err != nil {
		return "", "", err
	}
	zone, err = w.physical(ctx, stack, "Zone")
	return stack, zone, err
}

// addresses are the names of a zone's A records as a listing from start shows them.
func (w *World) addresses(ctx context.Context, zone, start string) ([]string, error) {
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

// wantAddresses checks the records of a zone by the parts of their names before the zone's own.
func (w *World) wantAddresses(ctx context.Context, zone, start, want string) error {
	names, err := w.addresses(ctx, zone, start)
	for i := range names {
		names[i], _, _ = strings.Cut(names[i], "."+w.domain())
	}
	if got := strings.Join(names, " "); err == nil && got != want {
		err = differs("the records from %q are %q, want %q", start, got, want)
	}
	return err
}

func checkNormalNames(ctx context.Context, w *World) error {
	_, zone, err := w.zone(ctx, "Shop", "*")
	if err != nil {
		return err
	}
	names, err := w.addresses(ctx, zone, "")
	want := `\052.` + w.domain() + ". shop." + w.domain() + "."
	if got := strings.Join(names, " "); err == nil && got != want {
		err = differs("the records are %q, want %q", got, want)
	}
	return err
}

func checkListingBegins(ctx context.Context, w *World) error {
	_, zone, err := w.zone(ctx, "a", "c", "e")
	if err != nil {
		return err
	}
	if err := w.wantAddresses(ctx, zone, "c", "c e"); err != nil {
		return err
	}
	return w.wantAddresses(ctx, zone, "d", "e")
}

// checkAnswers notes how long the name servers did not know the record after its stack was
// complete.
func checkAnswers(ctx context.Context, w *World) error {
	_, zone, err := w.zone(ctx, "a")
	if err != nil {
		return err
	}
	complete := time.Now()
	if err := w.wantAddresses(ctx, zone, "", "a"); err != nil {
		return err
	}
	if err := w.until(ctx, "the name servers know the record", func() (bool, error) {
		code, values, err := w.answer(ctx, zone, "a")
		switch {
		case err != nil:
			return false, err
		case code == "NXDOMAIN":
			return false, nil
		case code != "NOERROR" || values != "127.0.0.1":
			return false, differs("the answer is %s %q, want NOERROR and the record's value", code, values)
		}
		return true, nil
	}); err != nil {
		return err
	}
	w.note = "the name servers knew the record " + time.Since(complete).Round(time.Second).String() +
		" after the stack was complete"
	if code, values, err := w.answer(ctx, zone, "missing"); err != nil || code != "NXDOMAIN" {
		return cmp.Or(err, differs("the answer for a name without records is %s %q, want NXDOMAIN", code, values))
	}
	return nil
}

// answer is what Route 53's name servers answer for an A record of a name below the domain.
func (w *World) answer(ctx context.Context, zone, name string) (code, values string, err error) {
	out, err := w.dns.TestDNSAnswer(ctx, &route53.TestDNSAnswerInput{
		HostedZoneId: &zone, RecordName: aws.String(name + "." + w.domain()), RecordType: dnstypes.RRTypeA,
	})
	if err := wantAccepted("TestDNSAnswer", err); err != nil {
		return "", "", err
	}
	return aws.ToString(out.ResponseCode), strings.Join(out.RecordData, " "), nil
}

func checkRecordGoes(ctx context.Context, w *World) error {
	stack, zone, err := w.zone(ctx, "a", "b")
	if err != nil {
		return err
	}
	if err := w.wantAddresses(ctx, zone, "", "a b"); err != nil {
		return err
	}
	if err := w.update(ctx, stack, w.zoneWith("a"), types.StackStatusUpdateComplete); err != nil {
		return err
	}
	return w.wantAddresses(ctx, zone, "", "a")
}

func checkFullZone(ctx context.Context, w *World) error {
	stack, zone, err := w.zone(ctx)
	if err != nil {
		return err
	}
	if err := w.changeRecord(ctx, zone, dnstypes.ChangeActionCreate); err != nil {
		return err
	}
	defer func() { _ = w.changeRecord(context.WithoutCancel(ctx), zone, dnstypes.ChangeActionDelete) }()
	return w.remove(ctx, stack, types.StackStatusDeleteFailed)
}

// changeRecord creates or deletes a record that no stack knows.
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
