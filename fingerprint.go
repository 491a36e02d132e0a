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

// fingerprintMark precedes the fingerprint in a worker's identity.
const fingerprintMark = "/policy-"

// Fingerprint returns 16 characters that identify the policy's content: policies with the same
// fingerprint have the same content. The fingerprint is visible in Temporal, so it leaves out the
// credentials in a repository's address; otherwise they could be guessed from it.
func (p *Policy) Fingerprint() string {
	plain := *p
	plain.Source.Git = WithoutCredentials(p.Source.Git)
	content, _ := json.Marshal(plain) // Strings, numbers, lists and maps always marshal.
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:8])
}

// WorkerIdentity returns the identity in Temporal of a worker with this policy. base tells the
// worker from others.
func (p *Policy) WorkerIdentity(base string) string { return base + fingerprintMark + p.Fingerprint() }

// Policies groups the identities of workers by the fingerprint of their policy. The key is empty
// for workers without a fingerprint. Each list is sorted and has no duplicates.
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

// PolicySentence says which workers have which policy. policies has at least two entries.
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
