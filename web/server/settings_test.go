package server

import (
	"bytes"
	"maps"
	"strings"
	"testing"
)

func TestAWrongConfigurationOfTheDashboardIsSaidWithWhatToDo(t *testing.T) {
	right := map[string]string{
		"PERCH_READ_API": "http://127.0.0.1:9091", "PERCH_READ_TOKEN": "t",
		"PERCH_PUBLIC_URL":       "https://perch.example.com",
		"PERCH_GITHUB_CLIENT_ID": "id", "PERCH_GITHUB_CLIENT_SECRET": "secret", "PERCH_PROJECT": "shop",
		"TEMPORAL_ADDRESS": "127.0.0.1:1",
	}
	noSignIn := map[string]string{"PERCH_GITHUB_CLIENT_ID": "", "PERCH_GITHUB_CLIENT_SECRET": ""}
	for name, c := range map[string]struct {
		change map[string]string
		args   []string
		exit   int
		says   string
	}{
		"right, without webhooks": {nil, nil, 1, "no Temporal answers at 127.0.0.1:1"},
		"a short secret": {
			map[string]string{"PERCH_WEBHOOK_SECRET": "x"}, []string{"--repository-id", "7"}, 2,
			"PERCH_WEBHOOK_SECRET has 1 characters",
		},
		"webhooks without an id": {
			map[string]string{"PERCH_WEBHOOK_SECRET": strings.Repeat("s", 32)}, nil, 2, "give --repository-id",
		},
		"no project": {map[string]string{"PERCH_PROJECT": ""}, nil, 2, "no project"},
		"an address without scheme": {
			map[string]string{"PERCH_READ_API": "worker:9091"}, nil, 2, "such as http://127.0.0.1:9091",
		},
		"no token": {map[string]string{"PERCH_READ_TOKEN": ""}, nil, 2, "PERCH_READ_TOKEN is not set"},
		"no public address": {
			map[string]string{"PERCH_PUBLIC_URL": ""}, nil, 2, "give --public-url or PERCH_PUBLIC_URL",
		},
		"a public path": {
			map[string]string{"PERCH_PUBLIC_URL": "https://example.com/perch"}, nil, 2, "has a path",
		},
		"no TLS": {
			map[string]string{"PERCH_PUBLIC_URL": "http://perch.example.com"}, nil, 2, "without TLS",
		},
		"no sign-in": {noSignIn, nil, 2, "no way to know who people are: set PERCH_GITHUB_CLIENT_ID"},
		"two ways": {nil, []string{"--proxy-header", "X-Forwarded-User", "--proxy-from", "10.0.0.7"}, 2,
			"several ways to know who people are"},
		"half an OAuth app": {
			map[string]string{"PERCH_GITHUB_CLIENT_SECRET": ""}, nil, 2, "PERCH_GITHUB_CLIENT_SECRET is not set",
		},
		"the other half": {
			map[string]string{"PERCH_GITHUB_CLIENT_ID": ""}, nil, 2, "PERCH_GITHUB_CLIENT_ID is not set",
		},
		"GitHub without TLS": {
			map[string]string{"PERCH_GITHUB_URL": "http://ghe.example.com"}, nil, 2, "PERCH_GITHUB_URL",
		},
		"a proxy from nowhere": {
			noSignIn, []string{"--proxy-header", "X-Forwarded-User"}, 2, "needs --proxy-from",
		},
		"a proxy without a header": {noSignIn, []string{"--proxy-from", "10.0.0.7"}, 2, "needs --proxy-header"},
		"a proxy from everywhere": {
			noSignIn, []string{"--proxy-header", "X-User", "--proxy-from", "0.0.0.0/0"}, 2,
			"is not the address or network of a proxy",
		},
		"an invalid header": {
			noSignIn, []string{"--proxy-header", "X User", "--proxy-from", "10.0.0.7"}, 2,
			"is not the name of a header",
		},
		"a local user for everyone": {
			noSignIn, []string{"--local-user", "you", "--listen", "0.0.0.0:8080"}, 2, "it needs a loopback address",
		},
		"a local user without a listen": {
			noSignIn, []string{"--local-user", "you", "--listen", ":8080"}, 2, "it needs a loopback address",
		},
		"a local user in public": {noSignIn, []string{"--local-user", "you"}, 2, "it needs a loopback address"},
		"a local user": {
			with(noSignIn, "PERCH_PUBLIC_URL", "http://127.0.0.1:8080"), []string{"--local-user", "you"}, 1,
			"no Temporal answers",
		},
	} {
		t.Run(name, func(t *testing.T) {
			env := maps.Clone(right)
			maps.Copy(env, c.change)
			var out bytes.Buffer
			exit := Main(t.Context(), c.args, &out, &out, func(name string) string { return env[name] })
			if exit != c.exit || !strings.Contains(out.String(), c.says) {
				t.Errorf("exit code %d: %s", exit, out.String())
			}
		})
	}
}
