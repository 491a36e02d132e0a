package forecast

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// forecasted is the estimate between two templates as text.
func forecasted(t *testing.T, before, after Version) string {
	t.Helper()
	compared, err := Compare(before, after)
	if err != nil {
		t.Fatal(err)
	}
	estimate := compared.Estimate()
	var steps []string
	for _, s := range estimate.Path {
		steps = append(steps, fmt.Sprintf("%s %s %gs", s.Action, s.LogicalID, s.Seconds))
	}
	return fmt.Sprintf("%gs: %s %v", estimate.Seconds, strings.Join(steps, ", "), estimate.Assumed)
}

const environment = `
	"Group": {"Type": "AWS::EC2::SecurityGroup"},
	"Database": {"Type": "AWS::RDS::DBInstance", "Properties": {"VPCSecurityGroups": [{"Fn::GetAtt": "Group.GroupId"}], "DBName": "a"}},
	"Bucket": {"Type": "AWS::S3::Bucket"},
	"Version": {"Type": "AWS::ElasticBeanstalk::ApplicationVersion", "Properties": {"SourceBundle": {"S3Key": "1"}}},
	"Environment": {"Type": "AWS::ElasticBeanstalk::Environment", "DependsOn": "Bucket", "Properties": {
		"VersionLabel": {"Ref": "Version"}, "OptionSettings": [{"Value": {"Fn::Sub": "${Database.Endpoint.Address}"}}]}}`

func TestTheLongestChainDecidesTheTime(t *testing.T) {
	whole := resources(environment)
	for name, test := range map[string]struct {
		before, after Version
		want          string
	}{
		"a creation": {
			Version{}, whole, "853s: create Group 6s, create Database 595s, create Environment 252s []",
		},
		"nothing to do": {whole, whole, "0s:  []"},
		"another version": {
			whole, resources(strings.Replace(environment, `"S3Key": "1"`, `"S3Key": "2"`, 1)),
			"403s: create Version 7s, update Environment 391s, remove Version 5s []",
		},
		"a policy alone": {whole, resources(strings.Replace(
			environment, `"AWS::S3::Bucket"`, `"AWS::S3::Bucket", "DeletionPolicy": "Retain"`, 1,
		)), "0s:  []"},
		"one that is new": {
			whole, resources(environment + `, "Topic": {"Type": "AWS::SNS::Topic"}, "Key": {"Type": "AWS::KMS::Key"}`),
			"5s: create Key 5s [AWS::KMS::Key]",
		},
		"a replacement": {
			whole, resources(strings.Replace(environment, `"DBName": "a"`, `"DBName": "b"`, 1)),
			"1286s: create Database 595s, update Environment 391s, remove Database 300s []",
		},
		"what may be": {
			resources(`"D": {"Type": "AWS::RDS::DBInstance", "Properties": {"Engine": "a"}}`),
			resources(`"D": {"Type": "AWS::RDS::DBInstance", "Properties": {"Engine": "b"}}`), "595s: create D 595s []",
		},
		"removals in order": {
			whole, resources(`"Bucket": {"Type": "AWS::S3::Bucket"}`),
			"543s: remove Environment 240s, remove Database 300s, remove Group 3s []",
		},
		"what is retained": {
			resources(`"D": {"Type": "AWS::RDS::DBInstance", "DeletionPolicy": "Retain"}`),
			resources(`"B": {"Type": "AWS::S3::Bucket"}`), "13s: create B 13s []",
		},
		"another type": {
			resources(`"B": {"Type": "AWS::S3::Bucket"}`), resources(`"B": {"Type": "AWS::SNS::Topic"}`), "0s:  []",
		},
		"a circle": {Version{}, resources(
			`"A": {"Type": "AWS::S3::Bucket", "DependsOn": "B"}, "B": {"Type": "AWS::S3::Bucket", "DependsOn": "A"}`,
		), "26s: create B 13s, create A 13s []"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, forecasted(t, test.before, test.after)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
