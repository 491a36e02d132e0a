package access

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Request is one right that a call needs: an action on a resource.
type Request struct {
	// Action is the IAM action, such as cloudformation:CreateStack.
	Action string
	// Resource is the ARN of the resource that the action acts on. For actions without
	// resource-level permissions it is always treated as `*`.
	Resource string
	// Keys has the values of condition keys, by their names in lower case.
	Keys map[string][]string
}

// Grant is a statement that allowed an action.
type Grant struct {
	// Policy is the policy's name, and Sid the statement's.
	Policy, Sid string
	// Action is the action in the call, and Pattern the pattern in the statement that matches it.
	Action, Pattern string
}

// Denial is a right that a role does not have.
type Denial struct {
	// ARN is the ARN of the caller.
	ARN string
	Request
	// explicit means that a statement denies the action.
	explicit bool
}

// Error returns AWS's sentence.
func (d *Denial) Error() string {
	because := "because no identity-based policy allows the " + d.Action + " action"
	if d.explicit {
		because = "with an explicit deny in an identity-based policy"
	}
	const sentence = "User: %s is not authorized to perform: %s on resource: %s %s"
	return fmt.Sprintf(sentence, d.ARN, d.Action, d.Resource, because)
}

// Caller is a role that makes calls. A nil Caller is an administrator, to whom everything is
// allowed.
type Caller struct {
	// ARN is the role's ARN in the form that denials show.
	ARN string
	// Region is the region of the role's calls.
	Region string
	// Policies are the policy documents of the role.
	Policies []*Document
	// Record receives every grant that was used; nil discards them.
	Record func([]Grant)
	// Denied receives every denial; nil discards them.
	Denied func(*Denial)
}

// Check returns the first right that the caller does not have; nil if it has them all.
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

// globalServices are the services whose calls count as calls in us-east-1 (AWS docs: AWS global
// condition context keys, aws:RequestedRegion).
var globalServices = []string{"iam", "route53"}

// withRegion returns the request's condition keys, and that of its region.
func (c *Caller) withRegion(request Request) map[string][]string {
	keys := map[string][]string{"aws:requestedregion": {c.Region}}
	if service, _, _ := strings.Cut(request.Action, ":"); slices.Contains(globalServices, service) {
		keys["aws:requestedregion"] = []string{"us-east-1"}
	}
	maps.Copy(keys, request.Keys)
	return keys
}

// decide returns the statements that allow a request, and whether one denies it.
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

// matches reports whether the statement applies to the request, and by which of its patterns.
// action is the request's action in lower case.
func (s statement) matches(request Request, action string) (pattern string, ok bool) {
	i := slices.IndexFunc(s.lower, func(pattern string) bool { return Like(pattern, action) })
	if i < 0 || !slices.ContainsFunc(s.Resource, func(pattern string) bool { return Like(pattern, request.Resource) }) {
		return "", false
	}
	return s.Action[i], conditionsHold(s.Condition, request.Keys)
}
