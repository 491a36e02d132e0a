package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// maxFile is the largest file that File reads into memory, in bytes.
const maxFile = 16 << 20

// ErrNoFolder is what Files says of a folder that the commit does not have.
var ErrNoFolder = errors.New("there is no such folder")

// File is a file of a repository at a commit.
type File struct {
	// Path is relative to the folder that was asked for, with slashes.
	Path string
	// Size is in bytes.
	Size int64
	// Open reads the content. It is safe for concurrent use; the caller closes the reader.
	Open func() (io.ReadCloser, error)
}

// File reads one file at a commit; found is false where the commit has no such file. Symbolic links are not followed.
func (g *Git) File(ctx context.Context, commit, name string) (content []byte, found bool, err error) {
	tree, err := g.tree(ctx, commit)
	if err != nil {
		return nil, false, err
	}
	tree, entry, err := find(tree, name)
	if err != nil {
		return nil, false, fmt.Errorf("read %s at commit %s: %w", name, commit, err)
	}
	if entry == nil {
		return nil, false, nil
	}
	if !plainFile(entry.Mode) {
		return nil, false, fmt.Errorf("read %s at commit %s: it is a %s, not a file", name, commit, modeName(entry.Mode))
	}
	content, err = readBlob(tree, entry)
	if err != nil {
		return nil, false, fmt.Errorf("read %s at commit %s: %w", name, commit, err)
	}
	return content, true, nil
}

// find goes down to the folder that holds name; the entry is nil where there is none.
func find(tree *object.Tree, name string) (*object.Tree, *object.TreeEntry, error) {
	if !fs.ValidPath(name) {
		return nil, nil, nil
	}
	for {
		part, rest, deeper := strings.Cut(name, "/")
		i := slices.IndexFunc(tree.Entries, func(e object.TreeEntry) bool { return e.Name == part })
		if i < 0 || deeper && tree.Entries[i].Mode != filemode.Dir {
			return nil, nil, nil
		}
		if !deeper {
			return tree, &tree.Entries[i], nil
		}
		below, err := tree.Tree(part)
		if err != nil {
			return nil, nil, err
		}
		tree, name = below, rest
	}
}

func readBlob(tree *object.Tree, entry *object.TreeEntry) ([]byte, error) {
	file, err := tree.TreeEntryFile(entry)
	if err != nil {
		return nil, err
	}
	if file.Size > maxFile {
		return nil, fmt.Errorf("it is %d bytes long; at most %d are read", file.Size, maxFile)
	}
	reader, err := file.Reader()
	if err != nil {
		return nil, err
	}
	defer func() { _ = reader.Close() }()
	return io.ReadAll(reader)
}

// Files lists the files below a folder at a commit, in the order of their paths; "." is the whole repository. Symbolic links and submodules are
// left out. A commit that is not there is an error, and so is a folder (ErrNoFolder).
func (g *Git) Files(ctx context.Context, commit, folder string) ([]File, error) {
	tree, err := g.tree(ctx, commit)
	if err != nil {
		return nil, err
	}
	if folder = path.Clean(folder); folder != "." {
		if tree, err = subfolder(tree, folder); err != nil {
			return nil, fmt.Errorf("list files in %s at commit %s: %w", folder, commit, err)
		}
	}
	files, err := walk(ctx, tree)
	if err != nil {
		return nil, fmt.Errorf("list files in %s at commit %s: %w", folder, commit, err)
	}
	return files, nil
}

func subfolder(tree *object.Tree, folder string) (*object.Tree, error) {
	parent, entry, err := find(tree, folder)
	if err != nil {
		return nil, err
	}
	if entry == nil || entry.Mode != filemode.Dir {
		return nil, ErrNoFolder
	}
	return parent.Tree(entry.Name)
}

func walk(ctx context.Context, tree *object.Tree) ([]File, error) {
	walker := object.NewTreeWalker(tree, true, nil)
	defer walker.Close()
	// One lock for all readers: go-git does not promise that a repository may be read side by side.
	var reading sync.Mutex
	files := []File{}
	for {
		name, entry, err := walker.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		if !plainFile(entry.Mode) {
			continue
		}
		if name != path.Clean(name) || strings.HasPrefix(name, "../") {
			return nil, fmt.Errorf("%q is not a path that stays in the repository", name)
		}
		file, err := tree.TreeEntryFile(&entry)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		files = append(files, File{Path: name, Size: file.Size, Open: func() (io.ReadCloser, error) {
			reading.Lock()
			defer reading.Unlock()
			return file.Reader()
		}})
	}
}

func (g *Git) tree(ctx context.Context, commit string) (*object.Tree, error) {
	found, ok, err := g.commit(ctx, commit)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("the repository has no commit %s", commit)
	}
	tree, err := found.Tree()
	if err != nil {
		return nil, fmt.Errorf("read the tree of commit %s: %w", commit, err)
	}
	return tree, nil
}

func plainFile(mode filemode.FileMode) bool {
	return mode == filemode.Regular || mode == filemode.Executable || mode == filemode.Deprecated
}

func modeName(mode filemode.FileMode) string {
	switch mode {
	case filemode.Symlink:
		return "symbolic link"
	case filemode.Submodule:
		return "submodule"
	}
	return "folder"
}
