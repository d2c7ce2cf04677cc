package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/wit"
)

// applicationID marks a SQLite file as ours, in the field of the file's header that is meant for it.
const applicationID = 0x63617261

// migrations bring a file from version i to i+1. They are only ever appended to.
var migrations = [...]string{
	`CREATE TABLE records (space TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (space, key)) STRICT, WITHOUT ROWID;
	 CREATE TABLE sequences (space TEXT PRIMARY KEY, last INTEGER NOT NULL) STRICT, WITHOUT ROWID;`,
	// The texts are cut before they get here (package words), so the tokenizer has only to part what stands between spaces.
	`CREATE TABLE documents (id INTEGER PRIMARY KEY, space TEXT NOT NULL, key TEXT NOT NULL, time INTEGER NOT NULL, UNIQUE (space, key)) STRICT;
	 CREATE VIRTUAL TABLE document_words USING fts5(tags, text, content='', contentless_delete=1, tokenize='ascii');`,
	// The tables stay as they are. What is in them may be Tagged from here on, which an earlier gateway cannot read.
	`SELECT 1`,
}

// Options says how a file is opened. The zero value is right for the gateway.
type Options struct {
	// CacheKB bounds the writer's page cache; each reader gets a quarter. 0 is 2048.
	CacheKB int
	// Asker says for whom something is done. Askers take turns, so that who asks for much holds up nobody; nil takes
	// all for one.
	Asker func(context.Context) string
	// Logger is told of commits that failed; nil is silence.
	Logger hclog.Logger
}

// Open opens the store in the file at path, and makes the file (mode 0600) and its folder (0700) if
// there is none. It takes a lock that other processes see and that ends with this process, however it
// ends.
//
// A file that is not ours, damaged or from a newer gateway is left as it is. Errors: CodeConflict if
// another process has it open; CodeInvalid if it cannot be a store of this version; CodeUnavailable if
// the system refuses. Their messages say what to do.
func Open(ctx context.Context, path string, opts Options) (*DB, error) {
	if err := ended(ctx.Err()); err != nil {
		return nil, err
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, wit.Errorf(wit.CodeInvalid, "store: %w", err)
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, wit.Errorf(wit.CodeInvalid, "store: %s is not a file: name the state file itself", path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "store: the state folder cannot be made: %w", err)
	}
	// Before the file is looked at: two gateways that start at once must not both find it new.
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return nil, err
	}
	db, err := openLocked(path, lock, opts)
	if err != nil {
		return nil, errors.Join(err, lock.release())
	}
	return db, nil
}

// openLocked opens the file for whoever holds its lock. It hands the lock on with the DB, and only then.
func openLocked(path string, lock *fileLock, opts Options) (*DB, error) {
	if err := inspect(path); err != nil {
		return nil, err
	}
	if opts.CacheKB <= 0 {
		opts.CacheKB = 2048
	}
	if opts.Asker == nil {
		opts.Asker = func(context.Context) string { return "" }
	}
	if opts.Logger == nil {
		opts.Logger = hclog.NewNullLogger()
	}
	writer, err := openWriter(path, opts.CacheKB)
	if err != nil {
		if damaged(err) {
			return nil, wit.Errorf(wit.CodeInvalid, "store: %s is damaged: restore a backup, or move it away to start empty: %w", path, err)
		}
		return nil, err
	}
	return newDB(path, lock, writer, opts), nil
}

// inspect looks at the file before SQLite may, which would take an empty file for a new database and
// throw away the log beside it. It makes the file if there is none.
func inspect(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return wit.Errorf(wit.CodeUnavailable, "store: the state file cannot be opened for writing: check its owner and mode: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return wit.Errorf(wit.CodeUnavailable, "store: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := f.Chmod(0o600); err != nil {
			return wit.Errorf(wit.CodeUnavailable, "store: %s can be read by others and its mode cannot be changed: chmod 600 it: %w", path, err)
		}
	}
	var header [100]byte
	switch _, err := io.ReadFull(f, header[:]); {
	case errors.Is(err, io.EOF): // empty
		if wal, err := os.Stat(path + "-wal"); err == nil && wal.Size() > 0 {
			return wit.Errorf(wit.CodeInvalid, "store: %s is empty but has a log beside it, so it was cut off: restore a backup, or move both away to start empty", path)
		}
		return nil
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return wit.Errorf(wit.CodeUnavailable, "store: the state file cannot be read: %w", err)
	case string(header[:16]) != "SQLite format 3\x00":
		return errForeign(path)
	}
	if id := binary.BigEndian.Uint32(header[68:]); id != 0 && id != applicationID {
		return errForeign(path)
	}
	return nil
}

func errForeign(path string) error {
	return wit.Errorf(wit.CodeInvalid, "store: %s is not a carapace state file and was left as it is: name another path, or move it away", path)
}

// openWriter opens the connection that writes. synchronous=FULL is what makes a commit durable when Update
// returns; with NORMAL a WAL may lose the last ones in a power cut. The log is cut back to 4 MiB, or the
// largest burst would occupy the disk for ever.
func openWriter(path string, cacheKB int) (*conn, error) {
	c, err := connect(path, "mode=rw")
	if err != nil {
		return nil, err
	}
	if err := c.pragmas("busy_timeout=5000", fmt.Sprintf("cache_size=-%d", cacheKB), "temp_store=MEMORY", "synchronous=FULL"); err != nil {
		return nil, errors.Join(err, c.close())
	}
	if err := c.migrate(path); err != nil {
		return nil, errors.Join(err, c.close())
	}
	// Only now: a file that turned out to be foreign keeps its journal mode too.
	if err := c.pragmas("journal_mode=WAL", "journal_size_limit=4194304"); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// openReader opens a connection that SQLite itself keeps from writing. It is made when it is needed first.
func openReader(path string, cacheKB int) (*conn, error) {
	c, err := connect(path, "mode=rw")
	if err != nil {
		return nil, err
	}
	if err := c.pragmas("busy_timeout=5000", fmt.Sprintf("cache_size=-%d", cacheKB), "temp_store=MEMORY", "query_only=ON"); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

func (c *conn) pragmas(list ...string) error {
	for _, p := range list {
		if _, err := c.exec("PRAGMA " + p); err != nil {
			return err
		}
	}
	return nil
}

// migrate makes sure that the file is ours, or new, and of this version, in one transaction.
// A crash in the middle leaves the version that was there.
func (c *conn) migrate(path string) (err error) {
	if _, err := c.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_, _ = c.exec("ROLLBACK")
		}
	}()
	version, err := c.version(path)
	if err != nil {
		return err
	}
	for ; version < len(migrations); version++ {
		if _, err := c.exec(migrations[version]); err != nil {
			return err
		}
	}
	if err := c.pragmas(fmt.Sprintf("application_id=%d", applicationID), fmt.Sprintf("user_version=%d", version)); err != nil {
		return err
	}
	_, err = c.exec("COMMIT")
	return err
}

// version is the file's, 0 if it is new.
// A file with a foreign id, or with tables and no id of ours, is another program's; a version without tables, or
// the reverse, is none that we have written.
func (c *conn) version(path string) (int, error) {
	id, err := c.one("PRAGMA application_id")
	if err != nil {
		return 0, err
	}
	tables, err := c.one("SELECT count(*) FROM sqlite_schema")
	if err != nil {
		return 0, err
	}
	v, err := c.one("PRAGMA user_version")
	if err != nil {
		return 0, err
	}
	version, _ := v.(int64)
	switch {
	case id != int64(applicationID) && (tables != int64(0) || id != int64(0) || version != 0):
		return 0, errForeign(path)
	case version > int64(len(migrations)):
		return 0, wit.Errorf(wit.CodeInvalid, "store: %s was written by a newer gateway (version %d, this one knows %d): upgrade carapace, or restore a backup from before", path, version, len(migrations))
	case version < 0 || (tables == int64(0)) != (version == 0):
		return 0, wit.Errorf(wit.CodeInvalid, "store: %s is damaged (version %d with %d tables): restore a backup, or move it away to start empty", path, version, tables)
	}
	return int(version), nil
}

// errLocked says who holds the lock, if the holder wrote it down.
func errLocked(name string, holder []byte) error {
	who := "another process"
	if len(holder) > 0 {
		who = fmt.Sprintf("process %s", holder)
	}
	return wit.Errorf(wit.CodeConflict, "store: %s has this state open (%s is locked): stop it, or give this gateway a state folder of its own", who, name)
}

func errLock(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return wit.Errorf(wit.CodeUnavailable, "store: the state folder cannot be written: check its owner and mode: %w", err)
	}
	return wit.Errorf(wit.CodeUnavailable, "store: the state cannot be locked: %w", err)
}
