package activities

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/activities/stack"
	"perch/sandbox/aws"
)

func TestS46ListingsLeaveOutWhatIsNotOurs(t *testing.T) {
	w := newWorldOf(t, aws.Config{Speed: 1e6, PageSize: 2})
	w.bare("shop-b", "b", nil)
	w.bare("shop-a", "a", nil)
	w.bare("awseb-e-abcdefghij-stack", "a", nil) // Beanstalk's own stacks inherit the tags.
	w.bare("shop-c", "c", func(in *cloudformation.CreateStackInput) { in.Tags = nil })
	w.bare(
		"shop-login", "login",
		func(in *cloudformation.CreateStackInput) { in.Tags = stack.TagList(otherRepository(t)) },
	)
	gone := w.bare("shop-gone", "gone", nil)
	w.settle(gone)
	must(
		w, of[*Stacks](w).DeleteStack,
		contract.ChangeInput{Environment: activitytest.Environment("shop", "gone"), StackID: gone, Token: "gone"},
	)
	w.settle(gone)
	out := must(w, of[*Stacks](w).ListEnvironments, perch.ListInput{Project: "shop"})
	var branches []string
	for _, e := range out.Environments {
		branches = append(branches, e.Branch)
	}
	if len(branches) != 2 || branches[0] != "a" || branches[1] != "b" {
		t.Errorf("listed %q", branches)
	}
	if got := of[*Stacks](w).Poller.Pages(); got != 3 {
		t.Errorf("the poller was told of %d pages, the listing of five stacks has three", got)
	}
}

func TestAnEmptyListIsAListAndNotNull(t *testing.T) {
	w := newWorld(t)
	if out := must(w, of[*Stacks](w).ListEnvironments, perch.ListInput{Project: "shop"}); out.Environments == nil {
		t.Error("the list is null")
	}
}

// TestStacksWithoutOtherActivitiesListEnvironments: a worker that shows metrics lists the
// environments without the rest of the activities.
func TestStacksWithoutOtherActivitiesListEnvironments(t *testing.T) {
	w := newWorld(t)
	w.apply()
	w.bare("shop-a", "a", nil)
	stacks := NewStacks(w.config, w.policy, w.set.branches.Source, time.Second)
	if out := must(w, stacks.ListEnvironments, perch.ListInput{Project: "shop"}); len(out.Environments) != 1 {
		t.Errorf("listed %+v", out.Environments)
	}
}

func TestDescribeEnvironmentTellsOutputsAndResources(t *testing.T) {
	w := newWorld(t)
	w.apply()
	commit := w.repo.commit("feature/login", map[string]string{"perch.yaml": testConfig, "fixtures/media/a.txt": "a"})
	w.up("feature/login", commit)
	out := must(
		w, of[*Stacks](w).DescribeEnvironment,
		perch.StatusInput{Environment: activitytest.Environment("shop", "feature/login")},
	)
	e := out.Environment
	if e == nil || e.Commit != commit || e.Status != "CREATE_COMPLETE" || e.URL != "http://"+e.Slug+".shop.localhost" ||
		e.Kind != perch.KindBranch || e.Updated.IsZero() || len(e.Resources) < 5 {
		t.Fatalf("got %+v", e)
	}
	for _, r := range e.Resources {
		if r.Type == "" || r.LogicalID == "" || r.Status != "CREATE_COMPLETE" {
			t.Errorf("resource %+v", r)
		}
	}
	list := must(w, of[*Stacks](w).ListEnvironments, perch.ListInput{Project: "shop"})
	if len(list.Environments) != 1 || list.Environments[0].URL != e.URL || list.Environments[0].Resources != nil {
		t.Errorf("listed %+v", list)
	}
}

func TestReadsRejectStacksAndProjectsOfOthers(t *testing.T) {
	w := newWorld(t)
	if out := must(
		w, of[*Stacks](w).DescribeEnvironment,
		perch.StatusInput{Environment: activitytest.Environment("shop", "login")},
	); out.Environment != nil {
		t.Errorf("there is no environment, and it says %+v", out.Environment)
	}
	w.bare("shop-login", "login", func(in *cloudformation.CreateStackInput) { in.Tags = nil })
	_, err := activitytest.Try(
		of[*Stacks](w).DescribeEnvironment, perch.StatusInput{Environment: activitytest.Environment("shop", "login")},
	)
	activitytest.WantFinal(t, err, perch.ErrorInvalid, "does not have the tags", "Perch does not manage it")
	_, err = activitytest.Try(
		of[*Stacks](w).DescribeEnvironment, perch.StatusInput{Environment: activitytest.Environment("blog", "login")},
	)
	activitytest.WantFinal(t, err, perch.ErrorInvalid, `serves project "shop", not "blog"`)
	_, err = activitytest.Try(of[*Stacks](w).ListEnvironments, perch.ListInput{Project: "blog"})
	activitytest.WantFinal(t, err, perch.ErrorInvalid, "ask the worker of that project")
}

func TestDescribeStackOfNothingIsNotAnError(t *testing.T) {
	w := newWorld(t)
	if state := must(
		w, of[*Stacks](w).DescribeStack, contract.StackInput{Environment: activitytest.Environment("shop", "login")},
	); state != (contract.StackState{}) {
		t.Errorf("got %+v", state)
	}
	w.fault(aws.Fault{
		Service: "cloudformation", Action: "DescribeStacks", Code: "ValidationError",
		Message: "1 validation error detected",
	})
	_, err := activitytest.Try(
		of[*Stacks](w).DescribeStack, contract.StackInput{Environment: activitytest.Environment("shop", "login")},
	)
	activitytest.WantFinal(t, err, perch.ErrorInvalid, "1 validation error detected")
}
