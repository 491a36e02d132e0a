package cloudformation

import (
	"encoding/base64"
	"strconv"
	"time"
)

// page returns the page of items, which are sorted by key, that begins after the token; next is
// empty on the last page. A token is the last key of a page. Items that are added or removed
// between two calls therefore neither repeat nor hide others.
func page[E any](items []E, key func(E) string, token string, size int) (out []E, next string, err error) {
	if token != "" {
		last, err := base64.URLEncoding.DecodeString(token)
		if err != nil {
			return nil, "", invalid("The specified pagination token is invalid.")
		}
		for len(items) > 0 && key(items[0]) <= string(last) {
			items = items[1:]
		}
	}
	if len(items) <= size {
		return items, "", nil
	}
	return items[:size], base64.URLEncoding.EncodeToString([]byte(key(items[size-1]))), nil
}

// newestFirst returns a key that sorts later times before earlier ones.
func newestFirst(at time.Time, tie string) string {
	return strconv.FormatInt(1<<62-at.UnixNano(), 10) + " " + tie
}
