package run

import (
	"maps"
	"slices"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
)

// variablesOf returns the app's variables and its references to secrets, by name, as Elastic
// Beanstalk stores them.
func (b *bench) variablesOf(t *testing.T, branch string) map[string]string {
	t.Helper()
	application := b.must(t, "application", "status").text("outputs", "ApplicationName")
	in := &elasticbeanstalk.DescribeConfigurationSettingsInput{
		ApplicationName: &application, EnvironmentName: awssdk.String(b.stackOf(t, branch)),
	}
	out, err := elasticbeanstalk.NewFromConfig(b.awsConfig()).DescribeConfigurationSettings(t.Context(), in)
	fatal(t, err)
	values := map[string]string{}
	for _, option := range out.ConfigurationSettings[0].OptionSettings {
		namespace := awssdk.ToString(option.Namespace)
		if strings.HasSuffix(namespace, ":environment") || strings.HasSuffix(namespace, ":environmentsecrets") {
			values[awssdk.ToString(option.OptionName)] = awssdk.ToString(option.Value)
		}
	}
	return values
}

// TestS230WhatABranchNoLongerSetsIsGoneFromItsEnvironment has one commit that removes a variable
// and a secret, and another that removes the database.
func TestS230WhatABranchNoLongerSetsIsGoneFromItsEnvironment(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	const (
		branch   = "withdraws"
		database = "  database: {class: db.t4g.micro, storage_gb: 20}"
		kept     = `  environment: {KEPT: kept-value}`
		both     = `  environment: {KEPT: kept-value, GREETING: hello-old-friend}`
		secret   = `  secrets: {OLD_TOKEN: "arn:aws:secretsmanager:eu-central-1:000000000000:secret:` + demoSecret +
			`"}`
	)
	up := func(lines ...string) map[string]string {
		t.Helper()
		b.repo.commit(t, branch, map[string]string{"perch.yaml": bare(b.project, lines...)})
		equal(t, b.must(t, "up", branch), document{"outcome": "ready", "error": ""})
		return b.variablesOf(t, branch)
	}
	first := up(database, both, secret)
	for _, name := range []string{"GREETING", "OLD_TOKEN", "KEPT", "DATABASE_HOST", "DATABASE_PASSWORD"} {
		if first[name] == "" {
			t.Errorf("the first commit sets no %s, only %q", name, slices.Sorted(maps.Keys(first)))
		}
	}
	second := up(database, kept)
	wantGone(t, first, second, "GREETING", "OLD_TOKEN")
	third := up(kept)
	wantGone(t, first, third, "GREETING", "OLD_TOKEN", "DATABASE_HOST", "DATABASE_PASSWORD")
	if second["DATABASE_PASSWORD"] != first["DATABASE_PASSWORD"] || third["KEPT"] != "kept-value" {
		t.Errorf("the environment lost what its branch sets: %v, then %v", second, third)
	}
}

// wantGone checks that an environment has neither the names nor the values that it had.
func wantGone(t *testing.T, had, has map[string]string, names ...string) {
	t.Helper()
	for _, name := range names {
		if value, left := has[name]; left {
			t.Errorf("the environment still has %s = %q", name, value)
		}
		for other, value := range has {
			if value == had[name] {
				t.Errorf("the environment has the value of %s, %q, in %s", name, value, other)
			}
		}
	}
}
