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

// serviceRole is what Elastic Beanstalk acts in. The external id is the one that AWS documents for
// it (AWS docs: Managing Elastic Beanstalk service roles).
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

// instanceRoleIDs are the logical ids of the instance roles, one role for each kind. They are short
// because a role's name, which CloudFormation puts together from the names of stack and role, has
// 64 characters at most (AWS docs: IAM quotas), and the documents in deploy/iam recognise a role by
// the name of its stack.
var instanceRoleIDs = map[perch.Kind]string{
	perch.KindProduction: "ProdRole",
	perch.KindStaging:    "StagingRole",
	perch.KindBranch:     "BranchRole",
}

// profileIDs are the logical ids of the instance profiles and the names of the outputs that name
// them.
var profileIDs = map[perch.Kind]string{
	perch.KindProduction: "ProductionInstanceProfile",
	perch.KindStaging:    "StagingInstanceProfile",
	perch.KindBranch:     "BranchInstanceProfile",
}

// The role that all environments of an application shared in earlier versions. OutputEarlierProfile
// names its profile.
const (
	earlierProfileID = "InstanceProfile"
	earlierRoleID    = "InstanceRole"
)

// addInstanceRole adds the role that the instances of kind's environments act in, and its profile.
// It belongs to the application stack because a template with roles needs a capability, and because
// CloudFormation takes minutes to make an instance profile.
func (d *document) addInstanceRole(in ApplicationInput, kind perch.Kind) {
	tags := []tag{{perch.TagKind, string(kind)}, {perch.TagProject, in.Project}}
	d.addProfile(profileIDs[kind], instanceRoleIDs[kind], tags, in.instanceStatements(kind))
	of := "Instance profile of environments of kind " + string(kind)
	d.Outputs[profileIDs[kind]] = output{of, ref(profileIDs[kind])}
}

// addEarlierRole keeps the shared role for environments that have not been updated since. Deleting
// it would take the credentials from their running instances.
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
