package custom

import "strings"

// Capabilities that a template may need. Those of macros are never given.
const (
	CapabilityIAM      = "CAPABILITY_IAM"
	CapabilityNamedIAM = "CAPABILITY_NAMED_IAM"
)

// namesOf has the properties that set a custom name of an IAM resource. With one of them,
// CloudFormation requires CAPABILITY_NAMED_IAM (AWS docs: acknowledging IAM resources in
// CloudFormation templates).
var namesOf = map[string]string{
	"AWS::IAM::Group": "GroupName", "AWS::IAM::InstanceProfile": "InstanceProfileName",
	"AWS::IAM::ManagedPolicy": "ManagedPolicyName",
	"AWS::IAM::Role":          "RoleName", "AWS::IAM::User": "UserName",
}

// Capability returns the capability that CloudFormation must be given for the template: none,
// CAPABILITY_IAM, or CAPABILITY_NAMED_IAM, which includes it. Here every IAM resource needs one.
// CloudFormation itself requires none for some of them, such as a role's policy, but a policy
// without `capabilities` allows no IAM resources at all.
func (t *Template) Capability() string {
	needed, _ := t.capability()
	return needed
}

// capability returns the strongest capability that the template needs, and the first resource that
// needs it.
func (t *Template) capability() (needed string, because resource) {
	for _, r := range t.resources {
		name := namesOf[r.kind]
		switch {
		case !strings.HasPrefix(r.kind, "AWS::IAM::"):
		case name != "" && r.properties.Get(name) != nil:
			return CapabilityNamedIAM, r
		case needed == "":
			needed, because = CapabilityIAM, r
		}
	}
	return needed, because
}
