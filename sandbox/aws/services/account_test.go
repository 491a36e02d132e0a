package services

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	tagging "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func TestGetCallerIdentityReturnsTheWorkersRole(t *testing.T) {
	a := newAccount(t, Config{})
	out, err := sts.NewFromConfig(a.aws).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	diff(
		t, []string{aws.ToString(out.Account), aws.ToString(out.Arn)},
		[]string{testAccount, "arn:aws:sts::123456789012:assumed-role/perch-worker/sandbox"},
	)
}

func TestAssumeRoleRejectsAMissingRole(t *testing.T) {
	a := newAccount(t, Config{})
	role, _ := a.createReady(typeRole, "Role", map[string]any{"RoleName": "deploy"})
	client := sts.NewFromConfig(a.aws)
	out, err := client.AssumeRole(
		t.Context(),
		&sts.AssumeRoleInput{RoleArn: aws.String(role.Attributes["Arn"]), RoleSessionName: aws.String("ci")},
	)
	if err != nil || !strings.HasPrefix(aws.ToString(out.Credentials.AccessKeyId), "ASIA") ||
		!out.Credentials.Expiration.After(a.now) {
		t.Fatalf("assumed = %+v, %v", out, err)
	}
	diff(t, aws.ToString(out.AssumedRoleUser.Arn), "arn:aws:sts::123456789012:assumed-role/deploy/ci")
	_, err = client.AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::123456789012:role/nope"), RoleSessionName: aws.String("ci"),
	})
	diff(t, code(err), "AccessDenied")
}

func TestGetResourcesFiltersByTagAndType(t *testing.T) {
	bucket := Tagged{ARN: "arn:aws:s3:::assets", Tags: map[string]string{"branch": "main"}}
	a := newAccount(t, Config{Tagged: func(time.Time) []Tagged { return []Tagged{bucket} }})
	client := tagging.NewFromConfig(a.aws)
	_, database := a.createReady(typeDatabase, "Database", databaseProperties())
	a.createReady(
		"AWS::SNS::Topic", "Topic", map[string]any{"Tags": []any{map[string]any{"Key": "branch", "Value": "other"}}},
	)
	a.createReady(typeRole, "Role", nil)
	tests := []struct {
		name  string
		input tagging.GetResourcesInput
		want  []string
	}{
		{"by value", tagging.GetResourcesInput{
			TagFilters: []types.TagFilter{{Key: aws.String("branch"), Values: []string{"main"}}},
		}, []string{"arn:aws:rds:eu-central-1:123456789012:db:shop-main-database-abcdefghij12", bucket.ARN}},
		{"by key", tagging.GetResourcesInput{
			TagFilters: []types.TagFilter{{Key: aws.String("aws:cloudformation:stack-name")}},
		}, []string{
			"arn:aws:rds:eu-central-1:123456789012:db:shop-main-database-abcdefghij12",
			"arn:aws:sns:eu-central-1:123456789012:shop-main-Topic-abcdefghij12",
		}},
		{"by two filters", tagging.GetResourcesInput{
			TagFilters: []types.TagFilter{{Key: aws.String("branch")}, {Key: aws.String("nope")}},
		}, nil},
		{"by service", tagging.GetResourcesInput{ResourceTypeFilters: []string{"s3"}}, []string{bucket.ARN}},
		{
			"by type", tagging.GetResourcesInput{ResourceTypeFilters: []string{"rds:db", "rds:snapshot"}},
			[]string{"arn:aws:rds:eu-central-1:123456789012:db:shop-main-database-abcdefghij12"},
		},
		{"by ARN", tagging.GetResourcesInput{ResourceARNList: []string{bucket.ARN}}, []string{bucket.ARN}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.input.ResourcesPerPage = aws.Int32(1)
			var got []string
			pages := tagging.NewGetResourcesPaginator(client, &test.input)
			for pages.HasMorePages() {
				page, err := pages.NextPage(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for _, mapping := range page.ResourceTagMappingList {
					got = append(got, aws.ToString(mapping.ResourceARN))
				}
			}
			diff(t, got, test.want)
		})
	}
	if err := a.remove(database); err != nil {
		t.Fatal(err)
	}
	out, err := client.GetResources(t.Context(), &tagging.GetResourcesInput{ResourceTypeFilters: []string{"rds"}})
	if err != nil || len(out.ResourceTagMappingList) != 0 {
		t.Fatalf("after the deletion: %+v, %v", out, err)
	}
}

func TestIAMReturnsRolesAndPoliciesOfAStack(t *testing.T) {
	a := newAccount(t, Config{})
	document := map[string]any{"Version": "2012-10-17"}
	role, r := a.createReady(typeRole, "Role", map[string]any{
		"AssumeRolePolicyDocument": document,
		"Policies":                 []any{map[string]any{"PolicyName": "own", "PolicyDocument": document}},
	})
	_, policy := a.createReady(
		typePolicy, "Policy",
		map[string]any{"PolicyName": "extra", "PolicyDocument": document, "Roles": []any{role.ID}},
	)
	profile, pr := a.createReady(typeInstanceProfile, "Profile", map[string]any{"Roles": []any{role.ID}})
	for body, want := range map[string]string{
		"Action=GetRole&RoleName=" +
			role.ID: "<AssumeRolePolicyDocument>%7B%22Version%22:%222012-10-17%22%7D</AssumeRolePolicyDocument>",
		"Action=ListRoles": "<Arn>" + role.Attributes["Arn"] + "</Arn>",
		"Action=ListRolePolicies&RoleName=" + role.ID:                 "<member>extra</member>",
		"Action=GetRolePolicy&PolicyName=own&RoleName=" + role.ID:     "<PolicyName>own</PolicyName>",
		"Action=GetRolePolicy&PolicyName=nope&RoleName=" + role.ID:    "<Code>NoSuchEntity</Code>",
		"Action=GetInstanceProfile&InstanceProfileName=" + profile.ID: "<RoleName>" + role.ID + "</RoleName>",
		"Action=GetInstanceProfile&InstanceProfileName=nope":          "Instance Profile nope cannot be found.",
		"Action=GetRole&RoleName=nope":                                "The role with name nope cannot be found.",
	} {
		if _, answer := a.post("iam", "", body); !strings.Contains(answer, want) {
			t.Errorf("%s: %q is not in the response %s", body, want, answer)
		}
	}
	_, err := a.tryCreate(request(typeInstanceProfile, "Second", map[string]any{"Roles": []any{"nope"}}))
	wantError(t, err, "The role with name nope cannot be found.")
	wantError(t, a.remove(r), "must remove roles from instance profile first")
	for _, each := range []func() error{
		func() error { return a.remove(policy) }, func() error { return a.remove(pr) },
		func() error { return a.remove(r) },
	} {
		if err := each(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEC2ListsTheDefaultNetworkAndThatOfStacks(t *testing.T) {
	a := newAccount(t, Config{})
	group, _ := a.createReady(typeSecurityGroup, "Group", map[string]any{
		"GroupDescription": "mine", "VpcId": VPC,
		"SecurityGroupIngress": []any{
			map[string]any{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "0.0.0.0/0"},
		},
	})
	a.createReady(typeIngress, "Ingress", map[string]any{
		"GroupId": group.ID, "IpProtocol": "tcp", "FromPort": 80, "ToPort": 80,
		"SourceSecurityGroupId": DefaultSecurityGroup,
	})
	for body, want := range map[string][]string{
		"Action=DescribeSubnets&Filter.1.Name=vpc-id&Filter.1.Value.1=" +
			VPC: {Subnets[0], Subnets[1], Subnets[2], "<availabilityZone>eu-central-1c</availabilityZone>"},
		"Action=DescribeSubnets&Filter.1.Name=colour&Filter.1.Value.1=red": {"The filter 'colour' is invalid"},
		"Action=DescribeSecurityGroups&GroupId.1=" + group.ID: {
			"<toPort>443</toPort>", "<toPort>80</toPort>", "<groupId>" + DefaultSecurityGroup + "</groupId>",
			"<value>main</value>",
		},
		"Action=DescribeSecurityGroups&GroupId.1=sg-nope": {"The security group 'sg-nope' does not exist"},
	} {
		_, answer := a.post("ec2", "", body)
		for _, part := range want {
			if !strings.Contains(answer, part) {
				t.Errorf("%s: %q is not in the response %s", body, part, answer)
			}
		}
	}
}

func TestASecurityGroupInUseCannotBeDeleted(t *testing.T) {
	users := map[string]func(group string) map[string]any{
		typeDatabase: func(group string) map[string]any {
			p := databaseProperties()
			p["VPCSecurityGroups"] = []any{group}
			return p
		},
		typeLoadBalancer: func(group string) map[string]any { return map[string]any{"SecurityGroups": []any{group}} },
		typeEnvironment: func(group string) map[string]any {
			return map[string]any{
				"ApplicationName": "shop", "EnvironmentName": "shop-user",
				"OptionSettings": []any{setting(nsLaunch, "SecurityGroups", "sg-other,"+group)},
			}
		},
		typeSecurityGroup: func(group string) map[string]any {
			return map[string]any{"SecurityGroupIngress": []any{map[string]any{"SourceSecurityGroupId": group}}}
		},
	}
	for kind, properties := range users {
		t.Run(kind, func(t *testing.T) {
			a := newAccount(t, Config{})
			a.createShop()
			group, r := a.createReady(typeSecurityGroup, "Group", map[string]any{"GroupDescription": "x"})
			_, user := a.createReady(kind, "User", properties(group.ID))
			wantError(t, a.remove(r), "resource "+group.ID+" has a dependent object")
			if err := a.remove(user); err != nil {
				t.Fatal(err)
			}
			if err := a.remove(r); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestCertificatesAndParametersCanBeRead(t *testing.T) {
	a := newAccount(t, Config{})
	certificate, r := a.create(
		typeCertificate, "Certificate",
		map[string]any{"DomainName": "*.example.com", "SubjectAlternativeNames": []any{"example.com"}},
	)
	a.createReady(
		typeParameter, "Parameter",
		map[string]any{"Name": "/shop/size", "Type": "String", "Value": "5", "Tags": map[string]any{"owner": "web"}},
	)
	read := func(service, target, body string) map[string]any {
		t.Helper()
		status, answer := a.post(service, target, body)
		out := map[string]any{}
		if err := json.Unmarshal([]byte(answer), &out); err != nil || status != http.StatusOK {
			t.Fatalf("%s: %d %s", target, status, answer)
		}
		return out
	}
	describe := `{"CertificateArn":"` + certificate.ID + `"}`
	status := func() string {
		return properties(read("acm", "CertificateManager.DescribeCertificate", describe)).child("Certificate").text(
			"Status",
		)
	}
	diff(t, status(), "PENDING_VALIDATION")
	a.settle(r)
	diff(t, status(), "ISSUED")
	diff(t, len(properties(read("acm", "CertificateManager.ListCertificates", `{"CertificateStatuses":["ISSUED"]}`)).
		children("CertificateSummaryList")), 1)
	diff(
		t, properties(read("ssm", "AmazonSSM.GetParameter", `{"Name":"/shop/size"}`)).child("Parameter").text("Value"),
		"5",
	)
	if code, answer := a.post(
		"ssm", "AmazonSSM.GetParameter", `{"Name":"nope"}`,
	); code != http.StatusBadRequest || !strings.Contains(answer, "ParameterNotFound") {
		t.Fatalf("%d %s", code, answer)
	}
}

func TestQueuesAndTopicsHaveTheirAttributes(t *testing.T) {
	a := newAccount(t, Config{})
	queue, _ := a.createReady("AWS::SQS::Queue", "Queue", map[string]any{"QueueName": "jobs.fifo", "FifoQueue": true})
	diff(t, queue.ID, "https://sqs.eu-central-1.amazonaws.com/123456789012/jobs.fifo")
	diff(t, queue.Attributes["Arn"], "arn:aws:sqs:eu-central-1:123456789012:jobs.fifo")
	topic, _ := a.createReady("AWS::SNS::Topic", "Topic", nil)
	diff(t, topic.ID, "arn:aws:sns:eu-central-1:123456789012:shop-main-Topic-abcdefghij12")
	group, _ := a.createReady("AWS::Logs::LogGroup", "Log", nil)
	diff(t, group.Attributes["Arn"], "arn:aws:logs:eu-central-1:123456789012:log-group:shop-main-Log-abcdefghij12:*")
	_, err := a.tryCreate(request("AWS::SQS::Queue", "Bad", map[string]any{"QueueName": "jobs", "FifoQueue": true}))
	wantError(t, err, "must end with .fifo suffix")
}

func TestS185GetResourcesStillListsDeletedResources(t *testing.T) {
	deletions := map[string]time.Time{}
	bucket := Tagged{ARN: "arn:aws:s3:::assets", Tags: map[string]string{"branch": "main"}}
	a := newAccount(t, Config{TaggingLag: time.Hour, Tagged: func(since time.Time) []Tagged {
		if at, deleted := deletions[bucket.ARN]; deleted && !at.After(since) {
			return nil
		}
		return []Tagged{bucket}
	}})
	client := tagging.NewFromConfig(a.aws)
	_, topic := a.createReady("AWS::SNS::Topic", "Topic", map[string]any{"TopicName": "news"})
	listed := func() (arns []string) {
		out, err := client.GetResources(t.Context(), &tagging.GetResourcesInput{})
		if err != nil {
			t.Fatal(err)
		}
		for _, mapping := range out.ResourceTagMappingList {
			arns = append(arns, *mapping.ResourceARN)
		}
		return arns
	}
	both := []string{bucket.ARN, "arn:aws:sns:eu-central-1:123456789012:news"}
	diff(t, listed(), both)
	if err := a.remove(topic); err != nil {
		t.Fatal(err)
	}
	deletions[bucket.ARN] = a.now
	a.now = a.now.Add(59 * time.Minute)
	diff(t, listed(), both)
	a.createReady("AWS::SNS::Topic", "Again", map[string]any{"TopicName": "news"})
	diff(t, listed(), both)
	a.now = a.now.Add(2 * time.Minute)
	diff(t, listed(), both[1:])
}
