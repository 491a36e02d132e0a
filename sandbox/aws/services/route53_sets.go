package services

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"perch/sandbox/aws/wire"
)

// listSets lists a zone's record sets, beginning with the given name and type. A page has at most
// maxitems sets (AWS docs: ListResourceRecordSets, at most 300).
func listSets(s *Service, r *http.Request) (int, wire.Node, error) {
	zone, err := s.zoneByID(r.PathValue("id"))
	if err != nil {
		return 0, wire.Node{}, err
	}
	query := r.URL.Query()
	start := recordSet{Type: query.Get("type"), SetID: query.Get("identifier")}
	if start.Type != "" && query.Get("name") == "" {
		return 0, wire.Node{}, wire.Errorf(
			http.StatusBadRequest, "InvalidInput",
			"The input is not valid: StartRecordType was given without StartRecordName.",
		)
	}
	sets := s.zoneSets(zone.ID)
	if name := query.Get("name"); name != "" {
		start.Name = domainName(name)
		sets = slices.DeleteFunc(sets, func(set recordSet) bool { return set.compare(start) < 0 })
	}
	page, next := paged(sets, "", query.Get("maxitems"), 300)
	size := query.Get("maxitems")
	if size == "" {
		size = "300"
	}
	nodes := []wire.Node{
		listNode("ResourceRecordSets", "ResourceRecordSet", page, setNodes),
		wire.T("IsTruncated", strconv.FormatBool(next != "")), wire.T("MaxItems", size),
	}
	if next != "" {
		following := sets[len(page)]
		nodes = append(nodes, omitEmpty(
			wire.T("NextRecordName", following.Name), wire.T("NextRecordType", following.Type),
			wire.T("NextRecordIdentifier", following.SetID),
		)...)
	}
	return http.StatusOK, wire.N("ListResourceRecordSetsResponse", nodes...), nil
}

func setNodes(set recordSet) []wire.Node {
	alias := wire.N("AliasTarget")
	if set.Alias != "" {
		alias = wire.N(
			"AliasTarget", wire.T("HostedZoneId", set.AliasZone), wire.T("DNSName", set.Alias),
			wire.T("EvaluateTargetHealth", strconv.FormatBool(set.EvaluateHealth)),
		)
	}
	return omitEmpty(
		wire.T("Name", set.Name), wire.T("Type", set.Type), wire.T("SetIdentifier", set.SetID),
		wire.T("Weight", set.Weight), wire.T("TTL", set.TTL),
		listNode(
			"ResourceRecords", "ResourceRecord", set.Values,
			func(value string) []wire.Node { return []wire.Node{wire.T("Value", value)} },
		),
		alias,
	)
}

// change is one change in a ChangeResourceRecordSets request.
type change struct {
	Action string
	Set    struct {
		Name, Type, SetIdentifier, Weight, TTL string
		Values                                 []string `xml:"ResourceRecords>ResourceRecord>Value"`
		Alias                                  *struct {
			HostedZoneID         string `xml:"HostedZoneId"`
			DNSName              string
			EvaluateTargetHealth bool
		} `xml:"AliasTarget"`
	} `xml:"ResourceRecordSet"`
}

func (c change) recordSet(zone string) recordSet {
	set := recordSet{
		Zone: zone, Name: domainName(c.Set.Name), Type: c.Set.Type, SetID: c.Set.SetIdentifier, Weight: c.Set.Weight,
		TTL: c.Set.TTL, Values: c.Set.Values,
	}
	if c.Set.Alias != nil {
		set.Alias, set.AliasZone, set.EvaluateHealth = domainName(
			c.Set.Alias.DNSName,
		), c.Set.Alias.HostedZoneID, c.Set.Alias.EvaluateTargetHealth
	}
	return set
}

// changeSets applies all changes of a batch, or none.
func changeSets(s *Service, r *http.Request) (int, wire.Node, error) {
	zone, err := s.zoneByID(r.PathValue("id"))
	if err != nil {
		return 0, wire.Node{}, err
	}
	var in struct {
		Changes []change `xml:"ChangeBatch>Changes>Change"`
	}
	if err := xml.NewDecoder(r.Body).Decode(&in); err != nil || len(in.Changes) == 0 {
		return 0, wire.Node{}, wire.Errorf(
			http.StatusBadRequest, "MalformedInput",
			"The request's XML is not a ChangeResourceRecordSetsRequest with changes.",
		)
	}
	former := slices.Clone(s.state.Sets)
	var reasons []string
	for _, change := range in.Changes {
		if reason := s.applyChange(zone, change); reason != "" {
			reasons = append(reasons, reason)
		}
	}
	if len(reasons) > 0 {
		s.state.Sets = former
		return 0, wire.Node{}, wire.Errorf(
			http.StatusBadRequest, "InvalidChangeBatch", "[%s]", strings.Join(reasons, ", "),
		)
	}
	return http.StatusOK, wire.N("ChangeResourceRecordSetsResponse", s.changeInfo()), s.saveState()
}

// applyChange applies one change. If it cannot, it returns the reason; otherwise an empty text.
func (s *Service) applyChange(zone *record, c change) string {
	set := c.recordSet(zone.ID)
	if reason := set.rejectionReason(zone.Name); reason != "" {
		return reason
	}
	i := s.setIndex(set)
	switch {
	case c.Action == "DELETE" && i < 0:
		return "Tried to delete resource record set [name='" + set.Name + "', type='" + set.Type +
			"'] but it was not found"
	case c.Action == "DELETE" && (set.Type == "NS" || set.Type == "SOA") && set.Name == zone.Name:
		return "A HostedZone must contain at least one NS record for the zone itself."
	case c.Action == "DELETE" && s.state.Sets[i].differs(set):
		return "Tried to delete resource record set [name='" + set.Name + "', type='" + set.Type +
			"'] but the values provided do not match the current values"
	case c.Action == "DELETE":
		s.state.Sets = slices.Delete(slices.Clone(s.state.Sets), i, i+1)
	case c.Action == "UPSERT" && i >= 0:
		s.state.Sets = slices.Clone(s.state.Sets)
		// The name servers continue to answer for a set that changes.
		set.InSync = s.state.Sets[i].InSync
		s.state.Sets[i] = set
	case c.Action == "UPSERT" || c.Action == "CREATE":
		if reason := s.findConflict(set); reason != "" {
			return reason
		}
		set.InSync = s.config.Now().UTC().Add(s.config.DNSLag)
		s.state.Sets = append(s.state.Sets, set)
	default:
		return "Value '" + c.Action +
			"' at 'action' failed to satisfy constraint: Member must satisfy enum value set: [CREATE, DELETE, UPSERT]"
	}
	return ""
}

func (r recordSet) differs(other recordSet) bool {
	return r.TTL != other.TTL || r.Alias != other.Alias ||
		!slices.Equal(slices.Sorted(slices.Values(r.Values)), slices.Sorted(slices.Values(other.Values)))
}
