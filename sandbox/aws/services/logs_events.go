package services

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"perch/sandbox/aws/wire"
)

// groupLog is the content of a log group.
type groupLog struct {
	Streams []string
	// Events are in the order in which they were written.
	Events []logEvent
}

// logEvent is an event in a log stream.
type logEvent struct {
	// Stream is the name of the log stream. ID is unique in the account.
	Stream, ID string
	At         time.Time
	Text       string
}

const (
	// maxLogEvents is the maximum number of events in a log group. AWS keeps all of them for the
	// group's retention time.
	maxLogEvents = 1000
	// maxPageEvents is the maximum number of events on a page (AWS docs: FilterLogEvents).
	maxPageEvents = 10_000
	// searchWindow is the length of time that one page of FilterLogEvents searches. AWS does not
	// document the length, only that a page with a nextToken can be empty.
	searchWindow = time.Hour
)

// logOf returns the content of a log group, by the group's name. The caller may change it.
func (s *Service) logOf(group string) *groupLog {
	if s.state.Logs == nil {
		s.state.Logs = map[string]*groupLog{}
	}
	if s.state.Logs[group] == nil {
		s.state.Logs[group] = &groupLog{}
	}
	return s.state.Logs[group]
}

// addEvent writes an event. If the group has too many events, it deletes the oldest.
func (l *groupLog) addEvent(stream string, at time.Time, text string) {
	l.Events = append(l.Events, logEvent{stream, randomText("0123456789", 56), at.UTC(), text})
	if extra := len(l.Events) - maxLogEvents; extra > 0 {
		l.Events = slices.Delete(l.Events, 0, extra)
	}
}

// newestFirstFrom is the earliest startTime for a search that begins with the newest events (AWS
// docs: FilterLogEvents).
var newestFirstFrom = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

func badLogParameter(format string, args ...any) error {
	return wire.Errorf(http.StatusBadRequest, "InvalidParameterException", format, args...)
}

// logGroup returns the log group of a call, which has either its name in logGroupName, or its name
// or ARN in logGroupIdentifier.
func (s *Service) logGroup(in properties) (*record, error) {
	name, identifier := in.text("logGroupName"), in.text("logGroupIdentifier")
	if (name == "") == (identifier == "") {
		return nil, badLogParameter("Exactly one of logGroupName and logGroupIdentifier is required.")
	}
	for _, group := range s.recordsOf(typeLogGroup) {
		if group.Name == cmp.Or(name, identifier) || group.ARN == identifier {
			return group, nil
		}
	}
	return nil, wire.Errorf(
		http.StatusBadRequest, "ResourceNotFoundException", "The specified log group does not exist.",
	)
}

// createLogStream creates a stream, as an agent on an instance does before it writes.
func createLogStream(s *Service, in properties) (any, error) {
	group, err := s.logGroup(in)
	if err != nil {
		return nil, err
	}
	log, name := s.logOf(group.Name), in.text("logStreamName")
	if slices.Contains(log.Streams, name) {
		return nil, wire.Errorf(
			http.StatusBadRequest,
			"ResourceAlreadyExistsException",
			"The specified log stream already exists",
		)
	}
	log.Streams = append(log.Streams, name)
	return map[string]any{}, s.saveState()
}

// putLogEvents adds events to a stream. Their times are those in the request.
func putLogEvents(s *Service, in properties) (any, error) {
	group, err := s.logGroup(in)
	if err != nil {
		return nil, err
	}
	log, stream := s.logOf(group.Name), in.text("logStreamName")
	if !slices.Contains(log.Streams, stream) {
		return nil, wire.Errorf(
			http.StatusBadRequest, "ResourceNotFoundException", "The specified log stream does not exist.",
		)
	}
	for _, event := range in.children("logEvents") {
		log.addEvent(stream, time.UnixMilli(int64(event.number("timestamp", 0))), event.text("message"))
	}
	return map[string]any{"nextSequenceToken": randomText("0123456789", 56)}, s.saveState()
}

// filterLogEvents returns the events of a time range in all streams, or in the streams that the
// call lists.
func filterLogEvents(s *Service, in properties) (any, error) {
	group, err := s.logGroup(in)
	if err != nil {
		return nil, err
	}
	q, err := s.logSearch(in, group)
	if err != nil {
		return nil, err
	}
	found := q.matchingEvents(s.logOf(group.Name).Events)
	page, next := q.page(found)
	events := []map[string]any{}
	for _, event := range page {
		events = append(events, map[string]any{
			"eventId": event.ID, "logStreamName": event.Stream, "message": event.Text,
			"timestamp": event.At.UnixMilli(), "ingestionTime": event.At.UnixMilli(),
		})
	}
	return withToken(map[string]any{"events": events, "searchedLogStreams": []any{}}, "nextToken", next), nil
}

// logSearch is a call of FilterLogEvents.
type logSearch struct {
	from, to    time.Time
	streams     []string
	prefix      string
	limit       int
	newestFirst bool
	// skip is the number of events that earlier pages have returned. begun means that there were
	// earlier pages.
	skip  int
	begun bool
}

func (s *Service) logSearch(in properties, group *record) (logSearch, error) {
	q := logSearch{
		from: group.Created, to: s.config.Now(), streams: in.texts("logStreamNames"),
		prefix: in.text("logStreamNamePrefix"),
		limit:  in.number("limit", maxPageEvents), newestFirst: in.text("startFromHead") == "false",
	}
	if in.text("startTime") != "" {
		q.from = time.UnixMilli(int64(in.number("startTime", 0)))
	}
	if in.text("endTime") != "" {
		q.to = time.UnixMilli(int64(in.number("endTime", 0)))
	}
	if token := in.text("nextToken"); token != "" {
		direction, skip, _ := strings.Cut(token, "/")
		q.begun, q.newestFirst = true, direction == "b"
		q.skip, _ = strconv.Atoi(skip)
	}
	switch {
	case q.limit < 1 || q.limit > maxPageEvents:
		return q, badLogParameter("limit must be between 1 and %d", maxPageEvents)
	case in.text("filterPattern") != "":
		return q, badLogParameter("The sandbox does not support filterPattern.")
	case len(q.streams) > 0 && q.prefix != "":
		return q, badLogParameter("logStreamNames and logStreamNamePrefix cannot be combined.")
	case q.newestFirst && (in.text("startTime") == "" || q.from.Before(newestFirstFrom)):
		return q, badLogParameter("startFromHead=false requires a startTime on or after 2024-01-01T00:00:00Z.")
	}
	return q, nil
}

// matchingEvents returns the events that match a search, in the order of the search.
func (q logSearch) matchingEvents(events []logEvent) []logEvent {
	var found []logEvent
	for _, event := range events {
		named := len(q.streams) == 0 || slices.Contains(q.streams, event.Stream)
		at := event.At.Truncate(time.Millisecond)
		if named && strings.HasPrefix(event.Stream, q.prefix) && !at.Before(q.from) && !at.After(q.to) {
			found = append(found, event)
		}
	}
	slices.SortStableFunc(found, func(a, b logEvent) int { return a.At.Compare(b.At) })
	if q.newestFirst {
		slices.Reverse(found)
	}
	return found
}

// page returns one page: at most limit events, and only those of one search window. The first page
// is empty if its window has no events.
func (q logSearch) page(found []logEvent) (page []logEvent, next string) {
	rest := found[min(max(q.skip, 0), len(found)):]
	if len(rest) == 0 {
		return nil, ""
	}
	edge := rest[0].At
	if !q.begun {
		edge = q.from
		if q.newestFirst {
			edge = q.to
		}
	}
	n := 0
	for n < min(len(rest), q.limit) && rest[n].At.Sub(edge).Abs() <= searchWindow {
		n++
	}
	if n == len(rest) {
		return rest, ""
	}
	direction := "f"
	if q.newestFirst {
		direction = "b"
	}
	return rest[:n], fmt.Sprintf("%s/%d", direction, q.skip+n)
}
