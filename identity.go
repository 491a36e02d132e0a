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
	// maxSlug is the maximum length of a slug in bytes. It leaves room for a domain in a host name
	// and for the project in a stack name.
	maxSlug = 40
	// maxBeanstalk is the maximum length of an Elastic Beanstalk environment's name (4-40
	// characters, AWS docs: CreateEnvironment).
	maxBeanstalk = 40
	hashLength   = 6
)

var (
	projectPattern = regexp.MustCompile(`^[a-z][a-z0-9]{1,14}$`)
	notInSlug      = regexp.MustCompile(`[^a-z0-9]+`)
	looksHashed    = regexp.MustCompile(`-[a-z2-7]{6}$`)
	lowerBase32    = base32.StdEncoding.WithPadding(base32.NoPadding)
)

// reservedSlugs are host names that people do not expect to be a branch.
var reservedSlugs = map[string]bool{
	"www": true, "api": true, "admin": true, "app": true, "mail": true, "smtp": true, "ftp": true, "ns1": true,
	"ns2":       true,
	"localhost": true, "status": true, "docs": true, "static": true, "assets": true, "cdn": true, "application": true,
}

// Environment identifies the environment of one branch. Use NewEnvironment to create one. Its
// methods return every name that AWS, DNS or Temporal sees; no other code builds such names. The
// JSON form holds only project and branch. Unmarshaling derives the other names and rejects what
// NewEnvironment rejects.
type Environment struct {
	// Project is the name of the project, `[a-z][a-z0-9]{1,14}`.
	Project string
	// Branch is the exact Git branch name.
	Branch string
	// Slug is the branch as a DNS label of at most 40 characters. It differs for different
	// branches.
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

// StackName returns the name of the environment's CloudFormation stack, which is also the ID of its
// workflow. So one name finds the environment in both AWS and Temporal. It also serves as the lock,
// because Temporal allows one open run per workflow ID.
func (e Environment) StackName() string { return e.Project + "-" + e.Slug }

// BeanstalkName returns the name of the Elastic Beanstalk environment, of 4 to 40 characters. If
// the stack's name is longer, a hash replaces its end.
func (e Environment) BeanstalkName() string {
	name := e.StackName()
	if len(name) <= maxBeanstalk {
		return name
	}
	return withHash(name[:maxBeanstalk-hashLength-1], hash(e.Project, e.Branch))
}

// DatabaseName returns the name of the environment's database, and of the database's user, in an
// instance that environments share. It has at most 62 bytes; PostgreSQL keeps 63. Its prefix avoids
// names that PostgreSQL and RDS reserve: pg_... and rds_...
func (e Environment) DatabaseName() string {
	return "perch_" + e.Project + "_" + strings.ReplaceAll(e.Slug, "-", "_")
}

// Host returns the environment's host name under domain.
func (e Environment) Host(domain string) string { return e.Slug + "." + domain }

// ApplicationStackName returns the name of the application stack for kind (production or staging).
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

// endsLikeHash reports whether a plain slug looks like one that ends with a hash.
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

// hash returns six characters of base32(sha256(project, NUL, branch)). At least one is a digit, so
// that the hash does not look like a word.
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
