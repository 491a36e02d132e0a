package services

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"perch/sandbox/aws/resource"
)

// kind defines how one resource type differs from others. The caller of its functions holds the
// Service's lock.
type kind struct {
	// service is the service's name in CloudFormation's messages.
	service string
	// named is the property with the resource's name; empty if a template cannot give a name. limit
	// is the maximum length of a generated name.
	named string
	limit int
	// brief means that a generated name does not contain the stack's name.
	brief bool
	// lower means that the service converts names to lower case.
	lower bool
	// prepare checks the properties and sets what the service generates: ID, ARN, Attributes. ID is
	// only empty during a creation.
	prepare func(s *Service, rec *record) error
	// kept is called when a record has been created or changed.
	kept func(s *Service, rec *record)
	// settle is called when a creation or an update ends.
	settle func(s *Service, rec *record)
	// repeated reports whether an update is the one in progress. It rejects an update that is not
	// possible now.
	repeated func(rec *record, r resource.Request) (bool, error)
	// changing is called before an update sets the new properties.
	changing func(s *Service, rec *record)
	// reject returns an error if a resource cannot be deleted now. It is called when the deletion
	// begins and, with late set, when the deletion's time has passed.
	reject func(s *Service, rec *record, late bool) error
	// terminating is called when a deletion has begun.
	terminating func(s *Service, rec *record)
	// remove is called when a deletion ends; if it is nil, the record is deleted.
	remove func(s *Service, rec *record, r resource.Request)
}

// handler is CloudFormation's handler for the resources of one kind.
type handler struct {
	service *Service
	kind    kind
}

// failure returns an error with a service's words. code is the class in which CloudFormation puts
// it.
func failure(service string, status int, code, format string, args ...any) *resource.Error {
	return &resource.Error{Service: service, Message: fmt.Sprintf(format, args...), Status: status, Code: code}
}

// invalid returns the rejection of a request that can never succeed.
func invalid(service, format string, args ...any) *resource.Error {
	return failure(service, http.StatusBadRequest, "InvalidRequest", format, args...)
}

// generatedName returns the name that CloudFormation generates if the template gives none.
func generatedName(r resource.Request, limit int) string {
	base := r.StackName + "-" + r.LogicalID
	if limit == 0 {
		limit = 255
	}
	if room := limit - 1 - len(r.Suffix); len(base) > room {
		base = strings.TrimRight(base[:max(room, 0)], "-")
	}
	return base + "-" + r.Suffix
}

// Create implements resource.Handler.
func (h handler) Create(_ context.Context, r resource.Request) (resource.State, error) {
	s := h.service
	s.mu.Lock()
	defer s.mu.Unlock()
	owner := r.StackID + "|" + r.LogicalID + "|" + r.Suffix
	for _, rec := range s.of(r.Type) {
		if rec.Owner == owner {
			return rec.view(), nil
		}
	}
	now := s.config.Now().UTC()
	rec := &record{
		Type: r.Type, Name: h.name(r), Owner: owner, Stack: r.StackName, Logical: r.LogicalID, Created: now,
		Updated:    now,
		Properties: r.Properties, Tags: tagsOf(r), Attributes: map[string]string{}, Hidden: map[string]string{},
		Until: until(now, r),
	}
	if err := h.make(rec); err != nil {
		return resource.State{}, err
	}
	s.state.Records = append(s.state.Records, rec)
	h.keep(rec)
	return rec.view(), s.save()
}

// withoutSystemTags are types that get the stack's tags but not CloudFormation's system tags (their
// schemas in the CloudFormation registry say "cloudFormationSystemTags": false).
var withoutSystemTags = []string{typeEnvironment, typeLoadBalancer, typeRole}

// withoutTags are types that CloudFormation does not tag: their schemas have no tags, and their
// handlers make no call that adds tags.
var withoutTags = []string{typeApplication, typeVersion, typeTemplate}

// tagsOf returns the tags of a resource: CloudFormation's, the stack's, and those in its
// properties.
func tagsOf(r resource.Request) map[string]string {
	if slices.Contains(withoutTags, r.Type) {
		return nil
	}
	tags := merged(r.Tags, properties(r.Properties).tags())
	if slices.Contains(withoutSystemTags, r.Type) {
		maps.DeleteFunc(tags, func(key, _ string) bool { return strings.HasPrefix(key, "aws:cloudformation:") })
	}
	return tags
}

// until returns when the operation that r begins ends; zero if the engine did not say how long it
// takes.
func until(now time.Time, r resource.Request) time.Time {
	if r.Takes == 0 {
		return time.Time{}
	}
	return now.Add(r.Takes)
}

func (h handler) name(r resource.Request) string {
	name := ""
	if h.kind.named != "" {
		name = properties(r.Properties).text(h.kind.named)
	}
	switch {
	case name != "":
	case h.kind.brief:
		name = r.LogicalID + "-" + r.Suffix
	default:
		name = generatedName(r, h.kind.limit)
	}
	if h.kind.lower {
		name = strings.ToLower(name)
	}
	return name
}

// make runs the kind's checks and rejects a name that is taken.
func (h handler) make(rec *record) error {
	if h.kind.prepare != nil {
		if err := h.kind.prepare(h.service, rec); err != nil {
			return err
		}
	}
	if rec.ID == "" {
		rec.ID = rec.Name
	}
	for _, other := range h.service.of(rec.Type) {
		if other != rec && (other.ID == rec.ID || other.Name == rec.Name && other.Scope == rec.Scope) {
			noun := rec.Type[strings.LastIndex(rec.Type, ":")+1:]
			return failure(
				h.kind.service, http.StatusBadRequest, "AlreadyExists", "%s %s already exists", noun, rec.Name,
			)
		}
	}
	return nil
}

func (h handler) keep(rec *record) {
	if h.kind.kept != nil {
		h.kind.kept(h.service, rec)
	}
}

// Update implements resource.Handler. If the change is rejected, the record stays the same.
func (h handler) Update(_ context.Context, r resource.Request) (resource.State, error) {
	s := h.service
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endOperations()
	rec, err := h.existing(r)
	if err != nil {
		return resource.State{}, err
	}
	if h.kind.repeated != nil {
		if again, err := h.kind.repeated(rec, r); again || err != nil {
			return rec.view(), err
		}
	}
	before := *rec
	rec.Attributes, rec.Hidden = maps.Clone(rec.Attributes), maps.Clone(rec.Hidden)
	if h.kind.changing != nil {
		h.kind.changing(s, rec)
	}
	rec.Properties, rec.Tags, rec.Updated = r.Properties, tagsOf(r), s.config.Now().UTC()
	rec.Until = until(rec.Updated, r)
	if err := h.make(rec); err != nil {
		*rec = before
		return resource.State{}, err
	}
	h.keep(rec)
	return rec.view(), s.save()
}

// Settle implements resource.Settler.
func (h handler) Settle(_ context.Context, r resource.Request) (resource.State, error) {
	s := h.service
	s.mu.Lock()
	defer s.mu.Unlock()
	rec, err := h.existing(r)
	if err != nil {
		return resource.State{}, err
	}
	if h.kind.settle != nil {
		h.kind.settle(s, rec)
	}
	return rec.view(), s.save()
}

// Terminate implements resource.Terminator.
func (h handler) Terminate(_ context.Context, r resource.Request) error {
	s := h.service
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endOperations()
	rec := s.find(r.Type, r.PhysicalID)
	if rec == nil {
		return nil
	}
	if err := h.rejected(rec, false); err != nil {
		return err
	}
	if h.kind.terminating != nil {
		h.kind.terminating(s, rec)
	}
	return s.save()
}

// Delete implements resource.Handler.
func (h handler) Delete(_ context.Context, r resource.Request) error {
	s := h.service
	s.mu.Lock()
	defer s.mu.Unlock()
	rec := s.find(r.Type, r.PhysicalID)
	if rec == nil {
		return nil
	}
	if err := h.rejected(rec, true); err != nil {
		return err
	}
	if h.kind.remove != nil {
		h.kind.remove(s, rec, r)
	} else {
		s.drop(rec)
	}
	return s.save()
}

func (h handler) rejected(rec *record, late bool) error {
	if h.kind.reject == nil {
		return nil
	}
	return h.kind.reject(h.service, rec, late)
}

func (h handler) existing(r resource.Request) (*record, error) {
	if rec := h.service.find(r.Type, r.PhysicalID); rec != nil {
		return rec, nil
	}
	return nil, failure(
		h.kind.service, http.StatusNotFound, "NotFound", "Resource of type '%s' with identifier '%s' was not found.",
		r.Type, r.PhysicalID,
	)
}

// view returns the resource as templates see it.
func (r *record) view() resource.State {
	return resource.State{ID: r.ID, Attributes: maps.Clone(r.Attributes)}
}
