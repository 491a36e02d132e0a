package services

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	eb "github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk/types"
)

func (a *account) describe(in *eb.DescribeEnvironmentsInput) []types.EnvironmentDescription {
	a.t.Helper()
	out, err := eb.NewFromConfig(a.aws).DescribeEnvironments(a.t.Context(), in)
	if err != nil {
		a.t.Fatal(err)
	}
	return out.Environments
}

func TestAnEnvironmentHasTheStatusOfItsOperation(t *testing.T) {
	a := newAccount(t, Config{})
	balancer := a.createShop()
	status := func() types.EnvironmentDescription {
		t.Helper()
		found := a.describe(&eb.DescribeEnvironmentsInput{EnvironmentNames: []string{"shop-login"}})
		if len(found) != 1 {
			t.Fatalf("%d environments, want 1", len(found))
		}
		return found[0]
	}
	_, r := a.create(typeEnvironment, "Environment", environmentProperties(balancer.ID))
	if got := status(); got.Status != "Launching" || got.Health != "Grey" {
		t.Fatalf("after Create: %s %s", got.Status, got.Health)
	}
	state := a.settle(r)
	got := status()
	if got.Status != "Ready" || got.Health != "Green" || aws.ToString(
		got.EndpointURL,
	) != balancer.Attributes["DNSName"] || aws.ToString(got.VersionLabel) != versionLabel {
		t.Fatalf("after Settle: %+v", got)
	}
	diff(t, state.Attributes, map[string]string{"EndpointURL": balancer.Attributes["DNSName"]})
	if _, err := a.service.Handlers()[typeEnvironment].Update(
		t.Context(), r,
	); err != nil || status().Status != "Updating" {
		t.Fatalf("after Update: %v %s", err, status().Status)
	}
	a.settle(r)
	if err := a.remove(r); err != nil || status().Status != "Terminated" {
		t.Fatalf("after Delete: %v %s", err, status().Status)
	}
}

func TestTerminatedEnvironmentsAreListedForAnHour(t *testing.T) {
	a := newAccount(t, Config{})
	balancer := a.createShop()
	_, r := a.createReady(typeEnvironment, "Environment", environmentProperties(balancer.ID))
	if err := a.remove(r); err != nil {
		t.Fatal(err)
	}
	if n := len(a.describe(&eb.DescribeEnvironmentsInput{IncludeDeleted: aws.Bool(false)})); n != 0 {
		t.Fatalf("%d environments without the deleted ones, want 0", n)
	}
	if n := len(a.describe(&eb.DescribeEnvironmentsInput{IncludeDeleted: aws.Bool(true)})); n != 1 {
		t.Fatalf("%d environments with the deleted ones, want 1", n)
	}
	a.now = a.now.Add(time.Hour + time.Second)
	if n := len(a.describe(&eb.DescribeEnvironmentsInput{IncludeDeleted: aws.Bool(true)})); n != 0 {
		t.Fatalf("%d environments after an hour, want 0", n)
	}
	a.createReady(typeEnvironment, "Again", environmentProperties(balancer.ID))
}

func TestEnvironmentErrorsHaveBeanstalksMessages(t *testing.T) {
	tests := []struct{ property, value, sentence string }{
		{"EnvironmentName", "abc", "length between 4 and 40"},
		{"EnvironmentName", strings.Repeat("a", 41), "length between 4 and 40"},
		{"EnvironmentName", "main", "Values cannot match the environment name"},
		{"ApplicationName", "nope", "No Application named 'nope' found."},
		{
			"SolutionStackName", "64bit Amazon Linux 2023 v0.0.1 running Docker",
			"No Solution Stack named '64bit Amazon Linux 2023 v0.0.1 running Docker' found.",
		},
		{"VersionLabel", "nope", "No Application Version named 'nope' found."},
		{"TemplateName", "nope", "No Configuration Template named 'nope' found."},
	}
	for _, test := range tests {
		t.Run(test.property+" "+test.value, func(t *testing.T) {
			a := newAccount(t, Config{})
			p := environmentProperties(a.createShop().ID)
			p[test.property] = test.value
			_, err := a.tryCreate(request(typeEnvironment, "Environment", p))
			wantError(t, err, test.sentence)
		})
	}
}

func TestAnEnvironmentMayHaveTheNameOfItsStack(t *testing.T) {
	a := newAccount(t, Config{})
	p := environmentProperties(a.createShop().ID)
	p["EnvironmentName"] = "shop-main"
	a.create(typeEnvironment, "Environment", p)
}

func TestASharedLoadBalancerMustExist(t *testing.T) {
	a := newAccount(t, Config{})
	a.createShop()
	_, err := a.tryCreate(
		request(typeEnvironment, "Environment", environmentProperties("arn:aws:elasticloadbalancing:nope")),
	)
	wantError(t, err, "The load balancer does not exist")
}

// dedicatedBalancer returns the properties of an environment with a dedicated load balancer.
func dedicatedBalancer(name, certificate string) map[string]any {
	p := environmentProperties("")
	p["EnvironmentName"] = name
	p["OptionSettings"] = []any{
		setting(nsEnvironment, "EnvironmentType", "LoadBalanced"),
		setting(nsEnvironment, "LoadBalancerType", "application"),
		setting(nsListenerTLS, "Protocol", "HTTPS"), setting(nsListenerTLS, "SSLCertificateArns", certificate),
	}
	return p
}

// TestEnvironmentsWithDedicatedLoadBalancersHaveSeparateHosts checks that no environment has the
// host of another one, even if all load balancers have the same DNS name.
func TestEnvironmentsWithDedicatedLoadBalancersHaveSeparateHosts(t *testing.T) {
	for _, dns := range []string{"", "localhost"} {
		a := newAccount(t, Config{LoadBalancerDNS: dns})
		balancer := a.createShop()
		certificate, _ := a.createReady(typeCertificate, "Certificate", map[string]any{"DomainName": "*.localhost"})
		a.createReady(typeEnvironment, "Shared", environmentProperties(balancer.ID))
		for _, name := range []string{"first", "second"} {
			r := request(typeEnvironment, "Environment", dedicatedBalancer("shop-"+name, certificate.ID))
			r.StackName, r.StackID = "shop-"+name, "stack-"+name
			state, err := a.tryCreate(r)
			if err != nil {
				t.Fatal(err)
			}
			r = request(typeRecordSet, "Record", map[string]any{
				"HostedZoneId": HostedZone, "Name": name + ".localhost", "Type": "A",
				"AliasTarget": map[string]any{
					"DNSName": state.Attributes["EndpointURL"], "HostedZoneId": balancerZones[testRegion],
				},
			})
			r.StackName, r.StackID = "shop-"+name, "stack-"+name
			if _, err := a.tryCreate(r); err != nil {
				t.Fatal(err)
			}
		}
		var hosts []string
		for _, env := range a.service.Environments() {
			hosts = append(hosts, env.Name+" "+env.Host)
		}
		diff(
			t, hosts,
			[]string{"shop-login login.localhost", "shop-first first.localhost", "shop-second second.localhost"},
		)
	}
}

func TestADedicatedLoadBalancersCertificateMustExist(t *testing.T) {
	a := newAccount(t, Config{})
	a.createShop()
	_, err := a.tryCreate(request(typeEnvironment, "Environment", dedicatedBalancer("shop-login", "arn:aws:acm:nope")))
	wantError(t, err, "The certificate does not exist")
}

func TestASingleInstanceEnvironmentHasAnIPAddress(t *testing.T) {
	a := newAccount(t, Config{})
	a.createShop()
	p := environmentProperties("")
	p["OptionSettings"] = []any{setting(nsEnvironment, "EnvironmentType", "SingleInstance")}
	state, _ := a.createReady(typeEnvironment, "Environment", p)
	if !strings.HasPrefix(state.Attributes["EndpointURL"], "203.0.113.") {
		t.Fatalf("EndpointURL = %q, want an IP address", state.Attributes["EndpointURL"])
	}
}

func TestASourceBundleMustExist(t *testing.T) {
	a := newAccount(t, Config{ObjectExists: func(bucket, key string) bool { return key == "there.zip" }})
	a.createReady(typeApplication, "Application", map[string]any{"ApplicationName": "shop"})
	version := func(key string) map[string]any {
		return map[string]any{
			"ApplicationName": "shop", "SourceBundle": map[string]any{"S3Bucket": "artifacts", "S3Key": key},
		}
	}
	a.create(typeVersion, "There", version("there.zip"))
	_, err := a.tryCreate(request(typeVersion, "Missing", version("missing.zip")))
	wantError(t, err, "Unable to download from S3 location (Bucket: artifacts  Key: missing.zip). Reason: Not Found")
}

func TestApplicationsAndVersionsInUseCannotBeDeleted(t *testing.T) {
	a := newAccount(t, Config{})
	balancer := a.createShop()
	_, env := a.createReady(typeEnvironment, "Environment", environmentProperties(balancer.ID))
	app, version := request(typeApplication, "Application", nil), request(typeVersion, "Version", nil)
	app.PhysicalID, version.PhysicalID = "shop", versionLabel
	wantError(t, a.remove(app), "has a running environment: shop-login")
	wantError(t, a.remove(version), "is associated with a running environment: shop-login")
	for _, r := range []func() error{
		func() error { return a.remove(env) }, func() error { return a.remove(version) },
		func() error { return a.remove(app) },
	} {
		if err := r(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBeanstalkDescribesTheResourcesOfTemplates(t *testing.T) {
	a := newAccount(t, Config{})
	client := eb.NewFromConfig(a.aws)
	a.createReady(typeApplication, "Application", map[string]any{
		"ApplicationName": "shop",
		"ResourceLifecycleConfig": map[string]any{
			"VersionLifecycleConfig": map[string]any{
				"MaxCountRule": map[string]any{"Enabled": true, "MaxCount": "30", "DeleteSourceFromS3": "true"},
			},
		},
	})
	a.createReady(typeVersion, "Version", map[string]any{
		"ApplicationName": "shop", "SourceBundle": map[string]any{"S3Bucket": "artifacts", "S3Key": "bundle.zip"},
	})
	a.createReady(typeTemplate, "Saved", map[string]any{
		"ApplicationName": "shop", "SolutionStackName": solutionStacks[0],
		"OptionSettings": []any{
			setting(nsEnvironment, "EnvironmentType", "SingleInstance"), setting(nsApplicationEV, "A", "saved"),
		},
	})
	a.createReady(typeEnvironment, "Environment", map[string]any{
		"ApplicationName": "shop", "EnvironmentName": "shop-saved", "TemplateName": "shop-main-Saved-abcdefghij12",
		"OptionSettings": []any{setting(nsApplicationEV, "A", "own")},
	})

	apps, err := client.DescribeApplications(t.Context(), &eb.DescribeApplicationsInput{})
	if err != nil {
		t.Fatal(err)
	}
	app := apps.Applications[0]
	diff(t, app.Versions, []string{versionLabel})
	diff(t, aws.ToInt32(app.ResourceLifecycleConfig.VersionLifecycleConfig.MaxCountRule.MaxCount), int32(30))
	versions, err := client.DescribeApplicationVersions(t.Context(), &eb.DescribeApplicationVersionsInput{
		ApplicationName: aws.String("shop"), VersionLabels: []string{versionLabel},
	})
	if err != nil || aws.ToString(versions.ApplicationVersions[0].SourceBundle.S3Key) != "bundle.zip" {
		t.Fatalf("versions = %+v, %v", versions, err)
	}
	settings, err := client.DescribeConfigurationSettings(t.Context(), &eb.DescribeConfigurationSettingsInput{
		ApplicationName: aws.String("shop"), EnvironmentName: aws.String("shop-saved"),
	})
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	for _, o := range settings.ConfigurationSettings[0].OptionSettings {
		values[aws.ToString(o.OptionName)] = aws.ToString(o.Value)
	}
	diff(t, values, map[string]string{"EnvironmentType": "SingleInstance", "A": "own"})
	events, err := client.DescribeEvents(
		t.Context(), &eb.DescribeEventsInput{EnvironmentName: aws.String("shop-saved")},
	)
	if err != nil || aws.ToString(events.Events[0].Message) != "Successfully launched environment: shop-saved" ||
		len(events.Events) != 2 {
		t.Fatalf("events = %+v, %v", events, err)
	}
	tags, err := client.ListTagsForResource(
		t.Context(),
		&eb.ListTagsForResourceInput{ResourceArn: a.describe(&eb.DescribeEnvironmentsInput{})[0].EnvironmentArn},
	)
	if err != nil || !slices.ContainsFunc(tags.ResourceTags, func(tag types.Tag) bool {
		return aws.ToString(tag.Key) == "branch" && aws.ToString(tag.Value) == "main"
	}) {
		t.Fatalf("tags = %+v, %v", tags, err)
	}
}

func TestDockerPlatformsAreListed(t *testing.T) {
	a := newAccount(t, Config{})
	out, err := eb.NewFromConfig(a.aws).ListAvailableSolutionStacks(t.Context(), &eb.ListAvailableSolutionStacksInput{})
	if err != nil {
		t.Fatal(err)
	}
	docker := 0
	for _, name := range out.SolutionStacks {
		if strings.HasPrefix(name, "64bit Amazon Linux 2023 v") && strings.HasSuffix(name, " running Docker") {
			docker++
		}
	}
	if docker < 2 || len(out.SolutionStackDetails) != len(out.SolutionStacks) {
		t.Fatalf("%d Docker platforms among %v, want several", docker, out.SolutionStacks)
	}
}

func TestATakenDNSNameIsNotAvailable(t *testing.T) {
	a := newAccount(t, Config{})
	p := environmentProperties(a.createShop().ID)
	p["CNAMEPrefix"] = "taken"
	a.create(typeEnvironment, "Environment", p)
	for prefix, free := range map[string]bool{"taken": false, "free": true} {
		out, err := eb.NewFromConfig(a.aws).CheckDNSAvailability(
			t.Context(), &eb.CheckDNSAvailabilityInput{CNAMEPrefix: aws.String(prefix)},
		)
		if err != nil || aws.ToBool(out.Available) != free ||
			aws.ToString(out.FullyQualifiedCNAME) != prefix+".eu-central-1.elasticbeanstalk.com" {
			t.Errorf("availability of %s is %+v, %v, want %t", prefix, out, err, free)
		}
	}
}

func TestEnvironmentsHaveTheHostsOfRulesAndDNSRecords(t *testing.T) {
	a := newAccount(t, Config{})
	balancer := a.createShop()
	a.createReady(typeEnvironment, "Shared", environmentProperties(balancer.ID))
	single := map[string]any{
		"ApplicationName": "shop", "EnvironmentName": "shop-single",
		"OptionSettings": []any{setting(nsEnvironment, "EnvironmentType", "SingleInstance")},
	}
	state, _ := a.create(typeEnvironment, "Single", single)
	a.createReady(typeRecordSet, "Record", map[string]any{
		"HostedZoneName": "localhost.", "Name": "single.localhost", "Type": "A", "TTL": "60",
		"ResourceRecords": []any{state.Attributes["EndpointURL"]},
	})
	a.createReady(
		typeEnvironment, "Unreachable", map[string]any{"ApplicationName": "shop", "EnvironmentName": "shop-nowhere"},
	)
	diff(t, a.service.Environments(), []Environment{
		{
			Host: "login.localhost", Name: "shop-login", Status: "Ready", Health: "Green",
			Options: map[string]string{"PERCH_BRANCH": "login"}, HealthPath: "/healthz",
		},
		{
			Host: "single.localhost", Name: "shop-single", Status: "Launching", Health: "Grey",
			Options: map[string]string{}, HealthPath: "/",
		},
	})
}
