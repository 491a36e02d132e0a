package perch

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

const (
	// maxSlug is the longest slug, in bytes: it leaves room for a domain in a host name and for the
	// project in a stack name.
	maxSlug = 40
	// maxBeanstalk is the longest name of an Elastic Beanstalk environment (4-40 characters, AWS
	// docs: CreateEnvironment).
	maxBeanstalk = 40
	hashLength   = 6
)

var (
	projectPattern = regexp.MustCompile(`^[a-z][a-z0-9]{1,14}$`)
	notInSlug      = regexp.MustCompile(`[^a-z0-9]+`)
	looksHashed    = regexp.MustCompile(`-[a-z2-7]{6}$`)
	lowerBase32    = base32.StdEncoding.WithPadding(base32.NoPadding)
)

// reservedSlugs are host names that people expect to mean something else than a branch.
var reservedSlugs = map[string]bool{
	"www": true, "api": true, "admin": true, "app": true, "mail": true, "smtp": true, "ftp": true, "ns1": true,
	"ns2":       true,
	"localhost": true, "status": true, "docs": true, "static": true, "assets": true, "cdn": true, "application": true,
}

// Environment names one branch's environment. NewEnvironment makes it; every name that AWS, DNS or
// Temporal sees is one of its methods, and nothing else in Perch builds such a name. Its JSON is
// project and branch; reading it derives the rest again, and rejects what NewEnvironment rejects.
type Environment struct {
	// Project is the name of the project, `[a-z][a-z0-9]{1,14}`.
	Project string
	// Branch is the exact Git branch name.
	Branch string
	// Slug is the branch as a DNS label of at most 40 characters. Different branches have different
	// slugs.
	Slug string
}

// NewEnvironment derives the identity of branch's environment in project. It rejects an invalid
// project or branch.
func NewEnvironment(project, branch string) (Environment, error) {
	if err := ValidateProject(project); err != nil {
		return Environment{}, err
	}
	if err := ValidateBranch(branch); err != nil {
		return Environment{}, err
	}
	if len(EncodeTag(branch)) > maxTagValue {
		return Environment{}, fmt.Errorf(
			"branch %q does not fit into an AWS tag: encoded it has more than %d characters; use a shorter name",
			branch, maxTagValue,
		)
	}
	return Environment{Project: project, Branch: branch, Slug: slug(project, branch)}, nil
}

// environmentJSON is the JSON form of an Environment.
type environmentJSON struct {
	Project string `json:"project"`
	Branch  string `json:"branch"`
}

// MarshalJSON writes project and branch.
func (e Environment) MarshalJSON() ([]byte, error) {
	return json.Marshal(environmentJSON{e.Project, e.Branch})
}

// UnmarshalJSON reads project and branch, and rejects an invalid environment.
func (e *Environment) UnmarshalJSON(data []byte) error {
	var names environmentJSON
	if err := json.Unmarshal(data, &names); err != nil {
		return err
	}
	read, err := NewEnvironment(names.Project, names.Branch)
	if err != nil {
		return err
	}
	*e = read
	return nil
}

// ValidateProject rejects a project name that cannot begin names on AWS.
func ValidateProject(project string) error {
	if !projectPattern.MatchString(project) {
		return fmt.Errorf(
			"project %q is not a valid name: use 2 to 15 characters, a-z first, then a-z and 0-9, no hyphen", project,
		)
	}
	return nil
}

// StackName is the name of the environment's CloudFormation stack and the ID of its workflow: the
// same string finds it in AWS and in Temporal, and because Temporal allows one open run per ID it
// is also the lock.
func (e Environment) StackName() string { return e.Project + "-" + e.Slug }

// BeanstalkName is the name of the Elastic Beanstalk environment: 4 to 40 characters, with the end
// replaced by a hash if the stack's name is longer.
func (e Environment) BeanstalkName() string {
	name := e.StackName()
	if len(name) <= maxBeanstalk {
		return name
	}
	return withHash(name[:maxBeanstalk-hashLength-1], hash(e.Project, e.Branch))
}

// DatabaseName is the name of the environment's database and of its user where environments share
// an instance: at most 62 bytes, of the 63 that PostgreSQL keeps of a name. Its prefix avoids the
// names that PostgreSQL and RDS reserve: pg_... and rds_...
func (e Environment) DatabaseName() string {
	return "perch_" + e.Project + "_" + strings.ReplaceAll(e.Slug, "-", "_")
}

// Host is the environment's host name under domain.
func (e Environment) Host(domain string) string { return e.Slug + "." + domain }

// ApplicationStackName is the name of the stack that the application template makes for kind
// (production or staging).
func ApplicationStackName(project string, kind Kind) string {
	return project + "-application-" + string(kind.Application())
}

func slug(project, branch string) string {
	plain := strings.Trim(notInSlug.ReplaceAllString(strings.ToLower(branch), "-"), "-")
	if plain == branch && len(plain) <= maxSlug && !reserved(plain) && !endsLikeHash(plain) {
		return plain
	}
	if limit := maxSlug - hashLength - 1; len(plain) > limit {
		plain = plain[:limit]
	}
	return withHash(plain, hash(project, branch))
}

func reserved(slug string) bool {
	return reservedSlugs[slug] || strings.HasPrefix(slug, "application-")
}

// endsLikeHash reports whether a plain slug could be taken for a hashed one.
func endsLikeHash(slug string) bool {
	return looksHashed.MatchString(slug) && strings.ContainsAny(slug[len(slug)-hashLength:], "234567")
}

func withHash(base, hash string) string {
	base = strings.TrimRight(base, "-")
	if base == "" {
		base = "branch"
	}
	return base + "-" + hash
}

// hash is six characters of base32(sha256(project, NUL, branch)) with at least one digit among
// them, so that it looks like no word.
func hash(project, branch string) string {
	sum := sha256.Sum256([]byte(project + "\x00" + branch))
	for {
		text := strings.ToLower(lowerBase32.EncodeToString(sum[:]))
		for i := 0; i+hashLength <= len(text); i++ {
			if part := text[i : i+hashLength]; strings.ContainsAny(part, "234567") {
				return part
			}
		}
		sum = sha256.Sum256(sum[:])
	}
}
