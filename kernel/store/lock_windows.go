package store

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// fileLock is a lock on a file of its own that ends with the process.
type fileLock struct{ f *os.File }

func lockFile(name string) (*fileLock, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, errLock(err)
	}
	err = windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &windows.Overlapped{})
	if err == nil {
		return &fileLock{f}, nil
	}
	defer f.Close()
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return nil, errLocked(name, nil)
	}
	return nil, errLock(err)
}

func (l *fileLock) release() error { return l.f.Close() }
