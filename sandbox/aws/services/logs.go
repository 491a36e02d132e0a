package services

import (
	"net/http"
	"strings"

	"perch/sandbox/aws/wire"
)

const typeLogGroup = "AWS::Logs::LogGroup"

var logActions = map[string]jsonAction{
	"CreateLogGroup":    createLogGroup,
	"DeleteLogGroup":    deleteLogGroup,
	"DescribeLogGroups": describeLogGroups,
}

func createLogGroup(s *Service, in properties) (any, error) {
	name := in.text("logGroupName")
	if s.named(typeLogGroup, name) != nil {
		return nil, wire.Errorf(
			http.StatusBadRequest,
			"ResourceAlreadyExistsException",
			"The specified log group already exists",
		)
	}
	s.addLogGroup(name, in.tags())
	return map[string]any{}, s.save()
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
	rec := s.named(typeLogGroup, in.text("logGroupName"))
	if rec == nil {
		return nil, wire.Errorf(http.StatusBadRequest, "ResourceNotFoundException", "The specified log group does not exist.")
	}
	s.drop(rec)
	return map[string]any{}, s.save()
}

func describeLogGroups(s *Service, in properties) (any, error) {
	found := []map[string]any{}
	for _, rec := range s.of(typeLogGroup) {
		if strings.HasPrefix(rec.Name, in.text("logGroupNamePrefix")) {
			found = append(found, map[string]any{
				"logGroupName": rec.Name, "arn": rec.ARN + ":*", "logGroupArn": rec.ARN, "creationTime": rec.Created.UnixMilli(),
			})
		}
	}
	page, next := paged(found, in.text("nextToken"), in.text("limit"), 50)
	return withToken(map[string]any{"logGroups": page}, "nextToken", next), nil
}

// streamed are the logs that a Docker platform streams (Beanstalk guide, "Instance log streaming").
var streamed = []string{"/var/log/eb-engine.log", "/var/log/eb-docker/containers/eb-current-app/stdouterr.log"}

const nsLogStreams = "aws:elasticbeanstalk:cloudwatch:logs"

func logGroupsOf(env *record) string { return "/aws/elasticbeanstalk/" + env.Name }

// streamLogs makes the log groups of an environment that streams its logs.
func (s *Service) streamLogs(env *record) {
	if s.options(env).value(nsLogStreams, "StreamLogs") != "true" {
		return
	}
	for _, log := range streamed {
		if name := logGroupsOf(env) + log; s.named(typeLogGroup, name) == nil {
			s.addLogGroup(name, nil)
		}
	}
}

// dropLogs deletes the log groups of an environment that says so. Without that they stay.
func (s *Service) dropLogs(env *record) {
	if s.options(env).value(nsLogStreams, "DeleteOnTerminate") != "true" {
		return
	}
	for _, log := range streamed {
		if rec := s.named(typeLogGroup, logGroupsOf(env)+log); rec != nil {
			s.drop(rec)
		}
	}
}
