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
	sealed, err := store.Seal(context.Background(), s, key, false)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// TestSealed: a store in each form is a store like any other.
func TestSealed(t *testing.T) {
	for form, conforms := range map[store.Form]func(*testing.T, func(*testing.T) store.Store){
		store.Plain: storetest.Run, store.Tagged: storetest.Run, store.Closed: storetest.RunRecords,
	} {
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
		storetest.Run(t, func(t *testing.T) store.Store {
			return seal(t, open(t, filepath.Join(t.TempDir(), "state.db")), recordKey(1))
		})
	})
	t.Run("sealed on a disk", func(t *testing.T) {
		storetest.RunRecords(t, func(t *testing.T) store.Store {
			s := seal(t, open(t, filepath.Join(t.TempDir(), "state.db")), recordKey(1))
			if err := s.Convert(context.Background(), store.Closed); err != nil {
				t.Fatal(err)
			}
			return s
		})
	})
}

// TestSealedHasNoIndex: what was indexed stays when values get tags, and is gone when they are sealed; nothing goes in meanwhile,
// and all of it is as before afterwards.
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
				t.Errorf("tagged: %d, %v, %v", n, indexed, err)
			}
			if err := errors.Join(s.Convert(ctx, store.Plain), s.Convert(ctx, store.Tagged)); err != nil {
				t.Fatal(err)
			}
			if n, indexed, err := find(); n != 1 || !indexed || err != nil {
				t.Errorf("tagged anew: %d, %v, %v", n, indexed, err)
			}
			if err := s.Convert(ctx, store.Closed); err != nil {
				t.Fatal(err)
			}
			add("2")
			if n, indexed, err := find(); n != 0 || indexed || wit.CodeOf(err) != wit.CodeUnavailable {
				t.Errorf("sealed: %d, %v, %v", n, indexed, err)
			}
			if err := s.Convert(ctx, store.Tagged); err != nil {
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
		for _, form := range []store.Form{store.Closed, store.Tagged, store.Plain, store.Tagged} {
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
// ends it, whichever forms it is between.
func TestConvertCutOff(t *testing.T) {
	const n = 1500
	ctx := context.Background()
	for _, way := range [][2]store.Form{{store.Plain, store.Tagged}, {store.Tagged, store.Closed}, {store.Closed, store.Tagged}, {store.Plain, store.Closed}} {
		from, to := way[0], way[1]
		for fails := 1; ; fails++ {
			memory := store.OpenMemory()
			faulty := storetest.NewFaulty(memory)
			s := seal(t, faulty, recordKey(1))
			words(t, s, n)
			if err := s.Convert(ctx, from); err != nil {
				t.Fatal(err)
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
				t.Errorf("%s to %s, cut off at %d: %v", from, to, fails, err)
			}
			next := seal(t, memory, recordKey(1))
			if err := checkWords(next, n); err != nil {
				t.Errorf("%s to %s, cut off at %d, the next process: %v", from, to, fails, err)
			}
			err = errors.Join(next.Convert(ctx, to), checkWords(next, n), next.Check(ctx))
			if state, _ := next.Sealing(ctx); err != nil || !state.Done || state.To != to {
				t.Errorf("%s to %s, cut off at %d: %+v %v", from, to, fails, state, err)
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
	if _, err := store.Seal(ctx, db, recordKey(2), true); wit.CodeOf(err) != wit.CodeUnauthorized {
		t.Errorf("another key: %v", err)
	}
}

// put makes a change behind the back of whoever has sealed s.
func put(t *testing.T, s store.Store, space, key string, value []byte) {
	t.Helper()
	if err := s.Update(context.Background(), func(tx store.Tx) error { return tx.Put(space, key, value) }); err != nil {
		t.Fatal(err)
	}
}

// get reads what is stored.
func get(t *testing.T, s store.Store, space, key string) (value []byte) {
	t.Helper()
	err := s.View(context.Background(), func(tx store.Tx) (err error) {
		value, err = tx.Get(space, key)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return value
}

const pets = store.Table[string]("pets")

// keep returns a store with a few records in a form, and what it is on top of.
func keep(t *testing.T, form store.Form) (s *store.Sealed, raw store.Store) {
	t.Helper()
	raw = store.OpenMemory()
	s = seal(t, raw, recordKey(1))
	err := s.Update(context.Background(), func(tx store.Tx) error {
		return errors.Join(pets.Put(tx, "a", "cat"), pets.Put(tx, "b", "dog"), pets.Put(tx, "c", "cow"), store.Table[string]("other").Put(tx, "b", "elk"))
	})
	if err = errors.Join(err, s.Convert(context.Background(), form)); err != nil {
		t.Fatal(err)
	}
	return s, raw
}

// readPets returns what can be read of them, and the last error.
func readPets(s store.Store) (seen string, err error) {
	err = s.View(context.Background(), func(tx store.Tx) (last error) {
		for row, err := range pets.Scan(tx, store.Range{}) {
			if err != nil && !store.Damaged(err) {
				return err
			}
			if err != nil {
				last = err
			}
			seen += row.Key + row.Value + " "
		}
		return last
	})
	return seen, err
}

// TestChangesAreRejected: a value that was changed, moved or put in by somebody else is Damaged, and the others are not; after
// a restart too, and after a change of the form.
func TestChangesAreRejected(t *testing.T) {
	ctx := context.Background()
	for form, other := range map[store.Form]store.Form{store.Tagged: store.Closed, store.Closed: store.Tagged} {
		for name, change := range map[string]func(raw store.Store) []byte{
			"a bit of the value":   func(raw store.Store) []byte { b := get(t, raw, "pets", "b"); b[len(b)-1] ^= 1; return b },
			"a bit of the nonce":   func(raw store.Store) []byte { b := get(t, raw, "pets", "b"); b[1] ^= 1; return b },
			"a bit of the tag":     func(raw store.Store) []byte { b := get(t, raw, "pets", "b"); b[28] ^= 1; return b },
			"the version":          func(raw store.Store) []byte { b := get(t, raw, "pets", "b"); b[0]++; return b },
			"another key's":        func(raw store.Store) []byte { return get(t, raw, "pets", "a") },
			"another space's":      func(raw store.Store) []byte { return get(t, raw, "other", "b") },
			"a plain one":          func(store.Store) []byte { return []byte(`"wolf"`) },
			"a plain one, tag cut": func(store.Store) []byte { return append(make([]byte, 29), `"wolf"`...) },
			"nothing":              func(store.Store) []byte { return nil },
			"cut off at its end":   func(raw store.Store) []byte { b := get(t, raw, "pets", "b"); return b[:len(b)-1] },
			"the tag cut off":      func(raw store.Store) []byte { return get(t, raw, "pets", "b")[:28] },
			"of the other form": func(store.Store) []byte {
				_, raw := keep(t, other)
				return get(t, raw, "pets", "b")
			},
		} {
			s, raw := keep(t, form)
			put(t, raw, "pets", "b", change(raw))
			refused := func(s *store.Sealed, when string) {
				t.Helper()
				if seen, err := readPets(s); seen != "acat b ccow " || !store.Damaged(err) || !strings.Contains(err.Error(), "pets/b") || strings.Contains(err.Error(), "wolf") {
					t.Errorf("%s, %s, %s: %q %v", form, name, when, seen, err)
				}
				if list, err := s.Verify(ctx); err != nil || fmt.Sprint(list) != "[pets/b]" {
					t.Errorf("%s, %s, %s: listed are %q %v", form, name, when, list, err)
				}
				if err := s.Check(ctx); err == nil || !strings.Contains(err.Error(), ": pets/b") {
					t.Errorf("%s, %s, %s: checked: %v", form, name, when, err)
				}
			}
			refused(s, "at once")
			s, err := store.Seal(ctx, raw, recordKey(1), true)
			if err != nil {
				t.Fatal(err)
			}
			refused(s, "after a restart")
			if err := s.Convert(ctx, other); err != nil {
				t.Fatal(err)
			}
			if name != "of the other form" { // it is again what it was in that form
				refused(s, "in another form")
			}
		}
	}
}

// TestExchangedRecordsAreRejected: two whose values were exchanged are both refused, and so is one under a key that is new.
func TestExchangedRecordsAreRejected(t *testing.T) {
	for _, form := range []store.Form{store.Tagged, store.Closed} {
		s, raw := keep(t, form)
		a, b := get(t, raw, "pets", "a"), get(t, raw, "pets", "b")
		put(t, raw, "pets", "a", b)
		put(t, raw, "pets", "b", a)
		put(t, raw, "pets", "d", a)
		if list, err := s.Verify(context.Background()); err != nil || fmt.Sprint(list) != "[pets/a pets/b pets/d]" {
			t.Errorf("%s: %q %v", form, list, err)
		}
	}
}

// TestStateIsAuthentic: what says how values are stored cannot be changed, taken away, or be from before they were guarded.
func TestStateIsAuthentic(t *testing.T) {
	ctx := context.Background()
	_, raw := keep(t, store.Plain)
	begun := seal(t, raw, recordKey(1)) // it has just begun to convert
	if state, err := begun.Sealing(ctx); err != nil || state.Guarded() || state.Done {
		t.Fatalf("%+v %v", state, err)
	}
	early := get(t, raw, "store.sealing", "state")
	for name, change := range map[string]func(raw store.Store){
		"plain text":      func(raw store.Store) { put(t, raw, "store.sealing", "state", []byte(`{"to":"plain","done":true}`)) },
		"an earlier one":  func(raw store.Store) { put(t, raw, "store.sealing", "state", early) },
		"a tagged record": func(raw store.Store) { put(t, raw, "store.sealing", "state", get(t, raw, "pets", "a")) },
		"of another store": func(raw store.Store) {
			b := get(t, raw, "store.sealing", "state")
			b[len(b)-1] ^= 1
			put(t, raw, "store.sealing", "state", b)
		},
		"none": func(raw store.Store) {
			if err := raw.Update(ctx, func(tx store.Tx) error { return tx.Delete("store.sealing", "state") }); err != nil {
				t.Fatal(err)
			}
		},
	} {
		_, raw := keep(t, store.Tagged)
		put(t, raw, "pets", "b", []byte(`"wolf"`))
		change(raw)
		if _, err := store.Seal(ctx, raw, recordKey(1), true); wit.CodeOf(err) != wit.CodeInvalid && wit.CodeOf(err) != wit.CodeUnauthorized {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPlainStoreIsGuarded: one that an earlier version has written is as it was, and guarded from then on; what was sealed once
// and opened again, too.
func TestPlainStoreIsGuarded(t *testing.T) {
	ctx := context.Background()
	for name, before := range map[string]func(store.Store){
		"never sealed": func(raw store.Store) { words(t, raw, 500) },
		"sealed once": func(raw store.Store) {
			s := seal(t, raw, recordKey(1))
			words(t, s, 500)
			if err := errors.Join(s.Convert(ctx, store.Closed), s.Convert(ctx, store.Plain)); err != nil {
				t.Fatal(err)
			}
		},
	} {
		raw := store.OpenMemory()
		before(raw)
		s := seal(t, raw, recordKey(1))
		state, err := s.Sealing(ctx)
		if err = errors.Join(err, checkWords(s, 500)); err != nil || state.Done || state.Guarded() {
			t.Errorf("%s, at first: %+v %v", name, state, err)
		}
		err = errors.Join(s.Convert(ctx, store.Tagged), checkWords(s, 500), s.Check(ctx))
		if state, _ := s.Sealing(ctx); err != nil || !state.Guarded() {
			t.Errorf("%s, then: %+v %v", name, state, err)
		}
		put(t, raw, "space 0", "00007", []byte("what was said 7"))
		if err := checkWords(s, 500); !store.Damaged(err) {
			t.Errorf("%s, changed: %v", name, err)
		}
	}
	s := seal(t, store.OpenMemory(), recordKey(1))
	if state, err := s.Sealing(ctx); err != nil || !state.Guarded() {
		t.Errorf("a new one: %+v %v", state, err)
	}
}

// BenchmarkSealedGet reads a record of 1 KB.
func BenchmarkSealedGet(b *testing.B) {
	for _, form := range []store.Form{store.Plain, store.Tagged, store.Closed} {
		b.Run(string(form), func(b *testing.B) {
			b.ReportAllocs()
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

// BenchmarkSealedUpdate writes 100 records of 1 KB in a transaction.
func BenchmarkSealedUpdate(b *testing.B) {
	for _, form := range []store.Form{store.Plain, store.Tagged, store.Closed} {
		b.Run(string(form), func(b *testing.B) {
			b.ReportAllocs()
			ctx, value := context.Background(), bytes.Repeat([]byte("x"), 1024)
			s := seal(b, open(b, filepath.Join(b.TempDir(), "state.db")), recordKey(1))
			if err := s.Convert(ctx, form); err != nil {
				b.Fatal(err)
			}
			for n := 0; b.Loop(); n++ {
				copy(value, fmt.Sprint(n)) // a record that stays what it is would not be written
				err := s.Update(ctx, func(tx store.Tx) error {
					for i := range 100 {
						if err := tx.Put("a", fmt.Sprint(i), value); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
