package services

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"perch/sandbox/aws/access"
	"perch/sandbox/aws/wire"
)

// administrator is the only AWS managed policy whose document the sandbox has. It allows
// everything.
const administrator = "arn:aws:iam::aws:policy/AdministratorAccess"

// attached returns the ARNs of a role's managed policies: those in its properties, and policies
// that name the role.
func (s *Service) attached(role *record) []string {
	arns := role.Properties.texts("ManagedPolicyArns")
	for _, policy := range s.of(typeManagedPolicy) {
		if slices.Contains(policy.Properties.texts("Roles"), role.Name) && !slices.Contains(arns, policy.ARN) {
			arns = append(arns, policy.ARN)
		}
	}
	return arns
}

// attachedDocuments returns the names and documents of a role's managed policies. It leaves out
// AWS's own policies except the administrator's.
func (s *Service) attachedDocuments(role *record) [][2]string {
	var documents [][2]string
	for _, arn := range s.attached(role) {
		if arn == administrator {
			documents = append(
				documents,
				[2]string{"AdministratorAccess", `{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}`},
			)
		}
		if policy := s.known(typeManagedPolicy, arn); policy != nil {
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
		Attributes: map[string]string{"PolicyId": "ANPA" + random(upperDigits, 17)}, Hidden: map[string]string{},
	}
	if s.named(typeManagedPolicy, name) != nil {
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
	}, s.save()
}

// deletePolicy deletes a managed policy that is not attached to any role.
func deletePolicy(s *Service, f form) ([]wire.Node, error) {
	policy := s.known(typeManagedPolicy, f.Get("PolicyArn"))
	if policy == nil {
		return nil, noEntity("Policy %s was not found.", f.Get("PolicyArn"))
	}
	if slices.ContainsFunc(
		s.of(typeRole),
		func(role *record) bool { return slices.Contains(s.attached(role), policy.ARN) },
	) {
		return nil, wire.Errorf(http.StatusConflict, "DeleteConflict", "Cannot delete a policy attached to entities.")
	}
	s.drop(policy)
	return nil, s.save()
}

func attachRolePolicy(s *Service, f form) ([]wire.Node, error) {
	role, err := s.role(f)
	if err != nil {
		return nil, err
	}
	arn := f.Get("PolicyArn")
	if s.known(typeManagedPolicy, arn) == nil && !strings.HasPrefix(arn, "arn:aws:iam::aws:policy/") {
		return nil, noEntity("Policy %s does not exist or is not attachable.", arn)
	}
	arns := role.Properties.texts("ManagedPolicyArns")
	if !slices.Contains(arns, arn) {
		setPolicies(role, append(arns, arn))
	}
	return nil, s.save()
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
	setPolicies(role, slices.DeleteFunc(arns, func(arn string) bool { return arn == f.Get("PolicyArn") }))
	return nil, s.save()
}

func setPolicies(role *record, arns []string) {
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
	policies := list("AttachedPolicies", "member", s.attached(role), func(arn string) []wire.Node {
		return []wire.Node{wire.T("PolicyName", arn[strings.LastIndex(arn, "/")+1:]), wire.T("PolicyArn", arn)}
	})
	return []wire.Node{policies, wire.T("IsTruncated", "false")}, nil
}
