package run

import (
	"fmt"
	"path/filepath"

	"github.com/gofrs/flock"
)

// lockFolder keeps a second sandbox off dir until the lock is closed: two would write one database.
// The system lets go of the lock when the process ends, however it ends, so what a killed sandbox
// leaves behind blocks no later one.
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
