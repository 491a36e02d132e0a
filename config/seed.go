package config

import (
	"fmt"
	"reflect"
	"strings"

	"perch"
)

// maxCommand is the length of the longest command of a run step, in bytes.
const maxCommand = 8000

// seedSteps checks what depends on several keys of one step.
func (d *decoder) seedSteps(f *File) {
	for i, step := range f.Seed {
		n := f.seedNodes[i]
		if step.HTTP != nil && step.HTTP.Body != "" && step.HTTP.Method == "GET" {
			d.Fail(n.At("http", "body"), "seed[%d].http.body needs another method: a GET request has no body", i)
		}
		if step.Run != nil && len(strings.Join(step.Run.Command, " ")) > maxCommand {
			d.Fail(
				n.At("run", "command"),
				"seed[%d].run.command has more than %d bytes; keep a script in the image and call it", i, maxCommand,
			)
		}
	}
}

// seedChecks reports a step whose bucket or secret no layer has, because the step can never work.
// It also reports a duplicate, because each step runs once. Which buckets a custom template has is
// checked when the template is read.
func (d *decoder) seedChecks(f *File) {
	for i, step := range f.Seed {
		for j, earlier := range f.Seed[:i] {
			if reflect.DeepEqual(step, earlier) {
				d.Fail(f.seedNodes[i], "seed[%d] is the same as seed[%d], and a step is carried out once for each "+
					"environment; leave it out", i, j)
				break
			}
		}
		if step.Run != nil && step.Run.Command[0] == "" {
			d.Fail(
				f.seedNodes[i].At("run", "command"),
				"seed[%d].run.command begins with an empty word; the first word is the command", i,
			)
		}
		need := needOf(step)
		found := need.name == ""
		for _, layer := range f.all() {
			found = found || layer.Get(need.among).Get(need.name) != nil ||
				need.among == "buckets" && layer.Get("template") != nil
		}
		if !found {
			d.Fail(
				f.seedNodes[i].At(need.key...), "%s, which no layer has; add it to defaults.%s", need.named(i),
				need.among,
			)
		}
	}
}

// seedTargets reports a step whose bucket or secret the branch does not have, as far as perch.yaml
// tells.
func (d *decoder) seedTargets(f *File, s perch.Settings, branch string) {
	for i, step := range f.Seed {
		need := needOf(step)
		_, bucket := s.Buckets[need.name]
		bucket = bucket || s.Template != ""
		_, secret := s.Secrets[need.name]
		if need.name != "" && !(need.among == "buckets" && bucket) && !(need.among == "secrets" && secret) {
			d.Fail(
				f.seedNodes[i].At(need.key...), "%s, which branch %q (kind %s) does not have", need.named(i), branch,
				f.Kind(branch),
			)
		}
	}
}

// need is the bucket or the secret that a step needs: its name, the keys under which the step names
// it, and which of the settings must have it. The name is empty if the step needs none.
type need struct {
	name  string
	key   []string
	among string
}

func needOf(step perch.SeedStep) need {
	switch {
	case step.S3 != nil:
		bucket, _, _ := strings.Cut(step.S3.To, "/")
		return need{bucket, []string{"s3", "to"}, "buckets"}
	case step.HTTP != nil:
		return need{step.HTTP.Secret, []string{"http", "secret"}, "secrets"}
	}
	return need{}
}

// named returns the beginning of a sentence about the need of the step with this index.
func (n need) named(index int) string {
	return fmt.Sprintf(
		"seed[%d].%s names the %s %s", index, strings.Join(n.key, "."), strings.TrimSuffix(n.among, "s"), n.name,
	)
}
