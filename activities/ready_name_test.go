package activities

import (
	"net/http"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/activities/ready"
	"perch/sandbox/aws"
	"perch/sandbox/aws/services"
)

// record puts a record into the domain's zone.
func (w *world) record(host string, kind types.RRType, value string) {
	w.t.Helper()
	set := &types.ResourceRecordSet{
		Name: &host, Type: kind, TTL: sdk.Int64(60), ResourceRecords: []types.ResourceRecord{{Value: &value}},
	}
	_, err := route53.NewFromConfig(w.config).ChangeResourceRecordSets(
		w.t.Context(), &route53.ChangeResourceRecordSetsInput{
			HostedZoneId: sdk.String(services.HostedZone), ChangeBatch: &types.ChangeBatch{
				Changes: []types.Change{{Action: types.ChangeActionCreate, ResourceRecordSet: set}},
			},
		},
	)
	if err != nil {
		w.t.Fatal(err)
	}
}

// answering is a question about a host whose app answers.
func answering(t *testing.T, host string) ready.Question {
	port, _ := listening(t)
	return ready.Question{
		URL: "http://" + host + ":" + port, Endpoint: "127.0.0.1", HealthPath: "/", Patience: time.Minute,
	}
}

const namedHost = "login.shop.localhost"

func TestAwaitReadyWaitsUntilRoute53AnswersForTheHost(t *testing.T) {
	for name, c := range map[string]struct {
		kind  types.RRType
		value string
		fault aws.Fault
	}{
		"the record is not in sync": {types.RRTypeA, "127.0.0.1", aws.Fault{Stale: 3600}},
		"the record is a CNAME":     {types.RRTypeCname, "elsewhere.example.com", aws.Fault{Stale: 3600}},
		"the record is an AAAA":     {types.RRTypeAaaa, "::1", aws.Fault{Stale: 3600}},
		"the answer is throttled":   {types.RRTypeA, "127.0.0.1", aws.Fault{Code: "Throttling"}},
		"Route 53 fails":            {types.RRTypeA, "127.0.0.1", aws.Fault{Code: "ServiceUnavailable", Status: 503}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.record(namedHost, c.kind, c.value)
			c.fault.Service, c.fault.Action, c.fault.Count = "route53", "TestDNSAnswer", 2
			w.fault(c.fault)
			out := must(w, of[*Readiness](w).prober.AwaitAnswer, answering(t, namedHost))
			if out.Status != http.StatusOK || len(out.Warnings) != 0 {
				t.Errorf("got %+v", out)
			}
			if asked := w.calls("route53", "TestDNSAnswer"); asked < 3 {
				t.Errorf("ready after Route 53 was asked %d times, want it to wait for the good answer", asked)
			}
			if listed := w.calls("route53", "ListResourceRecordSets"); listed != 1 {
				t.Errorf("the zone was listed %d times, want once", listed)
			}
		})
	}
}

func TestAHostThatRoute53DoesNotAnswerForIsNotReady(t *testing.T) {
	w := newWorld(t)
	w.record(namedHost, types.RRTypeA, "127.0.0.1")
	w.fault(aws.Fault{Service: "route53", Stale: 3600})
	env := activitytest.NewEnvironment()
	env.SetHeartbeatDetails(perch.Progress{Since: time.Now().Add(-time.Hour)}) // An earlier try has waited already.
	_, err := activitytest.TryIn(env, of[*Readiness](w).prober.AwaitAnswer, answering(t, namedHost))
	activitytest.WantFinal(
		t, err, perch.ErrorNotReady, "did not become ready within 1m0s", "the app answers, but Route 53 does not "+
			"answer for login.shop.localhost yet (NXDOMAIN)", "check the record in hosted zone "+services.HostedZone,
	)
}

// TestAnOutageOfRoute53FailsNoDeployment has an earlier try wait for the whole patience.
func TestAnOutageOfRoute53FailsNoDeployment(t *testing.T) {
	for name, fault := range map[string]aws.Fault{
		"it fails to answer": {Action: "TestDNSAnswer", Code: "ServiceUnavailable", Status: 503},
		"it throttles":       {Action: "TestDNSAnswer", Code: "Throttling"},
		"it fails to list":   {Action: "ListResourceRecordSets", Code: "ServiceUnavailable", Status: 503},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.record(namedHost, types.RRTypeA, "127.0.0.1")
			fault.Service = "route53"
			w.fault(fault)
			env := activitytest.NewEnvironment()
			env.SetHeartbeatDetails(perch.Progress{Since: time.Now().Add(-time.Hour)})
			out, err := activitytest.TryIn(env, of[*Readiness](w).prober.AwaitAnswer, answering(t, namedHost))
			if err != nil || out.Status != http.StatusOK || len(out.Warnings) != 1 {
				t.Fatalf("%+v, %v", out, err)
			}
			activitytest.WantWords(
				t, out.Warnings[0], "it was not checked whether Route 53 answers for "+namedHost, fault.Code,
			)
		})
	}
}

func TestRoute53IsNotWaitedForWhereItCannotBeAsked(t *testing.T) {
	for name, c := range map[string]struct {
		host, warning string
		fault         *aws.Fault
	}{
		"the role may not ask": {
			namedHost, "the worker's role lacks route53:TestDNSAnswer",
			&aws.Fault{Action: "TestDNSAnswer", Code: "AccessDenied", Status: 403},
		},
		"the role may not list": {
			namedHost, "the worker's role lacks route53:ListResourceRecordSets",
			&aws.Fault{Action: "ListResourceRecordSets", Code: "AccessDenied", Status: 403},
		},
		"the zone is private": {
			namedHost, "InvalidInput: only public hosted zones",
			&aws.Fault{Action: "TestDNSAnswer", Code: "InvalidInput", Message: "only public hosted zones"},
		},
		"the zone is gone": {
			namedHost, "NoSuchHostedZone",
			&aws.Fault{Action: "ListResourceRecordSets", Code: "NoSuchHostedZone", Status: 404},
		},
		"the endpoint has no such call": {
			namedHost, "UnknownOperationException",
			&aws.Fault{Action: "TestDNSAnswer", Code: "UnknownOperationException", Status: 404},
		},
		"the zone has no record of the host": {"other.shop.localhost", "", nil},
		"the host has no address":            {"text.shop.localhost", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.record(namedHost, types.RRTypeA, "127.0.0.1")
			w.record("text.shop.localhost", types.RRTypeTxt, `"x"`)
			if c.fault == nil {
				c.fault = &aws.Fault{Stale: 3600}
			}
			c.fault.Service = "route53"
			w.fault(*c.fault)
			out := must(w, of[*Readiness](w).prober.AwaitAnswer, answering(t, c.host))
			if c.warning == "" && len(out.Warnings) == 0 {
				return
			}
			if len(out.Warnings) != 1 {
				t.Fatalf("warnings %q", out.Warnings)
			}
			activitytest.WantWords(
				t, out.Warnings[0], "it was not checked whether Route 53 answers for "+c.host, c.warning,
			)
		})
	}
}

func TestRoute53IsAskedOnlyForHostsOfTheDomain(t *testing.T) {
	for name, change := range map[string]func(*perch.Policy){
		"the host is not in the domain": func(p *perch.Policy) { p.Domain = "op.localhost" },
		"there is no domain":            func(p *perch.Policy) { p.Domain, p.HostedZone = "", "" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			change(w.policy)
			must(w, of[*Readiness](w).prober.AwaitAnswer, answering(t, namedHost))
			if asked := w.calls("route53", "ListResourceRecordSets") + w.calls("route53", "TestDNSAnswer"); asked != 0 {
				t.Errorf("Route 53 was asked %d times", asked)
			}
		})
	}
}

func TestAwaitReadyWaitsForTheRecordOfTheTemplate(t *testing.T) {
	w := newWorldOf(t, aws.Config{Speed: 1e6, LoadBalancerDNS: "localhost"})
	w.policy.URL = "http://{host}:" + w.pages()
	w.apply()
	commit := w.repo.commit("login", map[string]string{"perch.yaml": testConfig, "fixtures/media/a.txt": "a"})
	id := w.up("login", commit)
	w.fault(aws.Fault{Service: "route53", Stale: 3600, Count: 1})
	in := contract.ReadyInput{Environment: activitytest.Environment("shop", "login"), StackID: id}
	if out := must(w, of[*Readiness](w).AwaitReady, in); out.Status != http.StatusOK {
		t.Errorf("got %+v", out)
	}
	if asked := w.calls("route53", "TestDNSAnswer"); asked < 2 {
		t.Errorf("ready after Route 53 was asked %d times", asked)
	}
}
