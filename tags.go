package perch

import (
	"fmt"
	"strings"
)

// Tags of an environment's stack. Perch recognises its stacks by them, so they never change after
// creation.
const (
	TagBranch     = "branch"
	TagProject    = "perch:project"
	TagRepository = "perch:repository"
	// TagRepositoryID is the repository's numeric id at its source. Stacks that were created
	// without it keep their tags: a changed tag is an update of every resource.
	TagRepositoryID = "perch:repository-id"
	TagKind         = "perch:kind"
	// TagProtect, set by hand, keeps a stack from cleanup; see ProtectedByTag.
	TagProtect = "perch:protect"
)

// ProtectedByTag reports whether a stack's tags keep it from cleanup, and the value that does.
// TagProtect protects with every value, also an empty one, except exactly "false": in doubt the
// stack stays.
func ProtectedByTag(tags map[string]string) (value string, protected bool) {
	value, tagged := tags[TagProtect]
	return value, tagged && value != "false"
}

// maxTagValue is the longest tag value in characters (AWS docs: tagging limits).
const maxTagValue = 256

const tagPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/+@:-"

// EncodeTag writes a value in characters that every AWS service takes in a tag: bytes outside
// `[A-Za-z0-9._/+@:-]` become `=XX`.
func EncodeTag(value string) string {
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		if c := value[i]; strings.IndexByte(tagPlain, c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteString(fmt.Sprintf("=%02X", c))
		}
	}
	return b.String()
}

// DecodeTag reads what EncodeTag wrote; ok is false for a value that EncodeTag never writes.
func DecodeTag(encoded string) (value string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(encoded); i++ {
		c := encoded[i]
		if c != '=' {
			if strings.IndexByte(tagPlain, c) < 0 {
				return "", false
			}
			b.WriteByte(c)
			continue
		}
		var escaped byte
		if i+2 >= len(encoded) {
			return "", false
		}
		if _, err := fmt.Sscanf(encoded[i+1:i+3], "%02X", &escaped); err != nil {
			return "", false
		}
		if fmt.Sprintf("%02X", escaped) != encoded[i+1:i+3] || strings.IndexByte(tagPlain, escaped) >= 0 {
			return "", false
		}
		b.WriteByte(escaped)
		i += 2
	}
	return b.String(), true
}
