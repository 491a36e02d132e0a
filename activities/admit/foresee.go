package admit

import (
	"encoding/json"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"perch"
	"perch/activities/contract"
	"perch/activities/stack"
	"perch/cfn/forecast"
)

const (
	// mostSettings and longestValue limit the settings in reports: how many there are, and how many
	// bytes a value has as JSON.
	mostSettings = 60
	longestValue = 300
)

// foresee returns the estimates and settings that reports of the `up` show. It makes no calls, and
// leaves out what cannot be estimated, because a report must neither delay nor fail a request.
func (a *Admitter) foresee(up candidate) *contract.Foreseen {
	made := up.wanted
	p := planning{Admitter: a, environment: made.environment}
	wanted := p.version(made.template.Body, values(made.parameters))
	seen := &contract.Foreseen{Muted: made.file.Reports.Muted(), Expiry: made.settings.Expiry}
	if settings, err := differences(made.file, made.environment.Branch); err == nil {
		seen.Settings = bounded(settings)
	}
	if cost, err := forecast.Cost(wanted, a.Policy.Region); err == nil {
		seen.USDPerDay = cost.USDPerDay
	}
	var deployed forecast.Version
	if made.deployedBody != nil {
		deployed = p.version(made.deployedBody, made.deployedParameters)
	}
	if compared, err := forecast.Compare(deployed, wanted); err == nil {
		seen.ExpectedSeconds = compared.Estimate().Seconds
	}
	return seen
}

// bounded returns the first settings, and shortens values that are too long for a report.
func bounded(settings []perch.SettingDifference) []perch.SettingDifference {
	settings = settings[:min(mostSettings, len(settings))]
	for i := range settings {
		settings[i].A, settings[i].B = short(settings[i].A), short(settings[i].B)
	}
	return settings
}

// short returns the value, or the beginning of its JSON if that is too long.
func short(value any) any {
	data, err := json.Marshal(value)
	if err != nil || len(data) <= longestValue {
		return value
	}
	return strings.ToValidUTF8(string(data[:longestValue]), "") + "..."
}

// parametersOf returns the parameters of a stack.
func parametersOf(mine *stack.Owned) map[string]string {
	parameters := map[string]string{}
	for _, parameter := range mine.Stack.Parameters {
		parameters[aws.ToString(parameter.ParameterKey)] = aws.ToString(parameter.ParameterValue)
	}
	return parameters
}
