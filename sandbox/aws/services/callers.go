package services

import (
	"fmt"
	"slices"
	"strings"

	"perch/sandbox/aws/access"
	"perch/sandbox/aws/resource"
)

// session is an access key from AssumeRole.
type session struct {
	// Key is the access key's id, Role the role's name, and Name the session's name.
	Key, Role, Name string
}

// maxSessions is the maximum number of sessions that are stored.
const maxSessions = 200

func (s *Service) storeSession(given session) {
	s.state.Sessions = append(s.state.Sessions, given)
	if extra := len(s.state.Sessions) - maxSessions; extra > 0 {
		s.state.Sessions = slices.Delete(s.state.Sessions, 0, extra)
	}
}

// sessionARN returns the ARN of a session of a role.
func (s *Service) sessionARN(role, session string) string {
	return strings.Replace(s.iamARN("assumed-role/"+role+"/"+session), ":iam:", ":sts:", 1)
}

// Caller returns the role to which an access key belongs. It returns nil, which means an
// administrator, for a key that is not from AssumeRole and if Config.EnforceIAM is false.
func (s *Service) Caller(accessKey string) (*access.Caller, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.config.EnforceIAM {
		return nil, nil
	}
	for _, given := range s.state.Sessions {
		if given.Key == accessKey {
			return s.callerFor(s.findByName(typeRole, given.Role), given.Role, given.Name)
		}
	}
	return nil, nil
}

// stackSession is the name of the session in which CloudFormation assumes a service role.
const stackSession = "AWSCloudFormation"

// ServiceRole returns the caller for CloudFormation's calls under a stack's service role. It
// returns nil, which means an administrator, if arn is empty or Config.EnforceIAM is false.
func (s *Service) ServiceRole(arn string) (*access.Caller, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.config.EnforceIAM || arn == "" {
		return nil, nil
	}
	return s.callerFor(s.findByReference(typeRole, arn), arn[strings.LastIndex(arn, "/")+1:], stackSession)
}

// callerFor returns a caller with a role's policies. If role is nil because it was deleted, the
// caller has no policies.
func (s *Service) callerFor(role *record, name, session string) (*access.Caller, error) {
	caller := &access.Caller{
		ARN:    s.sessionARN(name, session),
		Region: s.config.Region,
		Record: s.config.Granted,
		Denied: s.config.Denied,
	}
	if role == nil {
		return caller, nil
	}
	for _, policy := range append(s.inlinePolicies(role), s.attachedDocuments(role)...) {
		document, err := s.parsePolicy(policy)
		if err != nil {
			return nil, fmt.Errorf("role %s: %w", role.Name, err)
		}
		caller.Policies = append(caller.Policies, document)
	}
	return caller, nil
}

// maxDocuments is the maximum number of parsed policies that are cached.
const maxDocuments = 1000

// parsePolicy parses a policy, which is a pair of name and text. It caches the result, because
// every call of a role needs all policies of the role.
func (s *Service) parsePolicy(policy [2]string) (*access.Document, error) {
	if document, ok := s.documents[policy]; ok {
		return document, nil
	}
	document, err := access.Parse(policy[0], policy[1])
	if err != nil {
		return nil, err
	}
	if len(s.documents) >= maxDocuments {
		clear(s.documents)
	}
	s.documents[policy] = document
	return document, nil
}

// Find returns the ARN and the tags of the resource with a CloudFormation type and a name, id or
// ARN.
func (s *Service) Find(kind, reference string) (arn string, tags map[string]string, found bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec := s.findByReference(kind, reference)
	if rec == nil || reference == "" {
		return "", nil, false
	}
	return rec.ARN, rec.Tags, true
}

// Environment returns the Elastic Beanstalk environment with a name or id, as a request to the
// handler of its type.
func (s *Service) Environment(reference string) (resource.Request, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, env := range s.recordsOf(typeEnvironment) {
		if id := env.Hidden["EnvironmentId"]; reference != "" && (env.Name == reference || id == reference) {
			return resource.Request{
				Type: typeEnvironment, Properties: env.Properties, Tags: env.Tags, Suffix: strings.TrimPrefix(id, "e-"),
			}, true
		}
	}
	return resource.Request{}, false
}
