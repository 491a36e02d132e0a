package services

import (
	"net/http"
	"strings"

	"perch/sandbox/aws/wire"
)

const typeLogGroup = "AWS::Logs::LogGroup"

var logActions = map[string]jsonAction{
	"CreateLogGroup":    createLogGroup,
	"CreateLogStream":   createLogStream,
	"DeleteLogGroup":    deleteLogGroup,
	"DescribeLogGroups": describeLogGroups,
	"FilterLogEvents":   filterLogEvents,
	"PutLogEvents":      putLogEvents,
}

func createLogGroup(s *Service, in properties) (any, error) {
	name := in.text("logGroupName")
	if s.findByName(typeLogGroup, name) != nil {
		return nil, wire.Errorf(
			http.StatusBadRequest,
			"ResourceAlreadyExistsException",
			"The specified log group already exists",
		)
	}
	s.addLogGroup(name, in.tags())
	return map[string]any{}, s.saveState()
}

func (s *Service) addLogGroup(name string, tags map[string]string) {
	rec := &record{
		Type: typeLogGroup, ID: name, Name: name, Created: s.config.Now().UTC(), Tags: tags,
		Attributes: map[string]string{}, Hidden: map[string]string{},
	}
	_ = prepareLogGroup(s, rec)
	s.state.Records = append(s.state.Records, rec)
}

func deleteLogGroup(s *Service, in properties) (any, error) {
	rec, err := s.logGroup(in)
	if err != nil {
		return nil, err
	}
	s.dropLogGroup(rec)
	return map[string]any{}, s.saveState()
}

// dropLogGroup deletes a log group with its events.
func (s *Service) dropLogGroup(group *record) {
	delete(s.state.Logs, group.Name)
	s.deleteRecord(group)
}

func describeLogGroups(s *Service, in properties) (any, error) {
	found := []map[string]any{}
	for _, rec := range s.recordsOf(typeLogGroup) {
		if strings.HasPrefix(rec.Name, in.text("logGroupNamePrefix")) {
			found = append(found, map[string]any{
				"logGroupName": rec.Name, "arn": rec.ARN + ":*", "logGroupArn": rec.ARN,
				"creationTime": rec.Created.UnixMilli(),
			})
		}
	}
	page, next := paged(found, in.text("nextToken"), in.text("limit"), 50)
	return withToken(map[string]any{"logGroups": page}, "nextToken", next), nil
}
