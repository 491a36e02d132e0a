package cfn

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// OptionName names an option of an Elastic Beanstalk environment.
type OptionName struct{ Namespace, Name string }

// Secret reports whether the option refers to a secret.
func (o OptionName) Secret() bool { return o.Namespace == nsSecrets }

// SetOptions are the variables and references to secrets that a template from Environment sets.
type SetOptions struct {
	// Application and Environment are the names in Elastic Beanstalk.
	Application, Environment string
	// SolutionStack is the solution stack of an environment that was created with one; empty if the
	// environment has a PlatformArn.
	SolutionStack string

	names  []OptionName
	values map[OptionName]string
}

// ReadOptions reads the options of a template that Environment has rendered.
func ReadOptions(template []byte) (SetOptions, error) {
	var document struct {
		Resources map[string]struct {
			Properties struct {
				ApplicationName, EnvironmentName json.RawMessage
				SolutionStackName                string
				OptionSettings                   []struct {
					Namespace, OptionName string
					Value                 json.RawMessage
				}
			}
		}
	}
	if err := json.Unmarshal(template, &document); err != nil {
		return SetOptions{}, fmt.Errorf("read options of the template: %w", err)
	}
	properties := document.Resources[environmentID].Properties
	set := SetOptions{SolutionStack: properties.SolutionStackName, values: map[OptionName]string{}}
	for into, name := range map[*string]json.RawMessage{
		&set.Application: properties.ApplicationName, &set.Environment: properties.EnvironmentName,
	} {
		if err := json.Unmarshal(name, into); err != nil {
			return SetOptions{}, fmt.Errorf(
				"read options of the template: the names of resource %s are not literal: %w",
				environmentID,
				err,
			)
		}
	}
	for _, option := range properties.OptionSettings {
		name, value := OptionName{option.Namespace, option.OptionName}, ""
		if json.Unmarshal(option.Value, &value) == nil { // Any other value is an intrinsic function.
			set.values[name] = value
		}
		set.names = append(set.names, name)
	}
	return set, nil
}

// Withdrawn returns those of the environment's present options that the template no longer sets and
// that CloudFormation leaves in the environment. It looks only at variables and references to
// secrets, because the template always sets all other options.
func (s SetOptions) Withdrawn(present []OptionName) []OptionName {
	var withdrawn []OptionName
	for _, option := range present {
		removable := option.Namespace == nsVariables || option.Namespace == nsSecrets
		if removable && !slices.Contains(s.names, option) && !slices.Contains(withdrawn, option) {
			withdrawn = append(withdrawn, option)
		}
	}
	slices.SortFunc(
		withdrawn,
		func(a, b OptionName) int { return strings.Compare(a.Namespace+" "+a.Name, b.Namespace+" "+b.Name) },
	)
	return withdrawn
}
