package cfn

import (
	"slices"
	"strings"
	"testing"

	"perch"
)

func TestNoBucketIsPublic(t *testing.T) {
	for file, template := range goldens(t) {
		for id, body := range resourcesOf(t, template, "AWS::S3::Bucket") {
			block, _ := body["Properties"].(map[string]any)["PublicAccessBlockConfiguration"].(map[string]any)
			for _, name := range []string{
				"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets",
			} {
				if block[name] != true {
					t.Errorf("%s: %s: %s is %v", file, id, name, block[name])
				}
			}
			if body["Properties"].(map[string]any)["BucketEncryption"] == nil {
				t.Errorf("%s: %s is not encrypted", file, id)
			}
		}
	}
}

func TestNoDatabaseIsPublicOrPlain(t *testing.T) {
	for file, template := range goldens(t) {
		for id, body := range resourcesOf(t, template, "AWS::RDS::DBInstance") {
			p := body["Properties"].(map[string]any)
			restored := p["DBSnapshotIdentifier"] != nil // It is encrypted as its snapshot is.
			if p["PubliclyAccessible"] != false || p["StorageEncrypted"] != true && !restored {
				t.Errorf("%s: %s: public %v, encrypted %v", file, id, p["PubliclyAccessible"], p["StorageEncrypted"])
			}
		}
		for id, body := range resourcesOf(t, template, "AWS::EC2::SecurityGroup") {
			if strings.Contains(id, DatabaseID) && strings.Contains(string(mustJSON(t, body)), "CidrIp") {
				t.Errorf("%s: %s is open to addresses", file, id)
			}
		}
	}
}

func TestWhatHappensToDataIsExplicit(t *testing.T) {
	for file, template := range goldens(t) {
		for _, name := range []string{"AWS::S3::Bucket", "AWS::RDS::DBInstance", "AWS::SecretsManager::Secret"} {
			for id, body := range resourcesOf(t, template, name) {
				if body["DeletionPolicy"] == nil || body["UpdateReplacePolicy"] == nil {
					t.Errorf("%s: %s leaves its deletion or replacement to the default", file, id)
				}
			}
		}
	}
}

func TestNoTemplateContainsASecret(t *testing.T) {
	for file, template := range goldens(t) {
		for id, body := range resourcesOf(t, template, "AWS::RDS::DBInstance") {
			password := string(mustJSON(t, body["Properties"].(map[string]any)["MasterUserPassword"]))
			if !strings.Contains(password, "{{resolve:secretsmanager:") {
				t.Errorf("%s: %s has the password %s", file, id, password)
			}
		}
		for id, body := range resourcesOf(t, template, "AWS::SecretsManager::Secret") {
			if body["Properties"].(map[string]any)["SecretString"] != nil {
				t.Errorf("%s: %s has a given value", file, id)
			}
		}
		if !strings.HasPrefix(file, "environment-") {
			continue
		}
		for name, v := range optionsOf(decode(t, template)) {
			reference := string(mustJSON(t, v))
			secret := strings.HasPrefix(name, nsSecrets+" ")
			if secret && !strings.Contains(reference, "arn:aws:secretsmanager:") && !strings.Contains(
				reference, "${"+databaseSecretID+"}:",
			) && !strings.Contains(reference, "${"+SharedSecretID+"}:") {
				t.Errorf("%s: %s is not a reference: %s", file, name, reference)
			}
			if !secret && (strings.Contains(reference, "{{resolve:") || strings.Contains(name, "PASSWORD")) {
				t.Errorf("%s: %s would show a secret in the environment's configuration", file, name)
			}
		}
	}
}

func TestNoRoleHasAllPermissions(t *testing.T) {
	for file, template := range goldens(t) {
		for id, body := range resourcesOf(t, template, "AWS::IAM::Role") {
			policies, _ := body["Properties"].(map[string]any)["Policies"].([]any)
			for _, policy := range policies {
				for _, s := range policy.(map[string]any)["PolicyDocument"].(map[string]any)["Statement"].([]any) {
					checkStatement(t, file+": "+id, s.(map[string]any))
				}
			}
		}
	}
}

func checkStatement(t *testing.T, place string, s map[string]any) {
	t.Helper()
	for _, a := range s["Action"].([]any) {
		if strings.Contains(a.(string), "*") {
			t.Errorf("%s: action %v", place, a)
		}
	}
	if slices.Contains(s["Resource"].([]any), any("*")) && s["Sid"] != "Registry" && s["Sid"] != "Commands" {
		t.Errorf("%s: %v is for every resource", place, s["Sid"])
	}
}

func TestProductionsBucketsAreWalledOff(t *testing.T) {
	for _, kind := range perch.Kinds() {
		template := renderEnvironment(t, environmentInput(t, "main", kind))
		policies := resourcesOf(t, template, "AWS::S3::BucketPolicy")
		if kind != perch.KindProduction {
			if len(policies) != 0 {
				t.Errorf(
					"%s has the policies %v: the teardown of a branch closes its buckets with a separate policy", kind,
					policies,
				)
			}
			continue
		}
		for id := range resourcesOf(t, template, "AWS::S3::Bucket") {
			text := string(mustJSON(t, policies["PolicyOf"+id]))
			for _, part := range []string{
				`"Bucket":{"Ref":"` + id + `"}`, `"Effect":"Deny"`,
				`"aws:PrincipalTag/perch:kind":["branch","staging"]`, `"aws:PrincipalTag/perch:project":["shop"]`,
			} {
				if !strings.Contains(text, part) {
					t.Errorf("the policy of %s has no %s: %s", id, part, text)
				}
			}
		}
	}
}

// CloudFormation adds a stack's tags to resources of some types only.
func TestWhatCanCarryTagsDoes(t *testing.T) {
	taggable := []string{
		"AWS::CertificateManager::Certificate", "AWS::EC2::SecurityGroup", "AWS::ElasticLoadBalancingV2::LoadBalancer",
		"AWS::IAM::Role",
		"AWS::RDS::DBInstance", "AWS::RDS::DBSubnetGroup", "AWS::S3::Bucket", "AWS::SecretsManager::Secret",
	}
	tagless := []string{
		// They have no property Tags, or, as listeners, none that CloudFormation takes everywhere
		// (cfn-lint: E3002).
		"AWS::ElasticBeanstalk::Application", "AWS::ElasticLoadBalancingV2::Listener", "AWS::IAM::InstanceProfile",
		"AWS::SecretsManager::SecretTargetAttachment",
	}
	for file, template := range goldens(t) {
		if !strings.HasPrefix(file, "application-") {
			continue
		}
		for id, body := range decode(t, template)["Resources"].(map[string]any) {
			r := body.(map[string]any)
			kind := r["Type"].(string)
			if tags, _ := r["Properties"].(map[string]any)["Tags"].([]any); slices.Contains(taggable, kind) &&
				len(tags) != 2 || !slices.Contains(slices.Concat(taggable, tagless), kind) {
				t.Errorf("%s: %s, a %s, has the tags %v: give it the application's, or name the type among those "+
					"that take none", file, id, kind, tags)
			}
		}
	}
}

func resourcesOf(t *testing.T, template Template, name string) map[string]map[string]any {
	t.Helper()
	found := map[string]map[string]any{}
	for id, body := range decode(t, template)["Resources"].(map[string]any) {
		if r := body.(map[string]any); r["Type"] == name {
			found[id] = r
		}
	}
	return found
}

// A CNAME prefix is unique among all customers of a region: one that another customer has would
// fail the creation.
func TestS48NoEnvironmentRequestsACNAMEPrefix(t *testing.T) {
	for file, template := range goldens(t) {
		for id, body := range resourcesOf(t, template, "AWS::ElasticBeanstalk::Environment") {
			if body["Properties"].(map[string]any)["CNAMEPrefix"] != nil {
				t.Errorf("%s: %s names a CNAMEPrefix; Beanstalk chooses one", file, id)
			}
		}
	}
}
