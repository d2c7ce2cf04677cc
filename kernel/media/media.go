// Package media keeps files: what channels fetched, what tools and voices produced, what clients
// attached.
//
// A file is stored once under the hash of its content, so the same picture sent to five chats is one
// file, and an ID is worthless for guessing others. Files are temporary: each is kept for its time to
// live since it was last put or opened, and the least recently used ones make room when the total is
// reached. It refuses what is larger than the bound on one file, before it has taken more than that.
//
// A file is visible once it was put: its bytes are on disk under their name, and its record is
// committed. A crash before that leaves bytes that Run removes. Everything is safe for concurrent use.
package media

import (
	"context"
	"io"
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
	// Mime is found by the content where nobody says it.
	Mime string `json:"mime"`
	// Name is for people. It has no folders in it.
	Name string `json:"name,omitempty"`
	// At is when it was put or opened last, Expires when it goes, in Unix milliseconds.
	At      int64 `json:"at"`
	Expires int64 `json:"expires"`
}

// public is what plugins and clients see of a record.
func (i record) public() wit.MediaInfo {
	p := wit.MediaInfo{Media: i.ID, Mime: i.Mime, Size: i.Size}
	if i.Name != "" {
		p.Name = &i.Name
	}
	return p
}

// Limits bounds the store. A zero field is the default.
type Limits struct {
	MaxFile  int64         // bytes of one file; 64 MiB
	MaxTotal int64         // bytes of all; 2 GiB
	TTL      time.Duration // 7 days
}

const infoTable = store.Table[record]("media")

// Store is an open media store.
type Store struct {
	db     store.Store
	blobs  blobs
	limits Limits
	log    hclog.Logger

	mu    sync.Mutex // guards total, and a file's bytes and record against each other
	total int64
}

// Open opens the store whose files are in dir, which it makes, with mode 0700.
//
// Errors: CodeUnavailable when the folder cannot be used; the record store's.
func Open(ctx context.Context, dir string, db store.Store, l Limits, log hclog.Logger) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "media: %s cannot be used: %w", dir, err)
	}
	return open(ctx, &folder{dir}, db, l, log)
}

// OpenMemory returns a store whose files live as long as the process.
func OpenMemory(ctx context.Context, db store.Store, l Limits) (*Store, error) {
	return open(ctx, &memory{files: map[string][]byte{}}, db, l, hclog.NewNullLogger())
}

func open(ctx context.Context, b blobs, db store.Store, l Limits, log hclog.Logger) (*Store, error) {
	if l.MaxFile == 0 {
		l.MaxFile = 64 << 20
	}
	if l.MaxTotal == 0 {
		l.MaxTotal = 2 << 30
	}
	if l.TTL == 0 {
		l.TTL = 7 * 24 * time.Hour
	}
	m := &Store{db: db, blobs: b, limits: l, log: log.Named("media")}
	err := db.View(ctx, func(tx store.Tx) error {
		for row, err := range infoTable.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			m.total += row.Value.Size
		}
		return nil
	})
	return m, err
}

// Stat returns what is known of a file, or CodeNotFound.
func (m *Store) Stat(ctx context.Context, id string) (wit.MediaInfo, error) {
	info, err := m.info(ctx, id)
	return info.public(), err
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
// CodeUnavailable.
func (m *Store) Open(ctx context.Context, id string) (io.ReadCloser, wit.MediaInfo, error) {
	info, err := m.info(ctx, id)
	if err != nil {
		return nil, wit.MediaInfo{}, err
	}
	r, err := m.blobs.open(id)
	if err != nil {
		return nil, wit.MediaInfo{}, missing(id, err)
	}
	if time.Now().UnixMilli()-info.At > touchAfter.Milliseconds() {
		m.touch(ctx, id)
	}
	return r, info.public(), nil
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
		m.stamp(&info)
		return infoTable.Put(tx, id, info)
	})
	if err != nil {
		m.log.Debug("recording the use of a file failed", "file", id, "error", err)
	}
}

func (m *Store) stamp(info *record) {
	now := time.Now()
	info.At, info.Expires = now.UnixMilli(), now.Add(m.limits.TTL).UnixMilli()
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
