package perch

import (
	"net/url"
	"path/filepath"
	"strings"
)

// NormalizeRepository returns one canonical form for all spellings of a repository's address: host
// and path, without scheme, user, port or .git. For a local path it returns `local` and the last
// two names.
func NormalizeRepository(address string) string {
	address = strings.TrimSuffix(strings.TrimRight(address, "/"), ".git")
	if host, path, ok := strings.Cut(
		address, ":",
	); ok && !strings.Contains(host, "/") && !strings.HasPrefix(path, "//") && len(host) > 1 {
		_, bare, found := strings.Cut(host, "@")
		if !found {
			bare = host
		}
		return strings.ToLower(bare) + "/" + strings.TrimLeft(path, "/")
	}
	if parsed, err := url.Parse(WithoutCredentials(address)); err == nil && parsed.Host != "" {
		return strings.ToLower(parsed.Hostname()) + parsed.Path
	}
	if strings.HasPrefix(address, "file://") || filepath.IsAbs(address) {
		path := filepath.ToSlash(strings.TrimPrefix(address, "file://"))
		return "local/" + filepath.Base(filepath.Dir(path)) + "/" + filepath.Base(path)
	}
	return address
}

// WithoutCredentials returns a repository's address without user and password, because tags,
// messages and runs show it. It also works for invalid URLs. An address without a scheme is
// returned unchanged.
func WithoutCredentials(address string) string {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return address
	}
	parsed, err := url.Parse(address)
	switch {
	case err != nil:
		return scheme + "://" + rest[strings.LastIndex(rest, "@")+1:]
	case parsed.User == nil:
		return address
	}
	parsed.User = nil
	return parsed.String()
}
