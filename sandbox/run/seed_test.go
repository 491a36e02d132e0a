package run

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"

	"perch"
)

// demoConfig returns the demo's perch.yaml, which ends with its list of seed steps.
func demoConfig(t *testing.T) string {
	t.Helper()
	data, err := demoFiles.ReadFile("demo/main/perch.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// commands returns the comments of the commands that the sandbox's instances have received, newest
// first.
func (b *bench) commands(t *testing.T) (comments []string) {
	t.Helper()
	out, err := ssm.NewFromConfig(b.awsConfig()).ListCommandInvocations(t.Context(), &ssm.ListCommandInvocationsInput{})
	fatal(t, err)
	for _, c := range out.CommandInvocations {
		comments = append(comments, awssdk.ToString(c.Comment))
	}
	return comments
}

// token returns the demo's secret.
func (b *bench) token(t *testing.T) string {
	t.Helper()
	out, err := secretsmanager.NewFromConfig(b.awsConfig()).GetSecretValue(
		t.Context(), &secretsmanager.GetSecretValueInput{SecretId: awssdk.String(demoSecret)},
	)
	fatal(t, err)
	return awssdk.ToString(out.SecretString)
}

// seeded returns the names of the steps in a document.
func seeded(d document) (steps []string) {
	list, _ := d["seeds"].([]any)
	for _, each := range list {
		step, _ := each.(map[string]any)
		steps = append(steps, document(step).text("step"))
	}
	return steps
}

func TestTheDemosAppGetsItsOrdersWhenItAnswers(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.repo.commit(t, "orders", map[string]string{"a.txt": "1"})
	up := b.must(t, "up", "orders")
	want := []any{
		map[string]any{"step": "s3 fixtures/media", "objects": 2.0, "status": 0.0, "exit_code": nil, "output": ""},
		map[string]any{"step": "http POST /seed", "objects": 0.0, "status": 201.0, "exit_code": nil, "output": ""},
	}
	if diff := cmp.Diff(want, up["seeds"]); diff != "" {
		t.Errorf("seeds (-want +got):\n%s", diff)
	}
	_, page := b.page(t, "orders")
	contains(t, page, "seed/", "&#34;sku&#34;: 1003")
	b.repo.commit(t, "orders", map[string]string{"a.txt": "2"})
	for range 2 { // The first is a new commit, the second one that is deployed already.
		if again := b.must(t, "up", "orders"); again["seeded"] != false || len(seeded(again)) > 0 {
			t.Errorf("seeded again: %v", again)
		}
	}
}

func TestS70TheNextUpGoesOnFromTheStepThatFailed(t *testing.T) {
	t.Parallel()
	p := sharedSandbox(t).newProject(t, "steps", map[string]string{"perch.yaml": bare(
		"steps", "seed:", "  - run: {command: [echo, first]}", "  - run: {command: [python, manage.py]}",
		"  - run: {command: [echo, last]}",
	)}, func(*perch.Policy) {})
	p.repo.commit(t, "seeds", map[string]string{"a.txt": "1"})
	before := len(p.commands(t))
	for range 2 {
		contains(
			t, p.failed(t, "up", "seeds"), `seed step "run python manage.py": the command ended with exit code 127`,
			"python: not found. The sandbox runs no container",
		)
	}
	if sent := len(p.commands(t)) - before; sent != 3 {
		t.Errorf("%d commands were sent, want the first once and the second twice", sent)
	}
	if status, _ := p.page(t, "seeds"); status != 200 {
		t.Errorf("the page answers %d", status)
	}
	p.repo.commit(t, "seeds", map[string]string{"perch.yaml": bare(
		"steps", "seed:", "  - run: {command: [echo, first]}", "  - run: {command: [printenv, PERCH_BRANCH]}",
		"  - run: {command: [echo, last]}",
	)})
	out := p.starter(t.Context(), "up", "seeds")
	if out.exit != 0 || out.stderr == "" {
		t.Fatalf("exit code %d: %s", out.exit, out.stderr)
	}
	contains(
		t, out.stderr,
		"Seeded: run printenv PERCH_BRANCH (exit code 0)\n  seeds\nSeeded: run echo last (exit code 0)\n  last\n",
	)
	if strings.Contains(out.stderr, "echo first") {
		t.Errorf("a finished step was repeated:\n%s", out.stderr)
	}
}

func TestNoHistoryHoldsTheSecretOfARequest(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.repo.commit(t, "quiet", map[string]string{"a.txt": "1"})
	wrong := strings.Replace(demoConfig(t), "secret: SEED_TOKEN}", "header: X-Token, secret: SEED_TOKEN}", 1)
	b.repo.commit(t, "loud", map[string]string{"perch.yaml": wrong})
	up := b.must(t, "up", "quiet")
	_, rejected := b.ask(t, "up", "loud")
	contains(t, rejected.text("error"), `seed step "http POST /seed": 401 Unauthorized (the request has a secret`)
	token := b.token(t)
	if len(token) < 20 {
		t.Fatalf("the token is %d characters long", len(token))
	}
	for _, d := range []document{up, rejected} {
		text := b.written(t, d)
		if !strings.Contains(text, "http POST /seed") {
			t.Error("the payloads are not read")
		}
		if strings.Contains(text, token) {
			t.Errorf("a payload of %s holds the secret", d.text("stack"))
		}
	}
}

// written returns everything in the history of a document's run, including payloads.
func (b *bench) written(t *testing.T, d document) string {
	t.Helper()
	data, err := protojson.Marshal(b.history(t, d.text("run", "workflow_id"), d.text("run", "run_id")))
	fatal(t, err)
	var history any
	fatal(t, json.Unmarshal(data, &history))
	var text bytes.Buffer
	unfold(&text, history)
	return text.String()
}

// unfold writes every text of a history, and the texts in its payloads.
func unfold(to *bytes.Buffer, value any) {
	switch value := value.(type) {
	case []any:
		for _, each := range value {
			unfold(to, each)
		}
	case map[string]any:
		for _, each := range value {
			unfold(to, each)
		}
	case string:
		to.WriteString(value + "\n")
		if raw, err := base64.StdEncoding.DecodeString(value); err == nil {
			to.Write(append(raw, '\n'))
		}
	}
}
