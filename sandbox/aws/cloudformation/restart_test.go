package cloudformation_test

import (
	"strings"
	"testing"
)

func TestARestartContinuesOperationsInProgress(t *testing.T) {
	replaced := strings.Replace(bucket, "NAME", "new", 1)
	larger := strings.Replace(replaced, "{Bucket:", "{Topic: {Type: AWS::SNS::Topic, DependsOn: Queue}, Bucket:", 1)
	for _, test := range []struct {
		behaviour, hang, fail, waits, want string
		begin                              func(w *world, id string) error
		exist                              []string
	}{
		{
			"an update", "Queue update", "", "Queue UPDATE_IN_PROGRESS", "UPDATE_COMPLETE",
			func(w *world, id string) error { return w.update(id, replaced) }, []string{"new"},
		},
		{
			"a replacement", "Bucket create", "", "Bucket UPDATE_IN_PROGRESS", "UPDATE_COMPLETE",
			func(w *world, id string) error { return w.update(id, replaced) }, []string{"new"},
		},
		{
			"the cleanup of an update", "Bucket delete", "", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE",
			func(w *world, id string) error { return w.update(id, replaced) }, []string{"new"},
		},
		{
			"the cleanup of a rollback", "Bucket delete", "Topic create",
			"UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE",
			func(w *world, id string) error { return w.update(id, larger) }, []string{"old"},
		},
		{
			"a deletion", "Bucket delete", "", "Bucket DELETE_IN_PROGRESS", "DELETE_COMPLETE",
			func(w *world, id string) error { return w.delete(id) }, nil,
		},
	} {
		t.Run(test.behaviour, func(t *testing.T) {
			dir := t.TempDir()
			w := newWorld(t, inFolder(dir))
			id := w.create("shop-a", strings.Replace(bucket, "NAME", "old", 1))
			w.reach(id, "CREATE_COMPLETE")
			defer w.faults.hang(test.hang)()
			w.faults.fail(test.fail, "not now")
			if err := test.begin(w, id); err != nil {
				t.Fatal(err)
			}
			w.until("the step hangs", func() bool {
				logical, status, ok := strings.Cut(test.waits, " ")
				if !ok {
					return string(w.describe(id).StackStatus) == test.waits
				}
				return w.status(id, logical) == status
			})
			if err := w.service.Close(); err != nil {
				t.Fatal(err)
			}
			again := newWorldWith(t, w.things, inFolder(dir))
			again.reach(id, test.want)
			var exist []string
			for _, thing := range again.things.ids() {
				if !strings.HasPrefix(thing, "shop-a-queue-") {
					exist = append(exist, thing)
				}
			}
			if strings.Join(exist, " ") != strings.Join(test.exist, " ") {
				t.Errorf("exist: %v, want %v", exist, test.exist)
			}
		})
	}
}
