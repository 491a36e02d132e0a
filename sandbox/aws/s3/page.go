package s3

import (
	"net/http"
	"sort"
	"strconv"
	"strings"
)

// maxPage is the maximum number of entries on a page, even if a request specifies more (AWS docs:
// ListObjectsV2, ListObjectVersions).
const maxPage = 1000

// scope selects the names of a listing: those with a prefix. A common prefix replaces the names
// that contain the delimiter after the prefix.
type scope struct {
	prefix, delimiter string
	// marker is where the page begins: with the first name or common prefix greater than it, or
	// with the name that equals it if inclusive.
	marker    string
	inclusive bool
	// limit is the maximum number of entries on the page, 0 to maxPage.
	limit int
}

// walk calls visit for each name and common prefix in scope, in ascending order, until visit
// returns false. It skips names for which live returns false. names must be sorted.
func (s scope) walk(names []string, live func(name string) bool, visit func(name string, common bool) bool) {
	at := sort.Search(len(names), func(i int) bool {
		return names[i] >= s.prefix && (names[i] > s.marker || s.inclusive && names[i] == s.marker)
	})
	for at < len(names) && strings.HasPrefix(names[at], s.prefix) {
		name := names[at]
		at++
		if !live(name) {
			continue
		}
		common, rolled := s.commonPrefix(name)
		if rolled {
			name = common
		}
		if name > s.marker || !rolled {
			if !visit(name, rolled) {
				return
			}
		}
		if rolled {
			at += sort.Search(len(names)-at, func(i int) bool { return !strings.HasPrefix(names[at+i], common) })
		}
	}
}

// commonPrefix returns the common prefix that replaces name, if there is one.
func (s scope) commonPrefix(name string) (common string, rolled bool) {
	if s.delimiter == "" {
		return "", false
	}
	rest := name[len(s.prefix):]
	at := strings.Index(rest, s.delimiter)
	if at < 0 {
		return "", false
	}
	return name[:len(s.prefix)+at+len(s.delimiter)], true
}

// pageLimit returns the value of max-keys or a similar parameter. element is the parameter's name
// in S3's messages.
func (r *request) pageLimit(parameter, element string) (int, error) {
	text := r.query.Get(parameter)
	if text == "" {
		return maxPage, nil
	}
	limit, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, invalidArgument("Provided "+parameter+" not an integer or within integer range", parameter, text)
	}
	if limit < 0 {
		return 0, invalidArgument("Argument "+element+" must be an integer between 0 and 2147483647", parameter, text)
	}
	return int(min(limit, maxPage)), nil
}

// encoder returns a function that encodes the listing's names.
func (r *request) encoder() (func(string) string, error) {
	switch kind := r.query.Get("encoding-type"); kind {
	case "":
		return func(text string) string { return text }, nil
	case "url":
		return encodeURL, nil
	default:
		return nil, failf(http.StatusBadRequest, "InvalidArgument", "Invalid Encoding Method specified in Request").
			with("ArgumentName", "encoding-type").with("ArgumentValue", kind)
	}
}
