package services

import (
	"net/http"
	"net/url"
	"slices"

	"perch/sandbox/aws/wire"
)

const (
	typeRole            = "AWS::IAM::Role"
	typeInstanceProfile = "AWS::IAM::InstanceProfile"
	typePolicy          = "AWS::IAM::Policy"
	typeManagedPolicy   = "AWS::IAM::ManagedPolicy"

	iam = "Iam"
)

var iamKinds = map[string]kind{
	typeRole:            {service: iam, named: "RoleName", limit: 64, prepare: prepareRole, reject: rejectRole},
	typeInstanceProfile: {service: iam, named: "InstanceProfileName", limit: 128, prepare: prepareProfile},
	typePolicy:          {service: iam, limit: 128, prepare: preparePolicy},
	typeManagedPolicy:   {service: iam, named: "ManagedPolicyName", limit: 128, prepare: prepareManagedPolicy},
}

func (s *Service) iamARN(resource string) string {
	return "arn:aws:iam::" + s.config.Account + ":" + resource
}

func prepareRole(s *Service, rec *record) error {
	if other := s.named(typeRole, rec.Name); other != nil && other != rec {
		return failure(iam, http.StatusConflict, "AlreadyExists", "Role with name %s already exists.", rec.Name)
	}
	rec.ARN = s.iamARN("role" + rec.Properties.or("Path", "/") + rec.Name)
	rec.Attributes["Arn"] = rec.ARN
	if rec.ID == "" {
		rec.Attributes["RoleId"] = "AROA" + random(upperDigits, 17)
	}
	return nil
}

func rejectRole(s *Service, rec *record, late bool) error {
	for _, profile := range s.of(typeInstanceProfile) {
		if late && slices.Contains(profile.Properties.texts("Roles"), rec.Name) {
			return failure(
				iam, http.StatusConflict, "GeneralServiceException",
				"Cannot delete entity, must remove roles from instance profile first.",
			)
		}
	}
	return nil
}

func prepareProfile(s *Service, rec *record) error {
	for _, role := range rec.Properties.texts("Roles") {
		if s.named(typeRole, role) == nil {
			return failure(iam, http.StatusNotFound, "NotFound", "The role with name %s cannot be found.", role)
		}
	}
	if other := s.named(typeInstanceProfile, rec.Name); other != nil && other != rec {
		return failure(iam, http.StatusConflict, "AlreadyExists", "Instance Profile %s already exists.", rec.Name)
	}
	rec.ARN = s.iamARN("instance-profile" + rec.Properties.or("Path", "/") + rec.Name)
	rec.Attributes["Arn"] = rec.ARN
	if rec.ID == "" {
		rec.Attributes["InstanceProfileId"] = "AIPA" + random(upperDigits, 17)
	}
	return nil
}

func preparePolicy(s *Service, rec *record) error {
	for _, role := range rec.Properties.texts("Roles") {
		if s.named(typeRole, role) == nil {
			return failure(iam, http.StatusNotFound, "NotFound", "The role with name %s cannot be found.", role)
		}
	}
	rec.Attributes["Id"] = rec.Name
	return nil
}

func prepareManagedPolicy(s *Service, rec *record) error {
	rec.ARN = s.iamARN("policy" + rec.Properties.or("Path", "/") + rec.Name)
	rec.ID = rec.ARN
	rec.Attributes["PolicyArn"] = rec.ARN
	return nil
}

var iamActions = map[string]action{
	"CreateRole":         createRole,
	"DeleteRole":         deleteRole,
	"GetRole":            getRole,
	"ListRoles":          listRoles,
	"GetInstanceProfile": getProfile,
	"GetRolePolicy":      getRolePolicy,
	"ListRolePolicies":   listRolePolicies,

	"AttachRolePolicy":         attachRolePolicy,
	"CreatePolicy":             createPolicy,
	"DeletePolicy":             deletePolicy,
	"DetachRolePolicy":         detachRolePolicy,
	"ListAttachedRolePolicies": listAttachedRolePolicies,
}

func noEntity(format string, args ...any) *wire.Error {
	return wire.Errorf(http.StatusNotFound, "NoSuchEntity", format, args...)
}

func (s *Service) role(f form) (*record, error) {
	if role := s.named(typeRole, f.Get("RoleName")); role != nil {
		return role, nil
	}
	return nil, noEntity("The role with name %s cannot be found.", f.Get("RoleName"))
}

func roleNodes(role *record) []wire.Node {
	return present(
		wire.T("Path", role.Properties.or("Path", "/")), wire.T("RoleName", role.Name),
		wire.T("RoleId", role.Attributes["RoleId"]), wire.T("Arn", role.ARN),
		wire.T("CreateDate", role.Created.UTC().Format("2006-01-02T15:04:05Z")),
		wire.T("AssumeRolePolicyDocument", url.PathEscape(role.Properties.text("AssumeRolePolicyDocument"))),
		wire.T("Description", role.Properties.text("Description")),
		wire.T("MaxSessionDuration", role.Properties.or("MaxSessionDuration", "3600")),
	)
}

// RoleOf returns the ARN of the role in an instance profile, by the profile's name or ARN; empty if
// there is none.
func (s *Service) RoleOf(profile string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.known(typeInstanceProfile, profile); found != nil {
		for _, name := range found.Properties.texts("Roles") {
			if role := s.named(typeRole, name); role != nil {
				return role.ARN
			}
		}
	}
	return ""
}

// RoleExists reports whether a role with this ARN exists.
func (s *Service) RoleExists(arn string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.of(typeRole), func(role *record) bool { return role.ARN == arn })
}

// createRole creates a role that belongs to no stack.
func createRole(s *Service, f form) ([]wire.Node, error) {
	now := s.config.Now().UTC()
	role := &record{
		Type: typeRole, Name: f.Get("RoleName"), ID: f.Get("RoleName"), Created: now, Updated: now,
		Properties: properties{
			"AssumeRolePolicyDocument": f.Get("AssumeRolePolicyDocument"), "Description": f.Get("Description"),
		},
		Attributes: map[string]string{"RoleId": "AROA" + random(upperDigits, 17)}, Hidden: map[string]string{},
	}
	if role.Name == "" {
		return nil, wire.Errorf(http.StatusBadRequest, "ValidationError",
			"1 validation error detected: Value null at 'roleName' failed to satisfy constraint: Member must not be "+
				"null")
	}
	if err := prepareRole(s, role); err != nil {
		return nil, wire.Errorf(
			http.StatusConflict, "EntityAlreadyExists", "Role with name %s already exists.", role.Name,
		)
	}
	s.state.Records = append(s.state.Records, role)
	return []wire.Node{wire.N("Role", roleNodes(role)...)}, s.save()
}

// deleteRole deletes a role that nothing uses.
func deleteRole(s *Service, f form) ([]wire.Node, error) {
	role, err := s.role(f)
	if err != nil {
		return nil, err
	}
	if len(s.inline(role)) > 0 {
		return nil, wire.Errorf(
			http.StatusConflict, "DeleteConflict", "Cannot delete entity, must delete policies first.",
		)
	}
	if len(s.attached(role)) > 0 {
		return nil, wire.Errorf(
			http.StatusConflict,
			"DeleteConflict",
			"Cannot delete entity, must detach all policies first.",
		)
	}
	if err := rejectRole(s, role, true); err != nil {
		return nil, wire.Errorf(http.StatusConflict, "DeleteConflict", "%s", err.Error())
	}
	s.drop(role)
	return nil, s.save()
}

func getRole(s *Service, f form) ([]wire.Node, error) {
	role, err := s.role(f)
	if err != nil {
		return nil, err
	}
	return []wire.Node{wire.N("Role", append(roleNodes(role), tagNodes("Tags", "member", role.Tags))...)}, nil
}

func listRoles(s *Service, f form) ([]wire.Node, error) {
	page, next := paged(s.of(typeRole), f.Get("Marker"), f.Get("MaxItems"), 1000)
	more := []wire.Node{wire.T("IsTruncated", "false")}
	if next != "" {
		more = []wire.Node{wire.T("IsTruncated", "true"), wire.T("Marker", next)}
	}
	return append([]wire.Node{list("Roles", "member", page, roleNodes)}, more...), nil
}

func getProfile(s *Service, f form) ([]wire.Node, error) {
	profile := s.named(typeInstanceProfile, f.Get("InstanceProfileName"))
	if profile == nil {
		return nil, noEntity("Instance Profile %s cannot be found.", f.Get("InstanceProfileName"))
	}
	var roles []*record
	for _, name := range profile.Properties.texts("Roles") {
		if role := s.named(typeRole, name); role != nil {
			roles = append(roles, role)
		}
	}
	return []wire.Node{wire.N("InstanceProfile",
		wire.T("Path", profile.Properties.or("Path", "/")), wire.T("InstanceProfileName", profile.Name),
		wire.T("InstanceProfileId", profile.Attributes["InstanceProfileId"]),
		wire.T("Arn", profile.ARN), wire.T("CreateDate", profile.Created.UTC().Format("2006-01-02T15:04:05Z")),
		list("Roles", "member", roles, roleNodes))}, nil
}

// inline returns a role's inline policies, as name and document: those in its properties, and
// separate policies that name the role.
func (s *Service) inline(role *record) [][2]string {
	var policies [][2]string
	add := func(p properties) {
		policies = append(policies, [2]string{p.text("PolicyName"), p.text("PolicyDocument")})
	}
	for _, policy := range role.Properties.children("Policies") {
		add(policy)
	}
	for _, rec := range s.of(typePolicy) {
		if slices.Contains(rec.Properties.texts("Roles"), role.Name) {
			add(rec.Properties)
		}
	}
	return policies
}

func getRolePolicy(s *Service, f form) ([]wire.Node, error) {
	role, err := s.role(f)
	if err != nil {
		return nil, err
	}
	for _, policy := range s.inline(role) {
		if policy[0] == f.Get("PolicyName") {
			return []wire.Node{
				wire.T("RoleName", role.Name), wire.T("PolicyName", policy[0]),
				wire.T("PolicyDocument", url.PathEscape(policy[1])),
			}, nil
		}
	}
	return nil, noEntity("The role policy with name %s cannot be found.", f.Get("PolicyName"))
}

func listRolePolicies(s *Service, f form) ([]wire.Node, error) {
	role, err := s.role(f)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, policy := range s.inline(role) {
		names = append(names, policy[0])
	}
	return []wire.Node{texts("PolicyNames", "member", names), wire.T("IsTruncated", "false")}, nil
}
