package services

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	eb "github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk/types"
)

func TestS173AnOptionRemovedFromTheTemplateKeepsItsValue(t *testing.T) {
	a := newAccount(t, Config{})
	client := eb.NewFromConfig(a.aws)
	properties := func(settings ...any) map[string]any {
		p := environmentProperties("")
		p["OptionSettings"] = append(settings, setting(nsEnvironment, "EnvironmentType", "SingleInstance"))
		return p
	}
	variables := func() map[string]string {
		t.Helper()
		out, err := client.DescribeConfigurationSettings(
			t.Context(),
			&eb.DescribeConfigurationSettingsInput{
				ApplicationName: aws.String("shop"),
				EnvironmentName: aws.String("shop-login"),
			},
		)
		if err != nil {
			t.Fatal(err)
		}
		values := map[string]string{}
		for _, o := range out.ConfigurationSettings[0].OptionSettings {
			if aws.ToString(o.Namespace) == nsApplicationEV {
				values[aws.ToString(o.OptionName)] = aws.ToString(o.Value)
			}
		}
		return values
	}
	a.createShop()
	_, r := a.createReady(
		typeEnvironment,
		"Environment",
		properties(setting(nsApplicationEV, "OLD", "one"), setting(nsApplicationEV, "BOTH", "one")),
	)
	r.Properties = properties(setting(nsApplicationEV, "BOTH", "two"), setting(nsApplicationEV, "NEW", "two"))
	if _, err := a.service.Handlers()[typeEnvironment].Update(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	a.settle(r)
	diff(t, variables(), map[string]string{"OLD": "one", "BOTH": "two", "NEW": "two"})
	remove := &eb.UpdateEnvironmentInput{
		EnvironmentName: aws.String("shop-login"),
		OptionsToRemove: []types.OptionSpecification{
			{
				Namespace:  aws.String(nsApplicationEV),
				OptionName: aws.String("OLD"),
			}, {Namespace: aws.String(nsApplicationEV), OptionName: aws.String("NEW")},
		},
	}
	if _, err := client.UpdateEnvironment(t.Context(), remove); err != nil {
		t.Fatal(err)
	}
	diff(t, variables(), map[string]string{"BOTH": "two"})
}
