package store

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/turns"
	"github.com/carapace-gateway/carapace/wit"
)

// A commit is shared by at most this many updates, and no update waits longer than this for others.
const (
	batchUpdates = 512
	batchAge     = 5 * time.Millisecond
)

// DB is the SQLite implementation of Store. One process at a time has it open.
type DB struct {
	path string
	lock *fileLock
	log  hclog.Logger
	life lifetime

	waiting atomic.Int64 // updates that have not had their turn yet

	// Of who has the place of updates.
	writer *conn
	batch  *batch // the open transaction, nil between commits

	version versions

	asker func(context.Context) string

	readerKB int          // of a reader's page cache
	updates  *turns.Turns // one place, for who has the writer
	views    *turns.Turns // as many as there may be readers
	idle     chan *conn   // readers without work
}

// batch is one SQLite transaction that several updates share. err is valid once done is closed.
// wrote is what is to be kept. It is written by who has the place of updates until it is closed.
type batch struct {
	began   time.Time
	updates int
	wrote   writes
	err     error
	done    chan struct{}
}

func newDB(path string, lock *fileLock, writer *conn, o Options) *DB {
	readers := min(max(runtime.GOMAXPROCS(0), 2), 8)
	// One more than an asker may have, so that who reads much and long holds up nobody.
	return &DB{
		path: path, lock: lock, log: o.Logger, writer: writer, asker: o.Asker, readerKB: max(o.CacheKB/4, 1),
		updates: turns.New(1, 1), views: turns.New(readers+1, readers), idle: make(chan *conn, readers+1),
	}
}

// Update implements Store. Updates take turns; each runs in the caller's goroutine inside a savepoint of
// the open transaction, and whoever finishes with nobody waiting behind commits for all. So a lone
// update commits at once, and under load the commits share their fsync.
// An update that fails, or panics, takes back its savepoint alone; one of a disk that fails takes back all that
// share the commit, and each of them gets the error.
func (d *DB) Update(ctx context.Context, fn func(Tx) error) error {
	if err := d.life.enter(); err != nil {
		return err
	}
	defer d.life.leave()
	b, err := d.join(ctx, fn)
	if b == nil {
		return err
	}
	// An error waits too: what fn found, a conflict say, another update of the batch may have written.
	if <-b.done; b.err != nil {
		return b.err
	}
	return err
}

// join runs fn as part of a batch and returns the batch, committed or about to be by a later update,
// and fn's error. There is no batch if none could be begun.
// waiting is counted outside the lock, so that whoever holds it knows whether somebody comes after. It may leave
// the commit to them only then: the last one in the row always commits.
func (d *DB) join(ctx context.Context, fn func(Tx) error) (*batch, error) {
	asker := d.asker(ctx)
	d.waiting.Add(1)
	d.updates.Take(context.Background(), asker)
	defer d.updates.Give(asker)
	d.waiting.Add(-1)
	if d.batch == nil {
		if _, err := d.writer.exec("BEGIN IMMEDIATE"); err != nil {
			return nil, err
		}
		d.batch = &batch{began: time.Now(), done: make(chan struct{})}
	}
	b := d.batch
	b.updates++
	defer func() {
		if d.batch != nil && (d.waiting.Load() == 0 || b.updates >= batchUpdates || time.Since(b.began) >= batchAge) {
			d.commit()
		}
	}()
	return b, d.run(ctx, b, fn)
}

// run calls fn within a savepoint and takes back what it did if it fails, panics or exits.
// The savepoint is made at the first write. An update that only reads costs none. The context is looked at once
// more after fn: a caller who has given up is told that nothing was done, and nothing is.
func (d *DB) run(ctx context.Context, b *batch, fn func(Tx) error) (err error) {
	tx := &sqlTx{ctx: ctx, conn: d.writer, mark: func() error {
		_, err := d.writer.exec("SAVEPOINT one")
		return err
	}}
	kept := false
	defer func() {
		tx.over = true
		if broken := d.keepOrUndo(b, tx, kept); broken != nil {
			err = broken
		}
	}()
	if err = ended(ctx.Err()); err == nil {
		err = fn(tx)
	}
	if err == nil {
		err = ended(ctx.Err())
	}
	kept = err == nil
	return err
}

// keepOrUndo keeps or takes back what tx wrote. After a failure of the disk the whole batch is given up,
// because SQLite may have rolled back all of it.
func (d *DB) keepOrUndo(b *batch, tx *sqlTx, keep bool) error {
	broken := tx.broken
	if broken == nil && tx.modified {
		if !keep {
			_, broken = d.writer.exec("ROLLBACK TO one")
		}
		if broken == nil {
			_, broken = d.writer.exec("RELEASE one")
		}
		if keep {
			b.wrote.add(tx.wrote)
		}
	}
	if broken == nil {
		return nil
	}
	d.abandon(broken)
	return broken
}

// commit ends the open batch and wakes those who wait for it. The caller has the place of updates.
func (d *DB) commit() {
	b := d.batch
	query := "COMMIT"
	if len(b.wrote.spaces) == 0 {
		query = "ROLLBACK" // nothing to make durable
	}
	if _, err := d.writer.exec(query); err != nil {
		d.abandon(err)
		return
	}
	d.version.written(b.wrote)
	d.batch = nil
	close(b.done)
}

// Version implements Store.
func (d *DB) Version(space string) uint64 { return d.version.of(space) }

// Since implements Store.
func (d *DB) Since(space string, version uint64) ([]string, bool) {
	return d.version.since(space, version)
}

// abandon rolls the open transaction back and fails all that share it.
// The caller has the place of updates. The next update begins a new transaction, so a disk that was full for a moment stops
// nothing for good.
func (d *DB) abandon(cause error) {
	// It fails if SQLite has rolled back by itself, which is as good.
	_, _ = d.writer.exec("ROLLBACK")
	d.log.Error("commit failed and undone", "updates", d.batch.updates, "error", cause)
	d.batch.err = cause
	close(d.batch.done)
	d.batch = nil
}

// View implements Store. As many views of one asker as there are processors, at most eight, run at a time, and one more
// of others.
// Views read the snapshot of their beginning and neither wait for updates nor hold them up. A long one keeps the
// log from being folded into the file, though, so fn should not wait for anything else.
func (d *DB) View(ctx context.Context, fn func(Tx) error) error {
	if err := d.life.enter(); err != nil {
		return err
	}
	defer d.life.leave()
	return d.read(ctx, func(c *conn) (err error) {
		if _, err := c.exec("BEGIN"); err != nil {
			return err
		}
		tx := &sqlTx{ctx: ctx, conn: c}
		defer func() {
			tx.over = true
			if _, end := c.exec("ROLLBACK"); end != nil && err == nil {
				err = end
			}
		}()
		return fn(tx)
	})
}

// read lends a reader connection to fn.
// Turns bound how many run, and there are as many places in idle, so putting a connection back never waits.
func (d *DB) read(ctx context.Context, fn func(*conn) error) error {
	if err := ended(ctx.Err()); err != nil {
		return err
	}
	asker := d.asker(ctx)
	if !d.views.Take(ctx, asker) {
		return ended(ctx.Err())
	}
	defer d.views.Give(asker)
	var c *conn
	select {
	case c = <-d.idle:
	default:
		var err error
		if c, err = openReader(d.path, d.readerKB); err != nil {
			return err
		}
	}
	defer func() { d.idle <- c }()
	return fn(c)
}

// Check reads the whole file and reports what is wrong with it: for `carapace doctor`. It takes about a
// second per 100 MB and blocks no transaction.
func (d *DB) Check(ctx context.Context) error {
	if err := d.life.enter(); err != nil {
		return err
	}
	defer d.life.leave()
	return d.read(ctx, func(c *conn) error {
		v, err := c.one("PRAGMA integrity_check(1)")
		if err != nil {
			return err
		}
		if s, _ := v.(string); s != "ok" {
			return wit.Errorf(wit.CodeInternal, "store: %s is damaged: stop the gateway and restore a backup: %s", d.path, s)
		}
		return nil
	})
}

// Rest implements Store: of the readers one stays, and it and the writer have no page in their caches.
func (d *DB) Rest() {
	if d.life.enter() != nil {
		return
	}
	defer d.life.leave()
	asker := d.asker(context.Background())
	d.updates.Take(context.Background(), asker)
	err := d.writer.pragmas("shrink_memory")
	d.updates.Give(asker)
	for one := range cap(d.idle) {
		select {
		case c := <-d.idle:
			if one > 0 {
				err = errors.Join(err, c.close())
				continue
			}
			defer func() { d.idle <- c }()
			err = errors.Join(err, c.pragmas("shrink_memory"))
		default:
		}
	}
	if err != nil {
		d.log.Warn("memory of the store was not given back", "error", err)
	}
}

// Close implements Store. It waits for running transactions, writes what the log holds into the file
// and lets other processes have it.
func (d *DB) Close() error {
	if err := d.life.end(); err != nil {
		return err
	}
	close(d.idle)
	var errs []error
	for c := range d.idle {
		errs = append(errs, c.close())
	}
	errs = append(errs, d.writer.close(), d.lock.release())
	return errors.Join(errs...)
}
