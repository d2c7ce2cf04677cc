package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// conn is one SQLite connection with its prepared statements, used by one goroutine at a time. It
// speaks to the driver directly: the pool of database/sql would add locks and copies to each statement,
// and decide about connections for us.
type conn struct {
	raw   driver.Conn
	stmts map[string]driver.Stmt
}

// connect opens the file. query is the parameters of SQLite's file: URL, in which a path is escaped, so that one
// with a question mark in it names a file all the same.
func connect(path, query string) (*conn, error) {
	uri := filepath.ToSlash(path)
	if !strings.HasPrefix(uri, "/") {
		uri = "/" + uri
	}
	connector, err := sqlite.NewConnector((&url.URL{Scheme: "file", Path: uri, RawQuery: query}).String())
	if err != nil {
		return nil, refused(err)
	}
	raw, err := connector.Connect(context.Background())
	if err != nil {
		return nil, refused(err)
	}
	return &conn{raw: raw, stmts: map[string]driver.Stmt{}}, nil
}

// prepare returns the statement, compiled once for the connection. The queries are the package's constants and
// pragmas, so the map stays small.
func (c *conn) prepare(query string) (driver.Stmt, error) {
	if s := c.stmts[query]; s != nil {
		return s, nil
	}
	s, err := c.raw.(driver.ConnPrepareContext).PrepareContext(context.Background(), query)
	if err != nil {
		return nil, refused(err)
	}
	c.stmts[query] = s
	return s, nil
}

// exec runs one statement and returns how many rows it changed.
// No context is passed on: a statement that SQLite interrupts could take the transaction with it, which other
// updates share. Contexts are looked at between statements.
func (c *conn) exec(query string, args ...driver.Value) (int64, error) {
	s, err := c.prepare(query)
	if err != nil {
		return 0, err
	}
	res, err := s.(driver.StmtExecContext).ExecContext(context.Background(), named(args))
	if err != nil {
		return 0, refused(err)
	}
	return res.RowsAffected()
}

// rows calls row for each row of the answer until it returns false. Values are the caller's to keep;
// the slice is not.
func (c *conn) rows(row func([]driver.Value) bool, query string, args ...driver.Value) error {
	s, err := c.prepare(query)
	if err != nil {
		return err
	}
	rows, err := s.(driver.StmtQueryContext).QueryContext(context.Background(), named(args))
	if err != nil {
		return refused(err)
	}
	dest := make([]driver.Value, len(rows.Columns()))
	for err = rows.Next(dest); err == nil && row(dest); err = rows.Next(dest) {
	}
	if err == io.EOF {
		err = nil
	}
	return refused(errors.Join(err, rows.Close()))
}

// one returns the first column of the first row, nil if there is none.
func (c *conn) one(query string, args ...driver.Value) (v driver.Value, err error) {
	err = c.rows(func(row []driver.Value) bool { v = row[0]; return false }, query, args...)
	return v, err
}

// close ends the statements first, or SQLite would keep the connection.
func (c *conn) close() error {
	for _, s := range c.stmts {
		s.Close()
	}
	return refused(c.raw.Close())
}

func named(args []driver.Value) []driver.NamedValue {
	out := make([]driver.NamedValue, len(args))
	for i, v := range args {
		out[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	return out
}

// refused gives an error of SQLite its code and says what the owner can do about it.
// The low byte of SQLite's code is the class; the rest says where it happened, which the wrapped error keeps.
func refused(err error) error {
	if err == nil {
		return nil
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return wit.Errorf(wit.CodeInternal, "store: %w", err)
	}
	switch e.Code() & 0xff {
	case lib.SQLITE_FULL:
		return wit.Errorf(wit.CodeUnavailable, "store: the disk is full: free some space, nothing was lost: %w", err)
	case lib.SQLITE_READONLY, lib.SQLITE_PERM, lib.SQLITE_CANTOPEN, lib.SQLITE_AUTH:
		return wit.Errorf(wit.CodeUnavailable, "store: the state file cannot be written: check its owner, its mode and the disk: %w", err)
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		return wit.Errorf(wit.CodeUnavailable, "store: another program holds the state file: close it: %w", err)
	case lib.SQLITE_IOERR:
		return wit.Errorf(wit.CodeUnavailable, "store: the disk fails: check its health and the free space: %w", err)
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
		return wit.Errorf(wit.CodeInternal, "store: the state file is damaged: stop the gateway and restore a backup: %w", err)
	}
	return wit.Errorf(wit.CodeInternal, "store: %w", err)
}

// damaged reports whether SQLite found the file's content wrong.
func damaged(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && (e.Code()&0xff == lib.SQLITE_CORRUPT || e.Code()&0xff == lib.SQLITE_NOTADB)
}
