package cli

import (
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Bounds of what `config init` reads of a repository, so that a large one does not slow it down.
const (
	appFileLimit  = 256 << 10 // bytes of a file
	appFilesLimit = 400       // files of one kind
	appDepth      = 4         // folders below the app's
)

// otherFolders hold no source of the app.
var otherFolders = []string{
	"node_modules", "vendor", "dist", "build", "venv", "env", "__pycache__", "tmp", "log", "test", "tests", "spec",
}

// plainPath is a path that YAML and a terminal show as it is; files with others are passed over.
var plainPath = regexp.MustCompile(`^[\w./@+-]+$`)

// appFolder is a folder of a repository in which an app may be.
type appFolder struct {
	fs.FS
	// path is the folder's path in the repository; "." is its root.
	path string
}

// subfolders are the folders of f that may hold an app, in the order of their names.
func (f appFolder) subfolders() []appFolder {
	entries, err := fs.ReadDir(f, ".")
	if err != nil {
		return nil // A folder that cannot be read shows nothing.
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

// passedOver says whether a folder of that name holds no source of the app.
func passedOver(name string) bool {
	return strings.HasPrefix(name, ".") || slices.Contains(otherFolders, name)
}

// named returns a file of f by its path in the repository.
func (f appFolder) named(name string) string { return path.Join(f.path, name) }

// text is the beginning of a file; empty if there is no such file.
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

// files are the files below f whose path matches, in the order of their paths.
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

// find returns what the pattern's first group matches in the first file that contains it.
func (f appFolder) find(pattern *regexp.Regexp, files ...string) (match, file string) {
	for _, name := range files {
		if found := pattern.FindStringSubmatch(f.text(name)); found != nil {
			return found[1], name
		}
	}
	return "", ""
}

// containerFiles say what the app's container does when it starts.
var containerFiles = regexp.MustCompile(
	`^((docker/)?Dockerfile[^/]*|Procfile|((docker|bin|scripts?)/)?(docker-)?(entrypoint|start)(\.[a-z]+)?)$`)

// migration is how a container migrates its database: by `migrate` in all its spellings, or by
// Rails' db:prepare.
var migration = regexp.MustCompile(`(db:prepare|db:migrate|migrat)`)

// migrates is the word by which the container migrates its database when it starts, and the file
// that says so; both are empty if none does.
func (f appFolder) migrates() (word, file string) {
	return f.find(migration, f.files(containerFiles)...)
}
