// Package media keeps files: what channels fetched, what tools and voices produced, what clients
// attached.
//
// A file is stored once under the hash of its content, so the same picture sent to five chats is one
// file, and an ID is worthless for guessing others. Files are temporary: each is kept for its time to
// live since it was last put or opened, and the least recently used ones make room when the total is
// reached. A conversation that names a file does not hold it: as long as the file is looked at it stays, and after that the
// conversation says that it is no longer kept. It refuses what is larger than the bound on one file, before it has taken
// more than that.
//
// A file is visible once it was put: its bytes are on disk under their name, and its record is
// committed. A crash before that leaves bytes that Run removes. Opening and cleaning cost the same however many files there
// are: they are counted in the transactions that put and remove them, and an index has them by when they were used.
//
// Where files are sealed, nothing of what they hold is on the disk in the clear, and one that was changed, cut off or put in
// another's place is refused. Its size and id, the hash of what it holds, can be seen. See Options.Sealed and Convert.
// Everything is safe for concurrent use.
package media

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// record is what is kept of a file.
type record struct {
	// ID names the content.
	ID   string `json:"id"`
	Size int64  `json:"size"`
	// Mime is what TypeOf says.
	Mime string `json:"mime"`
	// Name is for people. It has no folders in it.
	Name string `json:"name,omitempty"`
	// At is when it was put or opened last, in Unix milliseconds.
	At int64 `json:"at"`
	// Of is the file from which this one was made; it goes with it.
	Of string `json:"of,omitempty"`
}

// public is what plugins and clients see of a record.
func (i record) public() wit.MediaInfo {
	p := wit.MediaInfo{Media: i.ID, Mime: i.Mime, Size: i.Size}
	if i.Name != "" {
		p.Name = &i.Name
	}
	return p
}

// File is what is known of a file.
type File struct {
	ID   string
	Mime string
	Name string
	Size int64
	// Used is when it was put or opened last, up to touchAfter earlier; Expires is when it goes if nobody uses it until then.
	Used, Expires time.Time
}

// Limits bounds the store. A zero field is the default.
type Limits struct {
	MaxFile  int64         // bytes of one file; 64 MiB
	MaxTotal int64         // bytes of all; 2 GiB
	TTL      time.Duration // 7 days
}

func (l Limits) withDefaults() Limits {
	if l.MaxFile == 0 {
		l.MaxFile = 64 << 20
	}
	if l.MaxTotal == 0 {
		l.MaxTotal = 2 << 30
	}
	if l.TTL == 0 {
		l.TTL = 7 * 24 * time.Hour
	}
	return l
}

// Options is what a Store needs; the zero value works.
type Options struct {
	// Limits are asked for each time, so they may change while the store is open. nil is the defaults.
	Limits func() Limits
	// Gone is told of files after they were removed. It must return at once.
	Gone func(Gone)
	// Sealed says whether files are to be sealed, with a key that is derived from Key, of 32 bytes. It is asked for each file;
	// nil is never. In memory nothing is sealed.
	Sealed func(context.Context) (bool, error)
	Key    []byte
	Log    hclog.Logger
}

// Store is an open media store.
type Store struct {
	db     store.Store
	blobs  blobs
	limits func() Limits
	gone   func(Gone)
	log    hclog.Logger
	opened time.Time

	mu sync.Mutex // guards a file's bytes and record against each other
}

// Open opens the store whose files are in dir, which it makes, with mode 0700.
//
// Errors: CodeUnavailable when the folder cannot be used; the record store's.
func Open(ctx context.Context, dir string, db store.Store, o Options) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "media: %s cannot be used: %w", dir, err)
	}
	f := &folder{dir, seal{o.Key, o.Sealed}, o.Log}
	if f.log == nil {
		f.log = hclog.NewNullLogger()
	}
	return open(ctx, f, db, o)
}

// OpenMemory returns a store whose files live as long as the process.
func OpenMemory(ctx context.Context, db store.Store, o Options) (*Store, error) {
	return open(ctx, &memory{files: map[string][]byte{}}, db, o)
}

func open(ctx context.Context, b blobs, db store.Store, o Options) (*Store, error) {
	if o.Limits == nil {
		o.Limits = func() Limits { return Limits{} }
	}
	if o.Gone == nil {
		o.Gone = func(Gone) {}
	}
	if o.Log == nil {
		o.Log = hclog.NewNullLogger()
	}
	return &Store{db: db, blobs: b, limits: o.Limits, gone: o.Gone, log: o.Log, opened: time.Now()}, index(ctx, db)
}

// Limits are those in force.
func (m *Store) Limits() Limits { return m.limits().withDefaults() }

// Stat returns what is known of a file, or CodeNotFound.
func (m *Store) Stat(ctx context.Context, id string) (wit.MediaInfo, error) {
	info, err := m.info(ctx, id)
	return info.public(), err
}

// File is Stat with all that is known.
func (m *Store) File(ctx context.Context, id string) (File, error) {
	info, err := m.info(ctx, id)
	return m.file(info), err
}

func (m *Store) file(r record) File {
	used := time.UnixMilli(r.At)
	return File{ID: r.ID, Mime: r.Mime, Name: r.Name, Size: r.Size, Used: used, Expires: used.Add(m.Limits().TTL)}
}

func (m *Store) info(ctx context.Context, id string) (info record, err error) {
	if !valid(id) {
		return info, missing(id, nil)
	}
	err = m.db.View(ctx, func(tx store.Tx) error {
		info, err = infoTable.Get(tx, id)
		return err
	})
	if wit.CodeOf(err) == wit.CodeNotFound {
		return info, missing(id, err)
	}
	return info, err
}

// Open returns a file's content, which the caller closes, and keeps the file for its time to live from
// now. It can be read to its end also when the file is removed meanwhile. Errors: CodeNotFound,
// CodeUnavailable; CodeInvalid, also when it is read, for one that was changed on the disk while files are sealed.
func (m *Store) Open(ctx context.Context, id string) (io.ReadCloser, wit.MediaInfo, error) {
	r, info, err := m.use(ctx, id)
	if err != nil {
		return nil, wit.MediaInfo{}, err
	}
	return r, info.public(), nil
}

// Content is Open for who reads parts of a file, and wants to know all of it.
func (m *Store) Content(ctx context.Context, id string) (io.ReadSeekCloser, File, error) {
	r, info, err := m.use(ctx, id)
	return r, m.file(info), err
}

func (m *Store) use(ctx context.Context, id string) (io.ReadSeekCloser, record, error) {
	info, err := m.info(ctx, id)
	if err != nil {
		return nil, record{}, err
	}
	r, err := m.blobs.open(ctx, id)
	if errors.Is(err, errPlain) {
		if err = m.turn(ctx, id); err == nil {
			r, err = m.blobs.open(ctx, id)
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, record{}, missing(id, err)
	case err != nil && wit.CodeOf(err) == wit.CodeInternal:
		return nil, record{}, wit.Errorf(wit.CodeUnavailable, "media: the file %s cannot be read: %w", id, err)
	case err != nil:
		return nil, record{}, err
	}
	if time.Now().UnixMilli()-info.At > touchAfter.Milliseconds() {
		m.touch(ctx, id)
	}
	return r, info, nil
}

// touchAfter spares a write for every reading.
const touchAfter = time.Hour

// touch keeps a file for its time to live from now. A failure is only logged: the file is there all the same.
func (m *Store) touch(ctx context.Context, id string) {
	err := m.db.Update(ctx, func(tx store.Tx) error {
		info, err := infoTable.Get(tx, id)
		if err != nil {
			return err
		}
		return stamp(tx, info)
	})
	if err != nil {
		m.log.Debug("recording the use of a file failed", "file", id, "error", err)
	}
}

// valid reports whether an id can be one: 64 hexadecimal digits, so nothing that leads out of the folder.
func valid(id string) bool {
	if len(id) != 64 {
		return false
	}
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// missing is the one error for an id that cannot be, that never was and that is gone.
func missing(id string, err error) error {
	if err == nil {
		return wit.Errorf(wit.CodeNotFound, "there is no file %.80q", id)
	}
	return wit.Errorf(wit.CodeNotFound, "there is no file %.80q: it may have been removed because of its age: %w", id, err)
}
