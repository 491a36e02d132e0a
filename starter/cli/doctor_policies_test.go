package cli

import (
	"strings"
	"testing"

	"perch"
)

func TestS111DoctorJudgesThePoliciesOfTheWorkers(t *testing.T) {
	one, two := &perch.Policy{Project: "shop"}, &perch.Policy{Project: "shop", MaxInstances: 4}
	first, second, old := one.WorkerIdentity("1@host"), two.WorkerIdentity("2@host"), "3@old@perch-shop"
	for name, test := range map[string]struct {
		workers     []string
		ok, checked bool
		words       []string
	}{
		"one worker on both queues": {[]string{first, first}, true, true, []string{"all workers have the same policy"}},
		"two with one policy":       {[]string{first, one.WorkerIdentity("2@host")}, true, true, nil},
		"two policies": {
			[]string{first, second}, false, true, []string{first, second, "same policy file"},
		},
		"an older worker beside it": {[]string{first, old}, false, true, []string{first, old, "an older version"}},
		"older workers alone":       {[]string{old}, false, false, []string{"update it"}},
	} {
		got := judgePolicies(test.workers)
		if got.Name != checkPolicies || got.OK != test.ok || got.Checked != test.checked {
			t.Errorf("%s: %+v", name, got)
		}
		for _, word := range test.words {
			if !strings.Contains(got.Detail, word) {
				t.Errorf("%s: %q lacks %q", name, got.Detail, word)
			}
		}
	}
}
