package services

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"perch/sandbox/aws/resource"
)

const (
	typeHostedZone = "AWS::Route53::HostedZone"
	typeRecordSet  = "AWS::Route53::RecordSet"
	typeSetGroup   = "AWS::Route53::RecordSetGroup"

	route53Service = "Route53"
)

var route53Kinds = map[string]kind{
	typeHostedZone: {
		service: route53Service, nameProperty: "Name", prepare: prepareZone, rejectDelete: rejectZone,
		finishDelete: removeZone,
	},
	typeRecordSet: {service: route53Service, prepare: prepareSets, saved: addSets, finishDelete: removeSets},
	typeSetGroup:  {service: route53Service, prepare: prepareSets, saved: addSets, finishDelete: removeSets},
}

// recordSet is one resource record set of a hosted zone.
type recordSet struct {
	Zone, Name, Type string
	// SetID distinguishes sets with the same name and type, and Weight is the set's weight among
	// them.
	SetID, Weight string
	TTL           string
	Values        []string
	// Alias is the DNS name to which an alias record points, and AliasZone the hosted zone of that
	// name.
	Alias, AliasZone string
	EvaluateHealth   bool
	// InSync is when Route 53's name servers begin to answer for the set.
	InSync time.Time
}

func (r recordSet) sameKey(other recordSet) bool {
	return r.Zone == other.Zone && r.Name == other.Name && r.Type == other.Type && r.SetID == other.SetID
}

// domainName returns a name as Route 53 stores it: in lower case, with a dot at the end, and with
// octal codes for all characters except letters, digits, `-`, `_`, `.` and backslashes.
func domainName(name string) string {
	var b strings.Builder
	name = strings.ToLower(strings.TrimSuffix(name, ".")) + "."
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == '\\' || c == '.' || c == '-' || c == '_' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, `\%03o`, c)
		}
	}
	return b.String()
}

// compare orders sets as listings do: by the labels of the name from right to left, then by type,
// then by set identifier.
func (r recordSet) compare(other recordSet) int {
	if c := strings.Compare(reverseLabels(r.Name), reverseLabels(other.Name)); c != 0 {
		return c
	}
	return strings.Compare(r.Type+"\x00"+r.SetID, other.Type+"\x00"+other.SetID)
}

func reverseLabels(name string) string {
	labels := strings.Split(strings.TrimSuffix(name, "."), ".")
	slices.Reverse(labels)
	return strings.Join(labels, "\x00")
}

// apexSets returns the sets that every new zone has.
func apexSets(zone, name string) []recordSet {
	servers := []string{
		"ns-1.sandbox.invalid.", "ns-2.sandbox.invalid.", "ns-3.sandbox.invalid.", "ns-4.sandbox.invalid.",
	}
	return []recordSet{
		{Zone: zone, Name: name, Type: "NS", TTL: "172800", Values: servers},
		{
			Zone: zone, Name: name, Type: "SOA", TTL: "900",
			Values: []string{servers[0] + " hostmaster.sandbox.invalid. 1 7200 900 1209600 86400"},
		},
	}
}

func prepareZone(s *Service, rec *record) error {
	rec.Name = domainName(rec.Name)
	if rec.ID != "" {
		return nil
	}
	rec.ID = "Z" + randomText(upperDigits, 20)
	// AWS allows several zones with the same name, so the scope is different for each zone.
	rec.Scope, rec.ARN = rec.ID, "arn:aws:route53:::hostedzone/"+rec.ID
	rec.Attributes["Id"] = rec.ID
	s.state.Sets = append(s.state.Sets, apexSets(rec.ID, rec.Name)...)
	rec.Attributes["NameServers"] = strings.Join(apexSets(rec.ID, rec.Name)[0].Values, ",")
	return nil
}

// zoneSets returns the sets of a zone in the order of listings.
func (s *Service) zoneSets(zone string) []recordSet {
	var sets []recordSet
	for _, set := range s.state.Sets {
		if set.Zone == zone {
			sets = append(sets, set)
		}
	}
	slices.SortFunc(sets, recordSet.compare)
	return sets
}

func rejectZone(s *Service, rec *record, late bool) error {
	if late && len(s.zoneSets(rec.ID)) > 2 {
		return invalidRequest(
			route53Service,
			"The specified hosted zone contains non-required resource record sets  and so cannot be deleted.",
		)
	}
	return nil
}

func removeZone(s *Service, rec *record, _ resource.Request) {
	s.deleteRecord(rec)
	s.state.Sets = slices.DeleteFunc(s.state.Sets, func(set recordSet) bool { return set.Zone == rec.ID })
}

// zone returns the hosted zone with the id or the name in the properties.
func (s *Service) zone(p properties) (*record, error) {
	if id := strings.TrimPrefix(p.text("HostedZoneId"), "/hostedzone/"); id != "" {
		if zone := s.findByID(typeHostedZone, id); zone != nil {
			return zone, nil
		}
		return nil, handlerError(
			route53Service, http.StatusNotFound, "NotFound", "No hosted zone found with ID: %s", id,
		)
	}
	if zone := s.findByName(typeHostedZone, domainName(p.text("HostedZoneName"))); zone != nil {
		return zone, nil
	}
	return nil, invalidRequest(route53Service, "No hosted zones named %s found", p.text("HostedZoneName"))
}

// declaredSets returns the record sets in the properties of a RecordSet or a RecordSetGroup.
func (s *Service) declaredSets(rec *record) ([]recordSet, error) {
	each := []properties{rec.Properties}
	if rec.Type == typeSetGroup {
		each = rec.Properties.children("RecordSets")
	}
	var sets []recordSet
	for _, p := range each {
		place := p
		if rec.Type == typeSetGroup && p.text("HostedZoneId") == "" && p.text("HostedZoneName") == "" {
			place = rec.Properties
		}
		zone, err := s.zone(place)
		if err != nil {
			return nil, err
		}
		alias := p.child("AliasTarget")
		set := recordSet{
			Zone: zone.ID, Name: domainName(p.text("Name")), Type: p.text(
				"Type",
			), SetID: p.text("SetIdentifier"), Weight: p.text("Weight"),
			TTL: p.text("TTL"), Values: p.texts("ResourceRecords"), EvaluateHealth: alias.flag("EvaluateTargetHealth"),
			AliasZone: alias.text("HostedZoneId"),
		}
		if target := alias.text("DNSName"); target != "" {
			set.Alias = domainName(target)
		}
		if reason := set.rejectionReason(zone.Name); reason != "" {
			return nil, invalidRequest(route53Service, "[%s]", reason)
		}
		sets = append(sets, set)
	}
	return sets, nil
}

// rejectionReason returns why the zone with this name rejects the set; empty if the set is valid.
func (r recordSet) rejectionReason(zone string) string {
	switch {
	case r.Name != zone && !strings.HasSuffix(r.Name, "."+zone):
		return fmt.Sprintf("RRSet with DNS name %s is not permitted in zone %s", r.Name, zone)
	case !slices.Contains([]string{
		"A", "AAAA", "CAA", "CNAME", "DS", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SOA", "SPF", "SRV", "SSHFP", "SVCB",
		"TLSA", "TXT",
	}, r.Type):
		return fmt.Sprintf(
			"Value '%s' at 'type' failed to satisfy constraint: Member must satisfy enum value set", r.Type,
		)
	case r.Type == "CNAME" && r.Name == zone:
		return fmt.Sprintf("RRSet of type CNAME with DNS name %s is not permitted at apex in zone %s", r.Name, zone)
	case r.Alias == "" && len(r.Values) == 0:
		return fmt.Sprintf("Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and "+
			"ResourceRecords], or TrafficPolicyInstanceId], but found none in Change with [Action=CREATE, Name=%s, "+
			"Type=%s, SetIdentifier=%s]", r.Name, r.Type, orNull(r.SetID))
	case r.Alias != "" && (len(r.Values) > 0 || r.TTL != ""):
		return fmt.Sprintf("Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and "+
			"ResourceRecords], or TrafficPolicyInstanceId], but found more than one in Change with [Action=CREATE, "+
			"Name=%s, Type=%s, SetIdentifier=%s]", r.Name, r.Type, orNull(r.SetID))
	case r.Alias == "" && r.TTL == "":
		return "Invalid request: Missing field 'TTL' in Change"
	}
	return ""
}

func orNull(text string) string {
	if text == "" {
		return "null"
	}
	return text
}

func (s *Service) setIndex(set recordSet) int { return slices.IndexFunc(s.state.Sets, set.sameKey) }

// findConflict returns why set conflicts with an existing set; empty if it does not. A CNAME cannot
// have the same name as a set of another type.
func (s *Service) findConflict(set recordSet) string {
	for _, other := range s.state.Sets {
		switch {
		case set.sameKey(other):
			return fmt.Sprintf(
				"Tried to create resource record set [name='%s', type='%s'] but it already exists", set.Name, set.Type,
			)
		case other.Zone == set.Zone && other.Name == set.Name && other.Type != set.Type &&
			(other.Type == "CNAME" || set.Type == "CNAME"):
			return fmt.Sprintf("RRSet of type %s with DNS name %s is not permitted because a conflicting RRSet of "+
				"type %s with the same DNS name already exists in zone", set.Type, set.Name, other.Type)
		}
	}
	return ""
}

// prepareSets checks whether the declared sets can be created in their zones. On an update, it
// first removes the sets that the resource has created before.
func prepareSets(s *Service, rec *record) error {
	sets, err := s.declaredSets(rec)
	if err != nil {
		return err
	}
	if len(sets) == 0 {
		return invalidRequest(route53Service, "[Invalid request: no resource record sets]")
	}
	former := s.state.Sets
	if rec.ID != "" {
		s.withdrawSets(rec)
	}
	for _, set := range sets {
		if reason := s.findConflict(set); reason != "" {
			s.state.Sets = former
			return invalidRequest(route53Service, "[%s]", reason)
		}
	}
	if rec.ID == "" {
		rec.ID = strings.TrimSuffix(strings.ReplaceAll(sets[0].Name, `\052`, "*"), ".")
		if rec.Type == typeSetGroup || s.findByID(rec.Type, rec.ID) != nil {
			rec.ID = rec.Name
		}
	}
	return nil
}

// addSets adds the declared sets to their zones. While an update changes a set, the name servers
// continue to answer for it.
func addSets(s *Service, rec *record) {
	sets, _ := s.declaredSets(rec)
	former := strings.Split(rec.Hidden["sets"], "\n")
	keys := make([]string, len(sets))
	for i, set := range sets {
		keys[i] = set.key()
		since := rec.Updated
		if slices.Contains(former, keys[i]) {
			since = rec.Created
		}
		sets[i].InSync = since.Add(s.config.DNSLag)
	}
	s.state.Sets = append(s.state.Sets, sets...)
	rec.Hidden["sets"] = strings.Join(keys, "\n")
}

// key identifies the set among the sets of all zones.
func (r recordSet) key() string { return r.Zone + " " + r.Name + " " + r.Type + " " + r.SetID }

// withdrawSets removes the sets of a resource from their zones.
func (s *Service) withdrawSets(rec *record) {
	keys := strings.Split(rec.Hidden["sets"], "\n")
	rest := make([]recordSet, 0, len(s.state.Sets))
	for _, set := range s.state.Sets {
		if !slices.Contains(keys, set.key()) {
			rest = append(rest, set)
		}
	}
	s.state.Sets = rest
}

func removeSets(s *Service, rec *record, _ resource.Request) {
	s.withdrawSets(rec)
	s.deleteRecord(rec)
}
