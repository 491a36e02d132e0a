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

// kind defines the behaviour of one resource type. The caller of its functions holds the Service's
// lock.
type kind struct {
	// service is the service's name in CloudFormation's messages.
	service string
	// nameProperty is the property with the resource's name; empty if a template cannot set the
	// name. limit is the maximum length of a generated name; 0 means 255.
	nameProperty string
	limit        int
	// withoutStack leaves the stack's name out of generated names.
	withoutStack bool
	// lowerCase converts names to lower case, as the service does.
	lowerCase bool
	// prepare checks the properties and sets what the service generates: ID, ARN, Attributes. ID is
	// empty only during a creation.
	prepare func(s *Service, rec *record) error
	// saved is called after a record was created or updated.
	saved func(s *Service, rec *record)
	// settle is called when a creation or an update ends.
	settle func(s *Service, rec *record)
	// repeated reports whether r repeats the update in progress. It returns an error if the
	// resource cannot be updated now.
	repeated func(rec *record, r resource.Request) (bool, error)
	// beforeUpdate is called before an update sets the new properties.
	beforeUpdate func(s *Service, rec *record)
	// rejectDelete returns an error if a resource cannot be deleted now. It is called when the
	// deletion begins (late is false) and when it ends (late is true).
	rejectDelete func(s *Service, rec *record, late bool) error
	// beginDelete is called when a deletion begins, after rejectDelete.
	beginDelete func(s *Service, rec *record)
	// finishDelete is called when a deletion ends. If it is nil, the record is deleted.
	finishDelete func(s *Service, rec *record, r resource.Request)
}

// handler is CloudFormation's handler for the resources of one kind.
type handler struct {
	service *Service
	kind    kind
}

// handlerError returns an error with a service's message. code is CloudFormation's
// HandlerErrorCode.
func handlerError(service string, status int, code, format string, args ...any) *resource.Error {
	return &resource.Error{Service: service, Message: fmt.Sprintf(format, args...), Status: status, Code: code}
}

// invalidRequest returns an error with the HandlerErrorCode InvalidRequest, for a request that can
// never succeed.
func invalidRequest(service, format string, args ...any) *resource.Error {
	return handlerError(service, http.StatusBadRequest, "InvalidRequest", format, args...)
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
	for _, rec := range s.recordsOf(r.Type) {
		if rec.Owner == owner {
			return rec.asState(), nil
		}
	}
	now := s.config.Now().UTC()
	rec := &record{
		Type: r.Type, Name: h.resourceName(r), Owner: owner, Stack: r.StackName, Logical: r.LogicalID, Created: now,
		Updated:    now,
		Properties: r.Properties, Tags: tagsOf(r), Attributes: map[string]string{}, Hidden: map[string]string{},
		Until: endOf(now, r),
	}
	if err := h.prepareRecord(rec); err != nil {
		return resource.State{}, err
	}
	s.state.Records = append(s.state.Records, rec)
	h.callSaved(rec)
	return rec.asState(), s.saveState()
}

// typesWithoutSystemTags are types that get the stack's tags but not CloudFormation's system tags
// (their schemas in the CloudFormation registry say "cloudFormationSystemTags": false).
var typesWithoutSystemTags = []string{typeEnvironment, typeLoadBalancer, typeRole}

// untaggedTypes are types that CloudFormation does not tag: their schemas have no tags, and their
// handlers make no call that adds tags.
var untaggedTypes = []string{typeApplication, typeVersion, typeTemplate}

// tagsOf returns the tags of a resource: CloudFormation's, the stack's, and those in its
// properties.
func tagsOf(r resource.Request) map[string]string {
	if slices.Contains(untaggedTypes, r.Type) {
		return nil
	}
	tags := mergeTags(r.Tags, properties(r.Properties).tags())
	if slices.Contains(typesWithoutSystemTags, r.Type) {
		maps.DeleteFunc(tags, func(key, _ string) bool { return strings.HasPrefix(key, "aws:cloudformation:") })
	}
	return tags
}

// endOf returns when the operation that r begins will end; zero if r does not say how long the
// operation takes.
func endOf(now time.Time, r resource.Request) time.Time {
	if r.Takes == 0 {
		return time.Time{}
	}
	return now.Add(r.Takes)
}

func (h handler) resourceName(r resource.Request) string {
	name := ""
	if h.kind.nameProperty != "" {
		name = properties(r.Properties).text(h.kind.nameProperty)
	}
	switch {
	case name != "":
	case h.kind.withoutStack:
		name = r.LogicalID + "-" + r.Suffix
	default:
		name = generatedName(r, h.kind.limit)
	}
	if h.kind.lowerCase {
		name = strings.ToLower(name)
	}
	return name
}

// prepareRecord runs the kind's prepare function, and rejects a name or id that another resource
// has.
func (h handler) prepareRecord(rec *record) error {
	if h.kind.prepare != nil {
		if err := h.kind.prepare(h.service, rec); err != nil {
			return err
		}
	}
	if rec.ID == "" {
		rec.ID = rec.Name
	}
	for _, other := range h.service.recordsOf(rec.Type) {
		if other != rec && (other.ID == rec.ID || other.Name == rec.Name && other.Scope == rec.Scope) {
			noun := rec.Type[strings.LastIndex(rec.Type, ":")+1:]
			return handlerError(
				h.kind.service, http.StatusBadRequest, "AlreadyExists", "%s %s already exists", noun, rec.Name,
			)
		}
	}
	return nil
}

func (h handler) callSaved(rec *record) {
	if h.kind.saved != nil {
		h.kind.saved(h.service, rec)
	}
}

// Update implements resource.Handler. If it rejects the change, it leaves the record unchanged.
func (h handler) Update(_ context.Context, r resource.Request) (resource.State, error) {
	s := h.service
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endOperations()
	rec, err := h.existingRecord(r)
	if err != nil {
		return resource.State{}, err
	}
	if h.kind.repeated != nil {
		if again, err := h.kind.repeated(rec, r); again || err != nil {
			return rec.asState(), err
		}
	}
	before := *rec
	rec.Attributes, rec.Hidden = maps.Clone(rec.Attributes), maps.Clone(rec.Hidden)
	if h.kind.beforeUpdate != nil {
		h.kind.beforeUpdate(s, rec)
	}
	rec.Properties, rec.Tags, rec.Updated = r.Properties, tagsOf(r), s.config.Now().UTC()
	rec.Until = endOf(rec.Updated, r)
	if err := h.prepareRecord(rec); err != nil {
		*rec = before
		return resource.State{}, err
	}
	h.callSaved(rec)
	return rec.asState(), s.saveState()
}

// Settle implements resource.Settler.
func (h handler) Settle(_ context.Context, r resource.Request) (resource.State, error) {
	s := h.service
	s.mu.Lock()
	defer s.mu.Unlock()
	rec, err := h.existingRecord(r)
	if err != nil {
		return resource.State{}, err
	}
	if h.kind.settle != nil {
		h.kind.settle(s, rec)
	}
	return rec.asState(), s.saveState()
}

// Terminate implements resource.Terminator.
func (h handler) Terminate(_ context.Context, r resource.Request) error {
	s := h.service
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endOperations()
	rec := s.findByID(r.Type, r.PhysicalID)
	if rec == nil {
		return nil
	}
	if err := h.rejectDelete(rec, false); err != nil {
		return err
	}
	if h.kind.beginDelete != nil {
		h.kind.beginDelete(s, rec)
	}
	return s.saveState()
}

// Delete implements resource.Handler.
func (h handler) Delete(_ context.Context, r resource.Request) error {
	s := h.service
	s.mu.Lock()
	defer s.mu.Unlock()
	rec := s.findByID(r.Type, r.PhysicalID)
	if rec == nil {
		return nil
	}
	if err := h.rejectDelete(rec, true); err != nil {
		return err
	}
	if h.kind.finishDelete != nil {
		h.kind.finishDelete(s, rec, r)
	} else {
		s.deleteRecord(rec)
	}
	return s.saveState()
}

func (h handler) rejectDelete(rec *record, late bool) error {
	if h.kind.rejectDelete == nil {
		return nil
	}
	return h.kind.rejectDelete(h.service, rec, late)
}

func (h handler) existingRecord(r resource.Request) (*record, error) {
	if rec := h.service.findByID(r.Type, r.PhysicalID); rec != nil {
		return rec, nil
	}
	return nil, handlerError(
		h.kind.service, http.StatusNotFound, "NotFound", "Resource of type '%s' with identifier '%s' was not found.",
		r.Type, r.PhysicalID,
	)
}

// asState returns the values of Ref and Fn::GetAtt for the resource.
func (r *record) asState() resource.State {
	return resource.State{ID: r.ID, Attributes: maps.Clone(r.Attributes)}
}
