package activities

import (
	"testing"

	sdkactivity "go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"

	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/lifecycle"
	"perch/sandbox/aws"
)

// TestWhatTakesLongBeatsFromItsBeginning: Temporal gives up an activity that has sent no heartbeat
// for 20 seconds, and calls to AWS or to the repository may take longer.
func TestWhatTakesLongBeatsFromItsBeginning(t *testing.T) {
	w := newWorld(t)
	busy := func() {
		w.fault(aws.Fault{
			Service: "cloudformation", Action: "DescribeStacks", Code: "Throttling", Message: "Rate exceeded", Count: 1,
		})
	}
	for name, begin := range map[string]func(*testsuite.TestActivityEnvironment) error{
		"SeedData": func(env *testsuite.TestActivityEnvironment) error {
			_, err := activitytest.TryIn(
				env, of[*Seeds](w).SeedData,
				contract.SeedInput{Environment: activitytest.Environment("shop", "login"), Commit: "none"},
			)
			return err
		},
		"EnsureDatabase": func(env *testsuite.TestActivityEnvironment) error {
			busy()
			_, err := activitytest.TryIn(
				env, of[*Databases](w).EnsureDatabase,
				contract.DatabaseInput{Environment: activitytest.Environment("shop", "login")},
			)
			return err
		},
		"DropDatabase": func(env *testsuite.TestActivityEnvironment) error {
			busy()
			_, err := activitytest.TryIn(
				env, of[*Databases](w).DropDatabase,
				contract.DatabaseInput{Environment: activitytest.Environment("shop", "login")},
			)
			return err
		},
		"SweepResources": func(env *testsuite.TestActivityEnvironment) error {
			w.fault(aws.Fault{
				Service: "s3", Action: "DeleteBucket", Status: 503, Code: "SlowDown", Message: "reduce your rate",
				Count: 1,
			})
			_, err := activitytest.TryIn(
				env, of[*Verification](w).SweepResources,
				contract.SweepInput{Resources: []lifecycle.Failure{{Type: "AWS::S3::Bucket", PhysicalID: "files"}}},
			)
			return err
		},
	} {
		env := activitytest.NewEnvironment()
		beats := 0
		env.SetOnActivityHeartbeatListener(func(*sdkactivity.Info, converter.EncodedValues) { beats++ })
		if err := begin(env); err == nil || beats == 0 {
			t.Errorf("%s ended with %v after %d heartbeats", name, err, beats)
		}
	}
}
