package services

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"perch/sandbox/aws/wire"
)

const (
	shellDocument = "AWS-RunShellScript"
	// maxCommands is the maximum number of commands that are stored (AWS keeps them for 30 days).
	// maxOutput is the maximum number of characters of a command's output that a response contains
	// (AWS docs: GetCommandInvocation, the first 24,000 characters).
	maxCommands = 500
	maxOutput   = 24_000
)

// command is a script that was sent to one instance.
type command struct {
	ID, Instance, Comment string
	Sent, Ends            time.Time
	// Output, Code and Status are the result of the command when it ends.
	Output, Status string
	Code           int
}

// ended reports whether the command has ended.
func (c command) ended(now time.Time) bool { return !now.Before(c.Ends) }

// sendCommand interprets the script at once. If the script takes time, the status of the command is
// InProgress for that long.
func sendCommand(s *Service, in properties) (any, error) {
	if document := in.text("DocumentName"); document != shellDocument {
		return nil, wire.Errorf(
			http.StatusBadRequest, "InvalidDocument", "Document with name %s does not exist.", document,
		)
	}
	parameters := in.child("Parameters")
	lines, limit := parameters.texts("commands"), time.Hour
	if seconds := parameters.texts("executionTimeout"); len(seconds) > 0 {
		n, err := strconv.Atoi(seconds[0])
		if err != nil || n < 1 || n > 172800 {
			return nil, wire.Errorf(
				http.StatusBadRequest, "InvalidParameters", "The parameter executionTimeout is not valid: %s",
				seconds[0],
			)
		}
		limit = time.Duration(n) * time.Second
	}
	if len(lines) == 0 {
		return nil, wire.Errorf(http.StatusBadRequest, "InvalidParameters", "The parameter commands is required.")
	}
	id, now := uuid.NewString(), s.config.Now().UTC()
	targets := in.texts("InstanceIds")
	if len(targets) == 0 {
		return nil, wire.Errorf(
			http.StatusBadRequest, "InvalidTarget", "The sandbox supports only targets in InstanceIds.",
		)
	}
	for _, instance := range targets {
		env := s.environmentOf(instance)
		if env == nil || env.Status == "Launching" {
			return nil, wire.Errorf(
				http.StatusBadRequest, "InvalidInstanceId", "Instances [[%s]] not in a valid state for account %s",
				instance, s.config.Account,
			)
		}
		s.state.Commands = append(
			s.state.Commands, s.interpret(env, lines, limit).asCommand(id, instance, in.text("Comment"), now),
		)
	}
	if extra := len(s.state.Commands) - maxCommands; extra > 0 {
		s.state.Commands = slices.Delete(s.state.Commands, 0, extra)
	}
	return map[string]any{"Command": map[string]any{
		"CommandId": id, "Comment": in.text("Comment"), "DocumentName": shellDocument, "InstanceIds": targets,
		"Status":        "Pending",
		"StatusDetails": "Pending", "RequestedDateTime": epoch(now), "TargetCount": len(targets), "CompletedCount": 0,
		"ErrorCount": 0,
	}}, s.saveState()
}

// getInvocation returns the status of a command on an instance and, if the command has ended, its
// result.
func getInvocation(s *Service, in properties) (any, error) {
	for _, c := range s.state.Commands {
		if c.ID == in.text("CommandId") && c.Instance == in.text("InstanceId") {
			return c.invocation(s.config.Now()), nil
		}
	}
	return nil, wire.Errorf(http.StatusBadRequest, "InvocationDoesNotExist", "")
}

func (c command) invocation(now time.Time) map[string]any {
	view := map[string]any{
		"CommandId": c.ID, "InstanceId": c.Instance, "Comment": c.Comment, "DocumentName": shellDocument,
		"PluginName":             "aws:runShellScript",
		"ExecutionStartDateTime": isoTime(c.Sent), "Status": "InProgress", "StatusDetails": "InProgress",
		"ResponseCode":          -1,
		"StandardOutputContent": "", "StandardErrorContent": "",
	}
	if !c.ended(now) {
		return view
	}
	view["Status"], view["StatusDetails"], view["ResponseCode"] = c.Status, c.Status, c.Code
	view["StandardOutputContent"] = c.Output[:min(len(c.Output), maxOutput)]
	view["ExecutionEndDateTime"], view["ExecutionElapsedTime"] = isoTime(c.Ends), fmt.Sprintf(
		"PT%.3fS", c.Ends.Sub(c.Sent).Seconds(),
	)
	if c.Code != 0 {
		view["StandardErrorContent"] = fmt.Sprintf("failed to run commands: exit status %d", c.Code)
	}
	return view
}

// listInvocations lists commands, newest first. The only filter that it supports is InvokedAfter.
func listInvocations(s *Service, in properties) (any, error) {
	var since time.Time
	for _, filter := range in.children("Filters") {
		if filter.text("key") != "InvokedAfter" {
			return nil, wire.Errorf(
				http.StatusBadRequest, "InvalidFilterKey",
				"The sandbox does not support the filter key %s; use InvokedAfter.",
				filter.text("key"),
			)
		}
		var err error
		if since, err = time.Parse(time.RFC3339, filter.text("value")); err != nil {
			return nil, wire.Errorf(
				http.StatusBadRequest, "ValidationException", "The value of the filter InvokedAfter is not a time: %s",
				filter.text("value"),
			)
		}
	}
	found := []map[string]any{}
	matches := func(name, value string) bool { return in.text(name) == "" || in.text(name) == value }
	for _, c := range slices.Backward(s.state.Commands) {
		if !c.Sent.Before(since) && matches("CommandId", c.ID) && matches("InstanceId", c.Instance) {
			view := c.invocation(s.config.Now())
			found = append(found, map[string]any{
				"CommandId": c.ID, "InstanceId": c.Instance, "Comment": c.Comment, "DocumentName": shellDocument,
				"RequestedDateTime": epoch(c.Sent),
				"Status":            view["Status"], "StatusDetails": view["StatusDetails"],
			})
		}
	}
	page, next := paged(found, in.text("NextToken"), in.text("MaxResults"), 50)
	return withToken(map[string]any{"CommandInvocations": page}, "NextToken", next), nil
}

// pastState returns a service for calls that see an older state: it has only the commands that were
// sent at least lag ago, and its tagging API also lists resources that were deleted since then. The
// caller holds the lock.
func (s *Service) pastState(lag time.Duration) *Service {
	if lag == 0 {
		return s
	}
	then := s.config.Now().Add(-lag)
	old := &Service{config: s.config, deleted: s.deleted, documents: s.documents}
	old.state.Records = s.state.Records
	old.config.Now = func() time.Time { return then }
	for _, c := range s.state.Commands {
		if !c.Sent.After(then) {
			old.state.Commands = append(old.state.Commands, c)
		}
	}
	return old
}

// scriptResult is the result of a script: its output, its exit code, how long it takes, and how
// long it may take.
type scriptResult struct {
	output strings.Builder
	code   int
	takes  time.Duration
	limit  time.Duration
	// skipUnknown means that an unknown command succeeds.
	skipUnknown bool
}

func (r *scriptResult) asCommand(id, instance, comment string, now time.Time) command {
	c := command{
		ID: id, Instance: instance, Comment: comment, Sent: now, Ends: now.Add(r.takes), Output: r.output.String(),
		Status: "Success", Code: r.code,
	}
	switch {
	case r.takes > r.limit:
		c.Ends, c.Output, c.Status, c.Code = now.Add(r.limit), "", "TimedOut", -1
	case r.code != 0:
		c.Status = "Failed"
	}
	return c
}
