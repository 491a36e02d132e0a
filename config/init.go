package config

import (
	"bytes"
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"text/template"

	"perch"
)

// initFile is the template from which `perch config init` writes perch.yaml. Its data is a Start.
var initFile = template.Must(template.New(FileName).Funcs(template.FuncMap{
	"plain": plainText, "step": stepText, "idle": func() perch.Hours { return proposedIdle },
}).Parse(`{{with .Schema}}# yaml-language-server: $schema={{.}}

{{end}}# What every branch of this repository gets on AWS. Check it with: perch config validate

# The name that all AWS names begin with: 2 to 15 characters a-z and 0-9, a letter first.
project: {{.Project}}

# The Docker image of a commit. CI builds and pushes it before it runs: perch up
image: {{.Image}}

branches:
  # Branches that get no environment, in addition to *-no-infra and those of merge queues and bots.
  # * stands for any run of characters, slashes included.
  # skip: ["docs/*"]
  # Every branch that is not named here is of kind branch; the worker's policy says who may be of
  # another.
  # kinds:
  #   {{or .DefaultBranch "main" | plain}}: production
  #   {{or .StagingBranch "staging" | plain}}: staging

# What every environment has, unless a layer below says otherwise.
defaults:
  instance_type: t3.small
  instances: {min: 1, max: 2}
  # The path that answers with status 200 while the app is healthy.
  health_path: {{.App.HealthPath}}
  # PostgreSQL. Mode dedicated creates an instance, which takes about ten minutes. Mode shared creates
  # a database in the instance of the policy's shared_database in seconds, and costs less.
{{if .App.Database}}  database:
    mode: dedicated
    engine: postgres
    version: "18"
    class: db.t4g.small
    storage_gb: 20
    backup_days: 7
{{else}}  # database: {mode: dedicated}
{{end}}{{if .App.Buckets}}  buckets:
{{range .App.Buckets}}    {{.}}
{{end}}{{else}}  # A bucket of S3. The app reads its real name from BUCKET_MEDIA.
  # buckets:
  #   media: {}
{{end}}  # Plain variables of the app. Secrets go below, by reference.
{{if .App.Variables}}  environment:
{{range .App.Variables}}{{with .Comment}}    # {{.}}
{{end}}    {{.Name}}: {{.Value | plain}}
{{end}}{{else}}  # environment:
  #   LOG_LEVEL: info
{{end}}  # secrets:
  #   {{.App.Secret}}: arn:aws:secretsmanager:eu-central-1:123456789012:secret:{{.Project}}/preview

# What one kind has differently: production, staging or branch.
kinds:
  branch:
    instances: {min: 1, max: 1}
{{if .App.Database}}    database: {class: db.t4g.micro, backup_days: 0}
{{end}}{{with .App.BranchVariables}}    environment: {{.}}
{{end}}{{if .PolicyLife}}    # The worker's policy removes an environment after {{.PolicyLife}} at most. A shorter time goes here:
    # expiry: {idle: {{.PolicyLife}}}
{{else}}    # After a week without use (a push, perch up, perch extend) the environment is removed. People are
    # warned a day before. The branch stays, and a push or perch up brings the environment back, with
    # an empty database and empty buckets. To keep it longer: perch pin --reason "...". Without this
    # line only the policy says when it expires. If the policy allows less than {{idle}}, write less.
    expiry: {idle: {{idle}}}
{{end}}
# What branches of some name have differently; every pattern that matches counts, the later over the
# earlier. null removes a database or a bucket.
# overrides:
#   "feature/load-*": {instance_type: m7i.large}
#   "docs/*": {database: null}

# Test data for a new environment: a folder of the repository that is copied into a bucket, a command
# in the app's container, a request to the app. Each step is carried out once for each environment.
{{if .App.Seed}}seed:
{{range .App.Seed}}{{with .Comment}}  # {{.}}
{{end}}  - {{.Step | step}}
{{end}}{{end}}{{with .App.SeedExamples}}{{if not $.App.Seed}}# seed:
{{end}}{{range .}}{{with .Comment}}#   # {{.}}
{{end}}#   - {{.Step | step}}
{{end}}{{end}}`))

// Start is what is known about a project without a perch.yaml.
type Start struct {
	Project string
	Image   string
	// DefaultBranch and StagingBranch are branches of the repository. If they are empty, main and
	// staging are used.
	DefaultBranch, StagingBranch string
	// Schema is the path of the JSON Schema, relative to the file; empty if there is no schema that
	// an editor would find.
	Schema string
	// PolicyLife is the longest life that the worker's policy allows an environment, if that is
	// shorter than what the file would propose; otherwise 0.
	PolicyLife perch.Hours
	// App is what the app needs; the zero value if that is not known.
	App StartApp
}

// proposedIdle is the expiry.idle of the first perch.yaml.
const proposedIdle perch.Hours = 168

// KeepWithin limits the proposed expiry to what the policy allows.
func (s *Start) KeepWithin(policy *perch.Policy) {
	for _, bound := range []perch.Hours{policy.Expiry.Idle, policy.Expiry.Max} {
		if bound != 0 && bound < cmp.Or(s.PolicyLife, proposedIdle) {
			s.PolicyLife = bound
		}
	}
}

// StartApp is what the first perch.yaml says about the app.
type StartApp struct {
	// HealthPath is the path of its health check.
	HealthPath string
	// Database means that the app uses PostgreSQL.
	Database bool
	// Buckets are the app's buckets, each in the form that YAML has.
	Buckets []string
	// Variables are the app's environment variables. BranchVariables are those that differ for kind
	// branch, in the form of a YAML mapping; empty if there are none.
	Variables       []StartVariable
	BranchVariables string
	// Secret is the environment variable from which the app reads its secret key.
	Secret string
	// Seed are seed steps for test data. SeedExamples are steps that are only written as comments.
	Seed, SeedExamples []StartStep
}

// StartVariable is an environment variable. Comment says what it is for; it may be empty.
type StartVariable struct{ Name, Value, Comment string }

// StartStep is a seed step. Comment says where it comes from; it may be empty.
type StartStep struct {
	Step    perch.SeedStep
	Comment string
}

// AnyApp returns a StartApp for an app about which nothing is known, with an example of everything.
func AnyApp() StartApp {
	return StartApp{
		HealthPath:      "/",
		Database:        true,
		Buckets:         []string{"assets: {}", "private-assets: {versioned: true}"},
		Variables:       []StartVariable{{Name: "LOG_LEVEL", Value: "info"}},
		BranchVariables: "{LOG_LEVEL: debug}",
		Secret:          "SECRET_KEY",
		SeedExamples: []StartStep{
			{Step: perch.SeedStep{S3: &perch.SeedS3{From: "fixtures/media", To: "private-assets"}}},
			{Step: perch.SeedStep{Run: &perch.SeedRun{Command: []string{"python", "manage.py", "loaddata", "demo"}}}},
			{Step: perch.SeedStep{HTTP: &perch.SeedHTTP{Path: "/internal/load-demo-data", Secret: "DEMO_TOKEN"}}},
		},
	}
}

// Init returns a first perch.yaml with comments. Read accepts it unchanged if the project and the
// image are valid.
func Init(s Start) []byte {
	if s.App.HealthPath == "" {
		s.App = AnyApp()
	}
	var out bytes.Buffer
	if err := initFile.Execute(&out, s); err != nil {
		panic(fmt.Errorf("write the first %s: %w", FileName, err)) // The template does not match Start.
	}
	return out.Bytes()
}

// unquoted matches a text that YAML reads as a text without quotes, even in a list on one line.
var unquoted = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9/_.-]*$`)

// notText matches words that YAML reads as something other than a text.
var notText = regexp.MustCompile(`^(?i:true|false|yes|no|on|off|null|y|n)$`)

// plainText returns a text in the form that YAML has, with quotes if it needs them.
func plainText(text string) string {
	if unquoted.MatchString(text) && !notText.MatchString(text) {
		return text
	}
	return strconv.Quote(text)
}

// stepText returns a seed step as one line of YAML.
func stepText(step perch.SeedStep) string {
	switch {
	case step.S3 != nil:
		return fmt.Sprintf("s3: {from: %s, to: %s}", plainText(step.S3.From), plainText(step.S3.To))
	case step.Run != nil:
		words := make([]string, len(step.Run.Command))
		for i, word := range step.Run.Command {
			words[i] = plainText(word)
		}
		return "run: {command: [" + strings.Join(words, ", ") + "]}"
	}
	members := []string{"path: " + plainText(step.HTTP.Path)}
	if step.HTTP.Body != "" {
		members = append(members, "body: "+plainText(step.HTTP.Body))
	}
	if step.HTTP.Secret != "" {
		members = append(members, "secret: "+plainText(step.HTTP.Secret))
	}
	return "http: {" + strings.Join(members, ", ") + "}"
}
