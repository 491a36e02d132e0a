package run

import (
	"strings"
	"time"

	"perch"
	"perch/activities"
	"perch/activities/reporting"
	"perch/report/github"
)

// openChannel is how people are told how far environments are; nil if the source is not on GitHub.
// ui is the address of Temporal's web UI, empty if it is not known: reports link to runs there. now
// is the time that expiry goes by.
func openChannel(
	policy *perch.Policy, from activities.Source, ui, namespace string, now func() time.Time,
) reporting.Channel {
	access, isGitHub := from.(github.Access)
	if !isGitHub {
		return nil
	}
	channel := github.New(access, policy, now)
	if ui = strings.TrimRight(ui, "/"); ui != "" {
		channel.RunURL = func(environment perch.Environment, runID string) string {
			return perch.RunURL(ui, namespace, environment.StackName(), runID)
		}
	}
	return channel
}
