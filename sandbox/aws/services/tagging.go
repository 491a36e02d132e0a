package services

import (
	"net/http"
	"slices"
	"strings"

	"perch/sandbox/aws/wire"
)

var taggingActions = map[string]jsonAction{"GetResources": getResources}

// getResources lists tagged resources by tags and types, ordered by ARN. Roles and hosted zones are not among them: the API does not
// know the former, and knows the latter in us-east-1 only.
func getResources(s *Service, in properties) (any, error) {
	arns, kinds := in.texts("ResourceARNList"), in.texts("ResourceTypeFilters")
	if len(arns) > 0 && (len(kinds) > 0 || len(in.children("TagFilters")) > 0) {
		return nil, wire.Errorf(http.StatusBadRequest, "InvalidParameterException", "ResourceARNList cannot be combined with TagFilters or ResourceTypeFilters.")
	}
	found := []map[string]any{}
	for _, each := range s.tagged() {
		if wanted(arns, each.ARN) && ofKind(each.ARN, kinds) && each.matches(in.children("TagFilters")) {
			found = append(found, map[string]any{"ResourceARN": each.ARN, "Tags": tagObjects(each.Tags)})
		}
	}
	page, next := paged(found, in.text("PaginationToken"), in.text("ResourcesPerPage"), 100)
	return map[string]any{"ResourceTagMappingList": page, "PaginationToken": next}, nil
}

func (s *Service) tagged() []Tagged {
	var all []Tagged
	for _, rec := range s.state.Records {
		known := rec.ARN != "" && !rec.gone() && len(rec.Tags) > 0
		if known && rec.Type != typeRole && rec.Type != typeHostedZone {
			all = append(all, Tagged{rec.ARN, rec.Tags})
		}
	}
	if s.config.Tagged != nil {
		all = append(all, s.config.Tagged()...)
	}
	slices.SortFunc(all, func(a, b Tagged) int { return strings.Compare(a.ARN, b.ARN) })
	return all
}

// ofKind reports whether an ARN is of one of the types, each `service` or `service:type`.
func ofKind(arn string, kinds []string) bool {
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

// matches reports whether every filter finds its key with one of its values; a filter without values asks for the key alone.
func (t Tagged) matches(filters []properties) bool {
	for _, filter := range filters {
		value, ok := t.Tags[filter.text("Key")]
		if !ok || !wanted(filter.texts("Values"), value) {
			return false
		}
	}
	return true
}
