package services

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"

	"perch/sandbox/aws/awstest"
	"perch/sandbox/aws/resource"
)

const (
	testAccount = "123456789012"
	testRegion  = "eu-central-1"
)

// account is a Service with an HTTP endpoint in front of it and a stopped clock.
type account struct {
	t       *testing.T
	service *Service
	now     time.Time
	aws     aws.Config
	url     string
}

func newAccount(t *testing.T, config Config) *account {
	t.Helper()
	a := &account{t: t, now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	config.Account, config.Region = testAccount, testRegion
	config.Now = func() time.Time { return a.now }
	service, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	a.service = service
	handlers := service.Services()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Authorization: AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, ...
		handlers[strings.Split(r.Header.Get("Authorization"), "/")[3]].ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	a.url = server.URL
	a.aws = aws.Config{
		Region: testRegion, BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: 1, HTTPClient: awstest.NewClient(),
		Credentials: credentials.NewStaticCredentialsProvider("AKIASANDBOX", "secret", ""),
	}
	return a
}

// request returns a request as CloudFormation sends it for a resource of the stack `shop-main`.
func request(kind, logical string, p map[string]any) resource.Request {
	return resource.Request{
		Account: testAccount, Region: testRegion, StackID: "stack-1", StackName: "shop-main", LogicalID: logical,
		Type: kind, Properties: p,
		Tags: map[string]string{"branch": "main", "aws:cloudformation:stack-name": "shop-main"}, Suffix: "abcdefghij12",
	}
}

func (a *account) tryCreate(r resource.Request) (resource.State, error) {
	return a.service.Handlers()[r.Type].Create(a.t.Context(), r)
}

// create creates a resource. It returns the resource's state, and a request with its physical id
// for later calls.
func (a *account) create(kind, logical string, p map[string]any) (resource.State, resource.Request) {
	a.t.Helper()
	r := request(kind, logical, p)
	state, err := a.tryCreate(r)
	if err != nil {
		a.t.Fatalf("create %s: %v", kind, err)
	}
	r.PhysicalID = state.ID
	return state, r
}

// createReady creates a resource and ends the creation.
func (a *account) createReady(kind, logical string, p map[string]any) (resource.State, resource.Request) {
	a.t.Helper()
	_, r := a.create(kind, logical, p)
	return a.settle(r), r
}

func (a *account) settle(r resource.Request) resource.State {
	a.t.Helper()
	state, err := a.service.Handlers()[r.Type].(resource.Settler).Settle(a.t.Context(), r)
	if err != nil {
		a.t.Fatal(err)
	}
	return state
}

func (a *account) remove(r resource.Request) error {
	handler := a.service.Handlers()[r.Type]
	if err := handler.(resource.Terminator).Terminate(context.Background(), r); err != nil {
		return err
	}
	return handler.Delete(context.Background(), r)
}

func wantError(t *testing.T, err error, sentence string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), sentence) {
		t.Fatalf("error = %v, want %q in it", err, sentence)
	}
}

func diff(t *testing.T, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("(-want +got)\n%s", d)
	}
}

// setting returns one of an environment's option settings.
func setting(namespace, name, value string) any {
	return map[string]any{"Namespace": namespace, "OptionName": name, "Value": value}
}

// createShop creates the application, a version and the shared load balancer that environments
// need, and returns the load balancer.
func (a *account) createShop() resource.State {
	a.t.Helper()
	a.createReady(typeApplication, "Application", map[string]any{"ApplicationName": "shop"})
	a.createReady(typeVersion, "Version", map[string]any{
		"ApplicationName": "shop", "SourceBundle": map[string]any{"S3Bucket": "artifacts", "S3Key": "bundle.zip"},
	})
	balancer, _ := a.createReady(
		typeLoadBalancer, "Balancer", map[string]any{"Name": "shop", "Subnets": toAny(Subnets)},
	)
	return balancer
}

const versionLabel = "shop-main-Version-abcdefghij12"

// environmentProperties returns the properties of an environment behind the shared load balancer.
func environmentProperties(balancer string) map[string]any {
	return map[string]any{
		"ApplicationName": "shop", "EnvironmentName": "shop-login", "SolutionStackName": solutionStacks[0],
		"VersionLabel": versionLabel,
		"OptionSettings": []any{
			setting(nsEnvironment, "LoadBalancerIsShared", "true"), setting(nsBalancer, "SharedLoadBalancer", balancer),
			setting("aws:elbv2:listener:443", "Rules", "branch"),
			setting(nsRule+"branch", "HostHeaders", "login.localhost"),
			setting(nsApplicationEV, "PERCH_BRANCH", "login"),
			setting("aws:elasticbeanstalk:environment:process:default", "HealthCheckPath", "/healthz"),
		},
	}
}

func TestStateSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	first := newAccount(t, Config{Dir: dir})
	secret, _ := first.createReady(typeSecret, "Secret", map[string]any{"SecretString": "s3cret"})
	first.createReady(typeRecordSet, "Record", map[string]any{
		"HostedZoneId": HostedZone, "Name": "a.localhost", "Type": "TXT", "TTL": "60", "ResourceRecords": []any{`"x"`},
	})

	second := newAccount(t, Config{Dir: dir})
	value, err := second.service.Resolve("resolve:secretsmanager:" + secret.ID + ":SecretString")
	if err != nil || value != "s3cret" {
		t.Fatalf("secret after the restart = %q, %v", value, err)
	}
	diff(t, second.service.state.Sets, first.service.state.Sets)
}

func TestNewRejectsUnreadableState(t *testing.T) {
	dir := t.TempDir()
	a := newAccount(t, Config{Dir: dir})
	a.createReady("AWS::SNS::Topic", "Topic", nil)
	writeFile(t, a.service.stateFile(), "{broken")
	_, err := New(Config{Dir: dir})
	wantError(t, err, "remove the file to begin again")
}

func TestCreateAgainReturnsTheSameResource(t *testing.T) {
	a := newAccount(t, Config{})
	for kind, p := range map[string]map[string]any{
		"AWS::SQS::Queue": nil, typeSecret: nil, typeSecurityGroup: {"GroupDescription": "x"}, typeTargetGroup: nil,
		typeRole: nil,
	} {
		first, _ := a.create(kind, "Same", p)
		second, _ := a.create(kind, "Same", p)
		diff(t, second, first)
	}
}

func TestTakenNamesAreRejected(t *testing.T) {
	tests := []struct {
		kind, sentence string
		properties     map[string]any
	}{
		{typeApplication, "Application taken already exists.", map[string]any{"ApplicationName": "taken"}},
		{
			typeDatabase, "DB instance already exists",
			map[string]any{"DBInstanceIdentifier": "taken", "Engine": "postgres", "DBInstanceClass": "db.t4g.micro"},
		},
		{typeLoadBalancer, "A load balancer with the same name 'taken' exists", map[string]any{"Name": "taken"}},
		{typeSecurityGroup, "The security group 'taken' already exists for VPC", map[string]any{"GroupName": "taken"}},
		{typeRole, "Role with name taken already exists.", map[string]any{"RoleName": "taken"}},
		{typeSecret, "the secret taken already exists", map[string]any{"Name": "taken"}},
		{
			typeParameter, "The parameter already exists",
			map[string]any{"Name": "taken", "Type": "String", "Value": "x"},
		},
		{"AWS::SNS::Topic", "Topic taken already exists", map[string]any{"TopicName": "taken"}},
	}
	for _, test := range tests {
		t.Run(test.kind, func(t *testing.T) {
			a := newAccount(t, Config{})
			a.create(test.kind, "First", test.properties)
			_, err := a.tryCreate(request(test.kind, "Second", test.properties))
			wantError(t, err, test.sentence)
			if e, ok := resource.As(err); !ok || e.Code != "AlreadyExists" {
				t.Fatalf("error = %#v, want the code AlreadyExists", err)
			}
		})
	}
}

func TestGeneratedNamesAreNotLongerThanTheLimit(t *testing.T) {
	r := request(typeLoadBalancer, "ALogicalIdThatIsLongerThanAnyNameMayBe", nil)
	for _, limit := range []int{32, 40, 63, 255} {
		name := generatedName(r, limit)
		if len(name) > limit || !strings.HasSuffix(name, "-"+r.Suffix) || !strings.HasPrefix(name, "shop-main-") {
			t.Errorf("limit %d: %q", limit, name)
		}
	}
}

func TestARejectedUpdateChangesNothing(t *testing.T) {
	a := newAccount(t, Config{})
	balancer := a.createShop()
	_, r := a.createReady(typeEnvironment, "Environment", environmentProperties(balancer.ID))
	changed := environmentProperties(balancer.ID)
	changed["VersionLabel"] = "missing"
	r.Properties = changed
	_, err := a.service.Handlers()[typeEnvironment].Update(t.Context(), r)
	wantError(t, err, "No Application Version named 'missing' found.")
	env := a.service.findByID(typeEnvironment, r.PhysicalID)
	diff(t, []string{env.Status, env.Properties.text("VersionLabel")}, []string{"Ready", versionLabel})
}

func TestDeletingAMissingResourceSucceeds(t *testing.T) {
	a := newAccount(t, Config{})
	for kind := range a.service.Handlers() {
		r := request(kind, "Gone", nil)
		r.PhysicalID = "gone"
		if err := a.remove(r); err != nil {
			t.Errorf("delete a missing %s: %v", kind, err)
		}
	}
}

func TestUnknownActionsReturnTheServicesError(t *testing.T) {
	tests := []struct{ service, body, target, want string }{
		{"rds", "Action=Nope&Version=2014-10-31", "", "<Code>InvalidAction</Code>"},
		{
			"elasticbeanstalk", "Action=CreateEnvironment&Version=2010-12-01", "",
			"Could not find operation CreateEnvironment for version 2010-12-01",
		},
		{"ec2", "Action=RunInstances", "", "The action RunInstances is not valid for this web service."},
		{"sts", "Version=2011-06-15", "", "<Code>MissingAction</Code>"},
		{"secretsmanager", "{}", "secretsmanager.PutSecretValue", "UnknownOperationException"},
		{"acm", "[]", "CertificateManager.ListCertificates", "SerializationException"},
	}
	a := newAccount(t, Config{})
	for _, test := range tests {
		t.Run(test.service, func(t *testing.T) {
			status, body := a.post(test.service, test.target, test.body)
			if status != http.StatusBadRequest || !strings.Contains(body, test.want) {
				t.Fatalf("%d %s, want 400 with %q", status, body, test.want)
			}
		})
	}
}
