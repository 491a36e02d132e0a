package services

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"pgregory.net/rapid"
)

func txtRecord(name string) types.ResourceRecordSet {
	return types.ResourceRecordSet{
		Name: aws.String(name), Type: types.RRTypeTxt, TTL: aws.Int64(60),
		ResourceRecords: []types.ResourceRecord{{Value: aws.String(`"x"`)}},
	}
}

func (a *account) changeRecords(action types.ChangeAction, sets ...types.ResourceRecordSet) error {
	var changes []types.Change
	for _, set := range sets {
		changes = append(changes, types.Change{Action: action, ResourceRecordSet: &set})
	}
	_, err := route53.NewFromConfig(a.aws).
		ChangeResourceRecordSets(a.t.Context(), &route53.ChangeResourceRecordSetsInput{
			HostedZoneId: aws.String(HostedZone), ChangeBatch: &types.ChangeBatch{Changes: changes},
		})
	return err
}

// listRecords returns the zone's records from all pages, each as `name type`. A page has size
// records.
func (a *account) listRecords(size int32) []string {
	a.t.Helper()
	in := &route53.ListResourceRecordSetsInput{HostedZoneId: aws.String(HostedZone), MaxItems: aws.Int32(size)}
	var names []string
	for {
		out, err := route53.NewFromConfig(a.aws).ListResourceRecordSets(a.t.Context(), in)
		if err != nil {
			a.t.Fatal(err)
		}
		for _, set := range out.ResourceRecordSets {
			names = append(names, aws.ToString(set.Name)+" "+string(set.Type))
		}
		if !out.IsTruncated {
			return names
		}
		in.StartRecordName, in.StartRecordType = out.NextRecordName, out.NextRecordType
	}
}

func TestRecordsAreListedByLabelsFromTheRight(t *testing.T) {
	a := newAccount(t, Config{})
	if err := a.changeRecords(
		types.ChangeActionCreate, txtRecord("b.localhost"), txtRecord("a.b.localhost"), txtRecord("*.localhost"),
		txtRecord("C.localhost"),
	); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"localhost. NS", "localhost. SOA", `\052.localhost. TXT`, "b.localhost. TXT", "a.b.localhost. TXT",
		"c.localhost. TXT",
	}
	for size := int32(1); size <= 7; size++ {
		diff(t, a.listRecords(size), want)
	}
}

func TestPagesOfRecordsContainEveryRecordOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a := newAccount(t, Config{})
		labels := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-c]{1,2}(\.[a-c])?`), 1, 12, rapid.ID[string]).Draw(
			rt, "labels",
		)
		sets := make([]types.ResourceRecordSet, len(labels))
		for i, label := range labels {
			sets[i] = txtRecord(label + ".localhost")
		}
		if err := a.changeRecords(types.ChangeActionCreate, sets...); err != nil {
			rt.Fatal(err)
		}
		whole := a.listRecords(300)
		if paged := a.listRecords(rapid.Int32Range(1, 15).Draw(rt, "size")); !slices.Equal(paged, whole) {
			rt.Fatalf("all pages have %v, one page has %v", paged, whole)
		}
	})
}

func TestAChangeBatchIsAppliedCompletelyOrNotAtAll(t *testing.T) {
	a := newAccount(t, Config{})
	if err := a.changeRecords(types.ChangeActionCreate, txtRecord("a.localhost")); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, sentence string
		action         types.ChangeAction
		sets           []types.ResourceRecordSet
	}{
		{
			"created twice",
			"Tried to create resource record set [name='a.localhost.', type='TXT'] but it already exists",
			types.ChangeActionCreate, []types.ResourceRecordSet{txtRecord("b.localhost"), txtRecord("a.localhost")},
		},
		{
			"deleted but missing", "but it was not found", types.ChangeActionDelete,
			[]types.ResourceRecordSet{txtRecord("a.localhost"), txtRecord("b.localhost")},
		},
		{
			"outside the zone", "RRSet with DNS name a.example.com. is not permitted in zone localhost.",
			types.ChangeActionUpsert, []types.ResourceRecordSet{txtRecord("b.localhost"), txtRecord("a.example.com")},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := a.changeRecords(test.action, test.sets...)
			wantError(t, err, test.sentence)
			diff(t, a.listRecords(300), []string{"localhost. NS", "localhost. SOA", "a.localhost. TXT"})
		})
	}
	both := []types.ResourceRecordSet{txtRecord("a.localhost"), txtRecord("b.localhost")}
	if err := a.changeRecords(types.ChangeActionUpsert, both...); err != nil {
		t.Fatal(err)
	}
	if err := a.changeRecords(types.ChangeActionDelete, both...); err != nil {
		t.Fatal(err)
	}
}

func TestARecordSetIsUpdatedAndDeletedWithItsResource(t *testing.T) {
	a := newAccount(t, Config{})
	balancer := a.createShop()
	p := map[string]any{
		"HostedZoneId": HostedZone, "Name": "login.localhost", "Type": "A",
		"AliasTarget": map[string]any{
			"DNSName": balancer.Attributes["DNSName"], "HostedZoneId": balancer.Attributes["CanonicalHostedZoneID"],
		},
	}
	state, r := a.create(typeRecordSet, "Record", p)
	diff(t, state.ID, "login.localhost")
	out, err := route53.NewFromConfig(a.aws).ListResourceRecordSets(t.Context(), &route53.ListResourceRecordSetsInput{
		HostedZoneId: aws.String(HostedZone), StartRecordName: aws.String("login.localhost"),
	})
	if err != nil || aws.ToString(out.ResourceRecordSets[0].AliasTarget.DNSName) != balancer.Attributes["DNSName"]+"." {
		t.Fatalf("records = %+v, %v", out, err)
	}
	_, err = a.tryCreate(request(typeRecordSet, "Second", p))
	wantError(t, err, "[Tried to create resource record set [name='login.localhost.', type='A'] but it already exists]")

	r.Properties = map[string]any{
		"HostedZoneId": HostedZone, "Name": "login.localhost", "Type": "CNAME", "TTL": 60,
		"ResourceRecords": []any{"elsewhere.example.com"},
	}
	if _, err := a.service.Handlers()[typeRecordSet].Update(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	diff(t, a.listRecords(300), []string{"localhost. NS", "localhost. SOA", "login.localhost. CNAME"})
	if err := a.remove(r); err != nil {
		t.Fatal(err)
	}
	diff(t, a.listRecords(300), []string{"localhost. NS", "localhost. SOA"})
}

func TestInvalidRecordsHaveRoute53sErrors(t *testing.T) {
	tests := []struct {
		name, sentence string
		properties     map[string]any
	}{
		{
			"unknown zone", "No hosted zone found with ID: ZNOPE",
			map[string]any{"HostedZoneId": "ZNOPE", "Name": "a.localhost", "Type": "A"},
		},
		{
			"unknown zone by name", "No hosted zones named example.com. found",
			map[string]any{"HostedZoneName": "example.com.", "Name": "a.localhost", "Type": "A"},
		},
		{"no target", "but found none", map[string]any{"HostedZoneId": HostedZone, "Name": "a.localhost", "Type": "A"}},
		{"alias with a TTL", "but found more than one", map[string]any{
			"HostedZoneId": HostedZone, "Name": "a.localhost", "Type": "A", "TTL": "60",
			"AliasTarget": map[string]any{"DNSName": "b.example.com"},
		}},
		{"no TTL", "Missing field 'TTL'", map[string]any{
			"HostedZoneId": HostedZone, "Name": "a.localhost", "Type": "A", "ResourceRecords": []any{"203.0.113.1"},
		}},
		{"CNAME at the apex", "is not permitted at apex in zone localhost.", map[string]any{
			"HostedZoneId": HostedZone, "Name": "localhost", "Type": "CNAME", "TTL": "60",
			"ResourceRecords": []any{"x.example.com"},
		}},
		{"CNAME beside another", "a conflicting RRSet of type TXT", map[string]any{
			"HostedZoneId": HostedZone, "Name": "taken.localhost", "Type": "CNAME", "TTL": "60",
			"ResourceRecords": []any{"x.example.com"},
		}},
	}
	a := newAccount(t, Config{})
	if err := a.changeRecords(types.ChangeActionCreate, txtRecord("taken.localhost")); err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := a.tryCreate(request(typeRecordSet, "Record", test.properties))
			wantError(t, err, test.sentence)
		})
	}
}

func TestAHostedZoneIsDeletedOnlyIfEmpty(t *testing.T) {
	a := newAccount(t, Config{})
	state, r := a.createReady(typeHostedZone, "Zone", map[string]any{"Name": "stack.example.com"})
	a.createReady(typeSetGroup, "Group", map[string]any{"HostedZoneId": state.ID, "RecordSets": []any{
		map[string]any{"Name": "a.stack.example.com", "Type": "TXT", "TTL": "60", "ResourceRecords": []any{`"x"`}},
	}})
	wantError(t, a.remove(r), "contains non-required resource record sets")
	group := request(typeSetGroup, "Group", nil)
	group.PhysicalID = generatedName(group, 0)
	if err := a.remove(group); err != nil {
		t.Fatal(err)
	}
	if err := a.remove(r); err != nil {
		t.Fatal(err)
	}
	_, err := route53.NewFromConfig(a.aws).ListResourceRecordSets(
		t.Context(), &route53.ListResourceRecordSetsInput{HostedZoneId: &state.ID},
	)
	diff(t, code(err), "NoSuchHostedZone")
}

func TestDomainNamesAreNormalized(t *testing.T) {
	for name, want := range map[string]string{
		"A.localhost": "a.localhost.", "a.localhost.": "a.localhost.", "*.localhost": `\052.localhost.`,
		`\052.localhost.`: `\052.localhost.`,
	} {
		if got := domainName(name); got != want {
			t.Errorf("the domain name of %s is %s, want %s", name, got, want)
		}
	}
}

// testAnswer returns the response code and the record data of TestDNSAnswer.
func (a *account) testAnswer(name string, kind types.RRType) (code string, data []string) {
	a.t.Helper()
	out, err := route53.NewFromConfig(a.aws).TestDNSAnswer(a.t.Context(), &route53.TestDNSAnswerInput{
		HostedZoneId: aws.String(HostedZone), RecordName: &name, RecordType: kind,
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return aws.ToString(out.ResponseCode), out.RecordData
}

func TestNameServersAnswerForARecordWhenItIsInSync(t *testing.T) {
	a := newAccount(t, Config{DNSLag: time.Minute})
	want := func(name string, kind types.RRType, code string, data ...string) {
		t.Helper()
		gotCode, gotData := a.testAnswer(name, kind)
		diff(t, gotCode, code)
		diff(t, gotData, append([]string{}, data...))
	}
	address := func(value string) map[string]any {
		return map[string]any{
			"HostedZoneId": HostedZone, "Name": "Login.localhost", "Type": "A", "TTL": "60",
			"ResourceRecords": []any{value},
		}
	}
	_, r := a.create(typeRecordSet, "Record", address("203.0.113.1"))
	if err := a.changeRecords(types.ChangeActionCreate, txtRecord("other.localhost")); err != nil {
		t.Fatal(err)
	}
	diff(
		t, a.listRecords(300),
		[]string{"localhost. NS", "localhost. SOA", "login.localhost. A", "other.localhost. TXT"},
	)
	a.now = a.now.Add(time.Minute - time.Second)
	want("login.localhost", types.RRTypeA, "NXDOMAIN")
	want("other.localhost", types.RRTypeTxt, "NXDOMAIN")
	a.now = a.now.Add(time.Second)
	want("login.localhost", types.RRTypeA, "NOERROR", "203.0.113.1")
	want("LOGIN.localhost.", types.RRTypeAaaa, "NOERROR")
	want("other.localhost", types.RRTypeTxt, "NOERROR", `"x"`)
	want("none.localhost", types.RRTypeA, "NXDOMAIN")

	// The name servers continue to answer while a record changes.
	r.Properties = address("203.0.113.2")
	if _, err := a.service.Handlers()[typeRecordSet].Update(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if err := a.changeRecords(types.ChangeActionUpsert, txtRecord("other.localhost")); err != nil {
		t.Fatal(err)
	}
	want("login.localhost", types.RRTypeA, "NOERROR", "203.0.113.2")
	want("other.localhost", types.RRTypeTxt, "NOERROR", `"x"`)
	if err := a.remove(r); err != nil {
		t.Fatal(err)
	}
	want("login.localhost", types.RRTypeA, "NXDOMAIN")
}

func TestAnAliasHasAnAddressAndACNAMEItsTarget(t *testing.T) {
	a := newAccount(t, Config{Loopback: true})
	for name, p := range map[string]map[string]any{
		"Alias": {"Name": "alias.localhost", "Type": "A", "AliasTarget": map[string]any{
			"DNSName": "balancer.example.com", "HostedZoneId": "Z1",
		}},
		"Name": {"Name": "name.localhost", "Type": "CNAME", "TTL": "60", "ResourceRecords": []any{"x.example.com"}},
	} {
		p["HostedZoneId"] = HostedZone
		a.create(typeRecordSet, name, p)
	}
	for name, want := range map[string]string{"alias.localhost": "127.0.0.1", "name.localhost": "x.example.com"} {
		code, data := a.testAnswer(name, types.RRTypeA)
		diff(t, code, "NOERROR")
		diff(t, data, []string{want})
	}
	_, err := route53.NewFromConfig(a.aws).TestDNSAnswer(t.Context(), &route53.TestDNSAnswerInput{
		HostedZoneId: aws.String("ZNOPE"), RecordName: aws.String("a.localhost"), RecordType: types.RRTypeA,
	})
	diff(t, code(err), "NoSuchHostedZone")
}
