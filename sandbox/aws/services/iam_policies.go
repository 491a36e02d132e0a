package services

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"perch/sandbox/aws/access"
	"perch/sandbox/aws/wire"
)

// administratorPolicy is the only AWS managed policy whose document the sandbox contains. It allows
// everything.
const administratorPolicy = "arn:aws:iam::aws:policy/AdministratorAccess"

// attachedPolicies returns the ARNs of a role's managed policies: those in its properties, and
// resources of type AWS::IAM::ManagedPolicy that list the role.
func (s *Service) attachedPolicies(role *record) []string {
	arns := role.Properties.texts("ManagedPolicyArns")
	for _, policy := range s.recordsOf(typeManagedPolicy) {
		if slices.Contains(policy.Properties.texts("Roles"), role.Name) && !slices.Contains(arns, policy.ARN) {
			arns = append(arns, policy.ARN)
		}
	}
	return arns
}

// attachedDocuments returns a role's managed policies, as pairs of name and document. It leaves out
// AWS managed policies except AdministratorAccess.
func (s *Service) attachedDocuments(role *record) [][2]string {
	var documents [][2]string
	for _, arn := range s.attachedPolicies(role) {
		if arn == administratorPolicy {
			documents = append(
				documents,
				[2]string{"AdministratorAccess", `{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}`},
			)
		}
		if policy := s.findByReference(typeManagedPolicy, arn); policy != nil {
			documents = append(documents, [2]string{policy.Name, policy.Properties.text("PolicyDocument")})
		}
	}
	return documents
}

// maxManagedPolicy is the maximum number of characters in a managed policy, without white space
// (AWS docs: IAM and STS quotas).
const maxManagedPolicy = 6144

// createPolicy creates a managed policy that belongs to no stack.
func createPolicy(s *Service, f form) ([]wire.Node, error) {
	now := s.config.Now().UTC()
	name, document := f.Get("PolicyName"), f.Get("PolicyDocument")
	var parsed any
	if json.Unmarshal([]byte(document), &parsed) != nil {
		return nil, wire.Errorf(http.StatusBadRequest, "MalformedPolicyDocument", "Syntax errors in policy.")
	}
	if len(strings.Join(strings.Fields(document), "")) > maxManagedPolicy {
		return nil, wire.Errorf(
			http.StatusConflict,
			"LimitExceeded",
			"Cannot exceed quota for PolicySize: %d",
			maxManagedPolicy,
		)
	}
	if _, err := access.Parse(name, document); err != nil {
		return nil, wire.Errorf(
			http.StatusBadRequest,
			"MalformedPolicyDocument",
			"The sandbox cannot evaluate this policy: %v",
			err,
		)
	}
	policy := &record{
		Type: typeManagedPolicy, Name: name, Created: now, Updated: now,
		Properties: properties{"PolicyDocument": document},
		Attributes: map[string]string{"PolicyId": "ANPA" + randomText(upperDigits, 17)}, Hidden: map[string]string{},
	}
	if s.findByName(typeManagedPolicy, name) != nil {
		return nil, wire.Errorf(
			http.StatusConflict,
			"EntityAlreadyExists",
			"A policy called %s already exists. Duplicate names are not allowed.",
			name,
		)
	}
	if err := prepareManagedPolicy(s, policy); err != nil {
		return nil, err
	}
	s.state.Records = append(s.state.Records, policy)
	return []wire.Node{
		wire.N(
			"Policy",
			wire.T("PolicyName", name),
			wire.T("PolicyId", policy.Attributes["PolicyId"]),
			wire.T("Arn", policy.ARN),
			wire.T(
				"Path",
				"/",
			),
			wire.T("DefaultVersionId", "v1"),
			wire.T("IsAttachable", "true"),
			wire.T("CreateDate", isoTime(now)),
		),
	}, s.saveState()
}

// deletePolicy deletes a managed policy that is not attached to any role.
func deletePolicy(s *Service, f form) ([]wire.Node, error) {
	policy := s.findByReference(typeManagedPolicy, f.Get("PolicyArn"))
	if policy == nil {
		return nil, noEntity("Policy %s was not found.", f.Get("PolicyArn"))
	}
	if slices.ContainsFunc(
		s.recordsOf(typeRole),
		func(role *record) bool { return slices.Contains(s.attachedPolicies(role), policy.ARN) },
	) {
		return nil, wire.Errorf(http.StatusConflict, "DeleteConflict", "Cannot delete a policy attached to entities.")
	}
	s.deleteRecord(policy)
	return nil, s.saveState()
}

func attachRolePolicy(s *Service, f form) ([]wire.Node, error) {
	role, err := s.role(f)
	if err != nil {
		return nil, err
	}
	arn := f.Get("PolicyArn")
	if s.findByReference(typeManagedPolicy, arn) == nil && !strings.HasPrefix(arn, "arn:aws:iam::aws:policy/") {
		return nil, noEntity("Policy %s does not exist or is not attachable.", arn)
	}
	arns := role.Properties.texts("ManagedPolicyArns")
	if !slices.Contains(arns, arn) {
		setManagedPolicies(role, append(arns, arn))
	}
	return nil, s.saveState()
}

func detachRolePolicy(s *Service, f form) ([]wire.Node, error) {
	role, err := s.role(f)
	if err != nil {
		return nil, err
	}
	arns := role.Properties.texts("ManagedPolicyArns")
	if !slices.Contains(arns, f.Get("PolicyArn")) {
		return nil, noEntity("Policy %s was not found.", f.Get("PolicyArn"))
	}
	setManagedPolicies(role, slices.DeleteFunc(arns, func(arn string) bool { return arn == f.Get("PolicyArn") }))
	return nil, s.saveState()
}

func setManagedPolicies(role *record, arns []string) {
	list := make([]any, len(arns))
	for i, arn := range arns {
		list[i] = arn
	}
	role.Properties["ManagedPolicyArns"] = list
}

func listAttachedRolePolicies(s *Service, f form) ([]wire.Node, error) {
	role, err := s.role(f)
	if err != nil {
		return nil, err
	}
	policies := listNode("AttachedPolicies", "member", s.attachedPolicies(role), func(arn string) []wire.Node {
		return []wire.Node{wire.T("PolicyName", arn[strings.LastIndex(arn, "/")+1:]), wire.T("PolicyArn", arn)}
	})
	return []wire.Node{policies, wire.T("IsTruncated", "false")}, nil
}
