package access_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"perch/sandbox/aws/access"
)

const stacks = "arn:aws:cloudformation:eu-central-1:1:stack/shop-*/*"

// caller returns a caller with one policy with these statements.
func caller(t *testing.T, statements string) *access.Caller {
	t.Helper()
	document, err := access.Parse("test", `{"Version": "2012-10-17", "Statement": `+statements+`}`)
	if err != nil {
		t.Fatal(err)
	}
	return &access.Caller{ARN: "arn:aws:sts::1:assumed-role/worker/x", Policies: []*access.Document{document}}
}

// allow returns a statement that allows an action on a resource.
func allow(action, resource string) string {
	return `{"Effect": "Allow", "Action": "` + action + `", "Resource": "` + resource + `"}`
}

func TestDecisions(t *testing.T) {
	const (
		shop  = "arn:aws:cloudformation:eu-central-1:1:stack/shop-a/1"
		other = "arn:aws:cloudformation:eu-central-1:1:stack/other/1"
		group = "arn:aws:logs:eu-central-1:1:log-group:x"
	)
	for name, c := range map[string]struct {
		statements, action, resource string
		allowed                      bool
	}{
		"an action that no statement names is denied": {
			allow("s3:GetObject", "*"), "s3:PutObject", "arn:aws:s3:::b/k", false,
		},
		"the case of an action does not matter": {
			allow("EC2:createTags", "*"), "ec2:CreateTags", "arn:aws:ec2:r:1:vpc/v", true,
		},
		"a wildcard in an action": {allow("ec2:Describe*", "*"), "ec2:DescribeSubnets", "*", true},
		"the resource decides": {
			allow("cloudformation:DeleteStack", stacks), "cloudformation:DeleteStack", other, false,
		},
		"a wildcard in a resource": {
			allow("cloudformation:DeleteStack", stacks), "cloudformation:DeleteStack", shop, true,
		},
		"a denial wins": {
			"[" + allow("*", "*") +
				`, {"Effect": "Deny", "Action": "cloudformation:Delete*", "Resource": ["x", "` + stacks + `"]}]`,
			"cloudformation:DeleteStack", shop, false,
		},
		"an action without resource-level permissions": {
			allow("logs:DescribeLogGroups", group), "logs:DescribeLogGroups", group, false,
		},
		"such an action on *": {
			allow("logs:DescribeLogGroups", "*"), "logs:DescribeLogGroups", group, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			denial := caller(t, c.statements).Check(access.Request{Action: c.action, Resource: c.resource})
			if (denial == nil) != c.allowed {
				t.Errorf("denial = %v, want allowed = %v", denial, c.allowed)
			}
		})
	}
}

func TestConditions(t *testing.T) {
	for name, c := range map[string]struct {
		condition string
		values    []string
		allowed   bool
	}{
		"StringEquals holds": {
			`"StringEquals": {"iam:PassedToService": ["b", "a"]}`, []string{"a"}, true,
		},
		"StringEquals does not hold": {
			`"StringEquals": {"iam:PassedToService": "a"}`, []string{"b"}, false,
		},
		"StringEquals without a value":         {`"StringEquals": {"iam:PassedToService": "a"}`, nil, false},
		"StringEqualsIfExists without a value": {`"StringEqualsIfExists": {"iam:PassedToService": "a"}`, nil, true},
		"StringEqualsIfExists with another value": {
			`"StringEqualsIfExists": {"iam:PassedToService": "a"}`, []string{"b"}, false,
		},
		"StringNotEquals with the value": {
			`"StringNotEquals": {"iam:PassedToService": "a"}`, []string{"a"}, false,
		},
		"StringNotEquals without a value": {`"StringNotEquals": {"iam:PassedToService": "a"}`, nil, true},
		"StringLike": {
			`"StringLike": {"iam:PassedToService": "ec2.*"}`, []string{"ec2.amazonaws.com"}, true,
		},
		"ArnEquals": {
			`"ArnEquals": {"iam:PassedToService": "arn:aws:iam::aws:policy/*"}`, []string{"arn:aws:iam::aws:policy/A"},
			true,
		},
		"ArnLike does not reach over a colon": {
			`"ArnLike": {"iam:PassedToService": "arn:aws:ec2:*:t/a"}`, []string{"arn:aws:ec2:r:1:t/a"}, false,
		},
		"Null needs a value":         {`"Null": {"iam:PassedToService": "false"}`, nil, false},
		"Null has its value":         {`"Null": {"iam:PassedToService": "false"}`, []string{"a"}, true},
		"Null needs no value":        {`"Null": {"iam:PassedToService": "true"}`, []string{"a"}, false},
		"Bool compares without case": {`"Bool": {"iam:PassedToService": true}`, []string{"True"}, true},
		"ForAllValues wants every value": {
			`"ForAllValues:StringEquals": {"iam:PassedToService": ["a", "b"]}`, []string{"a", "c"}, false,
		},
		"ForAllValues without values": {
			`"ForAllValues:StringEquals": {"iam:PassedToService": "a"}`, nil, true,
		},
		"ForAnyValue wants one": {
			`"ForAnyValue:StringEquals": {"iam:PassedToService": "a"}`, []string{"c", "a"}, true,
		},
		"both operators must hold": {
			`"StringEquals": {"iam:PassedToService": "a"}, "Null": {"aws:x": "false"}`, []string{"a"}, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			statement := `{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*", "Condition": {` + c.condition +
				`}}`
			request := access.Request{Action: "iam:PassRole", Resource: "arn:aws:iam::1:role/r"}
			request.Keys = map[string][]string{"iam:passedtoservice": c.values}
			if denial := caller(t, statement).Check(request); (denial == nil) != c.allowed {
				t.Errorf("denial = %v, want allowed = %v", denial, c.allowed)
			}
		})
	}
}

func TestADenialReadsAsAWSWordsIt(t *testing.T) {
	c := caller(t, "["+allow("s3:*", "*")+`, {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"}]`)
	const user = "User: arn:aws:sts::1:assumed-role/worker/x is not authorized to perform: "
	for want, request := range map[string]access.Request{
		user + "ec2:RunInstances on resource: arn:aws:ec2:r:1:instance/* because no identity-based policy allows " +
			"the ec2:RunInstances action": {Action: "ec2:RunInstances", Resource: "arn:aws:ec2:r:1:instance/*"},
		user + "s3:PutObject on resource: arn:aws:s3:::b/k with an explicit deny in an identity-based policy": {
			Action: "s3:PutObject", Resource: "arn:aws:s3:::b/k",
		},
	} {
		if denial := c.Check(request); denial == nil || denial.Error() != want {
			t.Errorf("denial = %v\nwant     %s", denial, want)
		}
	}
}

func TestGrantsAreRecordedAndAnAdministratorIsFree(t *testing.T) {
	c := caller(t, `{"Sid": "Reads", "Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}`)
	var used []access.Grant
	c.Record = func(grants []access.Grant) { used = append(used, grants...) }
	if denial := c.Check(access.Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k"}); denial != nil {
		t.Fatal(denial)
	}
	want := []access.Grant{{Policy: "test", Sid: "Reads", Action: "s3:GetObject", Pattern: "s3:Get*"}}
	if diff := cmp.Diff(want, used); diff != "" {
		t.Error(diff)
	}
	if denial := (*access.Caller)(nil).Check(access.Request{Action: "s3:PutObject", Resource: "*"}); denial != nil {
		t.Error(denial)
	}
}

func TestAPolicyThatIsNotUnderstoodIsRejected(t *testing.T) {
	with := func(rest string) string { return `{"Statement": [{"Effect": "Allow", ` + rest + `}]}` }
	const address = `"Condition": {"IpAddress": {"aws:SourceIp": "1.2.3.4"}}`
	for text, want := range map[string]string{
		`{"Statement": [{"Effect": "Maybe", "Action": "s3:*", "Resource": "*"}]}`: `the effect is "Maybe"`,
		with(`"Action": "s3:*"`):                                             "an action or a resource is missing",
		with(`"NotAction": "s3:*", "Resource": "*"`):                         "NotAction",
		with(`"Action": "GetObject", "Resource": "*"`):                       "has no service",
		with(`"Action": "s3:*", "Resource": "*", ` + address):                "IpAddress is not known",
		with(`"Action": "s3:*", "Resource": "arn:aws:s3:::${aws:username}"`): "policy variables",
		`not JSON`: "read policy broken",
	} {
		if _, err := access.Parse("broken", text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error = %v, want %s", text, err, want)
		}
	}
}
