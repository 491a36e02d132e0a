package cfn

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

// account evaluates IAM policies over the stacks that it holds, as far as Perch's templates use
// them (AWS docs: Policy evaluation logic for requests within a single account). It fails the test
// on an element, a function or a condition that it does not know.
type account struct {
	t *testing.T
	// things are resources by ARN, profiles the roles' ARNs by the name of their instance profile.
	things   map[string]*thing
	profiles map[string]string
}

// thing is a resource with the properties that policies evaluate.
type thing struct {
	tags map[string]string
	// rules are those of a role's inline policies, or of a bucket's policy.
	rules []rule
}

type rule struct {
	Sid, Effect string
	Action      []string
	Resource    []json.RawMessage
	Principal   map[string]string
	Condition   conditions
}

// stack is a template that is being added to the account.
type stack struct {
	*account
	name      string
	tags      map[string]string
	resources map[string]stackResource
}

type stackResource struct {
	Type       string
	Properties struct {
		AbacStatus, ApplicationName string
		Tags                        []tag
		Roles                       []json.RawMessage
		Bucket                      json.RawMessage
		PolicyDocument              struct{ Statement []rule }
		Policies                    []struct{ PolicyDocument struct{ Statement []rule } }
		OptionSettings              []struct {
			Namespace, OptionName string
			Value                 json.RawMessage
		}
	}
}

func newAccount(t *testing.T) *account {
	return &account{t: t, things: map[string]*thing{}, profiles: map[string]string{}}
}

// add creates the stack and returns it with its outputs.
func (a *account) add(name string, tags map[string]string, template Template) (stack, map[string]string) {
	a.t.Helper()
	var body struct {
		Resources map[string]stackResource
		Outputs   map[string]struct{ Value json.RawMessage }
	}
	if err := json.Unmarshal(template.Body, &body); err != nil {
		a.t.Fatal(err)
	}
	s := stack{a, name, tags, body.Resources}
	for _, id := range slices.Sorted(maps.Keys(body.Resources)) {
		s.create(id, body.Resources[id])
	}
	outputs := map[string]string{}
	for output, body := range body.Outputs {
		outputs[output] = s.resolve(body.Value)
	}
	return s, outputs
}

func (s stack) create(id string, r stackResource) {
	tags := maps.Clone(s.tags)
	for _, tag := range r.Properties.Tags {
		tags[tag.Key] = tag.Value
	}
	made := s.thing(s.arn(id))
	switch r.Type {
	case "AWS::S3::Bucket":
		if r.Properties.AbacStatus == "Enabled" {
			made.tags = tags
		}
	case "AWS::S3::BucketPolicy":
		bucket := s.thing("arn:aws:s3:::" + s.resolve(r.Properties.Bucket))
		bucket.rules = append(bucket.rules, s.resolved(r.Properties.PolicyDocument.Statement)...)
	case "AWS::IAM::Role":
		made.tags = tags
		for _, policy := range r.Properties.Policies {
			made.rules = append(made.rules, s.resolved(policy.PolicyDocument.Statement)...)
		}
	case "AWS::IAM::InstanceProfile":
		s.profiles[s.physical(id)] = "arn:aws:iam::111122223333:role/" + s.resolve(r.Properties.Roles[0])
	default:
		made.tags = tags
	}
}

func (a *account) thing(arn string) *thing {
	if a.things[arn] == nil {
		a.things[arn] = &thing{}
	}
	return a.things[arn]
}

func (s stack) resolved(rules []rule) []rule {
	for _, r := range rules {
		for i, resource := range r.Resource {
			text, err := json.Marshal(s.resolve(resource))
			if err != nil {
				s.t.Fatal(err)
			}
			r.Resource[i] = text
		}
	}
	return rules
}

// physical is what Ref gives: CloudFormation's name for a resource without one, or a secret's ARN.
func (s stack) physical(id string) string {
	r, name := s.resources[id], s.name+"-"+id+"-EXAMPLE"
	switch r.Type {
	case "AWS::S3::Bucket":
		return strings.ToLower(name)
	case "AWS::SecretsManager::Secret": // Without the stack's name.
		return "arn:aws:secretsmanager:eu-central-1:111122223333:secret:" + id + "-" + s.name + "-AbCdEf"
	case "AWS::ElasticBeanstalk::Application":
		return r.Properties.ApplicationName
	}
	return name
}

func (s stack) arn(id string) string {
	switch s.resources[id].Type {
	case "AWS::S3::Bucket":
		return "arn:aws:s3:::" + s.physical(id)
	case "AWS::IAM::Role":
		return "arn:aws:iam::111122223333:role/" + s.physical(id)
	}
	return s.physical(id)
}

// resolve evaluates the functions that templates use.
func (s stack) resolve(value json.RawMessage) string {
	s.t.Helper()
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	var function struct {
		Ref    string
		GetAtt []string `json:"Fn::GetAtt"`
		Sub    string   `json:"Fn::Sub"`
	}
	if err := json.Unmarshal(value, &function); err != nil {
		s.t.Fatalf("%s: %v", value, err)
	}
	switch {
	case function.Ref != "":
		return s.physical(function.Ref)
	case len(function.GetAtt) == 2:
		return s.attribute(function.GetAtt[0], function.GetAtt[1])
	}
	replaced := []string{
		"${AWS::Partition}", "aws", "${AWS::Region}", "eu-central-1", "${AWS::AccountId}", "111122223333",
	}
	for id := range s.resources {
		replaced = append(replaced, "${"+id+"}", s.physical(id), "${"+id+".Arn}", s.arn(id))
		replaced = append(replaced, "${"+id+".EndpointURL}", id+".example.com")
	}
	return strings.NewReplacer(replaced...).Replace(function.Sub)
}

func (s stack) attribute(id, name string) string {
	if name == "Arn" {
		return s.arn(id)
	}
	return id + "." + name
}

// profile is the instance profile of the stack's Beanstalk environment.
func (s stack) profile() string {
	for _, o := range s.resources[environmentID].Properties.OptionSettings {
		if o.OptionName == "IamInstanceProfile" {
			return s.resolve(o.Value)
		}
	}
	s.t.Fatalf("%s has no instance profile", s.name)
	return ""
}
