package activities

import (
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/activities/stack"
)

func TestS143CallsOnAnotherBranchsStackAreRejected(t *testing.T) {
	w := newWorld(t)
	id := w.bare("shop-other", "other", nil)
	w.settle(id)
	w.template("one")
	stacks, before := of[*Stacks](w), len(w.aws.Calls())
	in := contract.ChangeInput{
		Environment: activitytest.Environment("shop", "login"), StackID: id, Template: "one", Token: "forged",
	}
	for name, call := range map[string]func() error{
		"UpdateStack":      func() error { _, err := activitytest.Try(stacks.UpdateStack, in); return err },
		"DeleteStack":      func() error { _, err := activitytest.Try(stacks.DeleteStack, in); return err },
		"CancelUpdate":     func() error { _, err := activitytest.Try(stacks.CancelUpdate, in); return err },
		"ContinueRollback": func() error { _, err := activitytest.Try(stacks.ContinueRollback, in); return err },
		"RollbackStack":    func() error { _, err := activitytest.Try(stacks.RollbackStack, in); return err },
	} {
		t.Run(name, func(t *testing.T) { activitytest.WantFinal(t, call(), perch.ErrorInvalid, "nothing was touched") })
	}
	for _, call := range w.aws.Calls()[before:] {
		if call.Action != "DescribeStacks" {
			t.Errorf("called %s", call.Action)
		}
	}
}

func TestS143WhatThePolicyKeepsIsNotDeletedByAnActivityEither(t *testing.T) {
	for name, c := range map[string]struct {
		branch string
		kind   perch.Kind
		change func(*cloudformation.CreateStackInput)
		words  string
	}{
		"the default branch": {branch: "main", kind: perch.KindBranch, words: "default branch"},
		"a protected branch": {branch: "release/1", kind: perch.KindBranch, words: "protected by the pattern"},
		"staging":            {branch: "staging", kind: perch.KindStaging, words: "kind staging"},
		"termination protection": {
			branch: "login", kind: perch.KindBranch, words: "termination protection",
			change: func(in *cloudformation.CreateStackInput) { in.EnableTerminationProtection = sdk.Bool(true) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.policy.Protected = []string{"release/*"}
			environment, err := perch.NewEnvironment("shop", c.branch)
			if err != nil {
				t.Fatal(err)
			}
			id := w.bare(environment.StackName(), c.branch, func(in *cloudformation.CreateStackInput) {
				in.Tags = stack.TagList(environment.Tags(w.policy.Identity(""), c.kind))
				if c.change != nil {
					c.change(in)
				}
			})
			w.settle(id)
			_, err = activitytest.Try(of[*Stacks](w).DeleteStack, contract.ChangeInput{
				Environment: activitytest.Environment("shop", c.branch), StackID: id, Token: "forged",
			})
			activitytest.WantFinal(t, err, perch.ErrorInvalid, c.words, "nothing was touched")
			if calls := w.calls("cloudformation", "DeleteStack"); calls != 0 {
				t.Errorf("%d calls of DeleteStack", calls)
			}
		})
	}
}

func TestS144OnlyWhatWasAdmittedLastIsDeployed(t *testing.T) {
	w := newWorld(t)
	in := w.creation("login", "token")
	w.template("two")
	_, err := activitytest.Try(of[*Stacks](w).CreateStack, in)
	activitytest.WantFinal(t, err, perch.ErrorInvalid, "another template was admitted", "run the command again")
	in.Template = "two"
	in.Kind = perch.KindProduction
	_, err = activitytest.Try(of[*Stacks](w).CreateStack, in)
	activitytest.WantFinal(t, err, perch.ErrorInvalid, "no application stack")
	in.Kind, in.Environment.Branch = perch.KindBranch, "unasked"
	_, err = activitytest.Try(of[*Stacks](w).CreateStack, in)
	activitytest.WantFinal(t, err, perch.ErrorInvalid, `nothing is admitted for branch "unasked"`)
	in.Environment.Branch = "login"
	w.policy.MaxEnvironments = 5
	_, err = activitytest.Try(of[*Stacks](w).CreateStack, in)
	activitytest.WantFinal(t, err, perch.ErrorInvalid, "policy changed")
	if calls := w.calls("cloudformation", "CreateStack"); calls != 1 {
		t.Errorf("%d stacks were made, want only the application's", calls)
	}
}

func TestS145SeedsAndProbesGoToTheEnvironmentsOwnAddress(t *testing.T) {
	w := newWorld(t)
	w.apply()
	first := w.repo.commit("login", map[string]string{"perch.yaml": testConfig, "fixtures/media/a.txt": "a"})
	id := w.up("login", first)
	newer := w.repo.commit("login", map[string]string{"fixtures/media/b.txt": "b"})
	_, err := activitytest.Try(
		of[*Seeds](w).SeedData,
		contract.SeedInput{Environment: activitytest.Environment("shop", "login"), Commit: newer, StackID: id},
	)
	activitytest.WantFinal(t, err, perch.ErrorInvalid, "with commit "+first+" deployed")
	_, err = activitytest.Try(
		of[*Seeds](w).SeedData,
		contract.SeedInput{Environment: activitytest.Environment("shop", "other"), Commit: first, StackID: id},
	)
	activitytest.WantFinal(t, err, perch.ErrorInvalid, "nothing was touched")
	_, err = activitytest.Try(
		of[*Readiness](w).AwaitReady,
		contract.ReadyInput{Environment: activitytest.Environment("shop", "other"), StackID: id},
	)
	activitytest.WantFinal(t, err, perch.ErrorInvalid, "nothing was touched")
	_, err = activitytest.Try(
		of[*Seeds](w).ReopenBuckets,
		contract.ReopenInput{Environment: activitytest.Environment("shop", "login"), StackID: id, Commit: newer},
	)
	activitytest.WantFinal(t, err, perch.ErrorInvalid, "with commit "+first+" deployed")
}
