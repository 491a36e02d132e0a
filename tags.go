package perch

import (
	"fmt"
	"strings"
)

// Tags of an environment's stack. Perch recognises its stacks by these tags, so they never change
// after creation.
const (
	TagBranch     = "branch"
	TagProject    = "perch:project"
	TagRepository = "perch:repository"
	// TagRepositoryID is the repository's numeric id at its source. Stacks that were created
	// without this tag do not get it later, because a changed tag updates every resource.
	TagRepositoryID = "perch:repository-id"
	TagKind         = "perch:kind"
	// TagProtect, which a person sets, protects a stack from cleanup; see ProtectedByTag.
	TagProtect = "perch:protect"
)

// ProtectedByTag reports whether a stack's tags protect it from cleanup, and returns the tag's
// value. Every value of TagProtect protects, even an empty one, except exactly "false". If in
// doubt, the stack is kept.
func ProtectedByTag(tags map[string]string) (value string, protected bool) {
	value, tagged := tags[TagProtect]
	return value, tagged && value != "false"
}

// maxTagValue is the maximum length of a tag value in characters (AWS docs: tagging limits).
const maxTagValue = 256

const tagPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/+@:-"

// EncodeTag encodes a value so that every AWS service accepts it in a tag. Bytes outside
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

// DecodeTag decodes the result of EncodeTag. ok is false for any value that EncodeTag does not
// return.
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
