package run

import (
	"fmt"
	"path/filepath"

	"github.com/gofrs/flock"
)

// lockFolder keeps another sandbox from using dir until the lock is closed, because two would write
// to one database. The operating system releases the lock whenever the process ends, so a sandbox
// that was killed does not block a later one.
func lockFolder(dir string) (*flock.Flock, error) {
	lock := flock.New(filepath.Join(dir, "lock"))
	switch locked, err := lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("lock data folder %s: %w", dir, err)
	case !locked:
		return nil, fmt.Errorf("a sandbox runs with --data %s already: `go run ./sandbox env --data %s` says where; "+
			"stop it, or choose another folder", dir, quote(dir))
	}
	return lock, nil
}
