package services

import (
	"net/http"
	"strings"

	"github.com/google/uuid"

	"perch/sandbox/aws/wire"
)

const route53Namespace = "https://route53.amazonaws.com/doc/2013-04-01/"

// route53Call handles one call. root is the whole response document.
type route53Call func(s *Service, r *http.Request) (status int, root wire.Node, err error)

// route53Handler serves Route 53's REST API.
func (s *Service) route53Handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, call := range map[string]route53Call{
		"GET /2013-04-01/testdnsanswer":              testDNSAnswer,
		"GET /2013-04-01/hostedzone/{id}/rrset":      listSets,
		"POST /2013-04-01/hostedzone/{id}/rrset":     changeSets,
		"POST /2013-04-01/hostedzone/{id}/rrset/{$}": changeSets,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { s.serveRoute53(w, r, call) })
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		wire.WriteQueryError(w, route53Namespace, wire.Errorf(
			http.StatusNotFound, "UnknownOperationException", "The sandbox has no Route 53 operation for %s %s.",
			r.Method, r.URL.Path,
		))
	})
	return mux
}

// Route53Actions returns the actions of Route 53 that the sandbox implements.
func Route53Actions() []string {
	return []string{"ChangeResourceRecordSets", "ListResourceRecordSets", "TestDNSAnswer"}
}

// Route53Action returns the action of a request to Route 53; the request's method if the sandbox
// does not implement the action.
func Route53Action(r *http.Request) string {
	switch path := strings.TrimSuffix(r.URL.Path, "/"); {
	case r.Method == http.MethodGet && path == "/2013-04-01/testdnsanswer":
		return "TestDNSAnswer"
	case r.Method == http.MethodGet && strings.HasSuffix(path, "/rrset"):
		return "ListResourceRecordSets"
	case r.Method == http.MethodPost && strings.HasSuffix(path, "/rrset"):
		return "ChangeResourceRecordSets"
	}
	return r.Method
}

func (s *Service) serveRoute53(w http.ResponseWriter, r *http.Request, call route53Call) {
	s.mu.Lock()
	status, root, err := call(s, r)
	s.mu.Unlock()
	if err != nil {
		wire.WriteQueryError(w, route53Namespace, s.wireError(err))
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("x-amzn-RequestId", uuid.NewString())
	w.WriteHeader(status)
	_, _ = w.Write(wire.XML(root, route53Namespace))
}

func (s *Service) zoneByID(id string) (*record, error) {
	if zone := s.findByID(typeHostedZone, id); zone != nil {
		return zone, nil
	}
	return nil, wire.Errorf(http.StatusNotFound, "NoSuchHostedZone", "No hosted zone found with ID: %s", id)
}

func (s *Service) changeInfo() wire.Node {
	return wire.N(
		"ChangeInfo", wire.T("Id", "/change/C"+randomText(upperDigits, 20)), wire.T("Status", "PENDING"),
		wire.T("SubmittedAt", isoTime(s.config.Now())),
	)
}
