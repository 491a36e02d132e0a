package perch

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestS111AFingerprintTellsPoliciesApart(t *testing.T) {
	policy := Policy{
		Project: "shop", Protected: []string{"a"}, Kinds: map[Kind][]string{KindBranch: {"*"}, KindStaging: {"s"}},
	}
	policy.Source.Git = "https://jane:token@example.com/shop.git"
	same := policy
	same.Source.Git = "https://jane:another@example.com/shop.git"
	if policy.Fingerprint() != same.Fingerprint() {
		t.Error("another token is another policy")
	}
	other := policy
	other.Protected = []string{"a", "b"}
	if policy.Fingerprint() == other.Fingerprint() {
		t.Error("another list of protected branches has the same fingerprint")
	}
	renamed := policy
	renamed.FormerNames = []string{"github.com/acme/shop"}
	if policy.Fingerprint() == renamed.Fingerprint() {
		t.Error("another list of former names has the same fingerprint")
	}
	if print := policy.Fingerprint(); len(print) != 16 || strings.Trim(print, "0123456789abcdef") != "" {
		t.Errorf("fingerprint %q", print)
	}
}

func TestS111WorkersAreGroupedByTheirPolicies(t *testing.T) {
	one, two := Policy{Project: "shop"}, Policy{Project: "shop", MaxInstances: 4}
	first, second := one.WorkerIdentity("1@host"), two.WorkerIdentity("2@host")
	got := Policies([]string{second, first, "3@old@perch-shop", first})
	want := map[string][]string{one.Fingerprint(): {first}, two.Fingerprint(): {second}, "": {"3@old@perch-shop"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("policies (-want +got):\n%s", diff)
	}
	for _, part := range []string{
		"policy " + one.Fingerprint() + ": " + first, "an unknown policy (an older version): 3@old@perch-shop",
	} {
		if !strings.Contains(PolicySentence(got), part) {
			t.Errorf("sentence %q lacks %q", PolicySentence(got), part)
		}
	}
}
