package perch

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// fingerprintMark comes before the fingerprint in a worker's identity.
const fingerprintMark = "/policy-"

// Fingerprint names the policy in 16 characters: two policies with the same fingerprint have the
// same content. Workers show it to each other, so it must not help to guess what a policy holds:
// the password in a repository's address is not part of it.
func (p *Policy) Fingerprint() string {
	plain := *p
	plain.Source.Git = WithoutCredentials(p.Source.Git)
	content, _ := json.Marshal(plain) // Texts, numbers, lists and maps of them: it cannot fail.
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:8])
}

// WorkerIdentity is the identity that a worker with this policy has in Temporal; base distinguishes
// it from other workers.
func (p *Policy) WorkerIdentity(base string) string { return base + fingerprintMark + p.Fingerprint() }

// Policies are the identities of workers by the fingerprint of their policy, which is empty for
// workers that name none. Each list is sorted and has no duplicates.
func Policies(identities []string) map[string][]string {
	policies := map[string][]string{}
	for _, identity := range identities {
		fingerprint := ""
		if i := strings.LastIndex(identity, fingerprintMark); i >= 0 {
			fingerprint = identity[i+len(fingerprintMark):]
		}
		if !slices.Contains(policies[fingerprint], identity) {
			policies[fingerprint] = append(policies[fingerprint], identity)
		}
	}
	for _, workers := range policies {
		slices.Sort(workers)
	}
	return policies
}

// PolicySentence says which workers have which policy; policies has at least two.
func PolicySentence(policies map[string][]string) string {
	var parts []string
	for _, fingerprint := range slices.Sorted(maps.Keys(policies)) {
		which := "policy " + fingerprint
		if fingerprint == "" {
			which = "an unknown policy (an older version)"
		}
		parts = append(parts, fmt.Sprintf("%s: %s", which, strings.Join(policies[fingerprint], ", ")))
	}
	return strings.Join(parts, "; ")
}
