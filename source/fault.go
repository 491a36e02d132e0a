package source

import (
	"bytes"
	"fmt"
)

// CommitFault says what is wrong with a path of a commit: it is a link, a folder, a submodule, a
// file that is too large, or a Git LFS pointer. A retry does not help, but another commit does.
type CommitFault struct {
	// Path is the path in the repository. Commit is the full commit.
	Path, Commit string
	// Reason completes the sentence "PATH at commit COMMIT ...", and says what to do.
	Reason string
}

func (f *CommitFault) Error() string {
	return fmt.Sprintf("%s at commit %.8s %s", f.Path, f.Commit, f.Reason)
}

// These are names of what is not a file.
const (
	symbolicLink = "symbolic link"
	submodule    = "submodule"
	folder       = "folder"
)

// NotAFile returns the fault of a path that is a symbolic link, a submodule or a folder instead of
// a file. mode is its mode in Git: 120000, 160000 or 040000.
func NotAFile(commit, path, mode string) error {
	kind := map[string]string{"120000": symbolicLink, "160000": submodule}[mode]
	if kind == "" {
		kind = folder
	}
	return &CommitFault{
		Path: path, Commit: commit, Reason: fmt.Sprintf("is a %s and not a file; commit the file itself", kind),
	}
}

// NotAFolder returns the fault of a path that is a symbolic link or a submodule instead of a
// folder, by its mode in Git; nil for any other mode.
func NotAFolder(commit, path, mode string) error {
	kind := map[string]string{"120000": symbolicLink, "160000": submodule}[mode]
	if kind == "" {
		return nil
	}
	return &CommitFault{
		Path: path, Commit: commit, Reason: fmt.Sprintf("is a %s and not a folder; commit the folder itself", kind),
	}
}

// TooLarge returns the fault of a file that has more bytes than the limit.
func TooLarge(commit, path string, bytes, limit int64) error {
	return &CommitFault{
		Path: path, Commit: commit,
		Reason: fmt.Sprintf("has %d bytes, and at most %d are read; make it smaller", bytes, limit),
	}
}

// LargestPointer is a size in bytes. Only a smaller file may be a Git LFS pointer (Git LFS
// specification).
const LargestPointer = 1024

// CheckPointer returns a fault if the content is a pointer, which Git LFS commits in place of a
// file (Git LFS specification, version 1).
func CheckPointer(commit, path string, content []byte) error {
	if len(content) >= LargestPointer ||
		!bytes.HasPrefix(content, []byte("version https://git-lfs.github.com/spec/v1")) {
		return nil
	}
	return &CommitFault{
		Path: path, Commit: commit,
		Reason: "is a Git LFS pointer and not the file; commit the file without Git LFS, or keep it in a bucket",
	}
}
