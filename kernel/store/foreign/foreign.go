// Package foreign reads the SQLite files of other programs, and never changes them.
//
// A file is copied first, with the log beside it, so that its program may run meanwhile and no lock or file is left in its
// folder. The copy is gone when it is closed.
package foreign

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // the driver

	"github.com/carapace-gateway/carapace/wit"
)

// maxFile is how large a file may be, in bytes.
const maxFile = 16 << 30

// tries is how often a file is copied that is written meanwhile.
const tries = 3

// DB is a copy of a file. It is used by one goroutine at a time.
type DB struct {
	db  *sql.DB
	dir string
}

// Open copies a file and opens the copy. Errors: CodeNotFound; CodeConflict while its program writes all the time; CodeTooLarge;
// CodeInvalid for what is no SQLite file; CodeUnavailable.
func Open(ctx context.Context, path string) (*DB, error) {
	dir, err := os.MkdirTemp("", "carapace-import-")
	if err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "there is no place for a copy: %w", err)
	}
	d := &DB{dir: dir}
	if err := d.open(ctx, path); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *DB) open(ctx context.Context, path string) error {
	to := filepath.Join(d.dir, "copy.db")
	if err := copyQuiet(path, to); err != nil {
		return err
	}
	uri := filepath.ToSlash(to)
	if !strings.HasPrefix(uri, "/") {
		uri = "/" + uri
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: uri, RawQuery: "mode=rw"}).String())
	if err != nil {
		return wit.Errorf(wit.CodeInternal, "foreign: %w", err)
	}
	db.SetMaxOpenConns(1)
	d.db = db
	var tables int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return wit.Errorf(wit.CodeInvalid, "%s is no SQLite file that can be read: %w", path, err)
	}
	return nil
}

// copyQuiet copies a file with its log, at a moment when nothing is written.
func copyQuiet(path, to string) error {
	for range tries {
		before, err := stamps(path)
		if err != nil {
			return err
		}
		if err := copyFile(path, to); err != nil {
			return err
		}
		if err := copyFile(path+"-wal", to+"-wal"); err != nil && wit.CodeOf(err) != wit.CodeNotFound {
			return err
		}
		after, err := stamps(path)
		if err != nil {
			return err
		}
		if before == after {
			return nil
		}
	}
	return wit.Errorf(wit.CodeConflict, "%s is being written all the time: stop its program first", path)
}

// stamp is how a file looks from outside.
type stamp struct{ size, changed int64 }

// stamps are those of a file and of its log.
func stamps(path string) (list [2]stamp, err error) {
	for i, name := range []string{path, path + "-wal"} {
		info, err := os.Stat(name)
		if i > 0 && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return list, refused(name, err)
		}
		list[i] = stamp{info.Size(), info.ModTime().UnixNano()}
		if info.Size() > maxFile {
			return list, wit.Errorf(wit.CodeTooLarge, "%s has %d bytes: at most %d are read", name, info.Size(), int64(maxFile))
		}
	}
	return list, nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return refused(from, err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return wit.Errorf(wit.CodeUnavailable, "there is no place for a copy: %w", err)
	}
	_, err = io.Copy(out, io.LimitReader(in, maxFile))
	if err = errors.Join(err, out.Close()); err != nil {
		return wit.Errorf(wit.CodeUnavailable, "%s cannot be copied: %w", from, err)
	}
	return nil
}

func refused(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return wit.Errorf(wit.CodeNotFound, "there is no %s", path)
	}
	return wit.Errorf(wit.CodeUnavailable, "%s cannot be read: %w", path, err)
}

// Rows calls row for each row of the answer, with a function that copies its columns; an error of row ends it. The query is a
// constant of the caller's. Errors: row's; CodeInvalid where the file has not what is asked for.
func (d *DB) Rows(ctx context.Context, row func(scan func(...any) error) error, query string, args ...any) error {
	rows, err := d.db.QueryContext(ctx, query, args...)
	if err != nil {
		return wit.Errorf(wit.CodeInvalid, "the file is not of a version that is known: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return wit.Errorf(wit.CodeInvalid, "the file cannot be read to its end: %w", err)
	}
	return nil
}

// Close removes the copy.
func (d *DB) Close() error {
	var err error
	if d.db != nil {
		err = d.db.Close()
	}
	return errors.Join(err, os.RemoveAll(d.dir))
}
