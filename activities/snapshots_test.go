package activities

import (
	"slices"
	"strings"
	"testing"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/sandbox/aws"
)

func TestASnapshotThatTheTemplateWantsIsNotALeftover(t *testing.T) {
	w, commit := newCustomWorld(t, map[string]string{"deploy/template.yaml": databaseTemplate})
	id := w.customUp(commit).StackID
	want := "a snapshot of AWS::RDS::DBInstance " + w.physical(id, "Database")
	if out := w.customGone(id); len(out.Leftovers) != 0 || !slices.Contains(out.Kept, want) {
		t.Errorf("got %+v, want %s", out, want)
	}
}

func TestASnapshotIsNamedOnlyIfTheRollbackOfACreationMadeOne(t *testing.T) {
	after := strings.Replace(databaseTemplate, "  Topic:\n", "  Topic:\n    DependsOn: Database\n", 1)
	for failing, made := range map[string]bool{"Database": false, "Topic": true} {
		t.Run(failing, func(t *testing.T) {
			w, commit := newCustomWorld(t, map[string]string{"deploy/template.yaml": after})
			rendered := w.render("login", commit)
			w.fault(aws.Fault{LogicalID: failing, Phase: "create", When: aws.After, Reason: "no capacity"})
			in := contract.ChangeInput{
				Environment: activitytest.Environment("shop", "login"), Kind: perch.KindBranch, Token: "create",
				Template: rendered.Hash,
			}
			id := must(w, of[*Stacks](w).CreateStack, in).StackID
			if ended := w.settle(id); ended.Status != "ROLLBACK_COMPLETE" {
				t.Fatalf("ended %+v", ended)
			}
			snapshot := "a snapshot of AWS::RDS::DBInstance " + w.physical(id, "Database")
			if out := w.customGone(id); len(out.Leftovers) != 0 || slices.Contains(out.Kept, snapshot) != made {
				t.Errorf("got %+v, want the snapshot %t", out, made)
			}
		})
	}
}

func TestASnapshotOfADatabaseThatAnUpdateRemovedIsNotALeftover(t *testing.T) {
	w, commit := newCustomWorld(t, map[string]string{"deploy/template.yaml": databaseTemplate})
	id := w.customUp(commit).StackID
	want := "a snapshot of AWS::RDS::DBInstance " + w.physical(id, "Database")
	w.customUpdate(id, w.repo.commit("login", map[string]string{"deploy/template.yaml": customTemplate}))
	if out := w.customGone(id); len(out.Leftovers) != 0 || !slices.Contains(out.Kept, want) {
		t.Errorf("got %+v, want %s", out, want)
	}
}
