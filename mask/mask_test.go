package mask

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSecretsInALineAreMasked(t *testing.T) {
	// The examples are put together, so that no scanner takes them for secrets of this repository.
	long := strings.Repeat("a1B2", 10)
	for line, want := range map[string]string{
		"key AKIA" + "IOSFODNN7EXAMPLE is old": "key [masked] is old",
		"clone with ghp_" + long:               "clone with [masked]",
		"clone with github_pat_" + long + "!":  "clone with [masked]!",
		"Authorization: Bearer " + long:        "Authorization: [masked]",
		`{"authorization":"Basic ` + long +
			`","path":"/"}`: `{"authorization":"[masked]","path":"/"}`,
		"sent bearer " + long + " twice":                "sent bearer [masked] twice",
		"postgres://shop:hunter2@db.internal:5432/shop": "postgres://shop:[masked]@db.internal:5432/shop",
		"redis://:p@ss@cache:6379":                      "redis://:[masked]@cache:6379",
		"DATABASE_PASSWORD=hunter2 PORT=80":             "DATABASE_PASSWORD=[masked] PORT=80",
		`{"password": "a b", "user": "me"}`: `{"password": "[masked]", ` +
			`"user": "me"}`,
		`{'secretKey': 'x', 'port': 80}`:                `{'secretKey': '[masked]', 'port': 80}`,
		"DATABASE_URL has password: postgres://a:b@c/d": "DATABASE_URL has password: [masked]",
		"run --api-token abc --port 80":                 "run --api-token [masked] --port 80",

		"key: -----BEGIN RSA PRIVATE KEY-----\\nMII\\n-----END RSA PRIVATE KEY-----": "key: [masked]",
	} {
		got, count := maskLine(line)
		if got != want || count != 1 {
			t.Errorf("%q is %q with %d masks, want %q with one", line, got, count, want)
		}
	}
	// An escaped quote ends a value, too.
	if got, count := maskLine(`"{\"token\":\"hunter2\"}"`); strings.Contains(got, "hunter2") || count != 1 {
		t.Errorf("escaped: %q, %d", got, count)
	}
}

func TestOrdinaryLinesStay(t *testing.T) {
	for _, line := range []string{
		"GET http://login.shop.test:8080/users/@me 200", "JsonWebTokenError: invalid signature",
		"arn:aws:secretsmanager:eu-central-1:123456789012:secret-name", "basic checks passed", "npm ERR! code 1",
		"listening on 0.0.0.0:80", "password authentication failed for user \"shop\"",
	} {
		if got, count := maskLine(line); got != line || count != 0 {
			t.Errorf("%q is %q with %d masks", line, got, count)
		}
	}
}

func TestBlocksOverSeveralLinesAreMasked(t *testing.T) {
	const begin, end = "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"
	for name, test := range map[string]struct{ lines, want []string }{
		"whole, with a line of another container in it": {
			[]string{"a | ready", "a | " + begin, "a | MIIE", "p | GET / 200", "a | Zg==", "a | " + end, "a | done: 1"},
			[]string{"a | ready", "a | [masked]", "[masked]", "p | GET / 200", "[masked]", "[masked]", "a | done: 1"},
		},
		"it began before the first line": {
			[]string{"a | MIIE", "p | GET / 200", "a | Zg==", "a | " + end, "a | Well"},
			[]string{"[masked]", "p | GET / 200", "[masked]", "[masked]", "a | Well"},
		},
		"it ends after the last line": {
			[]string{"a | x y", begin, "MIIE"}, []string{"a | x y", "[masked]", "[masked]"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, count := Text(strings.Join(test.lines, "\n"))
			if diff := cmp.Diff(test.want, strings.Split(got, "\n")); diff != "" || count != 1 {
				t.Errorf("%d masks: %s", count, diff)
			}
		})
	}
	if got, count := Text("a | " + strings.Repeat("MIIE", 16)); count != 1 || got != "a | [masked]" {
		t.Errorf("a line from the middle of a block is %q", got)
	}
}
