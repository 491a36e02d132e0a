package config

import (
	"strings"
	"testing"
)

// FuzzRead: whatever a branch puts into perch.yaml, the answer is a file that resolves or fails to in words, or an error with a place and no secret.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		shop, minimal, "", "# x", "- a", "a: &a [*a]", "? a", "[[[", "{a: {b: ", "a: |\n  x\n", "a: 'x", "\x00", "a: 1\n---\nb: 2", "%YAML 1.2", "<<: x", ": x", "a: b: c",
		minimal + "overrides:\n  \"*\": {database: null, buckets: {a: null}}\n", minimal + "seed: [{s3: {from: a, to: b}}]", minimal + "seed: [{http: {path: /a, secret: hunter2, header: x}}, {run: {command: [a, '', 'b c'], timeout: 1s}}]", string(Init(Start{Project: "demo", Image: "demo:1"})), fullPolicy,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, policyErr := ReadPolicy("policy.yaml", data)
		file, err := Read(FileName, data)
		for _, err := range []error{err, policyErr} {
			if err != nil && !strings.Contains(err.Error(), ".yaml:") {
				t.Errorf("an error without a place: %v", err)
			}
		}
		if err != nil {
			return
		}
		settings, origins, err := file.Resolve("feature/login", commit)
		if err == nil && (settings.Image == "" || origins["image"] == "" || settings.Instances.Min > settings.Instances.Max) {
			t.Errorf("settings %+v with origins %v", settings, origins)
		}
		file.Skip("feature/login")
	})
}
