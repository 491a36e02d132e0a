package cli

import (
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Limits for reading a repository in `config init`, so that a large repository does not slow it
// down.
const (
	appFileLimit  = 256 << 10 // bytes of a file
	appFilesLimit = 400       // files of one kind
	appDepth      = 4         // folders below the app's
)

// otherFolders are the names of folders that hold no source code of the app.
var otherFolders = []string{
	"node_modules", "vendor", "dist", "build", "venv", "env", "__pycache__", "tmp", "log", "test", "tests", "spec",
}

// plainPath matches a path that YAML and a terminal show unchanged. Files with other paths are
// skipped.
var plainPath = regexp.MustCompile(`^[\w./@+-]+$`)

// appFolder is a folder of a repository that may contain an app.
type appFolder struct {
	fs.FS
	// path is the folder's path in the repository; "." is its root.
	path string
}

// subfolders returns the folders in f that may hold an app, sorted by name.
func (f appFolder) subfolders() []appFolder {
	entries, err := fs.ReadDir(f, ".")
	if err != nil {
		return nil // An unreadable folder counts as empty.
	}
	var folders []appFolder
	for _, entry := range entries {
		if !entry.IsDir() || !plainPath.MatchString(entry.Name()) || passedOver(entry.Name()) {
			continue
		}
		if inner, err := fs.Sub(f, entry.Name()); err == nil {
			folders = append(folders, appFolder{inner, path.Join(f.path, entry.Name())})
		}
	}
	return folders
}

// passedOver reports whether a folder of that name is skipped because it holds no source code of
// the app.
func passedOver(name string) bool {
	return strings.HasPrefix(name, ".") || slices.Contains(otherFolders, name)
}

// named returns the path in the repository of a file in f.
func (f appFolder) named(name string) string { return path.Join(f.path, name) }

// text returns the beginning of a file's content; empty if the file does not exist.
func (f appFolder) text(name string) string {
	info, err := fs.Stat(f, name)
	if err != nil || !info.Mode().IsRegular() { // A pipe would never end.
		return ""
	}
	file, err := f.Open(name)
	if err != nil {
		return ""
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, appFileLimit))
	if err != nil {
		return ""
	}
	return string(data)
}

// files returns the files below f whose path matches, sorted by path.
func (f appFolder) files(matches *regexp.Regexp) []string {
	var found []string
	_ = fs.WalkDir(f, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fs.SkipDir
		case len(found) == appFilesLimit:
			return fs.SkipAll
		case !entry.IsDir():
			if plainPath.MatchString(name) && matches.MatchString(name) {
				found = append(found, name)
			}
		case name != "." && passedOver(entry.Name()), strings.Count(name, "/") >= appDepth:
			return fs.SkipDir
		}
		return nil
	})
	return found
}

// find returns the text of the pattern's first group from the first file that contains the pattern,
// and that file.
func (f appFolder) find(pattern *regexp.Regexp, files ...string) (match, file string) {
	for _, name := range files {
		if found := pattern.FindStringSubmatch(f.text(name)); found != nil {
			return found[1], name
		}
	}
	return "", ""
}

// containerFiles matches the files that define what the app's container does when it starts.
var containerFiles = regexp.MustCompile(
	`^((docker/)?Dockerfile[^/]*|Procfile|((docker|bin|scripts?)/)?(docker-)?(entrypoint|start)(\.[a-z]+)?)$`)

// migration matches the words by which a container migrates its database: all spellings of
// `migrate`, and Rails' db:prepare.
var migration = regexp.MustCompile(`(db:prepare|db:migrate|migrat)`)

// migrates returns the word by which the container migrates its database when it starts, and the
// file that contains it. Both are empty if no file does.
func (f appFolder) migrates() (word, file string) {
	return f.find(migration, f.files(containerFiles)...)
}
