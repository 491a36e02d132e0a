package aws

import (
	"net/http"
	"strings"

	"perch/sandbox/aws/access"
	"perch/sandbox/aws/handlers"
	"perch/sandbox/aws/resource"
	"perch/sandbox/aws/wire"
)

// authorize denies a call to which its caller's role has no right. The request that it returns has
// the caller in its context, so that S3 can check the right to single keys, and CloudFormation the
// right to templates.
func (s *Server) authorize(r *http.Request, c Call) (*http.Request, *wire.Error) {
	caller, err := s.others.Caller(c.AccessKey)
	if err != nil {
		return r, denied(c, "The sandbox cannot evaluate the caller's policies: "+err.Error())
	}
	if caller == nil {
		return r, nil
	}
	if c.protocol != s3Protocol {
		denial := caller.Check(s.rightsOf(c)...)
		switch {
		case denial != nil && c.Service == "elasticbeanstalk" && !strings.HasPrefix(denial.Action, "elasticbeanstalk:"):
			// Elastic Beanstalk calls another service with the caller's rights (AWS docs: its API,
			// Common errors).
			return r, wire.Errorf(
				http.StatusForbidden, "InsufficientPrivilegesException", "Access Denied: %s", denial.Error(),
			)
		case denial != nil:
			return r, denied(c, denial.Error())
		}
	}
	return r.WithContext(access.WithCaller(r.Context(), caller)), nil
}

// denied returns a denial with the words and the code of the call's service (AWS docs: Common
// errors of each API).
func denied(c Call, sentence string) *wire.Error {
	switch {
	case c.protocol == jsonProtocol:
		return wire.Errorf(http.StatusBadRequest, "AccessDeniedException", "%s", sentence)
	case c.protocol == ec2Protocol:
		return wire.Errorf(
			http.StatusForbidden,
			"UnauthorizedOperation",
			"You are not authorized to perform this operation. %s",
			sentence,
		)
	}
	return wire.Errorf(http.StatusForbidden, "AccessDenied", "%s", sentence)
}

// authorizeHandler denies a step of a resource to which the stack's service role has no right. A
// stack without a service role acts as an administrator.
func (s *Server) authorizeHandler(role, phase string, r resource.Request) error {
	caller, err := s.others.ServiceRole(role)
	if err != nil {
		return err
	}
	account := handlers.Account{ID: s.account, Region: s.region, RoleOf: s.others.RoleOf}
	if denial := caller.Check(handlers.Rights(account, phase, r)...); denial != nil {
		service := strings.Split(r.Type, "::")[1]
		return &resource.Error{
			Service: service, Message: denial.Error(), Status: http.StatusForbidden, Code: "AccessDenied",
		}
	}
	return nil
}
