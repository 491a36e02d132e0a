package github

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	api "github.com/google/go-github/v60/github"

	"perch/source"
)

// maxFile is the size of the largest file that File reads into memory, in bytes.
const maxFile = 16 << 20

// File reads one file at a commit. found is false if the commit has no such file. File does not
// follow symbolic links.
func (r *Repository) File(ctx context.Context, commit, name string) (content []byte, found bool, err error) {
	tree, err := r.tree(ctx, commit)
	if err != nil {
		return nil, false, err
	}
	entry, err := r.find(ctx, tree, commit, name)
	if err == nil && entry == nil {
		return nil, false, nil
	}
	if err == nil {
		err = readable(commit, name, entry)
	}
	if err == nil {
		content, err = r.blob(ctx, entry)
	}
	if err == nil {
		err = source.CheckPointer(commit, name, content)
	}
	if err != nil {
		return nil, false, r.failure(err, "read %s at commit %s", name, commit)
	}
	return content, true, nil
}

func readable(commit, name string, entry *api.TreeEntry) error {
	if !plainFile(entry) {
		return source.NotAFile(commit, name, entry.GetMode())
	}
	if size := int64(entry.GetSize()); size > maxFile {
		return source.TooLarge(commit, name, size, maxFile)
	}
	return nil
}

// Files lists the files in a folder at a commit, and in the folders below it, sorted by path. "."
// is the whole repository. If one of them is a symbolic link or a submodule, the error is a
// source.CommitFault. It is also an error if the commit or the folder does not exist (for the
// folder it is source.ErrNoFolder), and if the folder has more files than GitHub lists at once. The
// files are read with ctx.
func (r *Repository) Files(ctx context.Context, commit, folder string) ([]source.File, error) {
	tree, err := r.tree(ctx, commit)
	if err != nil {
		return nil, err
	}
	files, err := r.below(ctx, tree, commit, path.Clean(folder))
	if errors.Is(err, source.ErrNoFolder) {
		return nil, fmt.Errorf("list files in %s at commit %s: %w", path.Clean(folder), commit, err)
	}
	if err != nil {
		return nil, r.failure(err, "list files in %s at commit %s", path.Clean(folder), commit)
	}
	return files, nil
}

func (r *Repository) below(ctx context.Context, tree, commit, folder string) ([]source.File, error) {
	if folder != "." {
		entry, err := r.find(ctx, tree, commit, folder)
		if err != nil {
			return nil, err
		}
		if entry != nil && !plainFile(entry) && entry.GetType() != "tree" {
			return nil, source.NotAFolder(commit, folder, entry.GetMode())
		}
		if entry == nil || entry.GetType() != "tree" {
			return nil, source.ErrNoFolder
		}
		tree = entry.GetSHA()
	}
	entries, err := r.entries(ctx, tree, true)
	if err != nil {
		return nil, err
	}
	files := []source.File{}
	for _, entry := range entries {
		if entry.GetType() == "tree" {
			continue
		}
		if !plainFile(entry) {
			return nil, source.NotAFile(commit, path.Join(folder, entry.GetPath()), entry.GetMode())
		}
		files = append(files, r.file(ctx, entry))
	}
	slices.SortFunc(files, func(a, b source.File) int { return strings.Compare(a.Path, b.Path) })
	return files, nil
}

func (r *Repository) file(ctx context.Context, entry *api.TreeEntry) source.File {
	return source.File{Path: entry.GetPath(), Size: int64(entry.GetSize()), Open: func() (io.ReadCloser, error) {
		content, err := r.blob(ctx, entry)
		if err != nil {
			return nil, r.failure(err, "read %s", entry.GetPath())
		}
		return io.NopCloser(bytes.NewReader(content)), nil
	}}
}

func (r *Repository) tree(ctx context.Context, commit string) (string, error) {
	tree, found, err := r.commit(ctx, commit)
	if err == nil && !found {
		err = fmt.Errorf("the repository has no commit %s", commit)
	}
	return tree, err
}

// find descends to name, folder by folder. The entry is nil if there is none. If a folder above
// name is a symbolic link or a submodule, the error is a source.CommitFault.
func (r *Repository) find(ctx context.Context, tree, commit, name string) (*api.TreeEntry, error) {
	if !fs.ValidPath(name) || name == "." {
		return nil, nil
	}
	for whole := name; ; {
		part, rest, deeper := strings.Cut(name, "/")
		entries, err := r.entries(ctx, tree, false)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(entries, func(e *api.TreeEntry) bool { return e.GetPath() == part })
		if i < 0 {
			return nil, nil
		}
		if deeper && entries[i].GetType() != "tree" {
			return nil, source.NotAFolder(commit, strings.TrimSuffix(whole, "/"+rest), entries[i].GetMode())
		}
		if !deeper {
			return entries[i], nil
		}
		tree, name = entries[i].GetSHA(), rest
	}
}

func plainFile(entry *api.TreeEntry) bool {
	return entry.GetType() == "blob" && entry.GetMode() != "120000"
}
