package services

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"perch/sandbox/aws/wire"
)

const route53Namespace = "https://route53.amazonaws.com/doc/2013-04-01/"

// route53Call answers one call; the node is the whole document.
type route53Call func(s *Service, r *http.Request) (status int, root wire.Node, err error)

// route53 serves Route 53's REST API.
func (s *Service) route53() http.Handler {
	mux := http.NewServeMux()
	for pattern, call := range map[string]route53Call{
		"GET /2013-04-01/hostedzone":                 listZones,
		"GET /2013-04-01/hostedzonesbyname":          listZonesByName,
		"POST /2013-04-01/hostedzone":                createZone,
		"GET /2013-04-01/hostedzone/{id}":            getZone,
		"DELETE /2013-04-01/hostedzone/{id}":         deleteZone,
		"GET /2013-04-01/hostedzone/{id}/rrset":      listSets,
		"POST /2013-04-01/hostedzone/{id}/rrset":     changeSets,
		"POST /2013-04-01/hostedzone/{id}/rrset/{$}": changeSets,
		"GET /2013-04-01/change/{id}":                getChange,
		"GET /2013-04-01/tags/hostedzone/{id}":       listZoneTags,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { s.serveRoute53(w, r, call) })
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		wire.WriteQueryError(w, route53Namespace, wire.Errorf(http.StatusNotFound, "UnknownOperationException", "No operation of Route 53 answers %s %s.", r.Method, r.URL.Path))
	})
	return mux
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
	if status == http.StatusCreated {
		w.Header().Set("Location", "https://route53.amazonaws.com/2013-04-01/"+r.PathValue("id"))
	}
	w.WriteHeader(status)
	_, _ = w.Write(wire.XML(root, route53Namespace))
}

func (s *Service) zoneOf(r *http.Request) (*record, error) {
	id := r.PathValue("id")
	if zone := s.find(typeHostedZone, id); zone != nil {
		return zone, nil
	}
	return nil, wire.Errorf(http.StatusNotFound, "NoSuchHostedZone", "No hosted zone found with ID: %s", id)
}

func (s *Service) zoneNodes(zone *record) []wire.Node {
	return []wire.Node{wire.T("Id", "/hostedzone/"+zone.ID), wire.T("Name", zone.Name), wire.T("CallerReference", zone.Owner),
		wire.N("Config", present(wire.T("Comment", zone.Properties.child("HostedZoneConfig").text("Comment")), wire.T("PrivateZone", "false"))...),
		wire.T("ResourceRecordSetCount", strconv.Itoa(len(s.zoneSets(zone.ID))))}
}

func listZones(s *Service, r *http.Request) (int, wire.Node, error) {
	query := r.URL.Query()
	page, next := paged(s.of(typeHostedZone), query.Get("marker"), query.Get("maxitems"), 100)
	nodes := []wire.Node{list("HostedZones", "HostedZone", page, s.zoneNodes), wire.T("IsTruncated", strconv.FormatBool(next != "")), wire.T("MaxItems", orHundred(query.Get("maxitems")))}
	return http.StatusOK, wire.N("ListHostedZonesResponse", append(nodes, present(wire.T("NextMarker", next))...)...), nil
}

func orHundred(text string) string {
	if text == "" {
		return "100"
	}
	return text
}

// listZonesByName lists the zones in the order of their names, from dnsname on.
func listZonesByName(s *Service, r *http.Request) (int, wire.Node, error) {
	query := r.URL.Query()
	zones := s.of(typeHostedZone)
	slices.SortStableFunc(zones, func(a, b *record) int { return strings.Compare(reversed(a.Name), reversed(b.Name)) })
	if start := query.Get("dnsname"); start != "" {
		zones = slices.DeleteFunc(zones, func(zone *record) bool { return reversed(zone.Name) < reversed(domainName(start)) })
	}
	page, next := paged(zones, "", query.Get("maxitems"), 100)
	nodes := []wire.Node{list("HostedZones", "HostedZone", page, s.zoneNodes), wire.T("IsTruncated", strconv.FormatBool(next != "")), wire.T("MaxItems", orHundred(query.Get("maxitems")))}
	if next != "" {
		following := zones[len(page)]
		nodes = append(nodes, wire.T("NextDNSName", following.Name), wire.T("NextHostedZoneId", following.ID))
	}
	return http.StatusOK, wire.N("ListHostedZonesByNameResponse", nodes...), nil
}

func getZone(s *Service, r *http.Request) (int, wire.Node, error) {
	zone, err := s.zoneOf(r)
	if err != nil {
		return 0, wire.Node{}, err
	}
	return http.StatusOK, wire.N("GetHostedZoneResponse", wire.N("HostedZone", s.zoneNodes(zone)...), s.delegation(zone)), nil
}

func (s *Service) delegation(zone *record) wire.Node {
	return wire.N("DelegationSet", texts("NameServers", "NameServer", apex(zone.ID, zone.Name)[0].Values))
}

func (s *Service) changeInfo() wire.Node {
	return wire.N("ChangeInfo", wire.T("Id", "/change/C"+random(upperDigits, 20)), wire.T("Status", "INSYNC"), wire.T("SubmittedAt", isoTime(s.config.Now())))
}

func createZone(s *Service, r *http.Request) (int, wire.Node, error) {
	var in struct {
		Name            string
		CallerReference string
		Comment         string `xml:"HostedZoneConfig>Comment"`
	}
	if err := xml.NewDecoder(r.Body).Decode(&in); err != nil || in.Name == "" || in.CallerReference == "" {
		return 0, wire.Node{}, wire.Errorf(http.StatusBadRequest, "InvalidInput", "The request's XML is not a CreateHostedZoneRequest with Name and CallerReference.")
	}
	for _, zone := range s.of(typeHostedZone) {
		if zone.Owner == in.CallerReference {
			return 0, wire.Node{}, wire.Errorf(http.StatusConflict, "HostedZoneAlreadyExists", "A hosted zone has already been created with the specified caller reference.")
		}
	}
	now := s.config.Now().UTC()
	zone := &record{
		Type: typeHostedZone, Name: in.Name, Owner: in.CallerReference, Created: now, Updated: now, Attributes: map[string]string{},
		Properties: properties{"Name": in.Name, "HostedZoneConfig": map[string]any{"Comment": in.Comment}},
	}
	if err := prepareZone(s, zone); err != nil {
		return 0, wire.Node{}, err
	}
	s.state.Records = append(s.state.Records, zone)
	root := wire.N("CreateHostedZoneResponse", wire.N("HostedZone", s.zoneNodes(zone)...), s.changeInfo(), s.delegation(zone))
	return http.StatusCreated, root, s.save()
}

func deleteZone(s *Service, r *http.Request) (int, wire.Node, error) {
	zone, err := s.zoneOf(r)
	if err != nil {
		return 0, wire.Node{}, err
	}
	if err := rejectZone(s, zone, true); err != nil {
		return 0, wire.Node{}, wire.Errorf(http.StatusBadRequest, "HostedZoneNotEmpty", "%v", err)
	}
	s.drop(zone)
	s.state.Sets = slices.DeleteFunc(s.state.Sets, func(set recordSet) bool { return set.Zone == zone.ID })
	return http.StatusOK, wire.N("DeleteHostedZoneResponse", s.changeInfo()), s.save()
}

func getChange(s *Service, r *http.Request) (int, wire.Node, error) {
	return http.StatusOK, wire.N("GetChangeResponse", wire.N("ChangeInfo", wire.T("Id", "/change/"+r.PathValue("id")), wire.T("Status", "INSYNC"),
		wire.T("SubmittedAt", s.config.Now().UTC().Format(time.RFC3339)))), nil
}

func listZoneTags(s *Service, r *http.Request) (int, wire.Node, error) {
	zone, err := s.zoneOf(r)
	if err != nil {
		return 0, wire.Node{}, err
	}
	return http.StatusOK, wire.N("ListTagsForResourceResponse", wire.N("ResourceTagSet",
		wire.T("ResourceType", "hostedzone"), wire.T("ResourceId", zone.ID), tagNodes("Tags", "Tag", zone.Tags))), nil
}
