package run

import (
	"time"

	"perch"
	"perch/activities"
	"perch/activities/reporting"
	"perch/report/github"
)

// openChannel is how people are told how far environments are; nil if the source is not on GitHub.
func openChannel(policy *perch.Policy, from activities.Source) reporting.Channel {
	access, isGitHub := from.(github.Access)
	if !isGitHub {
		return nil
	}
	return github.New(access, policy, time.Now)
}
