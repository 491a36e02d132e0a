package access

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Request is one right that a call needs: an action on a resource.
type Request struct {
	// Action is the IAM action: cloudformation:CreateStack.
	Action string
	// Resource is the ARN of what it acts on. Actions without resource-level permissions act on `*`
	// in any case.
	Resource string
	// Keys are the values of condition keys, by the keys' names in lower case.
	Keys map[string][]string
}

// Grant is a statement that allowed an action.
type Grant struct {
	// Policy is the policy's name and Sid the statement's.
	Policy, Sid string
	// Action is the action as the call names it, and Pattern as the statement does.
	Action, Pattern string
}

// Denial is a right that a role does not have.
type Denial struct {
	// ARN is the caller's.
	ARN string
	Request
	// explicit says that a statement denies the action.
	explicit bool
}

// Error is AWS's sentence.
func (d *Denial) Error() string {
	because := "because no identity-based policy allows the " + d.Action + " action"
	if d.explicit {
		because = "with an explicit deny in an identity-based policy"
	}
	const sentence = "User: %s is not authorized to perform: %s on resource: %s %s"
	return fmt.Sprintf(sentence, d.ARN, d.Action, d.Resource, because)
}

// Caller is a role that makes calls. A nil Caller is an administrator: everything is allowed to it.
type Caller struct {
	// ARN is the role's, as denials name it.
	ARN string
	// Region is the region that the role's calls go to.
	Region string
	// Policies are the documents that are attached to it.
	Policies []*Document
	// Record is told every grant that was used; nil discards it.
	Record func([]Grant)
	// Denied is told every denial; nil discards it.
	Denied func(*Denial)
}

// Check returns the first right that the caller does not have, or nil.
func (c *Caller) Check(requests ...Request) *Denial {
	if c == nil {
		return nil
	}
	for _, request := range requests {
		if Unbound(request.Action) {
			request.Resource = "*"
		}
		request.Keys = c.withRegion(request)
		grants, denied := decide(c.Policies, request)
		if denied || len(grants) == 0 {
			denial := &Denial{ARN: c.ARN, Request: request, explicit: denied}
			if c.Denied != nil {
				c.Denied(denial)
			}
			return denial
		}
		if c.Record != nil {
			c.Record(grants)
		}
	}
	return nil
}

// globalServices are those whose calls are in the region us-east-1 (AWS docs: AWS global condition
// context keys, aws:RequestedRegion).
var globalServices = []string{"iam", "route53"}

// withRegion are the request's keys with its region.
func (c *Caller) withRegion(request Request) map[string][]string {
	keys := map[string][]string{"aws:requestedregion": {c.Region}}
	if service, _, _ := strings.Cut(request.Action, ":"); slices.Contains(globalServices, service) {
		keys["aws:requestedregion"] = []string{"us-east-1"}
	}
	maps.Copy(keys, request.Keys)
	return keys
}

// decide finds the statements that allow a request, and whether one denies it.
func decide(documents []*Document, request Request) (grants []Grant, denied bool) {
	action := strings.ToLower(request.Action)
	for _, document := range documents {
		for _, s := range document.statements {
			pattern, ok := s.matches(request, action)
			switch {
			case !ok:
			case s.Effect == "Deny":
				return nil, true
			default:
				grants = append(
					grants, Grant{Policy: document.Name, Sid: s.Sid, Action: request.Action, Pattern: pattern},
				)
			}
		}
	}
	return grants, false
}

// matches reports whether the statement is about the request, and by which of its actions; action
// is the request's in lower case.
func (s statement) matches(request Request, action string) (pattern string, ok bool) {
	i := slices.IndexFunc(s.lower, func(pattern string) bool { return Like(pattern, action) })
	if i < 0 || !slices.ContainsFunc(s.Resource, func(pattern string) bool { return Like(pattern, request.Resource) }) {
		return "", false
	}
	return s.Action[i], conditionsHold(s.Condition, request.Keys)
}
