package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// initFile is what `perch config init` writes, with the words in capitals to be filled in.
const initFile = `SCHEMA# What every branch of this repository gets on AWS. Check it with: perch config validate

# The name that all AWS names begin with: 2 to 15 characters a-z and 0-9, a letter first.
project: PROJECT

# The Docker image of a commit. CI builds and pushes it before it runs: perch up
image: IMAGE

branches:
  # Branches that get no environment, in addition to *-no-infra and those of merge queues and bots.
  # * stands for any run of characters, slashes included.
  # skip: ["docs/*"]
  # Every branch that is not named here is of kind branch; the worker's policy says who may be of another.
  # kinds:
  #   DEFAULT: production
  #   STAGING: staging

# What every environment has, unless a layer below says otherwise.
defaults:
  instance_type: t3.small
  instances: {min: 1, max: 2}
  health_path: /
  database:
    engine: postgres
    version: "18"
    class: db.t4g.small
    storage_gb: 20
    backup_days: 7
  buckets:
    assets: {}
    private-assets: {versioned: true}
  # Plain variables of the app. Secrets go below, by reference.
  environment:
    LOG_LEVEL: info
PORT  # secrets:
  #   SECRET_KEY: arn:aws:secretsmanager:eu-central-1:123456789012:secret:PROJECT/preview

# What one kind has differently: production, staging or branch.
kinds:
  branch:
    instances: {min: 1, max: 1}
    database: {class: db.t4g.micro, backup_days: 0}
    environment: {LOG_LEVEL: debug}
    # After a week without use (a push, perch up, perch extend) the environment is removed. People are warned a day
    # before. The branch stays, and a push or perch up brings the environment back, with an empty database and empty
    # buckets. To keep it longer: perch pin --reason "...". Without this line only the policy says when it expires.
    expiry: {idle: 168h}

# What branches of some name have differently; every pattern that matches counts, the later over the earlier. null removes a database or a bucket.
# overrides:
#   "feature/load-*": {instance_type: m7i.large}
#   "docs/*": {database: null}

# Test data for a new environment: a folder of the repository that is copied into a bucket, a command in the app's container, a request to the app.
# seed:
#   - s3: {from: fixtures/media, to: private-assets}
#   - run: {command: [python, manage.py, loaddata, demo]}
#   - http: {path: /internal/load-demo-data, secret: DEMO_TOKEN}
`

// Start is what is known of a project that has no perch.yaml yet.
type Start struct {
	Project string
	Image   string
	// DefaultBranch and StagingBranch are branches of the repository; main and staging where they
	// are empty.
	DefaultBranch, StagingBranch string
	// Port is the one that the app's container listens on; 0 where it is not known.
	Port int
	// Schema is the path of the JSON Schema, relative to the file; empty if there is none that an
	// editor would find.
	Schema string
}

// Init is a perch.yaml to begin with, with comments. Read accepts it as it is if project and image
// are valid.
func Init(s Start) []byte {
	var schema, port string
	if s.Schema != "" {
		schema = "# yaml-language-server: $schema=" + s.Schema + "\n\n"
	}
	if s.Port != 0 {
		port = fmt.Sprintf("    # The port that the Dockerfile exposes; without this line the app is to listen on "+
			"8080.\n    PORT: \"%d\"\n", s.Port)
	}
	return []byte(strings.NewReplacer(
		"SCHEMA", schema, "PROJECT", s.Project, "IMAGE", s.Image, "PORT", port,
		"DEFAULT", plainOr(s.DefaultBranch, "main"), "STAGING", plainOr(s.StagingBranch, "staging"),
	).Replace(initFile))
}

var plainBranch = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9/_.-]*$`)

// plainOr is a branch as YAML writes it.
func plainOr(branch, otherwise string) string {
	switch {
	case branch == "":
		return otherwise
	case plainBranch.MatchString(branch):
		return branch
	}
	return strconv.Quote(branch)
}
