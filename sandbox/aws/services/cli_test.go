package services

import (
	"os/exec"
	"strings"
	"testing"
)

// cli runs the AWS CLI against the account and returns what it prints.
func (a *account) cli(args ...string) string {
	a.t.Helper()
	command := exec.CommandContext(
		a.t.Context(), "aws", append(args, "--endpoint-url", a.url, "--region", testRegion, "--output", "text")...,
	)
	command.Env = append(
		command.Environ(), "AWS_ACCESS_KEY_ID=AKIASANDBOX", "AWS_SECRET_ACCESS_KEY=secret", "AWS_PAGER=",
		"AWS_CONFIG_FILE=/dev/null", "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1",
		"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true",
	)
	out, err := command.CombinedOutput()
	if err != nil {
		a.t.Fatalf("aws %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestTheAWSCLIReadsEveryService(t *testing.T) {
	if _, err := exec.LookPath("aws"); err != nil {
		t.Skip("needs the AWS CLI (aws)")
	}
	a := newAccount(t, Config{})
	balancer := a.createShop()
	a.createReady(typeEnvironment, "Environment", environmentProperties(balancer.ID))
	database, _ := a.createReady(typeDatabase, "Database", databaseProperties())
	certificate, _ := a.createReady(typeCertificate, "Certificate", map[string]any{"DomainName": "*.localhost"})
	role, _ := a.createReady(
		typeRole, "Role", map[string]any{"AssumeRolePolicyDocument": map[string]any{"Version": "2012-10-17"}},
	)
	a.createReady(typeSecret, "Secret", map[string]any{"Name": "shop/preview", "SecretString": "value"})
	a.createReady(typeParameter, "Parameter", map[string]any{"Name": "/shop/size", "Type": "String", "Value": "5"})
	change := `{"Changes":[{"Action":"UPSERT","ResourceRecordSet":{"Name":"a.localhost","Type":"A","TTL":60,` +
		`"ResourceRecords":[{"Value":"203.0.113.1"}]}}]}`
	tests := []struct {
		want string
		args []string
	}{
		{"Ready", []string{
			"elasticbeanstalk", "describe-environments", "--environment-names", "shop-login", "--query",
			"Environments[].Status",
		}},
		{"Ok", []string{
			"elasticbeanstalk", "describe-environment-health", "--environment-name", "shop-login", "--attribute-names",
			"All", "--query", "HealthStatus",
		}},
		{balancer.ID, []string{
			"elasticbeanstalk", "describe-environment-resources", "--environment-name", "shop-login", "--query",
			"EnvironmentResources.LoadBalancers[].Name",
		}},
		{"", []string{"rds", "wait", "db-instance-available", "--db-instance-identifier", database.ID}},
		{"", []string{"elbv2", "wait", "load-balancer-available", "--names", "shop"}},
		{certificate.ID, []string{"acm", "list-certificates", "--query", "CertificateSummaryList[].CertificateArn"}},
		{
			"2012-10-17",
			[]string{"iam", "get-role", "--role-name", role.ID, "--query", "Role.AssumeRolePolicyDocument.Version"},
		},
		{
			"value",
			[]string{"secretsmanager", "get-secret-value", "--secret-id", "shop/preview", "--query", "SecretString"},
		},
		{"5", []string{"ssm", "get-parameter", "--name", "/shop/size", "--query", "Parameter.Value"}},
		{VPC, []string{
			"ec2", "describe-subnets", "--filters", "Name=vpc-id,Values=" + VPC, "--query", "Subnets[0].VpcId",
		}},
		{"PENDING", []string{
			"route53", "change-resource-record-sets", "--hosted-zone-id", HostedZone, "--change-batch", change,
			"--query", "ChangeInfo.Status",
		}},
		{"203.0.113.1", []string{
			"route53", "list-resource-record-sets", "--hosted-zone-id", HostedZone, "--query",
			"ResourceRecordSets[?Type=='A'].ResourceRecords[].Value",
		}},
		{testAccount, []string{"sts", "get-caller-identity", "--query", "Account"}},
		{"arn:aws:rds:eu-central-1:123456789012:db:" + database.ID, []string{
			"resourcegroupstaggingapi", "get-resources", "--resource-type-filters", "rds:db", "--query",
			"ResourceTagMappingList[].ResourceARN",
		}},
	}
	for _, test := range tests {
		t.Run(strings.Join(test.args[:2], " "), func(t *testing.T) { diff(t, a.cli(test.args...), test.want) })
	}
}
