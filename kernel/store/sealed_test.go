package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	textwords "github.com/carapace-gateway/carapace/kernel/store/words"
	"github.com/carapace-gateway/carapace/wit"
)

func recordKey(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

func seal(t testing.TB, s store.Store, key []byte) *store.Sealed {
	t.Helper()
	sealed, err := store.Seal(context.Background(), s, key)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// TestSealed: a store in each form is a store like any other.
func TestSealed(t *testing.T) {
	for form, conforms := range map[store.Form]func(*testing.T, func(*testing.T) store.Store){store.Plain: storetest.Run, store.Closed: storetest.RunRecords} {
		t.Run(string(form), func(t *testing.T) {
			conforms(t, func(t *testing.T) store.Store {
				s := seal(t, store.OpenMemory(), recordKey(1))
				t.Cleanup(func() { s.Close() })
				if err := s.Convert(context.Background(), form); err != nil {
					t.Fatal(err)
				}
				return s
			})
		})
	}
	t.Run("on a disk", func(t *testing.T) {
		storetest.RunRecords(t, func(t *testing.T) store.Store {
			s := seal(t, open(t, filepath.Join(t.TempDir(), "state.db")), recordKey(1))
			if err := s.Convert(context.Background(), store.Closed); err != nil {
				t.Fatal(err)
			}
			return s
		})
	})
}

// TestSealedHasNoIndex: what was indexed is gone when values are sealed, nothing goes in meanwhile, and all of it is as before
// afterwards.
func TestSealedHasNoIndex(t *testing.T) {
	ctx := context.Background()
	for name, inner := range map[string]store.Store{"memory": store.OpenMemory(), "disk": open(t, filepath.Join(t.TempDir(), "state.db"))} {
		t.Run(name, func(t *testing.T) {
			s := seal(t, inner, recordKey(1))
			add := func(key string) {
				storetest.Update(t, s, func(tx store.Tx) error { return tx.Index("texts", store.Doc{Key: key, Text: "the harbour"}) })
			}
			find := func() (n int, indexed bool, err error) {
				err = errors.Join(err, s.View(ctx, func(tx store.Tx) error {
					if indexed, err = store.Indexed(tx); err != nil {
						return err
					}
					found, _, err := tx.Find("texts", store.Search{Words: textwords.Ask("harbour"), Limit: 9})
					n = len(found)
					return err
				}))
				return n, indexed, err
			}
			add("1")
			if n, indexed, err := find(); n != 1 || !indexed || err != nil {
				t.Errorf("plain: %d, %v, %v", n, indexed, err)
			}
			if err := s.Convert(ctx, store.Closed); err != nil {
				t.Fatal(err)
			}
			add("2")
			if n, indexed, err := find(); n != 0 || indexed || wit.CodeOf(err) != wit.CodeUnavailable {
				t.Errorf("sealed: %d, %v, %v", n, indexed, err)
			}
			if err := s.Convert(ctx, store.Plain); err != nil {
				t.Fatal(err)
			}
			if n, indexed, err := find(); n != 0 || !indexed || err != nil {
				t.Errorf("opened again: %d, %v, %v", n, indexed, err)
			}
			add("3")
			if n, _, err := find(); n != 1 || err != nil {
				t.Errorf("indexed again: %d, %v", n, err)
			}
		})
	}
}

// words writes so many records into some spaces, and read returns what is there.
func words(t testing.TB, s store.Store, n int) {
	t.Helper()
	err := s.Update(context.Background(), func(tx store.Tx) error {
		for i := range n {
			if err := tx.Put(fmt.Sprintf("space %d", i%7), fmt.Sprintf("%05d", i), []byte(fmt.Sprintf("what was said %d", i))); err != nil {
				return err
			}
		}
		return tx.Put("secret", "own", []byte("sealed by others"))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func checkWords(s store.Store, n int) error {
	return s.View(context.Background(), func(tx store.Tx) error {
		seen := 0
		for space := range 7 {
			for rec, err := range tx.Scan(fmt.Sprintf("space %d", space), store.Range{}) {
				if err != nil {
					return err
				}
				if i := strings.TrimLeft(rec.Key[:4], "0") + rec.Key[4:]; string(rec.Value) != "what was said "+i {
					return fmt.Errorf("%s holds %q", rec.Key, rec.Value)
				}
				seen++
			}
		}
		if b, err := tx.Get("secret", "own"); err != nil || string(b) != "sealed by others" || seen != n {
			return fmt.Errorf("%d of %d; %q %v", seen, n, b, err)
		}
		return nil
	})
}

// TestConvert goes there and back while others read and write, and finds each record as it was.
func TestConvert(t *testing.T) {
	const n = 1500
	s := seal(t, store.OpenMemory(), recordKey(1))
	words(t, s, n)
	ctx, cancel := context.WithCancel(context.Background())
	var others sync.WaitGroup
	for w := range 3 {
		others.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				if err := checkWords(s, n); err != nil {
					t.Error(err)
					return
				}
				at := (i*31 + w) % n
				err := s.Update(context.Background(), func(tx store.Tx) error {
					space, key := fmt.Sprintf("space %d", at%7), fmt.Sprintf("%05d", at)
					b, err := tx.Get(space, key)
					if err != nil {
						return err
					}
					return errors.Join(tx.Put(space, key, b), tx.Put("more", fmt.Sprint(w, i), b))
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 4 {
		for _, form := range []store.Form{store.Closed, store.Plain} {
			if err := s.Convert(ctx, form); err != nil {
				t.Error(err)
			}
			if state, err := s.Sealing(ctx); err != nil || !state.Done || state.To != form {
				t.Errorf("%+v %v", state, err)
			}
		}
	}
	cancel()
	others.Wait()
}

// TestConvertCutOff: a change that fails, or is killed, at any transaction leaves each record readable, and the next process
// ends it, in either direction.
func TestConvertCutOff(t *testing.T) {
	const n = 1500
	ctx := context.Background()
	for _, to := range []store.Form{store.Closed, store.Plain} {
		for fails := 1; ; fails++ {
			memory := store.OpenMemory()
			faulty := storetest.NewFaulty(memory)
			s := seal(t, faulty, recordKey(1))
			words(t, s, n)
			if to == store.Plain {
				if err := s.Convert(ctx, store.Closed); err != nil {
					t.Fatal(err)
				}
			}
			faulty.Fail(storetest.FaultCommit, fails, 1)
			err := s.Convert(ctx, to)
			if err == nil {
				if fails < 5 {
					t.Errorf("only %d transactions", fails)
				}
				break
			}
			if wit.CodeOf(err) != wit.CodeUnavailable {
				t.Fatal(err)
			}
			if err := checkWords(s, n); err != nil {
				t.Errorf("to %s, cut off at %d: %v", to, fails, err)
			}
			next := seal(t, memory, recordKey(1))
			if err := checkWords(next, n); err != nil {
				t.Errorf("to %s, cut off at %d, the next process: %v", to, fails, err)
			}
			err = errors.Join(next.Convert(ctx, to), checkWords(next, n))
			if state, _ := next.Sealing(ctx); err != nil || !state.Done || state.To != to {
				t.Errorf("to %s, cut off at %d: %+v %v", to, fails, state, err)
			}
		}
	}
}

// TestSealedIsNotReadable on the disk, not even in what was there before, and is readable again without it.
func TestSealedIsNotReadable(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "state.db")
	db := open(t, path)
	s := seal(t, db, recordKey(1))
	words(t, s, 1000)
	found := func() (n int) {
		for _, name := range []string{path, path + "-wal"} {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			n += bytes.Count(b, []byte("what was said"))
		}
		return n
	}
	if found() == 0 {
		t.Error("this test reads nothing")
	}
	if err := errors.Join(s.Convert(ctx, store.Closed), s.Compact(ctx)); err != nil {
		t.Fatal(err)
	}
	if n := found(); n > 0 {
		t.Errorf("%d texts can be read", n)
	}
	if err := errors.Join(checkWords(s, 1000), s.Check(ctx)); err != nil {
		t.Error(err)
	}
	if _, err := store.Seal(ctx, db, recordKey(2)); wit.CodeOf(err) != wit.CodeUnauthorized {
		t.Errorf("another key: %v", err)
	}
}

// TestSealedRejectsChanges: a value that was changed, moved or put in by somebody else is Damaged, and the others are not.
func TestSealedRejectsChanges(t *testing.T) {
	ctx, memory := context.Background(), store.OpenMemory()
	s := seal(t, memory, recordKey(1))
	pets := store.Table[string]("pets")
	err := s.Update(ctx, func(tx store.Tx) error {
		return errors.Join(pets.Put(tx, "a", "cat"), pets.Put(tx, "b", "dog"), pets.Put(tx, "c", "cow"), store.Table[string]("other").Put(tx, "a", "elk"))
	})
	if err = errors.Join(err, s.Convert(ctx, store.Closed)); err != nil {
		t.Fatal(err)
	}
	raw := func(tx store.Tx, space, key string) []byte {
		b, err := tx.Get(space, key)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for name, change := range map[string]func(tx store.Tx) []byte{
		"a bit":              func(tx store.Tx) []byte { b := raw(tx, "pets", "b"); b[len(b)-1] ^= 1; return b },
		"another key's":      func(tx store.Tx) []byte { return raw(tx, "pets", "a") },
		"another space's":    func(tx store.Tx) []byte { return raw(tx, "other", "a") },
		"a plain one":        func(store.Tx) []byte { return []byte(`"wolf"`) },
		"nothing":            func(store.Tx) []byte { return nil },
		"the version":        func(tx store.Tx) []byte { b := raw(tx, "pets", "b"); b[0]++; return b },
		"cut off at its end": func(tx store.Tx) []byte { b := raw(tx, "pets", "b"); return b[:len(b)-1] },
	} {
		before := []byte(nil)
		err := memory.Update(ctx, func(tx store.Tx) error {
			before = raw(tx, "pets", "b")
			return tx.Put("pets", "b", change(tx))
		})
		if err != nil {
			t.Fatal(err)
		}
		seen := ""
		err = s.View(ctx, func(tx store.Tx) error {
			for row, err := range pets.Scan(tx, store.Range{}) {
				if err != nil && !store.Damaged(err) {
					return err
				}
				seen += row.Key + row.Value + " "
			}
			_, err := pets.Get(tx, "b")
			return err
		})
		if seen != "acat b ccow " || !store.Damaged(err) || strings.Contains(err.Error(), "wolf") {
			t.Errorf("%s: %q %v", name, seen, err)
		}
		if err := memory.Update(ctx, func(tx store.Tx) error { return tx.Put("pets", "b", before) }); err != nil {
			t.Fatal(err)
		}
	}
	// What says that values are sealed cannot be changed either.
	if err := memory.Update(ctx, func(tx store.Tx) error { return tx.Put("store.sealing", "state", []byte(`{"to":"plain","done":true}`)) }); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Seal(ctx, memory, recordKey(1)); wit.CodeOf(err) != wit.CodeUnauthorized {
		t.Errorf("a state that was changed: %v", err)
	}
}

// BenchmarkSealedGet reads a record of 1 KB.
func BenchmarkSealedGet(b *testing.B) {
	for _, form := range []store.Form{store.Plain, store.Closed} {
		b.Run(string(form), func(b *testing.B) {
			ctx := context.Background()
			s := seal(b, open(b, filepath.Join(b.TempDir(), "state.db")), recordKey(1))
			put := s.Update(ctx, func(tx store.Tx) error { return tx.Put("a", "k", bytes.Repeat([]byte("x"), 1024)) })
			if err := errors.Join(put, s.Convert(ctx, form)); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				err := s.View(ctx, func(tx store.Tx) error {
					_, err := tx.Get("a", "k")
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
