package run

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// lockFolder keeps a second sandbox off dir until the file is closed: two would write one database. The system lets go of the lock when the
// process ends, however it ends, so what a killed sandbox leaves behind holds up nobody.
func lockFolder(dir string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock data folder: %w", err)
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return file, nil
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = fmt.Errorf("a sandbox runs with --data %s already: `go run ./sandbox env --data %s` says where; stop it, or choose another folder", dir, quote(dir))
	} else {
		err = fmt.Errorf("lock data folder %s: %w", dir, err)
	}
	return nil, errors.Join(err, file.Close())
}
