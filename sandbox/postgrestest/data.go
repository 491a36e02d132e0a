//go:build !windows

package postgrestest

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
)

const (
	// memoryFolder is Linux's file system in memory. PostgreSQL makes 1,000 files for a server and
	// 300 for a database, which costs a disk's file system more than all queries of a test.
	memoryFolder = "/dev/shm"
	// memoryNeeded is how many bytes must be free there: several times what a server needs, because
	// tests run in parallel. Containers often have only 64 MB.
	memoryNeeded = 1 << 30
)

// tempFolder returns the folder for the files of servers; empty for the system's default.
func tempFolder() string {
	var info syscall.Statfs_t
	if syscall.Statfs(memoryFolder, &info) != nil || info.Bavail*uint64(info.Bsize) < memoryNeeded {
		return ""
	}
	return memoryFolder
}

// pristine holds the files that initdb made, by path: once for all servers of the process.
var pristine = struct {
	sync.Mutex
	files fstest.MapFS
}{}

// makeData makes the data folder of a new server. Only the first one of the process runs initdb;
// the others are copies.
func (s *Server) makeData(t testing.TB, initdb string) {
	t.Helper()
	pristine.Lock()
	defer pristine.Unlock()
	if pristine.files == nil {
		s.run(
			t, initdb, "--pgdata", s.data(), "--username", "postgres", "--auth-local", "trust", "--no-sync",
			"--wal-segsize", "1",
		)
		pristine.files = readFiles(t, s.data())
		return
	}
	if err := os.CopyFS(s.data(), pristine.files); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(s.data(), 0o700); err != nil { // PostgreSQL rejects a folder that others can read.
		t.Fatal(err)
	}
	if s.owner == nil {
		return
	}
	if err := filepath.WalkDir(s.data(), func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, int(s.owner.Uid), int(s.owner.Gid))
	}); err != nil {
		t.Fatal(err)
	}
}

// readFiles reads all files and folders below dir.
func readFiles(t testing.TB, dir string) fstest.MapFS {
	t.Helper()
	files, system := fstest.MapFS{}, os.DirFS(dir)
	if err := fs.WalkDir(system, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == "." {
			return err
		}
		file := &fstest.MapFile{Mode: entry.Type()}
		if !entry.IsDir() {
			if file.Data, err = fs.ReadFile(system, path); err != nil {
				return err
			}
		}
		files[path] = file
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return files
}
