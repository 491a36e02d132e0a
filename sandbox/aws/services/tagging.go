package services

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"perch/sandbox/aws/wire"
)

var taggingActions = map[string]jsonAction{"GetResources": getResources}

// deletedResource is a deleted resource that the tagging API still lists.
type deletedResource struct {
	Tagged
	at time.Time
}

// maxDeleted is the maximum number of deleted resources that are stored.
const maxDeleted = 1000

// rememberTags stores the ARN and the tags of a resource that is being deleted, because the tagging
// API still lists it for some time.
func (s *Service) rememberTags(rec *record) {
	if !rec.isTagged() {
		return
	}
	s.deleted = append(s.deleted, deletedResource{Tagged{rec.ARN, rec.Tags}, s.config.Now().UTC()})
	s.deleted = s.deleted[max(0, len(s.deleted)-maxDeleted):]
}

// getResources lists tagged resources by tags and types, ordered by ARN. It still lists deleted
// resources for Config.TaggingLag. AWS does so for minutes to hours (API reference: "all the tagged
// or previously tagged resources"; aws/aws-cli#8197).
func getResources(s *Service, in properties) (any, error) {
	arns, kinds := in.texts("ResourceARNList"), in.texts("ResourceTypeFilters")
	if len(arns) > 0 && (len(kinds) > 0 || len(in.children("TagFilters")) > 0) {
		return nil, wire.Errorf(
			http.StatusBadRequest, "InvalidParameterException",
			"ResourceARNList cannot be combined with TagFilters or ResourceTypeFilters.",
		)
	}
	found := []map[string]any{}
	for _, each := range s.taggedResources(s.config.Now().Add(-s.config.TaggingLag)) {
		if matchesFilter(arns, each.ARN) && hasType(each.ARN, kinds) && each.hasTags(in.children("TagFilters")) {
			found = append(found, map[string]any{"ResourceARN": each.ARN, "Tags": tagObjects(each.Tags)})
		}
	}
	page, next := paged(found, in.text("PaginationToken"), in.text("ResourcesPerPage"), 100)
	return map[string]any{"ResourceTagMappingList": page, "PaginationToken": next}, nil
}

// taggedResources returns the resources with tags, including those that were deleted after since.
// If a resource was deleted and created again with the same ARN, it returns the resource only once.
func (s *Service) taggedResources(since time.Time) []Tagged {
	var all []Tagged
	for _, rec := range s.state.Records {
		if rec.isTagged() && (!rec.isDeleted() || rec.Ended.After(since)) {
			all = append(all, Tagged{rec.ARN, rec.Tags})
		}
	}
	if s.config.Tagged != nil {
		all = append(all, s.config.Tagged(since)...)
	}
	for _, gone := range slices.Backward(s.deleted) {
		if gone.at.After(since) {
			all = append(all, gone.Tagged)
		}
	}
	slices.SortStableFunc(all, func(a, b Tagged) int { return strings.Compare(a.ARN, b.ARN) })
	return slices.CompactFunc(all, func(a, b Tagged) bool { return a.ARN == b.ARN })
}

// isTagged reports whether the tagging API lists the resource. It never lists roles, and lists
// hosted zones in us-east-1 only.
func (r *record) isTagged() bool {
	return r.ARN != "" && len(r.Tags) > 0 && r.Type != typeRole && r.Type != typeHostedZone
}

// hasType reports whether an ARN has one of the types, each in the form `service` or
// `service:type`. An empty list matches every ARN.
func hasType(arn string, kinds []string) bool {
	parts := strings.SplitN(arn, ":", 6)
	if len(kinds) == 0 || len(parts) < 6 {
		return len(kinds) == 0
	}
	service, noun := parts[2], parts[5]
	if i := strings.IndexAny(noun, "/:"); i >= 0 {
		noun = noun[:i]
	} else if service == "s3" {
		noun = "bucket"
	}
	return slices.Contains(kinds, service) || slices.Contains(kinds, service+":"+noun)
}

// hasTags reports whether every filter matches a tag with its key and one of its values. A filter
// without values matches any value.
func (t Tagged) hasTags(filters []properties) bool {
	for _, filter := range filters {
		value, ok := t.Tags[filter.text("Key")]
		if !ok || !matchesFilter(filter.texts("Values"), value) {
			return false
		}
	}
	return true
}
