package forecast

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func option(namespace, name, value string) string {
	return fmt.Sprintf(`{"Namespace": "aws:%s", "OptionName": "%s", "Value": "%s"}`, namespace, name, value)
}

func beanstalk(instance, minimum, kind, shared string) string {
	return `"E": {"Type": "AWS::ElasticBeanstalk::Environment", "Properties": {"OptionSettings": [` +
		option("ec2:instances", "InstanceTypes", instance) + `, ` + option("autoscaling:asg", "MinSize", minimum) +
		`, ` +
		option("elasticbeanstalk:environment", "EnvironmentType", kind) + `, ` +
		option("elasticbeanstalk:environment", "LoadBalancerIsShared", shared) + `, ` +
		option("ec2:vpc", "AssociatePublicIpAddress", "true") + `, ` +
		option("ec2:vpc", "Subnets", "subnet-a,subnet-b") + `]}}`
}

func rds(class, more string) string {
	return `"D": {"Type": "AWS::RDS::DBInstance", "Properties": {"DBInstanceClass": "` + class +
		`", "Engine": "postgres", "StorageType": "gp3", "AllocatedStorage": "20"` + more + `}}`
}

func TestCost(t *testing.T) {
	for name, test := range map[string]struct {
		resources, region string
		items, missing    []string
		perDay            float64
	}{
		"a branch behind the shared load balancer": {
			beanstalk("t3.small", "1", "LoadBalanced", "true"), "eu-central-1",
			[]string{"E t3.small 0.576", "E public IPv4 address 0.12"}, nil, 0.696,
		},
		"as many instances as there are at least": {
			beanstalk("t3.medium", "2", "LoadBalanced", "true"), "us-east-1",
			[]string{"E 2 x t3.medium 1.9968", "E 2 x public IPv4 address 0.24"}, nil, 2.2368,
		},
		"a dedicated load balancer has an address in each subnet": {
			beanstalk("t4g.small", "1", "LoadBalanced", ""), "eu-west-1",
			[]string{
				"E t4g.small 0.4416", "E public IPv4 address 0.12", "E a load balancer 0.6048",
				"E 2 x public IPv4 address 0.24",
			}, nil, 1.4064,
		},
		"a single instance, regardless of the group": {
			beanstalk("t3.small", "3", "SingleInstance", ""), "us-east-1",
			[]string{"E t3.small 0.4992", "E public IPv4 address 0.12"}, nil, 0.6192,
		},
		"a type that is not in the table is named and counts nothing": {
			beanstalk("m7i.large", "1", "LoadBalanced", "true"), "eu-central-1",
			[]string{"E public IPv4 address 0.12"}, []string{"no price for m7i.large in eu-central-1"}, 0.12,
		},
		"an instance alone, and one of a type that only AWS knows": {
			`"I": {"Type": "AWS::EC2::Instance", "Properties": {"InstanceType": "t3.small"}}, "J": {"Type": ` +
				`"AWS::EC2::Instance", "Properties": {"InstanceType": {"Ref": "Type"}}}`,
			"us-east-1", []string{"I t3.small 0.4992"},
			[]string{"no price for the instance type that J will have in us-east-1"}, 0.4992,
		},
		"a database": {
			rds("db.t4g.micro", ""), "us-east-1", []string{"D db.t4g.micro 0.384", "D 20 GiB gp3 0.0756"}, nil, 0.4596,
		},
		"a standby doubles instance and storage": {
			rds("db.t4g.micro", `, "MultiAZ": true`), "us-east-1",
			[]string{"D 2 x db.t4g.micro 0.768", "D 2 x 20 GiB gp3 0.1512"}, nil, 0.9192,
		},
		"another engine": {
			`"D": {"Type": "AWS::RDS::DBInstance", "Properties": {"DBInstanceClass": "db.t4g.micro", "Engine": ` +
				`"mysql"}}`, "us-east-1",
			nil, []string{"no price for db.t4g.micro of engine mysql in us-east-1"}, 0,
		},
		"other storage, or none that is said": {
			`"D": {"Type": "AWS::RDS::DBInstance", "Properties": {"DBInstanceClass": "db.t4g.micro", "AllocatedStorage": 100}},
			 "S": {"Type": "AWS::RDS::DBInstance", "Properties": {"DBInstanceClass": "db.t4g.micro", "DBSnapshotIdentifier": "s"}}`, "us-east-1",
			[]string{"D db.t4g.micro 0.384", "S db.t4g.micro 0.384"},
			[]string{
				"no price for 100 GiB of storage of type AWS's default in us-east-1",
				"no price for the storage of S: the template does not say how much in us-east-1",
			}, 0.768,
		},
		"a region that is not in the table": {
			beanstalk("t3.small", "1", "LoadBalanced", "true") + `, ` + rds("db.t4g.micro", ""), "sa-east-1",
			[]string{"E public IPv4 address 0.12"},
			[]string{
				"no price for 20 GiB gp3 in sa-east-1", "no price for db.t4g.micro in sa-east-1",
				"no price for t3.small in sa-east-1",
			}, 0.12,
		},
		"what costs nothing, what costs by use, and what is unknown": {
			`"G": {"Type": "AWS::EC2::SecurityGroup"}, "B": {"Type": "AWS::S3::Bucket"}, "S": {"Type": "AWS::SecretsManager::Secret"},
			 "C": {"Type": "AWS::ElastiCache::CacheCluster"}, "C2": {"Type": "AWS::ElastiCache::CacheCluster"}, "L": {"Type": "AWS::ElasticLoadBalancingV2::LoadBalancer", "Properties": {"Subnets": ["a", "b", "c"]}}`, "us-east-1",
			[]string{"L a load balancer 0.54", "L 3 x public IPv4 address 0.36", "S a secret 0.0132"},
			[]string{"no price for AWS::ElastiCache::CacheCluster (C, C2) in us-east-1"}, 0.9132,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Cost(resources(test.resources), test.region)
			if err != nil {
				t.Fatal(err)
			}
			var items []string
			for _, item := range got.Items {
				items = append(items, fmt.Sprintf("%s %s %g", item.LogicalID, item.What, item.USDPerDay))
			}
			if diff := cmp.Diff(test.items, items); diff != "" {
				t.Errorf("items (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(append([]string{}, test.missing...), got.Missing); diff != "" {
				t.Errorf("missing (-want +got):\n%s", diff)
			}
			if got.USDPerDay != test.perDay || got.Date != PricesDate || got.Region != test.region {
				t.Errorf("%+v, want %g a day", got, test.perDay)
			}
		})
	}
}

func TestWhatCostsByUseIsNamed(t *testing.T) {
	got, err := Cost(resources(`"B": {"Type": "AWS::S3::Bucket"}, "A": {"Type": "AWS::S3::Bucket"}, `+
		beanstalk("t3.small", "1", "LoadBalanced", "true")), "us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(
		[]string{"S3 storage and requests", "logs", "root volumes of instances", "traffic"}, got.LeftOut,
	); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestPricesAreSane catches a slip of a digit: a size costs about twice the one before it, and no
// region is far from another.
func TestPricesAreSane(t *testing.T) {
	base := prices["us-east-1"]
	for region, table := range prices {
		for name, price := range table.instances {
			if reference, ok := base.instances[name]; ok && (price < reference || price > 1.3*reference) {
				t.Errorf("%s costs %g in %s and %g in us-east-1", name, price, region, reference)
			}
		}
		for name, price := range table.databases {
			if reference, ok := base.databases[name]; ok && (price < reference || price > 1.3*reference) {
				t.Errorf("%s costs %g in %s and %g in us-east-1", name, price, region, reference)
			}
		}
		for _, ladder := range [][]string{
			{"t3.micro", "t3.small", "t3.medium", "t3.large"}, {"t4g.small", "t4g.medium", "t4g.large"},
		} {
			for i := range len(ladder) - 1 {
				small, big := table.instances[ladder[i]], table.instances[ladder[i+1]]
				if small > 0 && big > 0 && (big < 1.9*small || big > 2.1*small) {
					t.Errorf("%s: %s costs %g and %s %g", region, ladder[i], small, ladder[i+1], big)
				}
			}
		}
		if table.databaseStorage <= 0 || table.balancer <= 0 {
			t.Errorf("%s lacks the price of storage or of a load balancer", region)
		}
	}
}
