package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"perch/config"
)

// TestAWrongFileEndsWithTwo: if perch.yaml is wrong in any way, commands that read it end with exit
// code 2, the file, the line where there is one, and words.
func TestAWrongFileEndsWithTwo(t *testing.T) {
	const minimal = "project: shop\nimage: example.org/shop:1\n"
	for name, test := range map[string]struct{ source, want string }{
		"a YAML bomb": {
			"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n", `:1:4: YAML anchors \(&name\) are not read`,
		},
		"a cycle": {
			minimal + "defaults: &d\n  environment: *d\n", `:3:11: YAML anchors \(&name\) are not read`,
		},
		"an alias to nothing": {minimal +
			"branches: {skip: [*-no-infra]}\n", `:3:19: YAML aliases \(\*name\) are not read; put quotes around`},
		"a merge": {minimal + "defaults:\n  <<: {a: 1}\n", `:4:3: YAML merge keys`},
		"too long": {
			minimal + strings.Repeat("# \n", config.MaxFile),
			`: the file is longer than 262144 bytes; at most that many are read`,
		},
		"too many keys": {
			strings.Repeat("a:\n", 80_000), `:501:2: this mapping has too many keys; at most 500 are read`,
		},
		"too deep": {
			minimal + "a: " + strings.Repeat("[", 100) + "\n", `:3:36: this is nested too deeply`,
		},
		"a key twice": {
			minimal + "project: shop\n", `:3:1: key "project" is in this mapping twice; the first is on line 1`,
		},
		"a tab": {
			minimal + "defaults:\n\thealth_path: /\n", `:4:1: this line is indented with a tab`,
		},
		"another encoding": {"\xff\xfep\x00r\x00", `:1:1: this is not UTF-8; save the file as UTF-8 text`},
		"Latin-1": {
			minimal + "defaults:\n  environment: {CAFE: caf\xe9}\n", `:4:26: this is not UTF-8`,
		},
		"two documents": {minimal + "---\na: 1\n", `:3:1: a second document begins here`},
		"nothing":       {"", `: the file is empty; .perch config init. writes one to begin with`},
		"a pattern for no branch": {minimal + "overrides:\n  'a b': {health_path: /}\n", `:4:3: this key must be ` +
			`a branch name or a pattern with \* and \?, and no branch can be called like this: it contains ' '`},
		"a pattern without effect": {
			minimal + "overrides:\n  a: {health_path: /}\n  '*': {health_path: /}\n",
			`:4:3: overrides\["a"\] has no effect: "\*" on line 5 matches`,
		},
		"an expiry that cannot be": {
			minimal + "defaults: {expiry: {idle: 3d}}\n",
			`:3:27: defaults.expiry.idle must be whole hours from 1h to 8760h, such as 168h, not "3d"`,
		},
		"a kind that does not exist": {minimal +
			"kinds: {prod: {}}\n", `:3:9: unknown key "prod" in kinds; allowed here: production, staging, branch`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, config.FileName), []byte(test.source), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, args := range []string{"config validate", "settings x", "settings diff staging branch", "render x"} {
				var stdout, stderr bytes.Buffer
				arguments := append(strings.Fields(args), "--repo", dir)
				code := Run(
					t.Context(), arguments, strings.NewReader(""), &stdout, &stderr, func(string) string { return "" },
				)
				if code != exitUsage || stdout.Len() > 0 ||
					!regexp.MustCompile(`perch\.yaml`+test.want).Match(stderr.Bytes()) {
					t.Errorf(
						"perch %s: exit code %d, printed %q, said %.500s", args, code, stdout.String(), stderr.String(),
					)
				}
			}
		})
	}
}

// TestAFileWithoutEndIsNotRead: a file of a gigabyte of nothing takes no memory and no time.
func TestAFileWithoutEndIsNotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), config.FileName)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 1<<40); err != nil {
		t.Skipf("this file system has no sparse files: %v", err)
	}
	if _, err := readConfig(path); err == nil ||
		!strings.HasSuffix(err.Error(), "the file is longer than 262144 bytes; at most that many are read") {
		t.Errorf("got %v", err)
	}
}
