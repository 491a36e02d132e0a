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
	typeRole: {
		service: iam, nameProperty: "RoleName", limit: 64, prepare: prepareRole, rejectDelete: rejectRole,
	},
	typeInstanceProfile: {service: iam, nameProperty: "InstanceProfileName", limit: 128, prepare: prepareProfile},
	typePolicy:          {service: iam, limit: 128, prepare: preparePolicy},
	typeManagedPolicy:   {service: iam, nameProperty: "ManagedPolicyName", limit: 128, prepare: prepareManagedPolicy},
}

func (s *Service) iamARN(resource string) string {
	return "arn:aws:iam::" + s.config.Account + ":" + resource
}

func prepareRole(s *Service, rec *record) error {
	if other := s.findByName(typeRole, rec.Name); other != nil && other != rec {
		return handlerError(iam, http.StatusConflict, "AlreadyExists", "Role with name %s already exists.", rec.Name)
	}
	rec.ARN = s.iamARN("role" + rec.Properties.textOr("Path", "/") + rec.Name)
	rec.Attributes["Arn"] = rec.ARN
	if rec.ID == "" {
		rec.Attributes["RoleId"] = "AROA" + randomText(upperDigits, 17)
	}
	return nil
}

func rejectRole(s *Service, rec *record, late bool) error {
	for _, profile := range s.recordsOf(typeInstanceProfile) {
		if late && slices.Contains(profile.Properties.texts("Roles"), rec.Name) {
			return handlerError(
				iam, http.StatusConflict, "GeneralServiceException",
				"Cannot delete entity, must remove roles from instance profile first.",
			)
		}
	}
	return nil
}

func prepareProfile(s *Service, rec *record) error {
	for _, role := range rec.Properties.texts("Roles") {
		if s.findByName(typeRole, role) == nil {
			return handlerError(iam, http.StatusNotFound, "NotFound", "The role with name %s cannot be found.", role)
		}
	}
	if other := s.findByName(typeInstanceProfile, rec.Name); other != nil && other != rec {
		return handlerError(iam, http.StatusConflict, "AlreadyExists", "Instance Profile %s already exists.", rec.Name)
	}
	rec.ARN = s.iamARN("instance-profile" + rec.Properties.textOr("Path", "/") + rec.Name)
	rec.Attributes["Arn"] = rec.ARN
	if rec.ID == "" {
		rec.Attributes["InstanceProfileId"] = "AIPA" + randomText(upperDigits, 17)
	}
	return nil
}

func preparePolicy(s *Service, rec *record) error {
	for _, role := range rec.Properties.texts("Roles") {
		if s.findByName(typeRole, role) == nil {
			return handlerError(iam, http.StatusNotFound, "NotFound", "The role with name %s cannot be found.", role)
		}
	}
	rec.Attributes["Id"] = rec.Name
	return nil
}

func prepareManagedPolicy(s *Service, rec *record) error {
	rec.ARN = s.iamARN("policy" + rec.Properties.textOr("Path", "/") + rec.Name)
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
	if role := s.findByName(typeRole, f.Get("RoleName")); role != nil {
		return role, nil
	}
	return nil, noEntity("The role with name %s cannot be found.", f.Get("RoleName"))
}

func roleNodes(role *record) []wire.Node {
	return omitEmpty(
		wire.T("Path", role.Properties.textOr("Path", "/")), wire.T("RoleName", role.Name),
		wire.T("RoleId", role.Attributes["RoleId"]), wire.T("Arn", role.ARN),
		wire.T("CreateDate", role.Created.UTC().Format("2006-01-02T15:04:05Z")),
		wire.T("AssumeRolePolicyDocument", url.PathEscape(role.Properties.text("AssumeRolePolicyDocument"))),
		wire.T("Description", role.Properties.text("Description")),
		wire.T("MaxSessionDuration", role.Properties.textOr("MaxSessionDuration", "3600")),
	)
}

// RoleOf returns the ARN of the role in an instance profile, by the profile's name or ARN; empty if
// there is none.
func (s *Service) RoleOf(profile string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.findByReference(typeInstanceProfile, profile); found != nil {
		for _, name := range found.Properties.texts("Roles") {
			if role := s.findByName(typeRole, name); role != nil {
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
	return slices.ContainsFunc(s.recordsOf(typeRole), func(role *record) bool { return role.ARN == arn })
}

// createRole creates a role that belongs to no stack.
func createRole(s *Service, f form) ([]wire.Node, error) {
	now := s.config.Now().UTC()
	role := &record{
		Type: typeRole, Name: f.Get("RoleName"), ID: f.Get("RoleName"), Created: now, Updated: now,
		Properties: properties{
			"AssumeRolePolicyDocument": f.Get("AssumeRolePolicyDocument"), "Description": f.Get("Description"),
		},
		Attributes: map[string]string{"RoleId": "AROA" + randomText(upperDigits, 17)}, Hidden: map[string]string{},
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
	return []wire.Node{wire.N("Role", roleNodes(role)...)}, s.saveState()
}

// deleteRole deletes a role. It fails if the role has policies or is in an instance profile.
func deleteRole(s *Service, f form) ([]wire.Node, error) {
	role, err := s.role(f)
	if err != nil {
		return nil, err
	}
	if len(s.inlinePolicies(role)) > 0 {
		return nil, wire.Errorf(
			http.StatusConflict, "DeleteConflict", "Cannot delete entity, must delete policies first.",
		)
	}
	if len(s.attachedPolicies(role)) > 0 {
		return nil, wire.Errorf(
			http.StatusConflict,
			"DeleteConflict",
			"Cannot delete entity, must detach all policies first.",
		)
	}
	if err := rejectRole(s, role, true); err != nil {
		return nil, wire.Errorf(http.StatusConflict, "DeleteConflict", "%s", err.Error())
	}
	s.deleteRecord(role)
	return nil, s.saveState()
}

func getRole(s *Service, f form) ([]wire.Node, error) {
	role, err := s.role(f)
	if err != nil {
		return nil, err
	}
	return []wire.Node{wire.N("Role", append(roleNodes(role), tagNodes("Tags", "member", role.Tags))...)}, nil
}

func listRoles(s *Service, f form) ([]wire.Node, error) {
	page, next := paged(s.recordsOf(typeRole), f.Get("Marker"), f.Get("MaxItems"), 1000)
	more := []wire.Node{wire.T("IsTruncated", "false")}
	if next != "" {
		more = []wire.Node{wire.T("IsTruncated", "true"), wire.T("Marker", next)}
	}
	return append([]wire.Node{listNode("Roles", "member", page, roleNodes)}, more...), nil
}

func getProfile(s *Service, f form) ([]wire.Node, error) {
	profile := s.findByName(typeInstanceProfile, f.Get("InstanceProfileName"))
	if profile == nil {
		return nil, noEntity("Instance Profile %s cannot be found.", f.Get("InstanceProfileName"))
	}
	var roles []*record
	for _, name := range profile.Properties.texts("Roles") {
		if role := s.findByName(typeRole, name); role != nil {
			roles = append(roles, role)
		}
	}
	return []wire.Node{wire.N("InstanceProfile",
		wire.T("Path", profile.Properties.textOr("Path", "/")), wire.T("InstanceProfileName", profile.Name),
		wire.T("InstanceProfileId", profile.Attributes["InstanceProfileId"]),
		wire.T("Arn", profile.ARN), wire.T("CreateDate", profile.Created.UTC().Format("2006-01-02T15:04:05Z")),
		listNode("Roles", "member", roles, roleNodes))}, nil
}

// inlinePolicies returns a role's inline policies, as pairs of name and document: those in its
// properties, and resources of type AWS::IAM::Policy that list the role.
func (s *Service) inlinePolicies(role *record) [][2]string {
	var policies [][2]string
	add := func(p properties) {
		policies = append(policies, [2]string{p.text("PolicyName"), p.text("PolicyDocument")})
	}
	for _, policy := range role.Properties.children("Policies") {
		add(policy)
	}
	for _, rec := range s.recordsOf(typePolicy) {
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
	for _, policy := range s.inlinePolicies(role) {
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
	for _, policy := range s.inlinePolicies(role) {
		names = append(names, policy[0])
	}
	return []wire.Node{textNodes("PolicyNames", "member", names), wire.T("IsTruncated", "false")}, nil
}
