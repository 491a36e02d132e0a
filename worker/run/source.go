package run

import (
	"fmt"

	"perch"
	"perch/activities"
	"perch/source"
	"perch/source/github"
)

// openSource opens the source that the policy names. env provides GitHub's token or key.
func openSource(settings perch.Source, env func(string) string) (activities.Source, error) {
	if settings.GitHub == nil {
		opened, err := source.OpenGit(settings.Git, "")
		if err != nil {
			return nil, fmt.Errorf("open branch source: %w", err)
		}
		return opened, nil
	}
	if env == nil {
		env = func(string) string { return "" }
	}
	credentials, err := github.CredentialsFrom(env)
	if err != nil {
		return nil, fmt.Errorf("open branch source: %w", err)
	}
	opened, err := github.Open(*settings.GitHub, credentials)
	if err != nil {
		return nil, fmt.Errorf("open branch source: %w", err)
	}
	return opened, nil
}
