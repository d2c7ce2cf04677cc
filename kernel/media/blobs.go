package media

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// blobs holds the bytes.
// An id is the hash of the content, so the same id twice is the same bytes and a commit over one that is there changes no content. Implementations are safe for concurrent use.
type blobs interface {
	create(ctx context.Context) (blob, error)
	// open fails with errPlain for what is to be sealed and is not yet.
	open(ctx context.Context, id string) (io.ReadSeekCloser, error)
	// has reports whether there is something to open, whatever it is.
	has(id string) bool
	// remove is no error for what is gone already.
	remove(id string) error
	// list has the ids that begin with two digits, and when they were written.
	list(prefix string) (map[string]time.Time, error)
	// tidy removes unfinished ones that were last written before then.
	tidy(then time.Time) error
	// turned has the bytes of an id once more, in the form that they are to have, or nil where they have it or are gone.
	turned(ctx context.Context, id string) (blob, error)
}

// blob is bytes without a name. After commit, discard does nothing.
type blob interface {
	io.Writer
	// seal makes the bytes durable, which can have this name only; nothing is written after it.
	seal(id string) error
	commit(id string) error
	discard()
}

// folder keeps each file under the first two digits of its id, with the suffix of sealed ones where it is sealed.
// The folders keep directories short. Unfinished files are beside them, in the same file system, so that a rename
// is atomic.
type folder struct {
	dir string
	seal
	log hclog.Logger
}

func (f *folder) path(id string) string { return filepath.Join(f.dir, id[:2], id) }

func (f *folder) create(ctx context.Context) (blob, error) {
	sealed, err := f.sealed(ctx)
	if err != nil {
		return nil, err
	}
	return f.make(sealed)
}

func (f *folder) make(sealed bool) (blob, error) {
	file, err := os.CreateTemp(f.dir, "new-*")
	if err != nil {
		return nil, err
	}
	b := &fileBlob{folder: f, file: file}
	if !sealed {
		return b, nil
	}
	s, err := newSealedBlob(b)
	if err != nil {
		b.discard()
		return nil, err
	}
	return s, nil
}

// open looks for the sealed file once more when there is no other, since it may have been sealed meanwhile.
func (f *folder) open(ctx context.Context, id string) (io.ReadSeekCloser, error) {
	r, err := f.openSealed(id)
	if !errors.Is(err, fs.ErrNotExist) {
		return r, err
	}
	file, err := os.Open(f.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return f.openSealed(id)
	}
	if err != nil {
		return nil, err // and no *os.File that is nil
	}
	sealed, err := f.sealed(ctx)
	if err == nil && sealed {
		err = errPlain
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func (f *folder) has(id string) bool { return there(f.path(id)) || there(f.path(id)+sealedSuffix) }

func there(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func (f *folder) remove(id string) error {
	return errors.Join(removed(f.path(id)), removed(f.path(id)+sealedSuffix))
}

// removed removes a file. One that is gone is no error.
func removed(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// list passes over what it did not name itself, and leaves it alone.
func (f *folder) list(prefix string) (map[string]time.Time, error) {
	entries, err := os.ReadDir(filepath.Join(f.dir, prefix))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	list := make(map[string]time.Time, len(entries))
	for _, e := range entries {
		id := strings.TrimSuffix(e.Name(), sealedSuffix)
		if info, gone := e.Info(); gone == nil && valid(id) && info.Mode().IsRegular() {
			list[id] = info.ModTime()
		}
	}
	return list, err
}

// tidy removes files at the top, which can only be unfinished ones.
func (f *folder) tidy(then time.Time) error {
	entries, err := os.ReadDir(f.dir)
	for _, e := range entries {
		if info, gone := e.Info(); gone == nil && info.Mode().IsRegular() && info.ModTime().Before(then) {
			err = errors.Join(err, os.Remove(filepath.Join(f.dir, e.Name())))
		}
	}
	return err
}

// fileBlob is a temporary file beside the named ones.
type fileBlob struct {
	*folder
	file *os.File
	done bool
}

func (b *fileBlob) Write(p []byte) (int, error) { return b.file.Write(p) }

func (b *fileBlob) seal(string) error {
	if err := b.file.Sync(); err != nil {
		return err
	}
	return b.file.Close()
}

// commit makes the bytes visible under their name, all of them or none.
func (b *fileBlob) commit(id string) error { return b.rename(b.path(id), b.path(id)+sealedSuffix) }

// rename gives the file its name, and then removes the one that has the same bytes in the other form.
func (b *fileBlob) rename(to, other string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	if err := os.Rename(b.file.Name(), to); err != nil {
		return err
	}
	b.done = true
	return removed(other)
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

func (m *memory) create(context.Context) (blob, error) { return &memoryBlob{memory: m}, nil }

func (b *memoryBlob) seal(string) error { return nil }

func (b *memoryBlob) commit(id string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.files[id] = b.Bytes()
	return nil
}

func (b *memoryBlob) discard() {}

func (m *memory) open(_ context.Context, id string) (io.ReadSeekCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.files[id]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return inMemory{bytes.NewReader(data)}, nil
}

// inMemory is an open file that needs no closing.
type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

func (m *memory) has(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.files[id]
	return ok
}

func (m *memory) remove(id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.files, id)
	return nil
}

func (m *memory) list(prefix string) (map[string]time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := map[string]time.Time{}
	for id := range m.files {
		if strings.HasPrefix(id, prefix) {
			list[id] = time.Time{}
		}
	}
	return list, nil
}

func (m *memory) tidy(time.Time) error { return nil }

// turned has nothing to do: memory is never sealed.
func (m *memory) turned(context.Context, string) (blob, error) { return nil, nil }
