package activities

import (
	"fmt"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/application"
	"perch/activities/contract"
	"perch/activities/stack"
	"perch/sandbox/aws"
)

// allow has a small template admitted for a branch, as Admit does, and returns its hash.
func (w *world) allow(branch string, kind perch.Kind, value string) string {
	w.t.Helper()
	environment, err := perch.NewEnvironment("shop", branch)
	if err != nil {
		w.t.Fatal(err)
	}
	apps := of[*Applications](w).stacks
	bucket, err := apps.ArtifactBucket(w.t.Context(), kind)
	if err != nil {
		w.applyFor(kind)
		if bucket, err = apps.ArtifactBucket(w.t.Context(), kind); err != nil {
			w.t.Fatal(err)
		}
	}
	key := "templates/" + value + ".json"
	if err := apps.StoreObject(w.t.Context(), bucket, key, []byte(bucketTemplate(value))); err != nil {
		w.t.Fatal(err)
	}
	allowed := application.Admission{Kind: kind, Template: key, Hash: value, HealthPath: "/"}
	if err := apps.RecordAdmission(w.t.Context(), bucket, environment, allowed); err != nil {
		w.t.Fatal(err)
	}
	return value
}

// template has a small template admitted for branch login.
func (w *world) template(value string) string { return w.allow("login", perch.KindBranch, value) }

func (w *world) makeBucket(name string) {
	w.t.Helper()
	in := &s3.CreateBucketInput{
		Bucket:                    &name,
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: "eu-central-1"},
	}
	if _, err := w.s3().CreateBucket(w.t.Context(), in); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) creation(branch, token string) contract.ChangeInput {
	return contract.ChangeInput{
		Environment: activitytest.Environment("shop", branch), Kind: perch.KindBranch,
		Template: w.allow(branch, perch.KindBranch, "one"), Token: token,
	}
}

func TestCreateStackMakesAStackThatIsOurs(t *testing.T) {
	w := newWorld(t)
	for kind, protected := range map[perch.Kind]bool{
		perch.KindBranch: false, perch.KindStaging: true, perch.KindProduction: true,
	} {
		in := w.creation("is-"+string(kind), "token")
		in.Kind = kind
		w.allow(in.Environment.Branch, kind, "one")
		out := must(w, of[*Stacks](w).CreateStack, in)
		state := must(
			w, of[*Stacks](w).DescribeStack,
			contract.StackInput{Environment: activitytest.Environment("shop", in.Environment.Branch)},
		)
		if state.StackID != out.StackID || !state.Ours || state.Kind != kind || state.Protected != protected {
			t.Errorf("%s: made %+v, found %+v", kind, out, state)
		}
	}
}

func TestS01LostCreateResponseIsAdopted(t *testing.T) {
	for name, change := range map[string]func(*world, *contract.ChangeInput){
		"the same call again": func(*world, *contract.ChangeInput) {},
		"another template meanwhile": func(w *world, in *contract.ChangeInput) {
			in.Template = w.allow("login", perch.KindBranch, "two")
		},
		"another token: a new run": func(_ *world, in *contract.ChangeInput) { in.Token = "other" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			in := w.creation("login", "token")
			w.fault(aws.Fault{Service: "cloudformation", Action: "CreateStack", When: aws.After, Drop: true, Count: 1})
			_, err := activitytest.Try(of[*Stacks](w).CreateStack, in)
			activitytest.WantRetry(t, err)
			change(w, &in)
			out := must(w, of[*Stacks](w).CreateStack, in)
			all := must(w, of[*Stacks](w).ListEnvironments, perch.ListInput{Project: "shop"})
			if state := must(
				w, of[*Stacks](w).DescribeStack,
				contract.StackInput{Environment: activitytest.Environment("shop", "login")},
			); state.StackID != out.StackID || len(all.Environments) != 1 {
				t.Errorf("adopted %+v of %+v, %d environments", out, state, len(all.Environments))
			}
		})
	}
}

func TestS02AStackThatIsNotOursIsAConflict(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*cloudformation.CreateStackInput)
		words  []string
	}{
		"no tags": {func(in *cloudformation.CreateStackInput) { in.Tags = nil },
			[]string{"stack shop-login exists", "Perch does not manage it and did not change it", "rename the branch"}},
		"another repository": {
			func(in *cloudformation.CreateStackInput) { in.Tags = stack.TagList(otherRepository(t)) },
			[]string{
				"whose tags name the repository github.com/acme/other",
				"`repository: [github.com/acme/shop, github.com/acme/other]`",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			id := w.bare("shop-login", "login", c.change)
			w.foreign(id)
			if state := must(
				w, of[*Stacks](w).DescribeStack,
				contract.StackInput{Environment: activitytest.Environment("shop", "login")},
			); state.Ours || state.StackID != id {
				t.Errorf("found %+v", state)
			}
			_, err := activitytest.Try(of[*Stacks](w).CreateStack, w.creation("login", "token"))
			activitytest.WantFinal(t, err, perch.ErrorInvalid, c.words...)
		})
	}
}

func otherRepository(t *testing.T) map[string]string {
	environment, err := perch.NewEnvironment("shop", "login")
	if err != nil {
		t.Fatal(err)
	}
	return environment.Tags(perch.Identity{Project: "shop", Names: []string{"github.com/acme/other"}}, perch.KindBranch)
}

func TestS32AStackThatExistsAndIsNotVisibleYetIsNotAConflict(t *testing.T) {
	w := newWorld(t)
	w.bare("shop-login", "login", nil)
	in := w.creation("login", "token")
	w.fault(aws.Fault{
		Service: "cloudformation", Action: "DescribeStacks", Contains: "StackName=shop-login", Code: "ValidationError",
		Message: "Stack with id shop-login does not exist", Count: 1,
	})
	_, err := activitytest.Try(of[*Stacks](w).CreateStack, in)
	activitytest.WantRetry(t, err, "not visible yet")
	must(w, of[*Stacks](w).CreateStack, w.creation("login", "token"))
}

func TestS30AThrottledCreateStackIsTriedAgainWithItsToken(t *testing.T) {
	w := newWorld(t)
	in := w.creation("login", "token")
	w.fault(aws.Fault{
		Service: "cloudformation", Action: "CreateStack", Code: "Throttling", Message: "Rate exceeded", Count: 1,
	})
	_, err := activitytest.Try(of[*Stacks](w).CreateStack, in)
	activitytest.WantRetry(t, err, "Throttling")
	out := must(w, of[*Stacks](w).CreateStack, in)
	if ended := must(
		w, of[*Stacks](w).AwaitStack, contract.AwaitInput{StackID: out.StackID, Token: "token"},
	); ended.Status != "CREATE_COMPLETE" {
		t.Errorf("ended %+v", ended)
	}
}

func TestS55S69ExpiredCredentialsAreTriedAgainAndADenialIsNot(t *testing.T) {
	w := newWorld(t)
	in := w.creation("login", "token")
	w.fault(aws.Fault{
		Service: "cloudformation", Action: "CreateStack", Status: 403, Code: "ExpiredToken",
		Message: "The security token included in the request is expired", Count: 1,
	})
	_, err := activitytest.Try(of[*Stacks](w).CreateStack, in)
	activitytest.WantRetry(t, err, "ExpiredToken")
	w.fault(aws.Fault{
		Service: "cloudformation", Action: "CreateStack", Status: 403, Code: "AccessDenied",
		Message: "User: x is not authorized to perform: cloudformation:CreateStack", Count: 1,
	})
	_, err = activitytest.Try(of[*Stacks](w).CreateStack, in)
	activitytest.WantFinal(t, err, perch.ErrorDenied, "cloudformation:CreateStack")
	must(w, of[*Stacks](w).CreateStack, in)
}

func TestTheLimitDeletesNoEnvironmentThatAnotherRequestCreated(t *testing.T) {
	w := newWorld(t)
	must(w, of[*Stacks](w).CreateStack, w.creation("first", "token"))
	made := must(w, of[*Stacks](w).CreateStack, w.creation("login", "token"))
	w.policy.MaxEnvironments = 1
	if out := must(
		w, of[*Stacks](w).CreateStack, w.creation("login", "other"),
	); out.StackID != made.StackID || out.Rejection != nil {
		t.Errorf("adopted %+v, the other request made %+v", out, made)
	}
	if out := must(w, of[*Stacks](w).CreateStack, w.creation("login", "token")); out.Rejection == nil {
		t.Error("the request that made it keeps it beyond the limit")
	}
}

func TestS32TheLimitIsNotCountedByAListingThatLacksTheNewStack(t *testing.T) {
	w := newWorld(t)
	must(w, of[*Stacks](w).CreateStack, w.creation("first", "token"))
	w.policy.MaxEnvironments = 1
	in := w.creation("login", "token")
	// Before the creation and after it.
	w.fault(aws.Fault{Service: "cloudformation", Action: "DescribeStacks", Stale: 3600, Count: 2})
	_, err := activitytest.Try(of[*Stacks](w).CreateStack, in)
	activitytest.WantRetry(t, err, "was created and is not listed yet")
	if out := must(w, of[*Stacks](w).CreateStack, in); out.Rejection == nil {
		t.Error("an environment beyond the limit stays")
	}
}

func TestAStackBeyondTheLimitIsDeletedAgain(t *testing.T) {
	w := newWorld(t)
	w.policy.MaxEnvironments = 2
	for i, want := range []bool{false, false, true} {
		in := w.creation(fmt.Sprintf("branch-%d", i+1), "token")
		out := must(w, of[*Stacks](w).CreateStack, in)
		if got := out.Rejection != nil; got != want {
			t.Errorf("environment %d: rejected %v", i+1, out.Rejection)
		}
		if want {
			activitytest.WantWords(
				t, out.Rejection.Reason, "allows 2 environments", "perch down BRANCH", "max_environments",
			)
		}
		if again := must(w, of[*Stacks](w).CreateStack, in); !cmp.Equal(again, out) {
			t.Errorf("a repeat says %+v, the first said %+v", again, out)
		}
	}
}

// TestACreationUsesARecentListingUnlessThatIsAtTheLimit creates one environment, then another with
// the listing of the first, and then a third after the first was deleted.
func TestACreationUsesARecentListingUnlessThatIsAtTheLimit(t *testing.T) {
	w := newWorld(t)
	w.policy.MaxEnvironments = 2
	first := must(w, of[*Stacks](w).CreateStack, w.creation("first", "token")).StackID
	before := w.calls("cloudformation", "DescribeStacks")
	must(w, of[*Stacks](w).CreateStack, w.creation("second", "token"))
	if calls := w.calls("cloudformation", "DescribeStacks") - before; calls != 1 {
		t.Errorf("the second creation took %d listings, want the one after it", calls)
	}
	w.settle(first)
	must(w, of[*Stacks](w).DeleteStack, contract.ChangeInput{
		Environment: activitytest.Environment("shop", "first"), StackID: first, Token: "gone",
	})
	w.settle(first)
	if out := must(w, of[*Stacks](w).CreateStack, w.creation("third", "token")); out.Rejection != nil {
		t.Errorf("the count is that of an old listing: %+v", out.Rejection)
	}
}

func TestS10AnUpdateThatChangesNothingIsNotAFailure(t *testing.T) {
	w := newWorld(t)
	id := must(w, of[*Stacks](w).CreateStack, w.creation("login", "token")).StackID
	w.settle(id)
	in := contract.ChangeInput{
		Environment: activitytest.Environment("shop", "login"), StackID: id, Template: w.template("one"),
		Token: "update",
	}
	if out := must(w, of[*Stacks](w).UpdateStack, in); !out.Unchanged || out.StackID != id {
		t.Errorf("got %+v", out)
	}
	in.Template, in.Token = w.template("two"), "update-2"
	if out := must(w, of[*Stacks](w).UpdateStack, in); out.Unchanged {
		t.Errorf("got %+v", out)
	}
	if ended := must(
		w, of[*Stacks](w).AwaitStack, contract.AwaitInput{StackID: id, Token: "update-2"},
	); ended.Status != "UPDATE_COMPLETE" {
		t.Errorf("ended %+v", ended)
	}
}

func TestALostUpdateResponseIsRecovered(t *testing.T) {
	for name, rejection := range map[string]aws.Fault{
		"by the token": {},
		"by the events while it goes on": {
			Code: "ValidationError", Message: "Stack:arn is in UPDATE_IN_PROGRESS state and can not be updated.",
		},
		"by the events when it is over": {Code: "ValidationError", Message: "No updates are to be performed."},
		"by the events when it was rejected": {
			Code: "ValidationError", Message: "Stack:arn is in UPDATE_ROLLBACK_FAILED state and can not be updated.",
		},
		"by the token that is used up, also": {
			Code:    "TokenAlreadyExistsException",
			Message: "The client request token update has already been used for this stack.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			id := must(w, of[*Stacks](w).CreateStack, w.creation("login", "token")).StackID
			w.settle(id)
			w.fault(aws.Fault{Service: "cloudformation", Action: "UpdateStack", When: aws.After, Drop: true, Count: 1})
			in := contract.ChangeInput{
				Environment: activitytest.Environment("shop", "login"), StackID: id, Template: w.template("two"),
				Token: "update",
			}
			_, err := activitytest.Try(of[*Stacks](w).UpdateStack, in)
			activitytest.WantRetry(t, err)
			if rejection.Code != "" {
				rejection.Service, rejection.Action = "cloudformation", "UpdateStack"
				w.fault(rejection)
			}
			if out := must(w, of[*Stacks](w).UpdateStack, in); out.Unchanged {
				t.Errorf("got %+v", out)
			}
			if ended := must(
				w, of[*Stacks](w).AwaitStack, contract.AwaitInput{StackID: id, Token: "update"},
			); ended.Status != "UPDATE_COMPLETE" {
				t.Errorf("ended %+v", ended)
			}
		})
	}
}

func TestARejectedCallWhoseEventsCannotBeReadIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	id := must(w, of[*Stacks](w).CreateStack, w.creation("login", "token")).StackID
	w.settle(id)
	w.fault(aws.Fault{
		Service: "cloudformation", Action: "DeleteStack", Code: "ValidationError",
		Message: "Stack [shop-login] cannot be deleted while TerminationProtection is enabled",
	})
	w.fault(aws.Fault{
		Service: "cloudformation", Action: "DescribeStackEvents", Code: "Throttling", Message: "Rate exceeded",
		Count: 1,
	})
	in := contract.ChangeInput{Environment: activitytest.Environment("shop", "login"), StackID: id, Token: "gone"}
	_, err := activitytest.Try(of[*Stacks](w).DeleteStack, in)
	activitytest.WantRetry(t, err, "list events", "Throttling")
	_, err = activitytest.Try(of[*Stacks](w).DeleteStack, in)
	activitytest.WantFinal(t, err, perch.ErrorInvalid, "delete stack "+id, "TerminationProtection")
}

func TestAnUpdateOfABusyStackIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	w.fault(aws.Fault{LogicalID: "Files", Phase: "create", Hang: true})
	id := must(w, of[*Stacks](w).CreateStack, w.creation("login", "token")).StackID
	_, err := activitytest.Try(of[*Stacks](w).UpdateStack, contract.ChangeInput{
		Environment: activitytest.Environment("shop", "login"), StackID: id, Template: w.template("two"),
		Token: "update",
	})
	activitytest.WantRetry(t, err, "CREATE_IN_PROGRESS")
}

func TestDeleteStackIsForTheIDAndMayBeRepeated(t *testing.T) {
	w := newWorld(t)
	first := w.bare("shop-login", "login", nil)
	w.settle(first)
	in := contract.ChangeInput{Environment: activitytest.Environment("shop", "login"), StackID: first, Token: "gone"}
	must(w, of[*Stacks](w).DeleteStack, in)
	w.settle(first)
	second := w.bare("shop-login", "login", nil)
	w.settle(second)
	must(w, of[*Stacks](w).DeleteStack, in)
	if state := must(
		w, of[*Stacks](w).DescribeStack, contract.StackInput{Environment: activitytest.Environment("shop", "login")},
	); state.StackID != second || state.Status != "CREATE_COMPLETE" {
		t.Errorf("the newer stack is %+v", state)
	}
}

func TestRepairCallsLeadOutOfFailedUpdates(t *testing.T) {
	w := newWorld(t)
	id := w.bare("shop-login", "login", nil)
	w.settle(id)
	w.fault(aws.Fault{LogicalID: "Files", Phase: "update", Reason: "no", Count: 2})
	w.update(id, "two", "update")
	if ended := w.settle(id); ended.Status != "UPDATE_ROLLBACK_FAILED" {
		t.Fatalf("ended %+v", ended)
	}
	in := contract.ChangeInput{Environment: activitytest.Environment("shop", "login"), StackID: id, Token: "continue"}
	must(w, of[*Stacks](w).ContinueRollback, in)
	if ended := must(
		w, of[*Stacks](w).AwaitStack, contract.AwaitInput{StackID: id, Token: "continue"},
	); ended.Status != "UPDATE_ROLLBACK_COMPLETE" {
		t.Errorf("ended %+v", ended)
	}
}

func TestCancelUpdateRollsAnUpdateBack(t *testing.T) {
	w := newWorld(t)
	id := w.bare("shop-login", "login", nil)
	w.settle(id)
	w.fault(aws.Fault{LogicalID: "Files", Phase: "update", Hang: true, Count: 1})
	w.update(id, "two", "update")
	must(
		w, of[*Stacks](w).CancelUpdate,
		contract.ChangeInput{Environment: activitytest.Environment("shop", "login"), StackID: id, Token: "cancel"},
	)
	if ended := w.settle(id); ended.Status != "UPDATE_ROLLBACK_COMPLETE" {
		t.Errorf("ended %+v", ended)
	}
	// It is over: the next look decides.
	must(
		w, of[*Stacks](w).CancelUpdate,
		contract.ChangeInput{Environment: activitytest.Environment("shop", "login"), StackID: id, Token: "cancel-2"},
	)
}

func TestRollbackStackRollsBackAFailedUpdate(t *testing.T) {
	w := newWorld(t)
	id := w.bare("shop-login", "login", nil)
	w.settle(id)
	w.fault(aws.Fault{LogicalID: "Files", Phase: "update", Reason: "no", Count: 1})
	in := &cloudformation.UpdateStackInput{
		StackName: &id, TemplateBody: sdk.String(bucketTemplate("two")), DisableRollback: sdk.Bool(true),
	}
	if _, err := w.cfn().UpdateStack(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if ended := w.settle(id); ended.Status != "UPDATE_FAILED" {
		t.Fatalf("ended %+v", ended)
	}
	must(
		w, of[*Stacks](w).RollbackStack,
		contract.ChangeInput{Environment: activitytest.Environment("shop", "login"), StackID: id, Token: "back"},
	)
	if ended := w.settle(id); ended.Status != "UPDATE_ROLLBACK_COMPLETE" {
		t.Errorf("ended %+v", ended)
	}
}

func TestCallsAreMadeWithTheServiceRole(t *testing.T) {
	w := newWorld(t)
	if of[*Stacks](w).ServiceRole() != nil {
		t.Error("a role was made up")
	}
	w.policy.ServiceRole = "arn:aws:iam::123456789012:role/no-such-role"
	if got := sdk.ToString(of[*Stacks](w).ServiceRole()); got != w.policy.ServiceRole {
		t.Errorf("role %q", got)
	}
}

// TestNothingIsCreatedIfTheLimitIsReached: anyone who reaches Temporal can have many branches
// admitted and then schedule their creations.
func TestNothingIsCreatedIfTheLimitIsReached(t *testing.T) {
	w := newWorld(t)
	w.policy.MaxEnvironments = 1
	creations := []contract.ChangeInput{
		w.creation("first", "token"), w.creation("second", "token"), w.creation("third", "token"),
	}
	before := w.calls("cloudformation", "CreateStack")
	for i, in := range creations {
		out := must(w, of[*Stacks](w).CreateStack, in)
		if rejected := out.Rejection != nil; rejected != (i > 0) || rejected && out.StackID != "" {
			t.Errorf("creation %d: %+v", i, out)
		}
	}
	if made := w.calls("cloudformation", "CreateStack") - before; made != 1 {
		t.Errorf("%d stacks were created", made)
	}
}
