package beanstalk

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk/types"

	"perch/activities/activitytest"
)

func TestS95BeanstalksWordsAreExplained(t *testing.T) {
	got := sayEvents([]ebtypes.EventDescription{
		{
			Severity: ebtypes.EventSeverityError,
			Message:  aws.String("Instance deployment failed to download the Docker image. The deployment failed."),
		},
		{Severity: ebtypes.EventSeverityInfo, Message: aws.String("Environment update is starting.")},
	})
	activitytest.WantWords(
		t,
		got,
		"Beanstalk says: ERROR: Instance deployment failed to download the Docker image.",
		"; the instances cannot pull the image; push it to the registry again",
	)
	if got := sayEvents(nil); got != "" {
		t.Errorf("no events: %q", got)
	}
}
