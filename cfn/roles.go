package cfn

import "perch"

type roleProperties struct {
	AssumeRolePolicyDocument policyDocument
	ManagedPolicyArns        []value        `json:",omitempty"`
	Policies                 []inlinePolicy `json:",omitempty"`
	Tags                     []tag
}

type inlinePolicy struct {
	PolicyDocument policyDocument
	PolicyName     string
}

type policyDocument struct {
	Statement []statement
	Version   string
}

type statement struct {
	Action    []string
	Condition map[string]map[string][]string `json:",omitempty"`
	Effect    string
	Principal map[string]string `json:",omitempty"`
	Resource  []value           `json:",omitempty"`
	Sid       string            `json:",omitempty"`
}

type profileProperties struct{ Roles []value }

func policyOf(statements ...statement) policyDocument {
	return policyDocument{Version: "2012-10-17", Statement: statements}
}

// serviceRole returns the role that Elastic Beanstalk uses. Its external id is the one that AWS
// documents (AWS docs: Managing Elastic Beanstalk service roles).
func serviceRole(tags []tag) resource {
	return resource{Type: "AWS::IAM::Role", Properties: roleProperties{
		AssumeRolePolicyDocument: policyOf(statement{
			Effect:    "Allow",
			Action:    []string{"sts:AssumeRole"},
			Principal: map[string]string{"Service": "elasticbeanstalk.amazonaws.com"},
			Condition: map[string]map[string][]string{"StringEquals": {"sts:ExternalId": {"elasticbeanstalk"}}},
		}),
		ManagedPolicyArns: []value{
			sub("arn:${AWS::Partition}:iam::aws:policy/service-role/AWSElasticBeanstalkEnhancedHealth"),
			sub("arn:${AWS::Partition}:iam::aws:policy/AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy"),
		},
		Tags: tags,
	}}
}

// instanceRoleIDs are the logical ids of the instance roles, one for each kind. They are short,
// because CloudFormation builds a role's name from the names of the stack and the role, and the
// name may have 64 characters (AWS docs: IAM quotas). The documents in deploy/iam recognise a role
// by the name of its stack.
var instanceRoleIDs = map[perch.Kind]string{
	perch.KindProduction: "ProdRole",
	perch.KindStaging:    "StagingRole",
	perch.KindBranch:     "BranchRole",
}

// profileIDs are the logical ids of the instance profiles. The outputs with the profiles' names are
// called the same.
var profileIDs = map[perch.Kind]string{
	perch.KindProduction: "ProductionInstanceProfile",
	perch.KindStaging:    "StagingInstanceProfile",
	perch.KindBranch:     "BranchInstanceProfile",
}

// These ids are those of the role that all environments of an application shared in earlier
// versions of Perch. OutputEarlierProfile names its profile.
const (
	earlierProfileID = "InstanceProfile"
	earlierRoleID    = "InstanceRole"
)

// addInstanceRole adds the role of the instances of kind's environments, and its profile. They are
// in the application stack because a template with roles needs a capability, and because
// CloudFormation takes minutes to create an instance profile.
func (d *document) addInstanceRole(in ApplicationInput, kind perch.Kind) {
	tags := []tag{{perch.TagKind, string(kind)}, {perch.TagProject, in.Project}}
	d.addProfile(profileIDs[kind], instanceRoleIDs[kind], tags, in.instanceStatements(kind))
	of := "Instance profile of environments of kind " + string(kind)
	d.Outputs[profileIDs[kind]] = output{of, ref(profileIDs[kind])}
}

// addEarlierRole keeps the shared role for environments that have not been updated since an earlier
// version of Perch. Without it, their running instances would lose their credentials.
func (d *document) addEarlierRole(in ApplicationInput, tags []tag) {
	d.addProfile(earlierProfileID, earlierRoleID, tags, in.earlierStatements())
	of := "Instance profile of environments that an earlier version made"
	d.Outputs[OutputEarlierProfile] = output{of, ref(earlierProfileID)}
}

func (d *document) addProfile(profile, role string, tags []tag, statements []statement) {
	d.Resources[role] = resource{Type: "AWS::IAM::Role", Properties: roleProperties{
		AssumeRolePolicyDocument: policyOf(statement{
			Effect:    "Allow",
			Action:    []string{"sts:AssumeRole"},
			Principal: map[string]string{"Service": "ec2.amazonaws.com"},
		}),
		Policies: []inlinePolicy{{PolicyName: "instances", PolicyDocument: policyOf(statements...)}},
		Tags:     tags,
	}}
	d.Resources[profile] = resource{
		Type:       "AWS::IAM::InstanceProfile",
		Properties: profileProperties{Roles: []value{ref(role)}},
	}
}
