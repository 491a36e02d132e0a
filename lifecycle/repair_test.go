package lifecycle

import (
	"slices"
	"strings"
	"testing"
	"time"
)

const frame = `Resource handler returned message: "%s" (RequestToken: 1, HandlerErrorCode: GeneralServiceException)`

func reason(text string) string { return strings.Replace(frame, "%s", text, 1) }

func TestDiagnoseReadsWhatAWSSays(t *testing.T) {
	for name, c := range map[string]struct {
		reason string
		want   Cure
	}{
		"S21 bucket filled again": {
			reason("The bucket you tried to delete is not empty (Service: S3, Status Code: 409)"), CureEmpty,
		},
		"S23 security group in use": {
			reason("resource sg-1 has a dependent object (Service: Ec2, Status Code: 400)"), CurePatience,
		},
		"S23 dependency violation": {"DependencyViolation", CurePatience},
		"S24 already gone": {
			`Resource of type 'AWS::SNS::Topic' was not found. (RequestToken: 1, HandlerErrorCode: NotFound)`,
			CureRetain,
		},
		"S27 deletion protection": {
			reason("Cannot delete protected DB Instance, please disable deletion protection and try again."),
			CurePerson,
		},
		"S69 denied": {
			`User: arn:aws:sts::1:assumed-role/x is not authorized to perform: s3:DeleteBucket`, CurePerson,
		},
		"denied although nothing is there": {
			`is not authorized to perform: rds:DeleteDBInstance because the role does not exist`, CurePerson,
		},
		"S97 access points": {
			reason("Bucket has access points attached and cannot be deleted. (Service: S3, Status Code: 400)"),
			CureDetach,
		},
		"S97 images": {reason("The repository with name 'shop' in registry with id '1' cannot be " +
			"deleted because it still contains images"), CureDetach},
		"S97 policies of a role": {reason("Cannot delete entity, must detach all policies first."), CureDetach},
		"S97 a policy of others": {reason("Cannot delete a policy attached to entities."), CureDetach},
		"S97 interface of a function": {
			reason("The subnet 'subnet-1' has dependencies and cannot be deleted. (Service: Ec2, Status Code: 400)"),
			CurePatience,
		},
		"S97 interface in use": {reason("Network interface 'eni-1' is currently in use."), CurePatience},
		"S97 Beanstalk is busy": {
			reason("Environment named shop-login is in an invalid state for this operation. Must be Ready."),
			CurePatience,
		},
		"anything else": {reason("Internal failure"), CureAgain},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Diagnose(Failure{Reason: c.reason}); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

var (
	full = Failure{
		LogicalID: "Assets", Type: "AWS::S3::Bucket", PhysicalID: "assets-1",
		Reason: "The bucket you tried to delete is not empty",
	}
	used = Failure{
		LogicalID: "Group", Type: "AWS::EC2::SecurityGroup", PhysicalID: "sg-1", Reason: "DependencyViolation",
	}
	phantom = Failure{LogicalID: "Topic", Type: "AWS::SNS::Topic", Reason: "HandlerErrorCode: NotFound"}
	subnets = Failure{
		LogicalID: "Subnets", Type: "AWS::RDS::DBSubnetGroup",
		Reason: "Cannot delete the subnet group because a database instance is still using it",
	}
	unknown  = Failure{LogicalID: "Thing", Type: "AWS::Some::Thing", PhysicalID: "thing-1", Reason: "Internal failure"}
	attached = Failure{
		LogicalID: "Images", Type: "AWS::ECR::Repository", PhysicalID: "images", Reason: "it still contains images",
	}
	protected = Failure{
		LogicalID: "Database", Type: "AWS::RDS::DBInstance", Reason: "please disable deletion protection",
	}
)

func TestRepairForTriesAgainBeforeItStops(t *testing.T) {
	for name, c := range map[string]struct {
		failures  []Failure
		deletions int
		want      Repair
	}{
		"a full bucket is deleted again at once": {[]Failure{full}, 1, Repair{}},
		"what is in use gets a minute":           {[]Failure{used}, 1, Repair{Pause: time.Minute}},
		"unknown words get a minute, too":        {[]Failure{unknown}, 1, Repair{Pause: time.Minute}},
		"then five, too":                         {[]Failure{unknown}, 2, Repair{Pause: 5 * time.Minute}},
		"what is attached gets a minute":         {[]Failure{attached}, 1, Repair{Pause: time.Minute}},
		"then five": {
			[]Failure{used, full}, 2, Repair{Pause: 5 * time.Minute},
		},
		"a subnet group of a database that goes gets time": {[]Failure{subnets}, 1, Repair{Pause: time.Minute}},
		"then fifteen": {[]Failure{used}, 3, Repair{Pause: 15 * time.Minute}},
		"S24 only the phantom is left out": {
			[]Failure{phantom, full}, 1, Repair{Retain: []string{"Topic"}},
		},
		"the fifth deletion leaves out all that remains": {
			[]Failure{phantom, full, used}, 4,
			Repair{Retain: []string{"Topic", "Assets", "Group"}, Sweep: []Failure{full, used}},
		},
		"what that one freed gets time and is deleted in full": {
			[]Failure{subnets}, 5, Repair{Pause: 15 * time.Minute},
		},
		"a phantom is left out of the last deletion too": {[]Failure{phantom}, 5, Repair{Retain: []string{"Topic"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := RepairFor(c.failures, c.deletions, false)
			if got.Stop != c.want.Stop || got.Pause != c.want.Pause || !slices.Equal(got.Retain, c.want.Retain) ||
				!slices.Equal(got.Sweep, c.want.Sweep) {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

func TestS27RepairForLeavesProtectionToAPerson(t *testing.T) {
	for deletions := 1; deletions <= MaxDeletions; deletions++ {
		got := RepairFor([]Failure{full, protected}, deletions, false)
		if !strings.Contains(got.Stop, "Database (AWS::RDS::DBInstance)") || strings.Contains(got.Stop, "Assets") ||
			!strings.HasSuffix(got.Stop, remedy) || len(got.Retain) > 0 {
			t.Errorf("after %d deletions: %+v", deletions, got)
		}
	}
}

func TestS97RepairForLeavesAttachedResourcesToAPerson(t *testing.T) {
	for deletions := 2; deletions <= MaxDeletions; deletions++ {
		if got := RepairFor(
			[]Failure{attached, used}, deletions, false,
		); !strings.Contains(got.Stop, "Images (AWS::ECR::Repository)") || strings.Contains(got.Stop, "Group") {
			t.Errorf("after %d deletions: %+v", deletions, got)
		}
	}
}

func TestS22RepairForStopsAfterMaxDeletions(t *testing.T) {
	if got := RepairFor([]Failure{full}, MaxDeletions, false); !strings.Contains(got.Stop, "Assets (AWS::S3::Bucket)") {
		t.Errorf("%+v", got)
	}
}

func TestRepairForForcesOnlyWhereItWouldStop(t *testing.T) {
	if got := RepairFor([]Failure{full}, 1, true); got.Force || got.Stop != "" {
		t.Errorf("a bucket that can be emptied: %+v", got)
	}
	if got := RepairFor([]Failure{protected}, 1, true); !got.Force || len(got.Sweep) != 1 || got.Stop != "" {
		t.Errorf("protection: %+v", got)
	}
	if got := RepairFor([]Failure{full}, MaxDeletions-1, true); got.Force || got.Stop != "" {
		t.Errorf("before the last deletion: %+v", got)
	}
	if got := RepairFor([]Failure{full}, MaxDeletions, true); !got.Force {
		t.Errorf("after the last deletion: %+v", got)
	}
	if got := RepairFor([]Failure{full}, MaxDeletions+1, true); got.Force || got.Stop == "" {
		t.Errorf("after the forced one: %+v", got)
	}
}
