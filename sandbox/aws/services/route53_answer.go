package services

import (
	"net/http"
	"strings"
	"time"

	"perch/sandbox/aws/wire"
)

// testAnswer answers as the zone's name servers do. NXDOMAIN is the answer for a name without
// records, and for one whose records are not in sync yet. Wildcards do not answer here.
func testAnswer(s *Service, r *http.Request) (int, wire.Node, error) {
	query := r.URL.Query()
	zone, err := s.zoneOf(strings.TrimPrefix(query.Get("hostedzoneid"), "/hostedzone/"))
	if err != nil {
		return 0, wire.Node{}, err
	}
	set := recordSet{Zone: zone.ID, Name: domainName(query.Get("recordname")), Type: query.Get("recordtype")}
	if set.Name == "." || set.Type == "" {
		return 0, wire.Node{}, wire.Errorf(
			http.StatusBadRequest, "InvalidInput", "The input is not valid: RecordName and RecordType are required.",
		)
	}
	code, values := s.answer(set, s.config.Now().Add(-wire.Lag(r.Context())))
	return http.StatusOK, wire.N(
		"TestDNSAnswerResponse", wire.T("Nameserver", "ns-1.sandbox.invalid"), wire.T("RecordName", set.Name),
		wire.T("RecordType", set.Type),
		texts("RecordData", "RecordDataEntry", values),
		wire.T("ResponseCode", code), wire.T("Protocol", "UDP"),
	), nil
}

// answer is the response code and the record data for a name and type at a time. A CNAME answers
// for every type, and an alias with an address of its load balancer.
func (s *Service) answer(question recordSet, at time.Time) (code string, values []string) {
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
