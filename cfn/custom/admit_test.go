package custom

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"perch"
)

func TestCapabilities(t *testing.T) {
	for name, test := range map[string]struct{ resource, want string }{
		"none":            {"{Type: 'AWS::S3::Bucket'}", ""},
		"a role":          {"{Type: 'AWS::IAM::Role', Properties: {}}", CapabilityIAM},
		"a named role":    {"{Type: 'AWS::IAM::Role', Properties: {RoleName: x}}", CapabilityNamedIAM},
		"a policy's name": {"{Type: 'AWS::IAM::Policy', Properties: {PolicyName: x}}", CapabilityIAM},
		"a role's policy": {"{Type: 'AWS::IAM::RolePolicy', Properties: {RoleName: x, PolicyName: y}}", CapabilityIAM},
		"a provider":      {"{Type: 'AWS::IAM::OIDCProvider'}", CapabilityIAM},
		"a named user": {
			"{Type: 'AWS::IAM::User', Properties: {UserName: !Sub '${AWS::StackName}-x'}}", CapabilityNamedIAM,
		},
	} {
		t.Run(name, func(t *testing.T) {
			template := read(t, strings.Replace(small, "  Assets:", "  Extra: "+test.resource+"\n  Assets:", 1))
			if got := template.Capability(); got != test.want {
				t.Errorf("capability = %q, want %q", got, test.want)
			}
		})
	}
}

func TestThePolicyBoundsATemplate(t *testing.T) {
	const role = "  Role: {Type: 'AWS::IAM::Role', Properties: {RoleName: x}}\n"
	for name, test := range map[string]struct {
		resources string
		change    func(*perch.Policy)
		want      string
	}{
		"a capability": {role, func(p *perch.Policy) { p.Capabilities = []string{CapabilityIAM} },
			"resource Role (AWS::IAM::Role with a custom name) needs CAPABILITY_NAMED_IAM, and the policy allows " +
				"only CAPABILITY_IAM; take it out of the template, or add CAPABILITY_NAMED_IAM to `capabilities` in " +
				"the policy"},
		"a capability that is given": {
			role, func(p *perch.Policy) { p.Capabilities = []string{CapabilityNamedIAM} }, "",
		},
		"an instance type": {
			"  A: {Type: T, Properties: {InstanceType: m7i.large}}\n",
			func(p *perch.Policy) { p.InstanceTypes = []string{"t3.*"} },
			"InstanceType is m7i.large, and the policy allows only t3.*; change it, or `instance_types` in the policy",
		},
		"an instance type by parameter": {
			"  A: {Type: T, Properties: {Deep: [{InstanceType: !Ref Given}]}}\n",
			func(p *perch.Policy) { p.InstanceTypes = []string{"t3.*"} },
			"InstanceType is x, and the policy allows only t3.*",
		},
		"an instance type by condition": {
			"  A: {Type: T, Properties: {InstanceType: !If [C, t3.small, m7i.large]}}\n",
			func(p *perch.Policy) { p.InstanceTypes = []string{"t3.*"} }, "InstanceType is m7i.large",
		},
		"an instance type by mapping": {
			"  A: {Type: T, Properties: {InstanceType: !FindInMap [M, !Ref Given, type]}}\n",
			func(p *perch.Policy) { p.InstanceTypes = []string{"t3.*"} }, "InstanceType is m5.large",
		},
		"an instance type that cannot be told": {
			"  A: {Type: T, Properties: {InstanceType: !Sub 'm5.${Given}'}}\n",
			func(p *perch.Policy) { p.InstanceTypes = []string{"t3.*"} },
			"InstanceType is put together in a way that cannot be checked against the policy",
		},
		"an instance type as Beanstalk's option": {
			"  A: {Type: T, Properties: {OptionSettings: [{OptionName: InstanceTypes, Value: m5.large}]}}\n",
			func(p *perch.Policy) { p.InstanceTypes = []string{"t3.*"} }, "InstanceTypes is m5.large",
		},
		"a list of instance types as Beanstalk's option": {
			"  A: {Type: T, Properties: {OptionSettings: [{OptionName: InstanceTypes, Value: 't3.small, " +
				"m5.24xlarge'}]}}\n",
			func(p *perch.Policy) { p.InstanceTypes = []string{"t3.*"} },
			"InstanceTypes is m5.24xlarge, and the policy allows only t3.*",
		},
		"a list of instance types that are allowed": {
			"  A: {Type: T, Properties: {OptionSettings: [{OptionName: InstanceTypes, Value: 't3.small, " +
				"t3.large'}]}}\n",
			func(p *perch.Policy) { p.InstanceTypes = []string{"t3.*"} }, "",
		},
		"an option whose name cannot be told": {
			"  A: {Type: T, Properties: {OptionSettings: [{OptionName: !Sub 'Instance${Given}', Value: t3.small}]}}\n",
			func(p *perch.Policy) { p.InstanceTypes = []string{"t3.*"} },
			"OptionName is put together in a way that cannot be checked against the policy",
		},
		"an option whose name is a condition's": {"  A: {Type: T, Properties: {OptionSettings: [{OptionName: !If [C, " +
			"InstanceType, Cooldown], Value: m5.large}]}}\n",
			func(p *perch.Policy) { p.InstanceTypes = []string{"t3.*"} },
			"InstanceType is m5.large"},
		"instance types as a property": {
			"  A: {Type: T, Properties: {InstanceTypes: [t3.small, m5.large]}}\n",
			func(p *perch.Policy) { p.InstanceTypes = []string{"t3.*"} }, "InstanceTypes is m5.large",
		},
		"instance types that AWS chooses": {
			"  A: {Type: T, Properties: {Overrides: [{InstanceRequirements: {VCpuCount: {Min: 96}}}]}}\n",
			func(p *perch.Policy) { p.InstanceTypes = []string{"t3.*"} },
			"InstanceRequirements is put together in a way that cannot be checked against the policy",
		},
		"an instance type that a parameter reads from elsewhere": {
			"  A: {Type: T, Properties: {InstanceType: !Ref Stored}}\n",
			func(p *perch.Policy) { p.InstanceTypes = []string{"*.micro"} },
			"InstanceType is put together in a way that cannot be checked against the policy",
		},
		"a database class of a cluster": {
			"  A: {Type: T, Properties: {DBClusterInstanceClass: db.r6g.large}}\n",
			func(p *perch.Policy) { p.DatabaseClasses = []string{"db.t4g.*"} },
			"DBClusterInstanceClass is db.r6g.large",
		},
		"a database class": {
			"  A: {Type: T, Properties: {DBInstanceClass: db.r6g.large}}\n",
			func(p *perch.Policy) { p.DatabaseClasses = []string{"db.t4g.*"} },
			"DBInstanceClass is db.r6g.large, and the policy allows only db.t4g.*; change it, or `database_classes` " +
				"in the policy",
		},
		"any machine where the policy names none": {
			"  A: {Type: T, Properties: {InstanceType: m7i.large}}\n", func(*perch.Policy) {}, "",
		},
		"a secret": {
			"  A: {Type: T, Properties: {P: '{{resolve:secretsmanager:other:SecretString:k}}'}}\n",
			func(*perch.Policy) {},
			"this refers to arn:aws:secretsmanager:eu-central-1:123456789012:secret:other, and the policy allows " +
				"environments of kind branch only what begins with " +
				"arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/; change it, or `secrets` in the policy",
		},
		"a secret by ARN": {"  A: {Type: T, Properties: {P: " +
			"'{{resolve:secretsmanager:arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/" +
			"x-abc:SecretString}}'}}\n", func(*perch.Policy) {}, ""},
		"a secret by name": {
			"  A: {Type: T, Properties: {P: !Sub 'x{{resolve:secretsmanager:shop/${Given}:SecretString:k}}y'}}\n",
			func(*perch.Policy) {}, "",
		},
		"a parameter": {
			"  A: {Type: T, Properties: {P: '{{resolve:ssm-secure:/other:1}}'}}\n", func(*perch.Policy) {},
			"this refers to arn:aws:ssm:eu-central-1:123456789012:parameter/other",
		},
		"a secret of the template": {"  A: {Type: T, Properties: {P: !Sub " +
			"'{{resolve:secretsmanager:${Secret}:SecretString:k}}'}}\n  Secret: {Type: " +
			"'AWS::SecretsManager::Secret'}\n", func(*perch.Policy) {}, ""},
		"a secret of the template, joined": {"  A: {Type: T, Properties: {P: !Join ['', " +
			"['{{resolve:secretsmanager:', !Ref Secret, ':SecretString:k}}']]}}\n  Secret: {Type: " +
			"'AWS::SecretsManager::Secret'}\n", func(*perch.Policy) {}, ""},
		"a secret in parts": {"  A: {Type: T, Properties: {P: !Join [':', ['{{resolve:secretsmanager', !ImportValue " +
			"x, 'SecretString}}']]}}\n", func(*perch.Policy) {},
			"this dynamic reference is put together from parts"},
		"a secret behind a variable named like a resource": {"  A: {Type: T, Properties: {P: !Sub " +
			"['{{resolve:secretsmanager:${Secret}:SecretString:k}}', {Secret: other}]}}\n  Secret: {Type: " +
			"'AWS::SecretsManager::Secret'}\n", func(*perch.Policy) {},
			"this dynamic reference is put together from parts"},
		"a secret behind a variable named like a parameter": {"  A: {Type: T, Properties: {P: !Sub " +
			"['{{resolve:secretsmanager:shop/${Given}:SecretString:k}}', {Given: !ImportValue x}]}}\n",
			func(*perch.Policy) {},
			"this dynamic reference is put together from parts"},
		"a secret in a variable": {
			"  A: {Type: T, Properties: {P: !Sub ['${V}', {V: '{{resolve:secretsmanager:other:SecretString:k}}'}]}}\n",
			func(*perch.Policy) {}, "this refers to arn:aws:secretsmanager:eu-central-1:123456789012:secret:other",
		},
		"a secret of the template beside a variable": {"  A: {Type: T, Properties: {P: !Sub " +
			"['${V}{{resolve:secretsmanager:${Secret}:SecretString:k}}', {V: x}]}}\n  Secret: {Type: " +
			"'AWS::SecretsManager::Secret'}\n", func(*perch.Policy) {}, ""},
		"a secret whose beginning is hidden": {
			"  A: {Type: T, Properties: {P: !Join ['', ['{{resolve:secrets', 'manager:other:SecretString:k}}']]}}\n",
			func(*perch.Policy) {}, "this refers to arn:aws:secretsmanager:eu-central-1:123456789012:secret:other",
		},
		"a secret behind a resource that does not exist": {"  A: {Type: T, Properties: {P: !Sub " +
			"'{{resolve:secretsmanager:${Name.Value}:SecretString:k}}'}}\n  Name: {Type: 'AWS::SSM::Parameter', " +
			"Properties: {Value: other}}\n", func(*perch.Policy) {},
			"this dynamic reference is put together from parts"},
		"a secret behind a resource that does not exist, joined": {"  A: {Type: T, Properties: {P: !Join ['', " +
			"['{{resolve:secretsmanager:', !GetAtt Name.Value, ':SecretString:k}}']]}}\n  Name: {Type: " +
			"'AWS::SSM::Parameter', Properties: {Value: other}}\n", func(*perch.Policy) {},
			"this dynamic reference is put together from parts"},
		"a secret behind another attribute of one": {"  A: {Type: T, Properties: {P: !Sub " +
			"'{{resolve:ssm:${Name.Value}}}'}}\n  Name: {Type: 'AWS::SSM::Parameter', Properties: {Value: other}}\n",
			func(*perch.Policy) {},
			"this dynamic reference is put together from parts"},
		"a parameter of the template": {"  A: {Type: T, Properties: {P: !Sub " +
			"'{{resolve:ssm:${Name}}}'}}\n  Name: {Type: 'AWS::SSM::Parameter', Properties: {Value: other}}\n",
			func(*perch.Policy) {}, ""},
		"a secret that its attachment returns": {"  A: {Type: T, Properties: {P: !Sub " +
			"'{{resolve:secretsmanager:${Joined}:SecretString:k}}'}}\n  Joined: {Type: " +
			"'AWS::SecretsManager::SecretTargetAttachment', Properties: {SecretId: !Ref Secret}}\n  Secret: {Type: " +
			"'AWS::SecretsManager::Secret'}\n", func(*perch.Policy) {}, ""},
		"the attachment of another secret": {"  A: {Type: T, Properties: {P: !Sub " +
			"'{{resolve:secretsmanager:${Joined}:SecretString:k}}'}}\n  Joined: {Type: " +
			"'AWS::SecretsManager::SecretTargetAttachment', Properties: {SecretId: other}}\n", func(*perch.Policy) {},
			"this dynamic reference is put together from parts"},
		"a secret of the template by its attribute": {"  A: {Type: T, Properties: {P: !Sub " +
			"'{{resolve:secretsmanager:${Secret.Id}:SecretString:k}}'}}\n  Secret: {Type: " +
			"'AWS::SecretsManager::Secret'}\n", func(*perch.Policy) {}, ""},
		"a secret that a database makes": {"  A: {Type: T, Properties: {P: !Sub " +
			"'{{resolve:secretsmanager:${Base.MasterUserSecret.SecretArn}:SecretString:k}}'}}\n  Base: {Type: " +
			"'AWS::RDS::DBInstance'}\n", func(*perch.Policy) {}, ""},
		"a secret whose name is stored elsewhere": {
			"  A: {Type: T, Properties: {P: !Sub '{{resolve:secretsmanager:shop/${Stored}:SecretString:k}}'}}\n",
			func(*perch.Policy) {}, "this dynamic reference is put together from parts",
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := input(t)
			in.Policy.Secrets.From = []string{"arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/"}
			test.change(&in.Policy)
			text := "Conditions: {C: !Equals [a, b]}\nMappings: {M: {a: {type: t3.small, other: x}, b: {type: " +
				"m5.large}}}\nParameters: {Given: {Type: String, Default: x}, Stored: {Type: " +
				"'AWS::SSM::Parameter::Value<String>', Default: /aws/service/a.micro}}\n" +
				strings.Replace(small, "  Assets:", test.resources+"  Assets:", 1)
			err := read(t, text).Admit(in)
			switch {
			case test.want == "" && err != nil:
				t.Errorf("rejected: %v", err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("error = %v, want %s", err, test.want)
			}
		})
	}
}

func TestASecretGivenAsAParameterIsCheckedAgainstThePolicy(t *testing.T) {
	in := input(t)
	in.Settings.Parameters = map[string]string{"Given": "{{resolve:secretsmanager:other:SecretString:k}}"}
	err := read(t, declaring("  Given: {Type: String, NoEcho: true}\n")).Admit(in)
	want := "template.yaml:2:3: this refers to arn:aws:secretsmanager:eu-central-1:123456789012:secret:other, and " +
		"the policy allows environments of kind branch no secrets; change it, or `secrets` in the policy"
	if err == nil || err.Error() != want {
		t.Errorf("error = %v, want %s", err, want)
	}
}

func TestAParameterThatReadsParameterStoreIsCheckedAgainstThePolicy(t *testing.T) {
	for name, test := range map[string]struct {
		parameter, given, want string
	}{
		"by its default": {
			"{Type: 'AWS::SSM::Parameter::Value<String>', Default: /other/key}", "",
			"this refers to arn:aws:ssm:eu-central-1:123456789012:parameter/other/key, and the policy allows " +
				"environments of kind branch only",
		},
		"by perch.yaml": {
			"{Type: 'AWS::SSM::Parameter::Value<List<String>>', Default: shop/key}", "other",
			"this refers to arn:aws:ssm:eu-central-1:123456789012:parameter/other",
		},
		"one that is ours": {"{Type: 'AWS::SSM::Parameter::Value<String>', Default: /shop/key}", "", ""},
		"one of AWS's": {"{Type: 'AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>', Default: " +
			"/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64}", "", ""},
		"a name alone": {"{Type: 'AWS::SSM::Parameter::Name', Default: /other/key}", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			in := input(t)
			in.Policy.Secrets.From = []string{"arn:aws:ssm:eu-central-1:123456789012:parameter/shop/"}
			if test.given != "" {
				in.Settings.Parameters = map[string]string{"Given": test.given}
			}
			err := read(t, declaring("  Given: "+test.parameter+"\n")).Admit(in)
			switch {
			case test.want == "" && err != nil:
				t.Errorf("rejected: %v", err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("error = %v, want %s", err, test.want)
			}
		})
	}
}

func TestWhatOutlivesTheStackIsKnown(t *testing.T) {
	text := strings.Replace(small, "  Assets:", `  Logs: {Type: "AWS::S3::Bucket", DeletionPolicy: Retain}
  Once: {Type: "AWS::S3::Bucket", DeletionPolicy: RetainExceptOnCreate}
  Database: {Type: "AWS::RDS::DBInstance"}
  Plain: {Type: "AWS::RDS::DBInstance", DeletionPolicy: Delete}
  Member: {Type: "AWS::RDS::DBInstance", Properties: {DBClusterIdentifier: x}}
  Saved: {Type: "AWS::RDS::DBInstance", DeletionPolicy: Snapshot}
  Record: {Type: "AWS::Route53::RecordSet", DeletionPolicy: Retain}
  Assets:`, 1)
	template := read(t, text)
	var words []string
	for _, kept := range template.Kept() {
		words = append(words, kept.String())
	}
	want := []string{
		"Logs (AWS::S3::Bucket) has DeletionPolicy Retain: it stays",
		"Once (AWS::S3::Bucket) has DeletionPolicy Retain: it stays",
		"Database (AWS::RDS::DBInstance) has no DeletionPolicy, which for a database means Snapshot: a snapshot of " +
			"it stays",
		"Saved (AWS::RDS::DBInstance) has DeletionPolicy Snapshot: a snapshot of it stays",
	}
	if diff := cmp.Diff(want, words); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	rendered, err := template.Render(input(t))
	if err != nil {
		t.Fatal(err)
	}
	deployed := KeptBy(rendered.Body)
	for _, kept := range template.Kept() {
		if deployed[kept.ID] != kept {
			t.Errorf("the deployed template says %v of %s, want %v", deployed[kept.ID], kept.ID, kept)
		}
	}
	if len(deployed) != len(want) {
		t.Errorf("the deployed template keeps %v", deployed)
	}
	if kept := KeptBy([]byte(
		`{"Resources": {"Logs": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"}}}`,
	)); len(kept) != 0 {
		t.Errorf("a template that Render did not write keeps %v", kept)
	}
}

func TestOnlyAnExplicitPolicyDeletesADatabase(t *testing.T) {
	for body, want := range map[string]bool{
		`{"Resources": {"Db": {"Type": "AWS::RDS::DBInstance", "DeletionPolicy": "Delete"}}}`: true,
		`{"Resources": {"Db": {"Type": "AWS::RDS::DBInstance"}}}`:                             false,
		"Resources: {Db: {Type: AWS::RDS::DBInstance, DeletionPolicy: Delete}}":               true,
		"Resources: {Db: {Type: AWS::RDS::DBInstance, DeletionPolicy: Snapshot}}":             false,
		"not a template": false,
	} {
		if got := DeletedBy([]byte(body))["Db"]; got != want {
			t.Errorf("%s: deleted is %t, want %t", body, got, want)
		}
	}
}
