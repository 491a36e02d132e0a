package run

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/google/go-cmp/cmp"

	"perch"
)

// again stops the project's worker, and starts one with the policy as changed by change.
func (b *bench) again(t *testing.T, change func(*perch.Policy)) {
	t.Helper()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.work(b.policyFile, change); err != nil {
		t.Fatal(err)
	}
}

// stackTags returns the current tags of the stack.
func (b *bench) stackTags(t *testing.T, stack string) map[string]string {
	t.Helper()
	out, err := cloudformation.NewFromConfig(b.awsConfig()).DescribeStacks(
		t.Context(), &cloudformation.DescribeStacksInput{StackName: &stack},
	)
	if err != nil {
		t.Fatal(err)
	}
	tags := map[string]string{}
	for _, tag := range out.Stacks[0].Tags {
		tags[*tag.Key] = *tag.Value
	}
	return tags
}

// TestS123S124ARenameOrphansNoEnvironment renames a repository with two environments. At first the
// policy does not list the former name, then it does.
func TestS123S124ARenameOrphansNoEnvironment(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t).newProject(
		t, "renamed", map[string]string{"perch.yaml": bare("renamed")}, func(*perch.Policy) {},
	)
	former := perch.NormalizeRepository(b.repo.dir)
	for _, branch := range []string{"kept", "old"} {
		b.repo.commit(t, branch, map[string]string{"a.txt": branch})
		b.must(t, "up", branch)
	}
	before := b.stackTags(t, "renamed-kept")
	b.again(t, func(p *perch.Policy) { p.Repository = "github.com/acme/renamed" })
	line := "`repository: [github.com/acme/renamed, " + former + "]`"
	wantWords := func(what, text string, words ...string) {
		t.Helper()
		for _, word := range words {
			if !strings.Contains(text, word) {
				t.Errorf("%s does not say %q: %s", what, word, text)
			}
		}
	}
	listed := b.starter(t.Context(), "ls")
	wantWords(
		"ls", listed.stderr, "3 stacks of this project", "renamed-application-staging, renamed-kept, renamed-old", line,
	)
	if d := b.must(t, "ls"); len(d["environments"].([]any)) != 0 || len(d["other_repositories"].([]any)) != 1 {
		t.Errorf("ls: %v", d)
	}
	wantWords("status", b.starter(t.Context(), "status", "kept").stderr, "renamed-kept", line)
	wantWords(
		"doctor", b.starter(t.Context(), "doctor").stdout,
		"✗ stacks: Perch does not change 3 stacks of this project", line,
	)
	b.repo.drop(t, "old")
	swept := b.starter(t.Context(), "cleanup", "--now")
	wantWords("cleanup", swept.stderr, "renamed-old", line)
	if swept.exit != 0 {
		t.Errorf("cleanup: exit code %d", swept.exit)
	}
	wantWords("up", b.starter(t.Context(), "up", "kept").stderr, line)
	if b.stackTags(t, "renamed-old")[perch.TagRepository] != former {
		t.Error("the environment of a branch that is gone was touched")
	}

	b.again(t, func(p *perch.Policy) { p.Repository, p.FormerNames = "github.com/acme/renamed", []string{former} })
	if branches := slices.Sorted(maps.Keys(b.deployed(t))); !slices.Equal(branches, []string{"kept", "old"}) {
		t.Errorf("environments of %v", branches)
	}
	b.repo.commit(t, "kept", map[string]string{
		"a.txt": "after the rename", "perch.yaml": bare("renamed") + "  environment: {AFTER: rename}\n",
	})
	if d := b.must(t, "up", "kept"); d["created"] != false {
		t.Errorf("up: %v", d)
	}
	if diff := cmp.Diff(before, b.stackTags(t, "renamed-kept")); diff != "" {
		t.Errorf("tags (-before +after):\n%s", diff)
	}
	d := b.must(t, "cleanup", "--now")
	wantVerdicts(t, d, map[string]string{"kept": "keep: the branch exists", "old": "remove: branch missing"})
}
