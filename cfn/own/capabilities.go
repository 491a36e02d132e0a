package own

// Capabilities that a template may need. Those of macros are never given.
const (
	CapabilityIAM      = "CAPABILITY_IAM"
	CapabilityNamedIAM = "CAPABILITY_NAMED_IAM"
)

// namesOf are the IAM types for which CloudFormation wants a capability, and the property that gives the resource a name of its own (AWS docs:
// acknowledging IAM resources in CloudFormation templates).
var namesOf = map[string]string{
	"AWS::IAM::AccessKey": "", "AWS::IAM::Group": "GroupName", "AWS::IAM::InstanceProfile": "InstanceProfileName", "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
	"AWS::IAM::Policy": "", "AWS::IAM::Role": "RoleName", "AWS::IAM::User": "UserName", "AWS::IAM::UserToGroupAddition": "",
}

// Capability is what CloudFormation wants to be told before it makes the template: nothing, CAPABILITY_IAM, or CAPABILITY_NAMED_IAM, which
// includes it.
func (t *Template) Capability() string {
	needed, _ := t.capability()
	return needed
}

// capability is the strongest capability that the template needs, and the first resource that needs it.
func (t *Template) capability() (needed string, because resource) {
	for _, r := range t.resources {
		name, iam := namesOf[r.kind]
		switch {
		case !iam:
		case name != "" && r.properties.get(name) != nil:
			return CapabilityNamedIAM, r
		case needed == "":
			needed, because = CapabilityIAM, r
		}
	}
	return needed, because
}
