package bucket

import (
	"slices"
	"testing"

	"perch/activities/activitytest"
)

func TestAPolicyKeepsItsOtherStatementsInAnyForm(t *testing.T) {
	for name, document := range map[string]string{
		"a list":     `{"Version":"2008-10-17","Id":"x","Statement":[{"Sid":"A","Effect":"Allow"},{"Effect":"Deny"}]}`,
		"one object": `{"Version":"2008-10-17","Id":"x","Statement":{"Sid":"A","Effect":"Allow"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			policy, err := readPolicy(document)
			if err != nil {
				t.Fatal(err)
			}
			before := slices.Clone(policy.statements)
			policy.denyWrites("aws", "b")
			policy.denyWrites("aws", "b")
			if !policy.deniesWrites() || len(policy.statements) != len(before)+1 {
				t.Errorf("statements %s", policy.statements)
			}
			policy.allowWrites()
			written, err := policy.document()
			if err != nil || policy.deniesWrites() || len(policy.statements) != len(before) {
				t.Errorf("%s, %v", written, err)
			}
			activitytest.WantWords(t, written, `"Id":"x"`, `"Version":"2008-10-17"`, `"Sid":"A"`)
		})
	}
}
