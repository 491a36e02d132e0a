package config

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"perch"
	"perch/document"
)

const (
	// maxSeeds is the most steps of a file: each may leave its output in the run's result.
	maxSeeds = 50
	// maxCommand is the longest command of a run step, in bytes.
	maxCommand = 8000
	// defaultTimeout is how long the command of a run step may take where the file does not say.
	defaultTimeout = 10 * time.Minute
)

func (d *decoder) seed(f *File, path string, n *document.Node) {
	d.list(path, n, func(path string, item *document.Node) {
		if d.is(path, item, document.Mapping) {
			d.seedStep(f, path, item)
		}
	})
	if len(n.Items) > maxSeeds {
		d.Fail(n.Items[maxSeeds], "%s has %d steps; at most %d are carried out", path, len(n.Items), maxSeeds)
	}
}

func (d *decoder) seedStep(f *File, path string, n *document.Node) {
	if len(n.Entries) != 1 {
		d.Fail(n, "%s has %d keys; a step is one key, such as s3: {from: fixtures/media, to: assets}", path, len(n.Entries))
		return
	}
	var step perch.SeedStep
	d.fields(path, n,
		field{name: "s3", read: func(path string, n *document.Node) { step.S3 = d.seedS3(path, n) }},
		field{name: "http", read: func(path string, n *document.Node) { step.HTTP = d.seedHTTP(path, n) }},
		field{name: "run", read: func(path string, n *document.Node) { step.Run = d.seedRun(path, n) }})
	f.Seed = append(f.Seed, step)
	f.seedNodes = append(f.seedNodes, n)
}

func (d *decoder) seedS3(path string, n *document.Node) *perch.SeedS3 {
	var step perch.SeedS3
	d.fields(path, n,
		field{name: "from", read: d.text(&step.From, validSeedFrom)},
		field{name: "to", read: d.text(&step.To, validSeedTo)})
	if n.Shape == document.Mapping && (n.Get("from") == nil || n.Get("to") == nil) {
		d.Fail(n, "%s needs both from and to", path)
	}
	return &step
}

func (d *decoder) seedHTTP(path string, n *document.Node) *perch.SeedHTTP {
	step := perch.SeedHTTP{Method: "POST"}
	d.fields(path, n,
		field{name: "method", read: d.text(&step.Method, oneOf("GET", "POST", "PUT", "PATCH", "DELETE"))},
		field{name: "path", read: d.text(&step.Path, validSeedPath)},
		field{name: "body", read: d.text(&step.Body, validSeedBody)},
		field{name: "header", read: d.text(&step.Header, validSeedHeader)},
		field{name: "secret", read: d.reference(&step.Secret)})
	switch {
	case n.Shape != document.Mapping:
	case n.Get("path") == nil:
		d.Fail(n, "%s needs a path, such as /internal/load-demo-data", path)
	case n.Get("header") != nil && n.Get("secret") == nil:
		d.Fail(n.Get("header"), "%s.header is the header that carries the secret, and there is no secret; name one of the settings' secrets", path)
	case n.Get("body") != nil && step.Method == "GET":
		d.Fail(n.Get("body"), "%s.body goes with another method: a GET request has no body", path)
	}
	return &step
}

// reference reads the name of a secret. What is no name is not repeated: somebody may have written the secret itself.
func (d *decoder) reference(to *string) func(path string, n *document.Node) {
	return func(path string, n *document.Node) {
		if n.Shape != document.Scalar || validVariable(n.Text) != "" {
			d.Fail(n, "%s must be the name of one of the settings' secrets, such as DEMO_TOKEN", path)
			return
		}
		*to = n.Text
	}
}

func (d *decoder) seedRun(path string, n *document.Node) *perch.SeedRun {
	step := perch.SeedRun{Timeout: defaultTimeout}
	d.fields(path, n,
		field{name: "command", read: d.texts(&step.Command, validWord)},
		field{name: "timeout", read: d.duration(&step.Timeout, time.Second, time.Hour)})
	command := n.Get("command")
	switch {
	case n.Shape != document.Mapping:
	case command == nil:
		d.Fail(n, "%s needs a command, such as [python, manage.py, loaddata, demo]", path)
	case command.Shape == document.List && len(step.Command) == 0:
		d.Fail(command, "%s.command is empty; write the command and its arguments as a list, such as [python, manage.py, loaddata, demo]", path)
	case len(strings.Join(step.Command, " ")) > maxCommand:
		d.Fail(command, "%s.command has more than %d bytes; keep a script in the image and call it", path, maxCommand)
	}
	return &step
}

// seedChecks rejects a step whose bucket or secret no layer has, because it can never work, and one that stands there twice: each is
// carried out once. Which buckets a template of the project's own has is for those to say who read it.
func (d *decoder) seedChecks(f *File) {
	for i, step := range f.Seed {
		for j, earlier := range f.Seed[:i] {
			if reflect.DeepEqual(step, earlier) {
				d.Fail(f.seedNodes[i], "seed[%d] is the same as seed[%d], and a step is carried out once for each environment; leave it out", i, j)
				break
			}
		}
		if step.Run != nil && step.Run.Command[0] == "" {
			d.Fail(f.seedNodes[i].At("run", "command"), "seed[%d].run.command begins with an empty word; the first word is the command", i)
		}
		need := needOf(step)
		found := need.name == ""
		for _, layer := range f.all() {
			found = found || layer.Get(need.among).Get(need.name) != nil || need.among == "buckets" && layer.Get("template") != nil
		}
		if !found {
			d.Fail(f.seedNodes[i].At(need.key...), "%s, which no layer has; add it to defaults.%s", need.named(i), need.among)
		}
	}
}

// seedTargets rejects a step whose bucket or secret the branch does not have, as far as perch.yaml says.
func (d *decoder) seedTargets(f *File, s perch.Settings, branch string) {
	for i, step := range f.Seed {
		need := needOf(step)
		_, bucket := s.Buckets[need.name]
		bucket = bucket || s.Template != ""
		_, secret := s.Secrets[need.name]
		if need.name != "" && !(need.among == "buckets" && bucket) && !(need.among == "secrets" && secret) {
			d.Fail(f.seedNodes[i].At(need.key...), "%s, which branch %q (kind %s) does not have", need.named(i), branch, f.Kind(branch))
		}
	}
}

// need is the bucket or the secret that a step cannot do without: its name, empty for none, where the step names it, and in which of the
// settings it is looked for.
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

// named begins a sentence about the need of the step with this index.
func (n need) named(index int) string {
	return fmt.Sprintf("seed[%d].%s names the %s %s", index, strings.Join(n.key, "."), strings.TrimSuffix(n.among, "s"), n.name)
}
