package cloudformation

import (
	"encoding/base64"
	"strconv"
	"time"
)

// page cuts the page of a token out of items, which are sorted by key; next is empty on the last
// page. Tokens name the last key of a page, so that items which come and go between two calls
// neither repeat nor hide others.
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

// newestFirst is a key that sorts later instants before earlier ones.
func newestFirst(at time.Time, tie string) string {
	return strconv.FormatInt(1<<62-at.UnixNano(), 10) + " " + tie
}
