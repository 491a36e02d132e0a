package document

import "testing"

func TestQuotesHideSecrets(t *testing.T) {
	for line, want := range map[string]string{
		"  DB_PASSWORD: hunter2":                        "  DB_PASSWORD: ***",
		`secrets: {SECRET_KEY: "arn:aws:x"}`:            `secrets: {SECRET_KEY: "arn:aws:x"}`,
		"secrets: {DB_TOKEN: hunter2, X: 1}":            "secrets: {DB_TOKEN: ***",
		`"api_key": 'x,y'`:                              `"api_key": ***`,
		"git: https://jane:hunter2@github.com/acme/x":   "git: https://***@github.com/acme/x",
		"secrets: # by reference":                       "secrets: # by reference",
		"instance_type: t3.small":                       "instance_type: t3.small",
		"git: https://ghp_hunter2@github.com/acme/shop": "git: https://***@github.com/acme/shop",
	} {
		if got := blankSecrets(line); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
}
