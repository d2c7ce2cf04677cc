//go:build unix

package file

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// TryLock makes an open file this process's own until it is closed, and reports whether it is; nobody else's opening and closing
// the file ends that. Who does not ask is not kept from it. Errors are the system's.
func TryLock(f *os.File) (bool, error) {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

// Unlock ends what TryLock began, at once: closing the file alone leaves it to a child that is just being started, until that has
// closed it too.
func Unlock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_UN) }
