package s3

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// blobs stores the bytes of objects and parts under generated names. A blob never changes.
type blobs interface {
	// put reads r to its end and stores it. If r fails, put stores nothing.
	put(r io.Reader) (name string, size int64, err error)
	// open returns a reader of the blob's bytes. The reader works even after the blob was removed.
	open(name string) (io.ReadSeekCloser, error)
	// remove deletes a blob.
	remove(name string)
}

type memoryBlobs struct {
	mu       sync.Mutex
	contents map[string][]byte
}

func (m *memoryBlobs) put(r io.Reader) (string, int64, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return "", 0, err
	}
	name := rand.Text()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.contents[name] = data
	return name, int64(len(data)), nil
}

func (m *memoryBlobs) open(name string) (io.ReadSeekCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.contents[name]
	if !ok {
		return nil, os.ErrNotExist
	}
	return nopCloser{bytes.NewReader(data)}, nil
}

func (m *memoryBlobs) remove(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.contents, name)
}

type nopCloser struct{ io.ReadSeeker }

func (nopCloser) Close() error { return nil }

// dirBlobs stores each blob in a file.
type dirBlobs struct{ dir string }

func newDirBlobs(dir string) (dirBlobs, error) {
	return dirBlobs{dir}, os.MkdirAll(dir, 0o700)
}

func (d dirBlobs) put(r io.Reader) (string, int64, error) {
	name := rand.Text()
	file, err := os.OpenFile(filepath.Join(d.dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", 0, err
	}
	size, err := io.Copy(file, r)
	if err = errors.Join(err, file.Close()); err != nil {
		d.remove(name)
		return "", 0, err
	}
	return name, size, nil
}

func (d dirBlobs) open(name string) (io.ReadSeekCloser, error) {
	return os.Open(filepath.Join(d.dir, name))
}

func (d dirBlobs) remove(name string) { _ = os.Remove(filepath.Join(d.dir, name)) }

// removeUnused deletes the files of all blobs that are not in used. Such a file exists if the
// process was killed after it wrote a blob and before it recorded the blob in the journal.
func (d dirBlobs) removeUnused(used map[string]bool) error {
	files, err := os.ReadDir(d.dir)
	if err != nil {
		return err
	}
	for _, file := range files {
		if !used[file.Name()] {
			d.remove(file.Name())
		}
	}
	return nil
}
