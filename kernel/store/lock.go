package store

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strconv"

	"github.com/carapace-gateway/carapace/kernel/file"
)

// fileLock is an advisory lock on a file of its own: SQLite's locks on the database end with any file
// descriptor of the process that is closed, this one ends only with its own, or with the process.
type fileLock struct{ f *os.File }

func lockFile(name string) (*fileLock, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, errLock(err)
	}
	held, err := file.TryLock(f)
	if err != nil {
		defer f.Close()
		return nil, errLock(err)
	}
	if !held {
		defer f.Close()
		holder, _ := io.ReadAll(io.LimitReader(f, 20))
		return nil, errLocked(name, bytes.TrimSpace(holder))
	}
	// The number is only for the message that a second gateway prints.
	if err := f.Truncate(0); err == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return &fileLock{f}, nil
}

// release leaves the file, since removing it would let two processes lock two files of one name.
func (l *fileLock) release() error {
	_ = l.f.Truncate(0)
	return errors.Join(file.Unlock(l.f), l.f.Close())
}
