package forecast

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"perch"
)

// resources makes a template of the members of Resources.
func resources(members string) Version {
	return Version{Template: []byte(`{"Resources": {` + members + `}}`)}
}

// lines writes changes as text: action, id, replacement, data, and each property with its effect
// and the reason.
func lines(changes []perch.ResourceChange) []string {
	var out []string
	for _, c := range changes {
		words := []string{string(c.Action), c.LogicalID, c.Replacement, c.Data}
		for _, p := range c.Properties {
			word := p.Name + "=" + p.Replacement
			if p.Because != "" {
				word += "<" + p.Because
			}
			if len(p.Paths) > 0 {
				word += fmt.Sprint(p.Paths)
			}
			words = append(words, word)
		}
		if c.Rejected != "" {
			words = append(words, "rejected")
		}
		out = append(out, strings.Join(strings.Fields(strings.Join(words, " ")), " "))
	}
	return out
}

func TestCompare(t *testing.T) {
	const bucket = `"B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "b"}}`
	for name, test := range map[string]struct {
		before, after string
		want          []string
	}{
		"nothing differs": {bucket, bucket, nil},
		"a number and its text": {
			`"D": {"Type": "AWS::RDS::DBInstance", "Properties": {"AllocatedStorage": 20, "MultiAZ": "true"}}`,
			`"D": {"Type": "AWS::RDS::DBInstance", "Properties": {"AllocatedStorage": "20", "MultiAZ": true}}`, nil,
		},
		"what is new is created":                                {"", bucket, []string{"create B"}},
		"a bucket that goes is left behind, unless it is empty": {bucket, "", []string{"remove B left behind"}},
		"a database without a policy leaves a snapshot when it is removed": {
			`"D": {"Type": "AWS::RDS::DBInstance"}`, "", []string{"remove D snapshot"},
		},
		"a cluster's member leaves none": {
			`"D": {"Type": "AWS::RDS::DBInstance", "Properties": {"DBClusterIdentifier": "c"}}`, "",
			[]string{"remove D lost"},
		},
		"what is retained stays": {
			`"D": {"Type": "AWS::RDS::DBInstance", "DeletionPolicy": "Retain"}`, "", []string{"remove D retained"},
		},
		"a change in place": {
			`"D": {"Type": "AWS::RDS::DBInstance", "Properties": {"DBInstanceClass": "db.t4g.micro"}}`,
			`"D": {"Type": "AWS::RDS::DBInstance", "Properties": {"DBInstanceClass": "db.t4g.small"}}`,
			[]string{"change D no DBInstanceClass=no"},
		},
		"a replaced database without a policy loses its data": {
			`"D": {"Type": "AWS::RDS::DBInstance", "Properties": {"DBName": "a"}}`,
			`"D": {"Type": "AWS::RDS::DBInstance", "Properties": {"DBName": "b"}}`,
			[]string{"replace D yes lost DBName=yes"},
		},
		"the new template says what happens to the old one": {
			`"D": {"Type": "AWS::RDS::DBInstance", "UpdateReplacePolicy": "Delete", "Properties": {"DBName": "a"}}`,
			`"D": {"Type": "AWS::RDS::DBInstance", "UpdateReplacePolicy": "Snapshot", "Properties": {"DBName": "b"}}`,
			[]string{"replace D yes snapshot DBName=yes UpdateReplacePolicy=no"},
		},
		"it depends on the change": {
			`"D": {"Type": "AWS::RDS::DBInstance", "Properties": {"Engine": "postgres"}}`,
			`"D": {"Type": "AWS::RDS::DBInstance", "Properties": {"Engine": "mysql"}}`,
			[]string{"change D maybe lost Engine=maybe"},
		},
		"an unknown type": {
			`"C": {"Type": "AWS::ElastiCache::CacheCluster", "Properties": {"Engine": "redis"}}`,
			`"C": {"Type": "AWS::ElastiCache::CacheCluster", "Properties": {"Engine": "valkey"}}`,
			[]string{"change C unknown Engine=unknown"},
		},
		"an unknown property": {
			bucket, `"B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "b", "Colour": "red"}}`,
			[]string{"change B unknown left behind Colour=unknown"},
		},
		"another type is rejected": {
			bucket, `"B": {"Type": "AWS::SNS::Topic"}`, []string{"change B unknown rejected"},
		},
		"deep in a property": {
			`"B": {"Type": "AWS::S3::Bucket", "Properties": {"VersioningConfiguration": {"Status": "Enabled"}, ` +
				`"Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]}}`,
			`"B": {"Type": "AWS::S3::Bucket", "Properties": {"VersioningConfiguration": {"Status": "Suspended"}, ` +
				`"Tags": [{"Key": "b", "Value": "3"}, {"Key": "a", "Value": "1"}]}}`,
			[]string{"change B no Tags=no[[b]] VersioningConfiguration=no[Status]"},
		},
		"a property that comes, and one that goes": {
			`"B": {"Type": "AWS::S3::Bucket", "Properties": {"Tags": [{"Key": "a", "Value": "1"}]}}`,
			`"B": {"Type": "AWS::S3::Bucket", "Properties": {"VersioningConfiguration": {"Status": "Enabled"}}}`,
			[]string{"change B no Tags=no[[a]] VersioningConfiguration=no[Status]"},
		},
		"one that replaces comes below one that does not": {
			`"E": {"Type": "AWS::ElasticBeanstalk::Environment"}`,
			`"E": {"Type": "AWS::ElasticBeanstalk::Environment", "Properties": {"Tier": {"Name": "Worker"}}}`,
			[]string{"replace E yes Tier=yes[Name]"},
		},
		"a property below one that changes in place replaces": {
			`"E": {"Type": "AWS::ElasticBeanstalk::Environment", "Properties": {"Tier": {"Name": "WebServer", ` +
				`"Version": "1"}}}`,
			`"E": {"Type": "AWS::ElasticBeanstalk::Environment", "Properties": {"Tier": {"Name": "Worker", ` +
				`"Version": "1"}}}`,
			[]string{"replace E yes Tier=yes[Name]"},
		},
		"its neighbour does not": {
			`"E": {"Type": "AWS::ElasticBeanstalk::Environment", "Properties": {"Tier": {"Name": "WebServer", ` +
				`"Version": "1"}}}`,
			`"E": {"Type": "AWS::ElasticBeanstalk::Environment", "Properties": {"Tier": {"Name": "WebServer", ` +
				`"Version": "2"}}}`,
			[]string{"change E no Tier=no[Version]"},
		},
		"options are compared by name": {
			`"E": {"Type": "AWS::ElasticBeanstalk::Environment", "Properties": {"OptionSettings": [{"Namespace": ` +
				`"n", "OptionName": "A", "Value": "1"}, {"Namespace": "n", "OptionName": "B", "Value": "1"}]}}`,
			`"E": {"Type": "AWS::ElasticBeanstalk::Environment", "Properties": {"OptionSettings": [{"Namespace": ` +
				`"n", "OptionName": "B", "Value": "2"}, {"Namespace": "m", "OptionName": "C", "Value": "1"}]}}`,
			[]string{"change E no OptionSettings=no[[m C] [n A] [n B]]"},
		},
		"other lists are compared by place": {
			`"L": {"Type": "AWS::ElasticLoadBalancingV2::LoadBalancer", "Properties": {"Subnets": ["a", "b"]}}`,
			`"L": {"Type": "AWS::ElasticLoadBalancingV2::LoadBalancer", "Properties": {"Subnets": ["a", "c", "d"]}}`,
			[]string{"change L no Subnets=no[[1] [2]]"},
		},
		"a policy alone": {
			`"B": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Delete"}`,
			`"B": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"}`,
			[]string{"change B no DeletionPolicy=no"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Compare(resources(test.before), resources(test.after))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, lines(got.Changes)); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAReplacementAlsoChangesWhatRefersToIt(t *testing.T) {
	template := func(group, name string) Version {
		return resources(`
			"Subnets": {"Type": "AWS::RDS::DBSubnetGroup", "Properties": {"DBSubnetGroupName": "` + group + `"}},
			"Database": {"Type": "AWS::RDS::DBInstance", "UpdateReplacePolicy": "Delete", "Properties": {"DBSubnetGroupName": {"Ref": "Subnets"}, "DBName": "` + name + `"}},
			"Environment": {"Type": "AWS::ElasticBeanstalk::Environment", "Properties": {
				"Description": {"Fn::Sub": "at ${Database.Endpoint.Address}"}, "EnvironmentName": {"Fn::GetAtt": ["Database", "Endpoint.Port"]}}},
			"Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"AlarmName": {"Ref": "Environment"}}},
			"Apart": {"Type": "AWS::S3::Bucket", "DependsOn": ["Database"], "Properties": {"BucketName": {"Fn::Sub": "${!Database}"}}},
			"Own": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Fn::Sub": ["${Database}", {"Database": "mine"}]}}}`)
	}
	got, err := Compare(template("a", "shop"), template("b", "shop"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		// The environment may be replaced, because an attribute of the new database may differ. So
		// may what refers to the environment's name.
		"change Alarm maybe AlarmName=maybe<Environment",
		"replace Database yes lost DBSubnetGroupName=yes<Subnets",
		"change Environment maybe Description=no<Database EnvironmentName=maybe<Database",
		"replace Subnets yes DBSubnetGroupName=yes",
	}
	if diff := cmp.Diff(want, lines(got.Changes)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

func TestAChangeOfOutputsAloneIsReported(t *testing.T) {
	version := func(outputs string) Version {
		return Version{
			Template: []byte(`{"Resources": {"B": {"Type": "AWS::S3::Bucket"}}, "Outputs": {` + outputs + `}}`),
		}
	}
	got, err := Compare(version(`"A": {"Value": "1"}, "B": {"Value": {"Ref": "B"}}, "C": {"Value": "1"}`),
		version(`"A": {"Value": "2"}, "B": {"Description": "words", "Value": {"Ref": "B"}}, "D": {"Value": "1"}`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"A", "C", "D"}, got.Outputs); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]perch.ResourceChange{}, got.Changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

func TestParametersAndConditionsDecide(t *testing.T) {
	template := []byte(`{
		"Parameters": {"Kind": {"Type": "String", "Default": "branch"}, "Size": {"Type": "Number", "Default": 20}},
		"Mappings": {"Classes": {"branch": {"class": "db.t4g.micro"}, "staging": {"class": "db.t4g.small"}}},
		"Conditions": {
			"Big": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Kind"}, "branch"]}]},
			"Both": {"Fn::And": [{"Condition": "Big"}, {"Fn::Equals": ["a", "a"]}]},
			"Either": {"Fn::Or": [{"Condition": "Both"}, {"Fn::Equals": ["a", "b"]}]},
			"Open": {"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-central-1"]},
			"Circle": {"Condition": "Circle"}
		},
		"Resources": {
			"Database": {"Type": "AWS::RDS::DBInstance", "Properties": {
				"AllocatedStorage": {"Ref": "Size"}, "DBInstanceClass": {"Fn::FindInMap": ["Classes", {"Ref": "Kind"}, "class"]},
				"MultiAZ": {"Fn::If": ["Either", true, {"Ref": "AWS::NoValue"}]}, "DBName": {"Fn::Sub": "db${Kind}"}}},
			"Alarm": {"Type": "AWS::CloudWatch::Alarm", "Condition": "Big"},
			"Here": {"Type": "AWS::SNS::Topic", "Condition": "Open"},
			"Endless": {"Type": "AWS::SQS::Queue", "Condition": "Circle"}
		},
		"Outputs": {"Name": {"Value": {"Ref": "Kind"}}, "Alarm": {"Condition": "Big", "Value": "x"}}
	}`)
	got, err := Compare(
		Version{Template: template},
		Version{Template: template, Parameters: map[string]string{"Kind": "staging", "AWS::Region": "eu-west-1"}},
	)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"create Alarm", "replace Database yes lost DBInstanceClass=no DBName=yes MultiAZ=maybe",
		"remove Here", // Without a region it is unknown, so the resource counts as there.
	}
	if diff := cmp.Diff(want, lines(got.Changes)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"Alarm", "Name"}, got.Outputs); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
}

func TestHiddenParametersCountAsUnchanged(t *testing.T) {
	template := []byte(`{"Parameters": {"Fixed": {"Type": "String", "NoEcho": true, "Default": "x"}}, "Resources": {
		"S": {"Type": "AWS::SSM::Parameter", "Properties": {"Value": {"Ref": "Secret"}, "AllowedPattern": {"Ref": "Fixed"}, "Description": {"Fn::Sub": "for ${Who}"}}}}}`)
	got, err := Compare(
		Version{template, map[string]string{"Secret": "****", "Fixed": "****", "Who": "a"}},
		Version{template, map[string]string{"Secret": "new", "Who": "b"}},
	)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"change S no Description=no"}, lines(got.Changes)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

func TestWhatIsNotATemplateIsAnError(t *testing.T) {
	good, bad := resources(""), Version{Template: []byte("Resources:")}
	for _, pair := range [][2]Version{{good, bad}, {bad, good}} {
		if _, err := Compare(pair[0], pair[1]); err == nil || !strings.Contains(err.Error(), "read template: ") {
			t.Errorf("Compare: %v", err)
		}
	}
	if _, err := Cost(bad, "eu-central-1"); err == nil {
		t.Error("Cost takes it")
	}
}
