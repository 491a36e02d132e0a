package config

import (
	"fmt"
	"net/textproto"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"perch"
)

func matches(expression, problem string) check {
	pattern := regexp.MustCompile(expression)
	return func(value string) string {
		if pattern.MatchString(value) {
			return ""
		}
		return problem
	}
}

func oneOf(values ...string) check {
	return func(value string) string {
		for _, allowed := range values {
			if value == allowed {
				return ""
			}
		}
		if len(values) == 1 {
			return fmt.Sprintf("must be %s", values[0])
		}
		return fmt.Sprintf("must be one of %s", strings.Join(values, ", "))
	}
}

var (
	bucketName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	imageName  = regexp.MustCompile(`^[a-z0-9][a-zA-Z0-9.-]*(:[0-9]+)?(/` +
		`[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?$`)
	imageTag = regexp.MustCompile(`(:[^/:@]+|@sha256:[0-9a-f]{64})$`)
)

// commitPlaceholder stands for the full commit in an image.
const commitPlaceholder = "{commit}"

func validProject(value string) string {
	if perch.ValidateProject(value) != nil {
		return "must have 2 to 15 characters, a-z first, then a-z and 0-9, no hyphen"
	}
	return ""
}

func validImage(value string) string {
	named := strings.ReplaceAll(value, commitPlaceholder, strings.Repeat("0", 40))
	switch {
	case strings.ContainsAny(named, "{}"):
		return "may have no other placeholder than {commit}"
	case !imageName.MatchString(named):
		return "must be a Docker image such as registry.example.com/shop:{commit}"
	case !imageTag.MatchString(named):
		return "must name a tag or a digest, such as registry.example.com/shop:{commit}"
	}
	return ""
}

func validBucket(value string) string {
	if len(value) > 31 || !bucketName.MatchString(value) {
		return "must have at most 31 characters a-z, 0-9 and single hyphens, and begin with a letter"
	}
	return ""
}

var (
	variable = byPattern(`^[A-Z_][A-Z0-9_]*$`,
		"must be a name in A-Z, 0-9 and _ that does not begin with a digit")
	logicalID = byPattern(`^[a-zA-Z0-9]{1,255}$`, "must be a name of letters and digits, as the template has it")
	secretARN = byPattern(
		`^arn:aws[a-z-]*:(secretsmanager|ssm):[a-z0-9-]+:[0-9]{12}:(secret:|parameter/)[A-Za-z0-9/_+=.@!-]+$`,
		"must be the ARN of a secret in Secrets Manager or of a parameter in Parameter Store",
	)
)

// ownPrefixes are the beginnings of the names of variables that Perch sets.
var ownPrefixes = []string{"PERCH_", "DATABASE_", "BUCKET_"}

func validAppVariable(name string) string {
	for _, prefix := range ownPrefixes {
		if strings.HasPrefix(name, prefix) {
			return "must begin with something other than " + strings.Join(ownPrefixes, ", ") + ", which Perch sets"
		}
	}
	return variable.check(name)
}

// dynamicReference matches a reference that CloudFormation replaces, anywhere in a template, with a
// secret or a parameter that its own role may read.
var dynamicReference = regexp.MustCompile(`(?i)\{\{\s*resolve\s*:`)

func validSeedFrom(value string) string {
	if rest, ok := strings.CutPrefix(value, "s3://"); ok {
		if bucket, prefix, _ := strings.Cut(
			rest, "/",
		); len(bucket) >= 3 && prefix != "" && !strings.ContainsFunc(rest, unicode.IsControl) {
			return ""
		}
		return "must name a bucket and a prefix, such as s3://bucket/prefix/"
	}
	if !insideRepository(strings.TrimSuffix(value, "/")) {
		return "must be a folder of the repository such as fixtures/media, or s3://bucket/prefix/"
	}
	return ""
}

// insideRepository reports whether name is a path in the repository, in the only form that is
// accepted.
func insideRepository(name string) bool {
	return name != "" && name == path.Clean(name) && !path.IsAbs(name) && !strings.ContainsAny(name, "\\:") &&
		name != ".." && !strings.HasPrefix(name, "../")
}

func validSeedTo(value string) string {
	bucket, prefix, _ := strings.Cut(value, "/")
	if validBucket(bucket) != "" && logicalID.check(bucket) != "" || strings.HasPrefix(prefix, "/") ||
		strings.ContainsFunc(prefix, unicode.IsControl) {
		return "must be the name of one of the buckets, or the logical id of one in a custom template, with a " +
			"prefix after a slash where one is wanted"
	}
	return ""
}

var (
	seedPath   = regexp.MustCompile(`^/[!-~]{0,1000}$`)
	headerName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,99}$`)
)

func validSeedPath(value string) string {
	if !seedPath.MatchString(value) || strings.HasPrefix(value, "//") || strings.ContainsAny(value, "#\\") {
		return "must be a path that begins with one slash, such as /internal/load-demo-data"
	}
	if _, err := url.ParseRequestURI(value); err != nil {
		return "must be a path of an address, with %25 for a percent sign"
	}
	return ""
}

func validSeedBody(value string) string {
	if !insideRepository(value) || value == "." {
		return "must be a file of the repository, such as fixtures/demo.json"
	}
	return ""
}

// ownHeaders are the headers that Perch or HTTP sets.
var ownHeaders = []string{
	"Host", "Connection", "Content-Length", "Content-Type", "Transfer-Encoding", "Trailer", "Upgrade", "Te", "Expect",
	"Idempotency-Key", "User-Agent",
}

func validSeedHeader(value string) string {
	if !headerName.MatchString(value) {
		return "must be the name of a header, such as X-Seed-Token"
	}
	if slices.Contains(ownHeaders, textproto.CanonicalMIMEHeaderKey(value)) {
		return "must be a header of the app's, such as X-Seed-Token"
	}
	return ""
}
