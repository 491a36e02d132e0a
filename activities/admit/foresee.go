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
	// mostSettings and longestValue bound the settings that travel to reports: how many there are,
	// and how many bytes a value has as JSON.
	mostSettings = 60
	longestValue = 300
)

// foresee is what reports say of the `up` beside its state. It makes no call, and what cannot be
// estimated is left out: a report neither delays nor fails a request.
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
	compared, err := forecast.Compare(deployed, wanted)
	if err != nil {
		return seen
	}
	if time, err := forecast.Estimate(deployed, wanted, compared.Changes); err == nil {
		seen.ExpectedSeconds = time.Seconds
	}
	return seen
}

// bounded are the first settings, without values that are too long to travel.
func bounded(settings []perch.SettingDifference) []perch.SettingDifference {
	settings = settings[:min(mostSettings, len(settings))]
	for i := range settings {
		settings[i].A, settings[i].B = short(settings[i].A), short(settings[i].B)
	}
	return settings
}

// short is the value, or the beginning of its JSON.
func short(value any) any {
	data, err := json.Marshal(value)
	if err != nil || len(data) <= longestValue {
		return value
	}
	return strings.ToValidUTF8(string(data[:longestValue]), "") + "..."
}

// parametersOf are the parameters of a stack.
func parametersOf(mine *stack.Owned) map[string]string {
	parameters := map[string]string{}
	for _, parameter := range mine.Stack.Parameters {
		parameters[aws.ToString(parameter.ParameterKey)] = aws.ToString(parameter.ParameterValue)
	}
	return parameters
}
