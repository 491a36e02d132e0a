package config

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"perch"
	"perch/document"
)

// FuzzRead: for any perch.yaml, Read returns a file that resolves or whose problems are in words,
// or an error that names a place and shows no secret.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		shop, minimal, "", "# x", "- a", "a: &a [*a]", "? a", "[[[", "{a: {b: ", "a: |\n  x\n", "a: 'x", "\x00",
		"a: 1\n---\nb: 2", "%YAML 1.2", "<<: x", ": x", "a: b: c",
		minimal + "overrides:\n  \"*\": {database: null, buckets: {a: null}}\n",
		minimal + "seed: [{s3: {from: a, to: b}}]", minimal +
			"seed: [{http: {path: /a, secret: hunter2, header: x}}, {run: {command: [a, '', 'b c'], timeout: 1s}}]",
		string(Init(Start{Project: "demo", Image: "demo:1"})), fullPolicy,
	} {
		f.Add([]byte(seed))
	}
	for _, seed := range []string{
		minimal + "overrides:\n  feature/*: {environment: {A: 1}}\n  \"*\": {environment: {A: 2, B: }}\n",
		minimal + "branches: {kinds: {main: staging, \"*\": branch}, skip: [x*]}\n",
		minimal + "defaults: {expiry: {idle: 7h, max: 1h}, secrets: {API_KEY:\n  hunter2}}\n", "a:\n\tb: 1\n",
		"\ufeff" + minimal, "caf\xe9: 1\n", "\r0", "a: &hunter2 1\n", strings.Repeat("k", 300) + ": 1\n",
		minimalPolicy + "kinds: {branch: ['*.lock']}\n", strings.Repeat("- ", 60) + "a\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := ReadPolicy("policy.yaml", data)
		wordsAndPlaces(t, data, err)
		file, err := Read(FileName, data)
		wordsAndPlaces(t, data, err)
		if err != nil {
			return
		}
		settings, origins, err := file.Resolve("feature/login", commit)
		wordsAndPlaces(t, data, err)
		if err == nil {
			listedWhole(t, settings, origins)
		}
		for _, kind := range perch.Kinds() {
			settings, origins := file.ResolveKind(kind)
			listedWhole(t, settings, origins)
		}
		file.Skip("feature/login")
		if unmatched := file.Unmatched(nil); len(unmatched) != len(file.Branches.Kinds)+len(file.Overrides) {
			t.Errorf(
				"of no branches %d patterns match one", len(file.Branches.Kinds)+len(file.Overrides)-len(unmatched),
			)
		}
	})
}

// wordsAndPlaces: every problem has its file, a line that the file has, and a message and a quote
// of a length that people read.
func wordsAndPlaces(t *testing.T, data []byte, err error) {
	t.Helper()
	if err == nil {
		return
	}
	var problems document.Problems
	var problem *document.Problem
	if errors.As(err, &problem) {
		problems = document.Problems{problem}
	} else if !errors.As(err, &problems) {
		t.Fatalf("an error of another type: %v", err)
	}
	lines := bytes.Count(data, []byte("\n")) + bytes.Count(data, []byte("\r")) + 1
	for _, p := range problems {
		if p.File == "" || p.Message == "" || p.Line > lines || p.Line > 0 && p.Column < 1 {
			t.Errorf("a problem without words or place: %+v", p)
		}
		if len(p.Message) > 5000 || utf8.RuneCountInString(p.Quote) > 160 || !utf8.ValidString(p.Error()) {
			t.Errorf("an unreadable problem: %+v", p)
		}
	}
}

// listedWhole: each value is listed once, has an origin, and does not differ from itself.
func listedWhole(t *testing.T, settings perch.Settings, origins Origins) {
	t.Helper()
	list := List(settings, origins)
	paths := byPath(list)
	if len(paths) != len(list) || len(Differences(list, list)) != 0 {
		t.Errorf("%d values at %d paths", len(list), len(paths))
	}
	for _, setting := range list {
		if setting.Value == nil || setting.From == "" {
			t.Errorf("%s is %v from %q", setting.Path, setting.Value, setting.From)
		}
	}
	if paths["image"].Value != settings.Image || settings.Instances.Min > settings.Instances.Max {
		t.Errorf("settings %+v with origins %v", settings, origins)
	}
}
