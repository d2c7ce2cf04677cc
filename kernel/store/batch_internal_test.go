package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// These tests reach inside to fail at points where a healthy disk does not.

func openDB(t *testing.T) *DB {
	t.Helper()
	d, err := Open(context.Background(), filepath.Join(t.TempDir(), "state.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// together runs the updates in one batch and returns their errors: the first holds its turn until all
// others wait for theirs.
func together(d *DB, fns ...func(Tx) error) []error {
	errs := make([]error, len(fns))
	first := make(chan bool)
	var wg sync.WaitGroup
	for i, fn := range fns {
		wg.Go(func() {
			if i > 0 {
				<-first
			}
			errs[i] = d.Update(context.Background(), func(tx Tx) error {
				if i == 0 {
					close(first)
					for d.waiting.Load() < int64(len(fns)-1) {
						runtime.Gosched()
					}
					d.batch.began = time.Now().Add(time.Hour) // a slow machine must not part them
				}
				return fn(tx)
			})
		})
	}
	wg.Wait()
	return errs
}

func put(key string, size int) func(Tx) error {
	return func(tx Tx) error { return tx.Put("a", key, make([]byte, size)) }
}

func has(t *testing.T, d *DB, key string) bool {
	t.Helper()
	var err error
	if fail := d.View(context.Background(), func(tx Tx) error { _, err = tx.Get("a", key); return nil }); fail != nil {
		t.Fatal(fail)
	}
	return err == nil
}

func TestBatchIsShared(t *testing.T) {
	d := openDB(t)
	var seen sync.Map
	note := func(key string) func(Tx) error {
		return func(tx Tx) error {
			seen.Store(d.batch, true)
			return tx.Put("a", key, nil)
		}
	}
	no := errors.New("no")
	errs := together(d, note("1"), note("2"), func(tx Tx) error { return errors.Join(note("3")(tx), no) }, note("4"))
	batches := 0
	for range seen.Range {
		batches++
	}
	if batches != 1 {
		t.Errorf("%d batches, want 1", batches)
	}
	for i, err := range errs {
		if failed := i == 2; failed != (err != nil) || has(t, d, fmt.Sprint(i+1)) == failed {
			t.Errorf("update %d: %v, stored %v", i+1, err, has(t, d, fmt.Sprint(i+1)))
		}
	}
}

// TestBatchIsBounded: however many wait, a commit is shared by so many at most, and not put off for longer.
func TestBatchIsBounded(t *testing.T) {
	for name, c := range map[string]struct{ updates, batches int }{"one too many": {batchUpdates + 1, 2}, "as many as fit": {batchUpdates, 1}} {
		d := openDB(t)
		var seen sync.Map
		fns := make([]func(Tx) error, c.updates)
		for i := range fns {
			fns[i] = func(Tx) error { seen.Store(d.batch, true); return nil }
		}
		for _, err := range together(d, fns...) {
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		n := 0
		for range seen.Range {
			n++
		}
		if n != c.batches {
			t.Errorf("%s: %d batches, want %d", name, n, c.batches)
		}
	}
	d := openDB(t)
	var first *batch
	errs := together(d, func(Tx) error { first = d.batch; first.began = time.Now().Add(-time.Hour); return nil }, func(Tx) error {
		if d.batch == first {
			t.Error("an old batch was not committed")
		}
		return nil
	})
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
}

func TestFailedCommitFailsAll(t *testing.T) {
	d := openDB(t)
	for _, query := range []string{
		"PRAGMA foreign_keys=ON", "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
		"CREATE TABLE child (id INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED)",
	} {
		if _, err := d.writer.exec(query); err != nil {
			t.Fatal(err)
		}
	}
	spoil := func(tx Tx) error {
		_, err := tx.(*sqlTx).conn.exec("INSERT INTO child VALUES (1)")
		return errors.Join(err, tx.Put("a", "spoiler", nil))
	}
	// What the last one finds is never stored: to say "exists already" would be a lie.
	exists := func(tx Tx) error { return errors.Join(tx.Put("a", "2", nil), tx.Insert("a", "1", nil)) }
	for i, err := range together(d, put("1", 0), spoil, exists) {
		if wit.CodeOf(err) != wit.CodeInternal {
			t.Errorf("update %d: %v, want the failure of the commit", i, err)
		}
	}
	if has(t, d, "1") || has(t, d, "2") || has(t, d, "spoiler") {
		t.Error("something of a failed commit was stored")
	}
	if err := d.Update(context.Background(), put("3", 0)); err != nil || !has(t, d, "3") {
		t.Errorf("update after a failed commit: %v", err)
	}
}

func TestFullDisk(t *testing.T) {
	d := openDB(t)
	pages, err := d.writer.one("PRAGMA page_count")
	if err == nil {
		err = d.writer.pragmas(fmt.Sprintf("max_page_count=%d", pages.(int64)+8))
	}
	if err != nil {
		t.Fatal(err)
	}
	// The one that fills the disk ignores the error; nobody must be told that it went well.
	ignore := func(tx Tx) error { _ = put("big", 1<<20)(tx); _ = put("small", 1)(tx); return nil }
	for i, err := range together(d, put("1", 10), ignore) {
		if wit.CodeOf(err) != wit.CodeUnavailable {
			t.Errorf("update %d: %v, want unavailable", i, err)
		}
	}
	if has(t, d, "1") || has(t, d, "big") || has(t, d, "small") {
		t.Error("something of a failed transaction was stored")
	}
	if err := d.Update(context.Background(), put("1", 10)); err != nil || !has(t, d, "1") {
		t.Errorf("a small update on a nearly full disk: %v", err)
	}
	if err := d.writer.pragmas("max_page_count=1000000"); err != nil {
		t.Fatal(err)
	}
	if err := d.Update(context.Background(), put("big", 1<<20)); err != nil || !has(t, d, "big") {
		t.Errorf("update after space was freed: %v", err)
	}
}
