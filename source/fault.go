package source

import (
	"bytes"
	"fmt"
)

// CommitFault is what is wrong with a path of a commit: a link, a folder, a submodule, a file that
// is too large or a Git LFS pointer. Asking again does not help; another commit does.
type CommitFault struct {
	// Path is the path in the repository, and Commit the full commit.
	Path, Commit string
	// Reason completes the sentence "PATH at commit COMMIT ..." and says what to do.
	Reason string
}

func (f *CommitFault) Error() string {
	return fmt.Sprintf("%s at commit %.8s %s", f.Path, f.Commit, f.Reason)
}

// Kinds of what is not a file.
const (
	symbolicLink = "symbolic link"
	submodule    = "submodule"
	folder       = "folder"
)

// NotAFile is the fault of a path that is a symbolic link, a submodule or a folder. Git tells them
// by mode: 120000, 160000 and 040000.
func NotAFile(commit, path, mode string) error {
	kind := map[string]string{"120000": symbolicLink, "160000": submodule}[mode]
	if kind == "" {
		kind = folder
	}
	return &CommitFault{
		Path: path, Commit: commit, Reason: fmt.Sprintf("is a %s and not a file; commit the file itself", kind),
	}
}

// NotAFolder is the fault of a path with a folder's place that is a symbolic link or a submodule,
// by its mode; nil for any other mode.
func NotAFolder(commit, path, mode string) error {
	kind := map[string]string{"120000": symbolicLink, "160000": submodule}[mode]
	if kind == "" {
		return nil
	}
	return &CommitFault{
		Path: path, Commit: commit, Reason: fmt.Sprintf("is a %s and not a folder; commit the folder itself", kind),
	}
}

// TooLarge is the fault of a file of so many bytes, where at most limit bytes are read.
func TooLarge(commit, path string, bytes, limit int64) error {
	return &CommitFault{
		Path: path, Commit: commit,
		Reason: fmt.Sprintf("has %d bytes, and at most %d are read; make it smaller", bytes, limit),
	}
}

// LargestPointer is the size, in bytes, below which a file may be a Git LFS pointer (Git LFS
// specification).
const LargestPointer = 1024

// CheckPointer rejects the pointer that Git LFS commits in place of a file (Git LFS specification,
// version 1).
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
