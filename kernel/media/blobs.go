package media

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// blobs holds the bytes.
// An id is the hash of the content, so the same id twice is the same bytes and a commit over one that is there changes no content. Implementations are safe for concurrent use.
type blobs interface {
	create() (blob, error)
	open(id string) (io.ReadCloser, error)
	// remove is no error for what is gone already.
	remove(id string) error
	// list yields the ids of all that were last written before then, and removes unfinished ones.
	list(then time.Time) ([]string, error)
}

// blob is bytes without a name. After commit, discard does nothing.
type blob interface {
	io.Writer
	commit(id string) error
	discard()
}

// folder keeps each file under the first two digits of its id.
// The folders keep directories short. Unfinished files are beside them, in the same file system, so that a rename
// is atomic.
type folder struct{ dir string }

func (f *folder) path(id string) string { return filepath.Join(f.dir, id[:2], id) }

func (f *folder) create() (blob, error) {
	file, err := os.CreateTemp(f.dir, "new-*")
	if err != nil {
		return nil, err
	}
	return &fileBlob{folder: f, file: file}, nil
}

func (f *folder) open(id string) (io.ReadCloser, error) { return os.Open(f.path(id)) }

func (f *folder) remove(id string) error {
	if err := os.Remove(f.path(id)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// list passes over what it did not name itself and leaves it alone, unless it is an old file at the top, which can
// only be an unfinished one.
func (f *folder) list(then time.Time) (ids []string, err error) {
	err = filepath.WalkDir(f.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil || info.ModTime().After(then) {
			return nil // it is gone, or new
		}
		if !valid(d.Name()) {
			if filepath.Dir(path) == f.dir {
				return os.Remove(path)
			}
			return nil
		}
		ids = append(ids, d.Name())
		return nil
	})
	return ids, err
}

// fileBlob is a temporary file beside the named ones.
type fileBlob struct {
	*folder
	file *os.File
	done bool
}

func (b *fileBlob) Write(p []byte) (int, error) { return b.file.Write(p) }

// commit makes the bytes durable and then visible under their name, all of them or none.
func (b *fileBlob) commit(id string) error {
	if err := b.file.Sync(); err != nil {
		return err
	}
	if err := b.file.Close(); err != nil {
		return err
	}
	to := b.path(id)
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	if err := os.Rename(b.file.Name(), to); err != nil {
		return err
	}
	b.done = true
	return nil
}

// discard removes a file that was not committed.
func (b *fileBlob) discard() {
	if !b.done {
		_ = b.file.Close()           // it may be closed
		_ = os.Remove(b.file.Name()) // Run removes what is left
	}
}

// memory keeps the bytes in a map.
type memory struct {
	mu    sync.Mutex
	files map[string][]byte
}

// memoryBlob is a buffer until it is committed.
type memoryBlob struct {
	bytes.Buffer
	*memory
}

func (m *memory) create() (blob, error) { return &memoryBlob{memory: m}, nil }

func (b *memoryBlob) commit(id string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.files[id] = b.Bytes()
	return nil
}

func (b *memoryBlob) discard() {}

func (m *memory) open(id string) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.files[id]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

func (m *memory) remove(id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.files, id)
	return nil
}

func (m *memory) list(time.Time) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var ids []string
	for id := range m.files {
		ids = append(ids, id)
	}
	return ids, nil
}
