package run

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"perch/sandbox/aws"
)

func TestFaultsAreInjectedByCommand(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	port := b.awsURL[strings.LastIndex(b.awsURL, ":")+1:]
	exit, stdout, stderr := mainOf(
		t, "fault", "add", "stack=shop-unlucky", "type=AWS::RDS::DBInstance", "phase=create", "reason=no = machines",
		"count=2", "--aws-port", port,
	)
	if exit != 0 {
		t.Fatalf("exit code %d: %s", exit, stderr)
	}
	var ordered struct{ ID string }
	if err := json.Unmarshal([]byte(stdout), &ordered); err != nil {
		t.Fatalf("%v: %s", err, stdout)
	}
	want := aws.Fault{
		ID: ordered.ID, Stack: "shop-unlucky", Type: "AWS::RDS::DBInstance", Phase: "create", Reason: "no = machines",
		Count: 2, When: aws.Before,
	}
	if !slices.Contains(b.aws.Faults(), want) {
		t.Errorf("faults in force: %+v, want %+v among them", b.aws.Faults(), want)
	}
	if exit, stdout, note := mainOf(
		t, "fault", "ls", "--aws-port", port,
	); exit != 0 || !strings.Contains(stdout, `"reason": "no = machines"`) {
		t.Errorf("fault ls: exit code %d, %s", exit, stdout)
	} else {
		contains(t, note, "perch-sandbox: "+ordered.ID+" has not struck yet; if it should have, check its values\n")
	}
	if exit, _, stderr := mainOf(t, "fault", "rm", ordered.ID, "--aws-port", port); exit != 0 {
		t.Errorf("fault rm: exit code %d, %s", exit, stderr)
	}
	if slices.Contains(b.aws.Faults(), want) {
		t.Error("the fault is still in force")
	}
}

// TestAFaultThatIsMostLikelyMistypedIsNoted checks that the fault is accepted with a note, because
// a resource or a stack may be created later.
func TestAFaultThatIsMostLikelyMistypedIsNoted(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	port := b.awsURL[strings.LastIndex(b.awsURL, ":")+1:]
	for words, want := range map[string]string{
		"stack=shop-nowhere logical_id=Artifcts phase=update reason=x": "no stack has a resource Artifcts now; " +
			"did you mean Artifacts?",
		"stack=shop-application-stagin phase=delete reason=x": "there is no stack shop-application-stagin now; " +
			"did you mean shop-application-staging?",
		"stack=shop-nowhere logical_id=Elsewhere phase=update reason=x": "",
	} {
		args := append(append([]string{"fault", "add"}, strings.Fields(words)...), "--aws-port", port)
		exit, stdout, note := mainOf(t, args...)
		var ordered aws.OrderedFault
		if err := json.Unmarshal([]byte(stdout), &ordered); err != nil || exit != 0 || ordered.Note != want {
			t.Errorf("fault add %s: exit code %d, %s%s; want the note %q", words, exit, stdout, note, want)
		}
		contains(t, note, want)
		b.aws.DeleteFault(ordered.ID)
	}
}

func TestEveryKindOfFaultIsInjectedByCommand(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	port := b.awsURL[strings.LastIndex(b.awsURL, ":")+1:]
	for words, want := range map[string]aws.Fault{
		"stale=2.5 contains=nobody count=3": {
			Service: "cloudformation", Action: "DescribeStacks", Stale: 2.5, Contains: "nobody", Count: 3,
			When: aws.Before,
		},
		"key=media/ contains=nobody code=SlowDown": {
			Service: "s3", Action: "DeleteObjects", Key: "media/", Contains: "nobody", Code: "SlowDown",
			When: aws.Before,
		},
		"stack=nobody refill=true": {
			Stack: "nobody", Type: "AWS::S3::Bucket", Phase: "delete", Refill: true, When: aws.Before,
		},
		"stack=nobody hang=true": {Stack: "nobody", Hang: true, When: aws.Before},
		"access_key=NOBODY code=ExpiredToken status=403": {
			AccessKey: "NOBODY", Code: "ExpiredToken", Status: 403, When: aws.Before,
		},
		"access_key=NOBODY rate=5": {
			AccessKey: "NOBODY", Rate: 5, Status: 400, Code: "Throttling", Message: "Rate exceeded", When: aws.Before,
		},
		"access_key=NOBODY drop=true when=after": {AccessKey: "NOBODY", Drop: true, Status: 400, When: aws.After},
	} {
		exit, stdout, stderr := mainOf(
			t, append(append([]string{"fault", "add"}, strings.Fields(words)...), "--aws-port", port)...,
		)
		var ordered struct{ ID string }
		if err := json.Unmarshal([]byte(stdout), &ordered); err != nil || exit != 0 {
			t.Errorf("fault add %s: exit code %d, %s%s", words, exit, stdout, stderr)
			continue
		}
		want.ID = ordered.ID
		if !slices.Contains(b.aws.Faults(), want) {
			t.Errorf("fault add %s: %+v is not among %+v", words, want, b.aws.Faults())
		}
		b.aws.DeleteFault(ordered.ID)
	}
}

func TestAFaultThatIsNotUnderstoodIsRejected(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	port := b.awsURL[strings.LastIndex(b.awsURL, ":")+1:]
	for _, c := range []struct {
		args []string
		exit int
		want string
	}{
		{
			nil, 2,
			"name a command for faults: add KEY=VALUE ..., ls, rm ID or rm all\nSee `perch-sandbox fault --help`",
		},
		{
			[]string{"add"}, 2,
			"name a command for faults: add KEY=VALUE ..., ls, rm ID or rm all\nSee `perch-sandbox fault --help`",
		},
		{
			[]string{"rm"}, 2,
			"name a command for faults: add KEY=VALUE ..., ls, rm ID or rm all\nSee `perch-sandbox fault --help`",
		},
		{[]string{"add", "reason"}, 2, `"reason" is not KEY=VALUE`},
		{[]string{"add", "action=CreateStack", "count=often"}, 2, `count is a number, not "often"`},
		{[]string{"add", "action=CreateStack", "drop=maybe"}, 2, `drop is true or false, not "maybe"`},
		{[]string{"add", "action=CreateStack"}, 2, "the effect is missing"},
		{[]string{"add", "stale=long"}, 2, `stale is a number, not "long"`},
		{[]string{"add", "stack=shop-x", "refill=maybe"}, 2, `refill is true or false, not "maybe"`},
		{[]string{"add", "key=media/"}, 2, "fail with a code"},
		{[]string{"add", "colour=red"}, 2, "a fault has no key \"colour\"; its keys are access_key, action, "},
		{
			[]string{"add", "action=CreateStak", "code=AccessDenied"}, 2,
			`there is no action "CreateStak" here; did you mean CreateStack?`,
		},
		{[]string{"add", "type=AWS::RDS::DBinstance", "reason=x"}, 2, "did you mean AWS::RDS::DBInstance?"},
		{[]string{"rm", "fault-0"}, 1, "the sandbox rejects it: no fault fault-0 is in force"},
	} {
		exit, stdout, stderr := mainOf(t, append(append([]string{"fault"}, c.args...), "--aws-port", port)...)
		if exit != c.exit || stdout != "" {
			t.Errorf("fault %v: exit code %d, stdout %q; want %d and nothing", c.args, exit, stdout, c.exit)
		}
		contains(t, stderr, c.want)
		if strings.Count(stderr, "\n") > 2 {
			t.Errorf("fault %v: the usage hides the error:\n%s", c.args, stderr)
		}
	}
}
