package report

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"perch"
	"perch/activities/contract"
)

// said is a last report in a phase, two minutes before noon.
func said(phase perch.Phase, change ...func(*perch.LastReport)) *perch.LastReport {
	last := &perch.LastReport{Goal: perch.GoalUp, Phase: phase, At: noon.Add(-2 * time.Minute)}
	for _, each := range change {
		each(last)
	}
	return last
}

func removal(last *perch.LastReport) { last.Goal = perch.GoalGone }

func TestTheStateOfAnEnvironmentInWords(t *testing.T) {
	skipped := func(last *perch.LastReport) { last.Outcome = perch.OutcomeSkipped }
	for name, c := range map[string]struct {
		known Known
		want  string
	}{
		"there is none": {Known{}, ""},
		"requested":     {Known{Phase: perch.PhaseAdmitting}, "requested"},
		"the next request for one that is deployed": {
			Known{StackStatus: "CREATE_COMPLETE", Phase: perch.PhaseAdmitting}, "deployed",
		},
		"waiting for its image": {Known{LastReport: said(perch.PhaseImage)}, "waiting for image"},
		"created": {
			Known{StackStatus: "CREATE_IN_PROGRESS", LastReport: said(perch.PhaseStack)}, "creating",
		},
		"updated": {
			Known{StackStatus: "UPDATE_IN_PROGRESS", LastReport: said(perch.PhaseStack)}, "updating",
		},
		"its creation is rolled back": {
			Known{StackStatus: "ROLLBACK_IN_PROGRESS", LastReport: said(perch.PhaseStack)}, "rolling back",
		},
		"recreated": {
			Known{StackStatus: "DELETE_IN_PROGRESS", LastReport: said(perch.PhaseStack)}, "removing",
		},
		"between stack and answer": {
			Known{StackStatus: "CREATE_COMPLETE", LastReport: said(perch.PhaseStack)}, "deploying",
		},
		"seeded": {
			Known{StackStatus: "CREATE_COMPLETE", Phase: perch.PhaseSeeding, LastReport: said(perch.PhaseStack)},
			"seeding",
		},
		"waited for": {
			Known{StackStatus: "CREATE_COMPLETE", Phase: perch.PhaseChecking, LastReport: said(perch.PhaseStack)},
			"starting",
		},
		"ready": {Known{StackStatus: "UPDATE_COMPLETE", LastReport: said(perch.PhaseReady)}, "ready"},
		"ready again after an update that failed": {
			Known{StackStatus: "UPDATE_ROLLBACK_COMPLETE", LastReport: said(perch.PhaseReady)}, "ready",
		},
		"a run that has not said anything": {
			Known{StackStatus: "UPDATE_IN_PROGRESS", LastReport: said(perch.PhaseReady)}, "updating",
		},
		"broken since it was ready": {
			Known{StackStatus: "UPDATE_ROLLBACK_FAILED", LastReport: said(perch.PhaseReady)}, "failed",
		},
		"failed": {
			Known{StackStatus: "ROLLBACK_COMPLETE", LastReport: said(perch.PhaseFailed)}, "failed",
		},
		"its removal failed": {
			Known{StackStatus: "DELETE_FAILED", LastReport: said(perch.PhaseFailed, removal)}, "removal failed",
		},
		"rejected": {
			Known{StackStatus: "CREATE_COMPLETE", LastReport: said(perch.PhaseRejected)}, "rejected",
		},
		"skipped": {
			Known{StackStatus: "CREATE_COMPLETE", LastReport: said(perch.PhaseRejected, skipped)}, "deployed",
		},
		"its removal was wrong": {
			Known{StackStatus: "CREATE_COMPLETE", LastReport: said(perch.PhaseKept, removal)}, "deployed",
		},
		"to be removed": {
			Known{StackStatus: "CREATE_COMPLETE", LastReport: said(perch.PhaseGrace, removal)}, "grace period",
		},
		"removed": {
			Known{StackStatus: "DELETE_IN_PROGRESS", LastReport: said(perch.PhaseRemoving, removal)}, "removing",
		},
		"no card, in service":            {Known{StackStatus: "UPDATE_COMPLETE"}, "deployed"},
		"no card, an update that failed": {Known{StackStatus: "UPDATE_ROLLBACK_COMPLETE"}, "rolled back"},
		"no card, never came up":         {Known{StackStatus: "ROLLBACK_COMPLETE"}, "failed"},
		"no card, its removal failed":    {Known{StackStatus: "DELETE_FAILED"}, "removal failed"},
		"the run knows more than its card": {
			Known{StackStatus: "CREATE_COMPLETE", Phase: perch.PhaseFailed, LastReport: said(perch.PhaseStack)},
			"failed",
		},
		"a rejected removal says nothing of it": {Known{
			StackStatus: "CREATE_COMPLETE", Phase: perch.PhaseRejected, Goal: perch.GoalGone,
			LastReport: said(perch.PhaseReady),
		}, "ready"},
		"a run that ended without its last report": {
			Known{StackStatus: "CREATE_COMPLETE", Phase: perch.PhaseSuperseded, LastReport: said(perch.PhaseStack)},
			"deployed",
		},
		"an unknown status of CloudFormation": {Known{StackStatus: "IMPORT_ROLLBACK_FAILED"}, "failed"},
	} {
		if got := c.known.State(); got != c.want {
			t.Errorf("%s: the state is %q, want %q", name, got, c.want)
		}
	}
}

func TestProgressNamesWhatIsWaitedForAndHowLongThatTakes(t *testing.T) {
	ago := func(minutes float64) time.Time { return noon.Add(-time.Duration(minutes * float64(time.Minute))) }
	stack := func(status string, awaited *perch.AwaitedResource) *perch.Progress {
		return &perch.Progress{Status: status, Since: ago(4), ExpectedSeconds: 840, Awaited: awaited}
	}
	resource := func(kind string, minutes, typical float64) *perch.AwaitedResource {
		return &perch.AwaitedResource{LogicalID: "X", Type: kind, Since: ago(minutes), TypicalSeconds: typical}
	}
	expected := func(last *perch.LastReport) { last.ExpectedSeconds = 600 }
	for want, known := range map[string]Known{
		"": {StackStatus: "CREATE_COMPLETE", LastReport: said(perch.PhaseReady)},
		"Creating: database, 3 of about 10 minutes": {
			Beat: stack("CREATE_IN_PROGRESS", resource("AWS::RDS::DBInstance", 3.9, 595)),
		},
		"Creating: database, usually about 10 minutes": {
			Beat: stack("CREATE_IN_PROGRESS", resource("AWS::RDS::DBInstance", 0.5, 595)),
		},
		"Creating: database, 12 minutes, usually about 10": {
			Beat: stack("CREATE_IN_PROGRESS", resource("AWS::RDS::DBInstance", 12, 595)),
		},
		"Updating: Elastic Beanstalk environment, 1 of about 7 minutes": {
			Beat: stack("UPDATE_IN_PROGRESS", resource("AWS::ElasticBeanstalk::Environment", 1, 391)),
		},
		"Creating: security group": {
			Beat: stack("CREATE_IN_PROGRESS", resource("AWS::EC2::SecurityGroup", 0, 6)),
		},
		"Creating: security group, 5 minutes": {
			Beat: stack("CREATE_IN_PROGRESS", resource("AWS::EC2::SecurityGroup", 5, 6)),
		},
		"Creating: instance profile, usually about 1 minute": {
			Beat: stack("CREATE_IN_PROGRESS", resource("AWS::IAM::InstanceProfile", 0, 80)),
		},
		"Creating, 4 of about 14 minutes": {
			Beat: stack("CREATE_IN_PROGRESS", nil),
		},
		"Rolling back, 4 of about 14 minutes": {
			Beat: stack("UPDATE_ROLLBACK_IN_PROGRESS", nil),
		},
		"Deleting what the update replaced, 4 of about 14 minutes": {
			Beat: stack("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", nil),
		},
		"Deleting: bucket: Files (AWS::S3::Bucket): not empty": {Beat: &perch.Progress{
			Status: "DELETE_IN_PROGRESS", Awaited: resource("AWS::S3::Bucket", 0, 1),
			Reason: "Files (AWS::S3::Bucket):\nnot empty",
		}},
		"Waiting for image ghcr.io/shop:1, 3 minutes: it is not in its registry": {Beat: &perch.Progress{
			Status: "WAITING_FOR_IMAGE", Resource: "ghcr.io/shop:1", Since: ago(3), Reason: "it is not in its registry",
		}},
		"Waiting for an answer from https://a.example.org, 1 minute": {
			Beat: &perch.Progress{Status: "WAITING_FOR_ANSWER", Resource: "https://a.example.org", Since: ago(1)},
		},
		"Waiting for an answer": {Beat: &perch.Progress{Status: "WAITING_FOR_ANSWER"}},
		"Seeding: http POST /seed, step 2 of 3": {
			Beat: &perch.Progress{Status: "SEEDING", Resource: "http POST /seed", Done: 1, Total: 3},
		},
		"Emptying bucket shop-files": {Beat: &perch.Progress{Status: "EMPTYING", Resource: "shop-files"}},
		"Emptying bucket shop-files: S3 throttles the requests": {Beat: &perch.Progress{
			Status: "EMPTYING", Resource: "shop-files", Reason: "S3 throttles the requests",
		}},
		"Waiting for CloudFormation":         {Beat: &perch.Progress{Status: "CREATE_COMPLETE"}},
		"Starting the creation of the stack": {Phase: perch.PhaseStack, Activity: "CreateStack"},
		"Checking the request":               {Phase: perch.PhaseAdmitting},
		"Creating, 2 of about 10 minutes": {
			StackStatus: "CREATE_IN_PROGRESS", LastReport: said(perch.PhaseStack, expected),
		},
		"Deploying, 2 of about 10 minutes": {
			Phase: perch.PhaseStack, Activity: "Report", LastReport: said(perch.PhaseStack, expected),
		},
		"Waiting for the image, 2 minutes": {LastReport: said(perch.PhaseImage, expected)},
		"Waiting for the end of the grace period": {
			StackStatus: "CREATE_COMPLETE", LastReport: said(perch.PhaseGrace, removal),
		},
		"Deleting, 2 minutes": {StackStatus: "DELETE_IN_PROGRESS", LastReport: said(perch.PhaseRemoving, removal)},
	} {
		if got := known.Progress(noon); got != want {
			t.Errorf("the progress is %q, want %q", got, want)
		}
	}
}

func TestTheReasonOfAFailure(t *testing.T) {
	failed := said(perch.PhaseFailed, func(last *perch.LastReport) {
		last.Sentence = "no such class; AWS_SECRET_ACCESS_KEY=" + strings.Repeat("k7", 20)
	})
	for name, c := range map[string]struct {
		known Known
		want  string
	}{
		"the run said it": {
			Known{StackStatus: "ROLLBACK_COMPLETE", StackReason: "Resources failed", LastReport: failed},
			"no such class; AWS_SECRET_ACCESS_KEY=[masked]",
		},
		"only CloudFormation did": {
			Known{StackStatus: "DELETE_FAILED", StackReason: "Resources failed"}, "Resources failed",
		},
		"something newer is tried": {
			Known{StackStatus: "UPDATE_IN_PROGRESS", LastReport: failed, Phase: perch.PhaseStack}, "",
		},
		"a reason without failure": {
			Known{StackStatus: "UPDATE_COMPLETE", StackReason: "User Initiated", LastReport: said(perch.PhaseReady)},
			"",
		},
		"failed without its report": {
			Known{StackStatus: "CREATE_COMPLETE", Phase: perch.PhaseFailed, LastReport: said(perch.PhaseStack)}, "",
		},
	} {
		if got := c.known.Failure(); got != c.want {
			t.Errorf("%s: the failure is %q, want %q", name, got, c.want)
		}
	}
}

// TestEveryActivityHasWords keeps code words out of what people read.
func TestEveryActivityHasWords(t *testing.T) {
	for _, row := range contract.Table() {
		if _, known := activityWords[row.Name]; !known {
			t.Errorf("activity %s has no words", row.Name)
		}
	}
}

var beatLiteral = regexp.MustCompile(`Status[^"\n]{1,25}"([A-Z][A-Z_. ]+)"`)

// TestEveryHeartbeatHasWords reads which statuses the activities beat. Those of a deletion are the
// stack's.
func TestEveryHeartbeatHasWords(t *testing.T) {
	beaten := map[string]bool{}
	for _, pattern := range []string{"../activities/*.go", "../activities/*/*.go"} {
		files, err := filepath.Glob(filepath.FromSlash(pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s names %d files: %v", pattern, len(files), err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, found := range beatLiteral.FindAllStringSubmatch(string(text), -1) {
				if !strings.HasSuffix(file, "_test.go") && !strings.HasPrefix(found[1], "DELETE_") {
					beaten[found[1]] = true
				}
			}
		}
	}
	for status := range beaten {
		if _, known := beatWords[status]; !known {
			t.Errorf("heartbeat %q has no words", status)
		}
	}
	for status := range beatWords {
		if !beaten[status] {
			t.Errorf("no activity beats %q", status)
		}
	}
}

func TestWordsOfTypes(t *testing.T) {
	for resourceType, want := range map[string]string{
		"AWS::SQS::Queue": "queue", "AWS::EC2::SecurityGroupIngress": "security group ingress", "AWS::EC2::VPC": "vpc",
		"AWS::CertificateManager::Certificate": "certificate", "Custom::Thing": "thing",
		"AWS::EC2::VPCEndpoint": "vpc endpoint",
	} {
		if got := resourceNoun(resourceType); got != want {
			t.Errorf("%s is %q, want %q", resourceType, got, want)
		}
	}
	if got := ActivityWords("NewThing"); got != "New thing" {
		t.Errorf("an unknown activity is %q", got)
	}
}
