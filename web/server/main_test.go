package server

import (
	"bytes"
	"strings"
	"testing"
)

func TestWrongConfigurationIsSaidWithWhatToDo(t *testing.T) {
	right := []string{"--project", "shop", "--repository-id", "7"}
	env := map[string]string{"PERCH_WEBHOOK_SECRET": strings.Repeat("s", 32)}
	for name, c := range map[string]struct {
		args []string
		env  map[string]string
		exit int
		says string
	}{
		"no project":      {right[2:], env, 2, "no project: give --project or PERCH_PROJECT"},
		"a wrong project": {append([]string{"--project", "My-Shop"}, right[2:]...), env, 2, "project"},
		"no repository":   {right[:2], env, 2, "gh api repos/OWNER/NAME --jq .id"},
		"a name for the id": {
			append(right[:2:2], "--repository-id", "acme/shop"), env, 2,
			"give --repository-id or PERCH_REPOSITORY_ID a number",
		},
		"no secret": {right, nil, 2, "PERCH_WEBHOOK_SECRET is not set"},
		"a short secret": {
			right, map[string]string{"PERCH_WEBHOOK_SECRET": "short"}, 2, "PERCH_WEBHOOK_SECRET has 5 characters",
		},
		"an unknown flag":    {[]string{"--listn", "x"}, env, 2, "run perch-web --help"},
		"an argument":        {[]string{"serve"}, env, 2, `unexpected argument "serve"`},
		"no server to check": {[]string{"--check", "127.0.0.1:1"}, nil, 1, "no perch-web listens at 127.0.0.1:1"},
		"help":               {[]string{"--help"}, nil, 0, "Usage: perch-web"},
		"version":            {[]string{"--version"}, nil, 0, "perch-web "},
		"Temporal is not up": {
			right, with(env, "TEMPORAL_ADDRESS", "127.0.0.1:1"), 1, "no Temporal answers at 127.0.0.1:1",
		},
		"a short former one": {
			right, with(env, "PERCH_WEBHOOK_SECRET_PREVIOUS", "x"), 2, "PERCH_WEBHOOK_SECRET_PREVIOUS has 1 characters",
		},
		"Temporal's settings": {
			right, with(env, "TEMPORAL_PROFILE", "nothing-like-it"), 2, "Temporal's connection settings",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			exit := Main(t.Context(), c.args, &out, &out, func(name string) string { return c.env[name] })
			if exit != c.exit || !strings.Contains(out.String(), c.says) {
				t.Errorf("exit code %d: %s", exit, out.String())
			}
		})
	}
}

func with(env map[string]string, name, value string) map[string]string {
	other := map[string]string{name: value}
	for name, value := range env {
		other[name] = value
	}
	return other
}

func TestBothSecretsAreReadDuringARotation(t *testing.T) {
	env := map[string]string{
		"PERCH_WEBHOOK_SECRET": strings.Repeat("n", 32), "PERCH_WEBHOOK_SECRET_PREVIOUS": strings.Repeat("o", 32),
	}
	r, err := configure("shop", "7", func(name string) string { return env[name] })
	if err != nil || len(r.Secrets) != 2 || r.RepositoryID != 7 {
		t.Errorf("%+v, %v", r, err)
	}
}
