package services

import (
	"net/http"
	"strings"
	"time"

	"perch/sandbox/aws/wire"
)

// testDNSAnswer returns the answer of the zone's name servers. The response code is NXDOMAIN for a
// name without records, and for a name whose records are not in sync yet. Wildcard records are not
// supported.
func testDNSAnswer(s *Service, r *http.Request) (int, wire.Node, error) {
	query := r.URL.Query()
	zone, err := s.zoneByID(strings.TrimPrefix(query.Get("hostedzoneid"), "/hostedzone/"))
	if err != nil {
		return 0, wire.Node{}, err
	}
	set := recordSet{Zone: zone.ID, Name: domainName(query.Get("recordname")), Type: query.Get("recordtype")}
	if set.Name == "." || set.Type == "" {
		return 0, wire.Node{}, wire.Errorf(
			http.StatusBadRequest, "InvalidInput", "The input is not valid: RecordName and RecordType are required.",
		)
	}
	code, values := s.dnsAnswer(set, s.config.Now().Add(-wire.Lag(r.Context())))
	return http.StatusOK, wire.N(
		"TestDNSAnswerResponse", wire.T("Nameserver", "ns-1.sandbox.invalid"), wire.T("RecordName", set.Name),
		wire.T("RecordType", set.Type),
		textNodes("RecordData", "RecordDataEntry", values),
		wire.T("ResponseCode", code), wire.T("Protocol", "UDP"),
	), nil
}

// dnsAnswer returns the response code and the record data for a name and a type at a given time.
// For a CNAME, it returns the target, regardless of the type. For an alias, it returns an address
// of the load balancer.
func (s *Service) dnsAnswer(question recordSet, at time.Time) (code string, values []string) {
	code = "NXDOMAIN"
	for _, set := range s.zoneSets(question.Zone) {
		if set.Name != question.Name || at.Before(set.InSync) {
			continue
		}
		code = "NOERROR"
		if set.Type != question.Type && set.Type != "CNAME" {
			continue
		}
		values = append(values, set.Values...)
		if set.Alias != "" {
			values = append(values, s.elasticIP())
		}
	}
	return code, values
}
