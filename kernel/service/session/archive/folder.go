package archive

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/carapace-gateway/carapace/kernel/file"
	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of a file in the archive, in bytes: as it is on disk, and unpacked.
const (
	maxArchive  = 256 << 20
	maxUnpacked = 512 << 20
	maxLine     = 8 << 20
)

// Folder keeps the files of the archive. It is safe for concurrent use.
type Folder interface {
	// Write keeps data under a name, all of it or nothing.
	Write(name string, data []byte) error
	// Read returns what Write kept, or CodeNotFound.
	Read(name string) ([]byte, error)
	// Remove forgets it. A name that there is not is no error.
	Remove(name string) error
}

// Dir is a Folder on disk, which is made with its first file.
type Dir string

// Write implements Folder.
func (d Dir) Write(name string, data []byte) error {
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return wit.Errorf(wit.CodeUnavailable, "the folder of archives cannot be made: %w", err)
	}
	if err := file.Replace(filepath.Join(string(d), name), data, 0o600); err != nil {
		return wit.Errorf(wit.CodeUnavailable, "the archive cannot be written: %w", err)
	}
	return nil
}

// Read implements Folder.
func (d Dir) Read(name string) ([]byte, error) {
	data, err := file.Read(filepath.Join(string(d), name), maxArchive)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, wit.Errorf(wit.CodeNotFound, "the archive has lost the file %s: put it back into the folder", name)
	}
	return data, err
}

// Remove implements Folder.
func (d Dir) Remove(name string) error {
	if err := os.Remove(filepath.Join(string(d), name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return wit.Errorf(wit.CodeUnavailable, "the archive cannot be deleted: %w", err)
	}
	return nil
}

// Memory is a Folder that is gone with the process. The zero value is ready.
type Memory struct {
	mu    sync.Mutex
	files map[string][]byte
}

// Write implements Folder.
func (m *Memory) Write(name string, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.files == nil {
		m.files = map[string][]byte{}
	}
	m.files[name] = bytes.Clone(data)
	return nil
}

// Read implements Folder.
func (m *Memory) Read(name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.files[name]
	if !ok {
		return nil, wit.Errorf(wit.CodeNotFound, "the archive has lost the file %s", name)
	}
	return data, nil
}

// Remove implements Folder.
func (m *Memory) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.files, name)
	return nil
}
