// Package storetest is the conformance suite of store.Store: what every implementation must do, and
// what its users may therefore rely on.
//
// It covers records and their bounds, ranges, transactions that fail, panic, exit or are cancelled,
// alone and in company, snapshots, and closing. What only a file can do (crashes, damage, locks) is
// tested where the file is. Both, Update, Try and Bounded are for the tests of those who use a store.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Run runs the suite. open returns an empty store each time and closes it when its test ends.
func Run(t *testing.T, open func(*testing.T) store.Store) {
	RunRecords(t, open)
	run(t, open, []check{
		{"Index", index},
		{"IndexFilters", indexFilters},
		{"IndexUndo", indexUndo},
		{"IndexHostile", indexHostile},
	})
}

// RunRecords is Run for a store without indexes.
func RunRecords(t *testing.T, open func(*testing.T) store.Store) {
	run(t, open, []check{
		{"Records", records},
		{"Insert", insert},
		{"Bounds", bounds},
		{"Ownership", ownership},
		{"Scan", scan},
		{"ScanLarge", scanLarge},
		{"ScanNested", scanNested},
		{"ScanWhileWriting", scanWhileWriting},
		{"Next", next},
		{"NextSpace", nextSpace},
		{"Table", table},
		{"Version", version},
		{"Since", since},
		{"Undo", undo},
		{"Panic", panics},
		{"Goexit", goexit},
		{"Cancel", cancel},
		{"ViewCannotWrite", viewCannotWrite},
		{"TxEnds", txEnds},
		{"Snapshot", snapshot},
		{"Concurrent", concurrent},
		{"Rest", rests},
		{"FailuresInCompany", failuresInCompany},
		{"Close", closing},
	})
}

// check is one test of a store.
type check struct {
	name string
	test func(*testing.T, store.Store)
}

func run(t *testing.T, open func(*testing.T) store.Store, checks []check) {
	t.Helper()
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// Both runs a test on the store in memory and on the one on disk.
func Both(t *testing.T, test func(*testing.T, store.Store)) {
	t.Run("memory", func(t *testing.T) { test(t, store.OpenMemory()) })
	t.Run("sqlite", func(t *testing.T) {
		s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "state.db"), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		test(t, s)
	})
}

// Try runs fn in a transaction and returns its error's code.
func Try(s store.Store, fn func(store.Tx) error) wit.Code {
	return wit.CodeOf(s.Update(context.Background(), fn))
}

// Update runs fn in a transaction that may not fail.
func Update(t *testing.T, s store.Store, fn func(store.Tx) error) {
	t.Helper()
	if err := s.Update(context.Background(), fn); err != nil {
		t.Fatalf("update: %v", err)
	}
}

func view(t *testing.T, s store.Store, fn func(store.Tx) error) {
	t.Helper()
	if err := s.View(context.Background(), fn); err != nil {
		t.Fatalf("view: %v", err)
	}
}

func put(t *testing.T, s store.Store, space, key, value string) {
	t.Helper()
	Update(t, s, func(tx store.Tx) error { return tx.Put(space, key, []byte(value)) })
}

// want checks one record; value "-" means that there must be none.
func want(t *testing.T, s store.Store, space, key, value string) {
	t.Helper()
	view(t, s, func(tx store.Tx) error {
		got, err := tx.Get(space, key)
		switch {
		case value == "-" && wit.CodeOf(err) != wit.CodeNotFound:
			t.Errorf("get %s/%s: %q, %v; want not_found", space, key, got, err)
		case value != "-" && (err != nil || string(got) != value):
			t.Errorf("get %s/%s: %q, %v; want %q", space, key, got, err, value)
		}
		return nil
	})
}

func wantCode(t *testing.T, what string, err error, code wit.Code) {
	t.Helper()
	if wit.CodeOf(err) != code {
		t.Errorf("%s: %v (code %q), want code %q", what, err, wit.CodeOf(err), code)
	}
}

func keys(tx store.Tx, space string, r store.Range) (string, error) {
	var out []string
	for rec, err := range tx.Scan(space, r) {
		if err != nil {
			return "", err
		}
		out = append(out, rec.Key)
	}
	return strings.Join(out, " "), nil
}

func records(t *testing.T, s store.Store) {
	want(t, s, "a", "k", "-")
	put(t, s, "a", "k", "one")
	put(t, s, "b", "k", "two")
	want(t, s, "a", "k", "one")
	want(t, s, "b", "k", "two")
	put(t, s, "a", "k", "three")
	put(t, s, "a", "empty", "")
	put(t, s, "a", "nul\x00key", "\x00\xff")
	want(t, s, "a", "k", "three")
	want(t, s, "a", "empty", "")
	want(t, s, "a", "nul\x00key", "\x00\xff")
	want(t, s, "a", "nul", "-")
	Update(t, s, func(tx store.Tx) error {
		if err := tx.Put("a", "nil", nil); err != nil {
			return err
		}
		if err := tx.Delete("a", "missing"); err != nil {
			t.Errorf("delete of a missing key: %v", err)
		}
		return tx.Delete("a", "k")
	})
	want(t, s, "a", "nil", "")
	want(t, s, "a", "k", "-")
	want(t, s, "b", "k", "two")
}

func insert(t *testing.T, s store.Store) {
	Update(t, s, func(tx store.Tx) error {
		if err := tx.Insert("a", "k", []byte("one")); err != nil {
			return err
		}
		wantCode(t, "insert twice in one transaction", tx.Insert("a", "k", []byte("two")), wit.CodeConflict)
		return nil // the conflict is not this transaction's end
	})
	err := s.Update(context.Background(), func(tx store.Tx) error { return tx.Insert("a", "k", []byte("three")) })
	wantCode(t, "insert again", err, wit.CodeConflict)
	want(t, s, "a", "k", "one")
}

func bounds(t *testing.T, s store.Store) {
	for _, c := range []struct {
		name, space, key string
		size             int
		code             wit.Code
	}{
		{"longest key", "a", strings.Repeat("k", store.MaxKey), 1, ""},
		{"key too long", "a", strings.Repeat("k", store.MaxKey+1), 1, wit.CodeInvalid},
		{"empty key", "a", "", 1, wit.CodeInvalid},
		{"key not UTF-8", "a", "\xff", 1, wit.CodeInvalid},
		{"longest space", strings.Repeat("s", store.MaxSpace), "k", 1, ""},
		{"space too long", strings.Repeat("s", store.MaxSpace+1), "k", 1, wit.CodeInvalid},
		{"empty space", "", "k", 1, wit.CodeInvalid},
		{"NUL in space", "a\x00b", "k", 1, wit.CodeInvalid},
		{"space not UTF-8", "\xff", "k", 1, wit.CodeInvalid},
		{"largest value", "a", "k", store.MaxValue, ""},
		{"value too large", "a", "k", store.MaxValue + 1, wit.CodeTooLarge},
	} {
		value := make([]byte, c.size)
		value[c.size-1] = 7
		err := s.Update(context.Background(), func(tx store.Tx) error { return tx.Put(c.space, c.key, value) })
		wantCode(t, c.name+": put", err, c.code)
		if c.code == "" {
			want(t, s, c.space, c.key, string(value))
		}
		if c.code == wit.CodeInvalid {
			view(t, s, func(tx store.Tx) error {
				_, err := tx.Get(c.space, c.key)
				wantCode(t, c.name+": get", err, c.code)
				return nil
			})
			Update(t, s, func(tx store.Tx) error {
				wantCode(t, c.name+": delete", tx.Delete(c.space, c.key), c.code)
				if c.key == "k" { // the space is at fault
					_, err := tx.Next(c.space)
					wantCode(t, c.name+": next", err, c.code)
					_, err = keys(tx, c.space, store.Range{})
					wantCode(t, c.name+": scan", err, c.code)
				}
				return nil
			})
		}
		if c.code != "" {
			err := s.Update(context.Background(), func(tx store.Tx) error { return tx.Insert(c.space, c.key, value) })
			wantCode(t, c.name+": insert", err, c.code)
		}
	}
}

func ownership(t *testing.T, s store.Store) {
	value := []byte("one")
	Update(t, s, func(tx store.Tx) error {
		err := tx.Put("a", "k", value)
		value[0] = 'X'
		return err
	})
	view(t, s, func(tx store.Tx) error {
		got, err := tx.Get("a", "k")
		if err != nil {
			return err
		}
		got[0] = 'Y'
		for rec := range tx.Scan("a", store.Range{}) {
			rec.Value[0] = 'Z'
		}
		return nil
	})
	want(t, s, "a", "k", "one")
}

func scan(t *testing.T, s store.Store) {
	Update(t, s, func(tx store.Tx) error {
		for _, k := range []string{"b1", "a", "b", "c", "b/2", "b2", "ä", "\U0010ffff", "b\x00"} {
			if err := tx.Put("s", k, []byte(k)); err != nil {
				return err
			}
		}
		return errors.Join(tx.Put("r", "zz", nil), tx.Put("t", "aa", nil), tx.Put("s\x01", "aa", nil))
	})
	for _, c := range []struct {
		name string
		r    store.Range
		want string
	}{
		{"all", store.Range{}, "a b b\x00 b/2 b1 b2 c ä \U0010ffff"},
		{"reverse", store.Range{Reverse: true}, "\U0010ffff ä c b2 b1 b/2 b\x00 b a"},
		{"prefix", store.Range{Prefix: "b"}, "b b\x00 b/2 b1 b2"},
		{"prefix reverse limit", store.Range{Prefix: "b", Reverse: true, Limit: 2}, "b2 b1"},
		{"prefix at the top", store.Range{Prefix: "\U0010ffff"}, "\U0010ffff"},
		{"prefix of nothing", store.Range{Prefix: "x"}, ""},
		{"from", store.Range{From: "b1"}, "b1 b2 c ä \U0010ffff"},
		{"to", store.Range{To: "b1"}, "a b b\x00 b/2"},
		{"from to", store.Range{From: "b", To: "b1", Limit: 5}, "b b\x00 b/2"},
		{"from to reverse", store.Range{From: "b", To: "b2", Reverse: true, Limit: 3}, "b1 b/2 b\x00"},
		{"prefix from", store.Range{Prefix: "b", From: "b1"}, "b1 b2"},
		{"prefix to", store.Range{Prefix: "b", To: "b1"}, "b b\x00 b/2"},
		{"prefix from before it", store.Range{Prefix: "b", From: "a"}, "b b\x00 b/2 b1 b2"},
		{"prefix to behind it", store.Range{Prefix: "b", To: "z"}, "b b\x00 b/2 b1 b2"},
		{"nothing between", store.Range{From: "c", To: "b"}, ""},
		{"limit", store.Range{Limit: 2}, "a b"},
	} {
		view(t, s, func(tx store.Tx) error {
			got, err := keys(tx, "s", c.r)
			if err != nil || got != c.want {
				t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.want)
			}
			return nil
		})
	}
	view(t, s, func(tx store.Tx) error {
		for rec, err := range tx.Scan("s", store.Range{}) {
			if err != nil || rec.Key != "a" || string(rec.Value) != "a" {
				t.Errorf("first record: %q = %q, %v", rec.Key, rec.Value, err)
			}
			break
		}
		_, err := keys(tx, "", store.Range{})
		wantCode(t, "scan of no space", err, wit.CodeInvalid)
		got, err := keys(tx, "nowhere", store.Range{})
		if got != "" || err != nil {
			t.Errorf("scan of an empty space: %q, %v", got, err)
		}
		return nil
	})
}

// scanLarge goes through more records and more bytes than an implementation would hold at once.
func scanLarge(t *testing.T, s store.Store) {
	const n = 1000
	var all []string
	Update(t, s, func(tx store.Tx) error {
		for i := range n {
			key := fmt.Sprintf("k%04d", i)
			all = append(all, key)
			if err := tx.Put("s", key, make([]byte, i%7*1000)); err != nil {
				return err
			}
		}
		return nil
	})
	view(t, s, func(tx store.Tx) error {
		for _, limit := range []int{0, 1, 127, 128, 129, 500, n, n + 1} {
			for _, reverse := range []bool{false, true} {
				want := slices.Clone(all)
				if reverse {
					slices.Reverse(want)
				}
				if limit > 0 {
					want = want[:min(limit, n)]
				}
				got, err := keys(tx, "s", store.Range{Limit: limit, Reverse: reverse, Prefix: "k", To: "l"})
				if err != nil || got != strings.Join(want, " ") {
					t.Errorf("limit %d, reverse %v: %d bytes of keys, %v", limit, reverse, len(got), err)
				}
			}
		}
		return nil
	})
}

func scanNested(t *testing.T, s store.Store) {
	Update(t, s, func(tx store.Tx) error {
		for i := range 200 {
			if err := tx.Put("s", fmt.Sprintf("%03d", i), nil); err != nil {
				return err
			}
		}
		return nil
	})
	view(t, s, func(tx store.Tx) error {
		n := 0
		for outer := range tx.Scan("s", store.Range{}) {
			for inner, err := range tx.Scan("s", store.Range{From: outer.Key, Limit: 2}) {
				if err != nil || inner.Key < outer.Key {
					t.Fatalf("inner %q of %q: %v", inner.Key, outer.Key, err)
				}
				n++
			}
		}
		if n != 399 {
			t.Errorf("%d pairs, want 399", n)
		}
		return nil
	})
}

func scanWhileWriting(t *testing.T, s store.Store) {
	Update(t, s, func(tx store.Tx) error {
		for i := range 300 {
			if err := tx.Put("s", fmt.Sprintf("%03d", i), []byte("x")); err != nil {
				return err
			}
		}
		return nil
	})
	Update(t, s, func(tx store.Tx) error {
		seen := ""
		for rec, err := range tx.Scan("s", store.Range{}) {
			if err != nil {
				return err
			}
			if rec.Key <= seen {
				t.Fatalf("%q comes after %q", rec.Key, seen)
			}
			seen = rec.Key
			if err := errors.Join(tx.Delete("s", rec.Key), tx.Put("done", rec.Key, rec.Value)); err != nil {
				return err
			}
		}
		return nil
	})
	view(t, s, func(tx store.Tx) error {
		left, err1 := keys(tx, "s", store.Range{})
		done, err2 := keys(tx, "done", store.Range{})
		if left != "" || len(done) != 300*4-1 || err1 != nil || err2 != nil {
			t.Errorf("left %q, done %d bytes of keys, %v, %v", left, len(done), err1, err2)
		}
		return nil
	})
}
