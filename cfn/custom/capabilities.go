package custom

import "strings"

// Capabilities that a template may need. Those of macros are never given.
const (
	CapabilityIAM      = "CAPABILITY_IAM"
	CapabilityNamedIAM = "CAPABILITY_NAMED_IAM"
)

// namesOf are the properties that give an IAM resource a chosen name, where CloudFormation wants
// CAPABILITY_NAMED_IAM for it (AWS docs: acknowledging IAM resources in CloudFormation templates).
var namesOf = map[string]string{
	"AWS::IAM::Group": "GroupName", "AWS::IAM::InstanceProfile": "InstanceProfileName",
	"AWS::IAM::ManagedPolicy": "ManagedPolicyName",
	"AWS::IAM::Role":          "RoleName", "AWS::IAM::User": "UserName",
}

// Capability is what CloudFormation is told before it makes the template: nothing, CAPABILITY_IAM,
// or CAPABILITY_NAMED_IAM, which includes it. Every IAM resource needs one here, those too for
// which CloudFormation itself needs none, such as a role's policy: a policy without `capabilities`
// allows no IAM resources.
func (t *Template) Capability() string {
	needed, _ := t.capability()
	return needed
}

// capability is the strongest capability that the template needs, and the first resource that needs
// it.
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
