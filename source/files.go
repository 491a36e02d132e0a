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

// maxFile is the size of the largest file that File reads into memory, in bytes.
const maxFile = 16 << 20

// ErrNoFolder means that the commit does not have the folder that Files should list.
var ErrNoFolder = errors.New("there is no such folder")

// File is a file of a repository at a commit.
type File struct {
	// Path is relative to the requested folder, with slashes.
	Path string
	// Size is in bytes.
	Size int64
	// Open reads the content. It is safe for concurrent use; the caller closes the reader.
	Open func() (io.ReadCloser, error)
}

// File reads one file at a commit. found is false if the commit has no such file. File does not
// follow symbolic links.
func (g *Git) File(ctx context.Context, commit, name string) (content []byte, found bool, err error) {
	tree, err := g.tree(ctx, commit)
	if err != nil {
		return nil, false, err
	}
	tree, entry, err := find(tree, commit, name)
	if fault := (*CommitFault)(nil); errors.As(err, &fault) {
		return nil, false, fault
	}
	if err != nil {
		return nil, false, fmt.Errorf("read %s at commit %s: %w", name, commit, err)
	}
	if entry == nil {
		return nil, false, nil
	}
	if !plainFile(entry.Mode) {
		return nil, false, NotAFile(commit, name, mode(entry.Mode))
	}
	content, size, err := readBlob(tree, entry)
	switch {
	case err != nil:
		return nil, false, fmt.Errorf("read %s at commit %s: %w", name, commit, err)
	case size > maxFile:
		return nil, false, TooLarge(commit, name, size, maxFile)
	}
	if err := CheckPointer(commit, name, content); err != nil {
		return nil, false, err
	}
	return content, true, nil
}

// find descends to the folder that contains name. The entry is nil if there is none. If a folder
// above name is a symbolic link or a submodule, the error is a CommitFault.
func find(tree *object.Tree, commit, name string) (*object.Tree, *object.TreeEntry, error) {
	if !fs.ValidPath(name) {
		return nil, nil, nil
	}
	for whole := name; ; {
		part, rest, deeper := strings.Cut(name, "/")
		i := slices.IndexFunc(tree.Entries, func(e object.TreeEntry) bool { return e.Name == part })
		if i < 0 {
			return nil, nil, nil
		}
		if deeper && tree.Entries[i].Mode != filemode.Dir {
			above := strings.TrimSuffix(whole, "/"+rest)
			return nil, nil, NotAFolder(commit, above, mode(tree.Entries[i].Mode))
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

// readBlob reads a file, unless it has more than maxFile bytes.
func readBlob(tree *object.Tree, entry *object.TreeEntry) (content []byte, size int64, err error) {
	file, err := tree.TreeEntryFile(entry)
	if err != nil || file.Size > maxFile {
		return nil, fileSize(file), err
	}
	reader, err := file.Reader()
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = reader.Close() }()
	content, err = io.ReadAll(reader)
	return content, file.Size, err
}

func fileSize(file *object.File) int64 {
	if file == nil {
		return 0
	}
	return file.Size
}

// Files lists the files in a folder at a commit, and in the folders below it, sorted by path. "."
// is the whole repository. If one of them is a symbolic link or a submodule, the error is a
// CommitFault. It is also an error if the commit or the folder does not exist; for the folder it is
// ErrNoFolder.
func (g *Git) Files(ctx context.Context, commit, folder string) ([]File, error) {
	tree, err := g.tree(ctx, commit)
	if err != nil {
		return nil, err
	}
	if folder = path.Clean(folder); folder != "." {
		tree, err = subfolder(tree, commit, folder)
		if fault := (*CommitFault)(nil); errors.As(err, &fault) {
			return nil, fault
		}
		if err != nil {
			return nil, fmt.Errorf("list files in %s at commit %s: %w", folder, commit, err)
		}
	}
	files, err := walk(ctx, tree, commit, folder)
	if fault := (*CommitFault)(nil); errors.As(err, &fault) {
		return nil, fault
	}
	if err != nil {
		return nil, fmt.Errorf("list files in %s at commit %s: %w", folder, commit, err)
	}
	return files, nil
}

func subfolder(tree *object.Tree, commit, folder string) (*object.Tree, error) {
	parent, entry, err := find(tree, commit, folder)
	if err != nil {
		return nil, err
	}
	if entry != nil && !plainFile(entry.Mode) && entry.Mode != filemode.Dir {
		return nil, NotAFolder(commit, folder, mode(entry.Mode))
	}
	if entry == nil || entry.Mode != filemode.Dir {
		return nil, ErrNoFolder
	}
	return parent.Tree(entry.Name)
}

func walk(ctx context.Context, tree *object.Tree, commit, folder string) ([]File, error) {
	walker := object.NewTreeWalker(tree, true, nil)
	defer walker.Close()
	// All readers share one lock, because go-git does not promise that concurrent reads are safe.
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
		if entry.Mode == filemode.Dir {
			continue
		}
		if !plainFile(entry.Mode) {
			return nil, NotAFile(commit, path.Join(folder, name), mode(entry.Mode))
		}
		if name != path.Clean(name) || strings.HasPrefix(name, "../") {
			return nil, &CommitFault{
				Path: path.Join(folder, name), Commit: commit,
				Reason: "is not a path that stays in the repository; rename it",
			}
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

// mode returns a mode in the form in which Git writes it in a tree.
func mode(m filemode.FileMode) string { return fmt.Sprintf("%06o", uint32(m)) }
