package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

func next(t *testing.T, s store.Store) {
	var got []uint64
	take := func(tx store.Tx, space string) error {
		n, err := tx.Next(space)
		got = append(got, n)
		return err
	}
	Update(t, s, func(tx store.Tx) error { return errors.Join(take(tx, "a"), take(tx, "a"), take(tx, "b")) })
	_ = s.Update(context.Background(), func(tx store.Tx) error { return errors.Join(take(tx, "a"), errors.New("undo")) })
	Update(t, s, func(tx store.Tx) error { return take(tx, "a") })
	if fmt.Sprint(got) != "[1 2 1 3 3]" {
		t.Errorf("numbers %v, want [1 2 1 3 3]", got)
	}
	want(t, s, "a", "a", "-")
	wantCode(t, "next in a view", s.View(context.Background(), func(tx store.Tx) error { return take(tx, "a") }), wit.CodeInvalid)
}

func nextSpace(t *testing.T, s store.Store) {
	Update(t, s, func(tx store.Tx) error {
		return errors.Join(tx.Put("b", "1", nil), tx.Put("b", "2", nil), tx.Put("a.more", "1", nil), tx.Put("a", "1", nil), tx.Put("c", "1", nil), tx.Delete("c", "1"))
	})
	view(t, s, func(tx store.Tx) error {
		for after, want := range map[string]string{"": "a", "a": "a.more", "a.more": "b", "aa": "b", "z": ""} {
			got, err := tx.NextSpace(after)
			if err != nil || got != want {
				t.Errorf("behind %q comes %q, %v, want %q", after, got, err, want)
			}
		}
		return nil
	})
}

func table(t *testing.T, s store.Store) {
	type pet struct{ Name string }
	pets := store.Table[pet]("pets")
	Update(t, s, func(tx store.Tx) error {
		return errors.Join(pets.Insert(tx, "1", pet{"Rex"}), pets.Put(tx, "2", pet{"Tom"}), tx.Put("pets", "3", []byte("{")))
	})
	view(t, s, func(tx store.Tx) error {
		p, err := pets.Get(tx, "1")
		if err != nil || p.Name != "Rex" {
			t.Errorf("get: %+v, %v", p, err)
		}
		_, err = pets.Get(tx, "3")
		wantCode(t, "damaged record", err, wit.CodeInternal)
		_, err = pets.Get(tx, "4")
		wantCode(t, "missing record", err, wit.CodeNotFound)
		var names []string
		for row, err := range pets.Scan(tx, store.Range{}) {
			names = append(names, fmt.Sprint(row.Key, row.Value.Name, wit.CodeOf(err)))
		}
		if fmt.Sprint(names) != "[1Rex 2Tom 3internal]" {
			t.Errorf("scan: %v", names)
		}
		return nil
	})
}

func undo(t *testing.T, s store.Store) {
	put(t, s, "a", "kept", "one")
	cause := errors.New("no")
	err := s.Update(context.Background(), func(tx store.Tx) error {
		_ = tx.Put("a", "kept", []byte("two"))
		_ = tx.Put("a", "new", []byte("two"))
		_ = tx.Delete("a", "kept")
		if _, err := tx.Get("a", "new"); err != nil {
			t.Errorf("a transaction does not see its own write: %v", err)
		}
		return cause
	})
	if !errors.Is(err, cause) {
		t.Errorf("update: %v, want fn's own error", err)
	}
	want(t, s, "a", "kept", "one")
	want(t, s, "a", "new", "-")
	if err := s.View(context.Background(), func(store.Tx) error { return cause }); !errors.Is(err, cause) {
		t.Errorf("view: %v, want fn's own error", err)
	}
}

func panics(t *testing.T, s store.Store) {
	for name, call := range map[string]func(context.Context, func(store.Tx) error) error{"update": s.Update, "view": s.View} {
		func() {
			defer func() {
				if r := recover(); r != "oops" {
					t.Errorf("%s: recovered %v, want the panic of fn", name, r)
				}
			}()
			_ = call(context.Background(), func(tx store.Tx) error {
				_ = tx.Put("a", "k", []byte("one"))
				panic("oops")
			})
		}()
	}
	want(t, s, "a", "k", "-")
	put(t, s, "a", "k", "two")
	want(t, s, "a", "k", "two")
}

func goexit(t *testing.T, s store.Store) {
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = s.Update(context.Background(), func(tx store.Tx) error {
			_ = tx.Put("a", "k", []byte("one"))
			runtime.Goexit()
			return nil
		})
	})
	wg.Wait()
	want(t, s, "a", "k", "-")
	put(t, s, "a", "k", "two")
}

func cancel(t *testing.T, s store.Store) {
	over, stop := context.WithCancel(context.Background())
	stop()
	called := false
	fn := func(store.Tx) error { called = true; return nil }
	for name, err := range map[string]error{"update": s.Update(over, fn), "view": s.View(over, fn)} {
		wantCode(t, name+" with an ended context", err, wit.CodeTimeout)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v does not wrap the context's error", name, err)
		}
	}
	if called {
		t.Error("fn was called with an ended context")
	}

	ctx, stop := context.WithCancel(context.Background())
	err := s.Update(ctx, func(tx store.Tx) error {
		if err := tx.Put("a", "k", []byte("one")); err != nil {
			return err
		}
		stop()
		wantCode(t, "put after the end", tx.Put("a", "l", nil), wit.CodeTimeout)
		return nil
	})
	wantCode(t, "update that is cancelled while it runs", err, wit.CodeTimeout)
	want(t, s, "a", "k", "-")
}

func viewCannotWrite(t *testing.T, s store.Store) {
	put(t, s, "a", "k", "one")
	view(t, s, func(tx store.Tx) error {
		wantCode(t, "put", tx.Put("a", "k", []byte("two")), wit.CodeInvalid)
		wantCode(t, "insert", tx.Insert("a", "l", nil), wit.CodeInvalid)
		wantCode(t, "delete", tx.Delete("a", "k"), wit.CodeInvalid)
		return nil
	})
	want(t, s, "a", "k", "one")
	want(t, s, "a", "l", "-")
}

func txEnds(t *testing.T, s store.Store) {
	var kept []store.Tx
	keep := func(tx store.Tx) error { kept = append(kept, tx); return nil }
	Update(t, s, keep)
	view(t, s, keep)
	for _, tx := range kept {
		_, err := tx.Get("a", "k")
		wantCode(t, "get after the end", err, wit.CodeInvalid)
		wantCode(t, "put after the end", tx.Put("a", "k", nil), wit.CodeInvalid)
		_, err = keys(tx, "a", store.Range{})
		wantCode(t, "scan after the end", err, wit.CodeInvalid)
	}
	want(t, s, "a", "k", "-")
}

func snapshot(t *testing.T, s store.Store) {
	put(t, s, "a", "k", "one")
	put(t, s, "b", "k", "one")
	view(t, s, func(tx store.Tx) error {
		if got, err := tx.Get("a", "k"); err != nil || string(got) != "one" {
			t.Errorf("before: %q, %v", got, err)
		}
		done := make(chan error)
		go func() {
			done <- s.Update(context.Background(), func(tx store.Tx) error {
				return errors.Join(tx.Put("a", "k", []byte("two")), tx.Put("b", "k", []byte("two")), tx.Put("b", "l", nil))
			})
		}()
		if err := <-done; err != nil { // an update does not wait for views
			t.Errorf("update beside a view: %v", err)
		}
		for _, space := range []string{"a", "b"} {
			if got, err := tx.Get(space, "k"); err != nil || string(got) != "one" {
				t.Errorf("%s after a concurrent update: %q, %v; want the snapshot's", space, got, err)
			}
		}
		if got, err := keys(tx, "b", store.Range{}); got != "k" || err != nil {
			t.Errorf("scan: %q, %v; want the snapshot's", got, err)
		}
		return nil
	})
	want(t, s, "b", "k", "two")
}

// concurrent counts up from many goroutines: a lost or doubled update changes the sum.
func concurrent(t *testing.T, s store.Store) {
	const writers, each = 16, 25
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				err := s.Update(context.Background(), func(tx store.Tx) error {
					n, err := tx.Next("all")
					if err != nil {
						return err
					}
					return tx.Insert("rows", fmt.Sprintf("%06d", n), fmt.Appendf(nil, "%d/%d", w, i))
				})
				if err != nil {
					t.Errorf("writer %d: %v", w, err)
				}
				// What Update acknowledged, a View that starts now sees.
				view(t, s, func(tx store.Tx) error {
					n := 0
					for rec := range tx.Scan("rows", store.Range{}) {
						if string(rec.Value) == fmt.Sprintf("%d/%d", w, i) {
							n++
						}
					}
					if n != 1 {
						t.Errorf("writer %d sees its row %d %d times", w, i, n)
					}
					return nil
				})
			}
		})
	}
	wg.Wait()
	view(t, s, func(tx store.Tx) error {
		last := ""
		for rec := range tx.Scan("rows", store.Range{Reverse: true, Limit: 1}) {
			last = rec.Key
		}
		if last != fmt.Sprintf("%06d", writers*each) {
			t.Errorf("last row %s, want %d without a gap", last, writers*each)
		}
		return nil
	})
}

// rests has a store rest while it is read and written, within a View too, and after it is closed.
func rests(t *testing.T, s store.Store) {
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 25 {
				key := fmt.Sprint(w, "/", i)
				Update(t, s, func(tx store.Tx) error { return tx.Put("rows", key, []byte(key)) })
				s.Rest()
				view(t, s, func(tx store.Tx) error {
					s.Rest()
					value, err := tx.Get("rows", key)
					if string(value) != key {
						t.Errorf("%s is %q: %v", key, value, err)
					}
					return nil
				})
			}
		})
	}
	wg.Wait()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	s.Rest()
}

// failuresInCompany mixes updates that fail in every way with ones that succeed: only the former's
// writes may be missing.
func failuresInCompany(t *testing.T, s store.Store) {
	const n = 120
	no := errors.New("no")
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			ctx, stop := context.WithCancel(context.Background())
			defer stop()
			defer func() {
				if r := recover(); r != nil {
					errs[i] = fmt.Errorf("panic: %v", r)
				}
			}()
			errs[i] = s.Update(ctx, func(tx store.Tx) error {
				if err := tx.Put("rows", fmt.Sprintf("%03d", i), nil); err != nil {
					return err
				}
				switch i % 4 {
				case 1:
					return no
				case 2:
					panic("oops")
				case 3:
					stop()
				}
				return nil
			})
		})
	}
	wg.Wait()
	for i, err := range errs {
		ok := [4]bool{err == nil, errors.Is(err, no), err != nil && err.Error() == "panic: oops", wit.CodeOf(err) == wit.CodeTimeout}
		if !ok[i%4] {
			t.Errorf("update %d (kind %d): %v", i, i%4, err)
		}
		value := "-"
		if i%4 == 0 {
			value = ""
		}
		want(t, s, "rows", fmt.Sprintf("%03d", i), value)
	}
}

func closing(t *testing.T, s store.Store) {
	inside, leave, done := make(chan bool), make(chan bool), make(chan error)
	go func() {
		done <- s.Update(context.Background(), func(tx store.Tx) error {
			close(inside)
			<-leave
			return tx.Put("a", "k", nil)
		})
	}()
	<-inside
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	close(leave)
	if err := <-done; err != nil {
		t.Errorf("update that ran when Close came: %v", err)
	}
	if err := <-closed; err != nil {
		t.Errorf("close: %v", err)
	}
	fn := func(store.Tx) error { t.Error("fn was called after Close"); return nil }
	wantCode(t, "update after Close", s.Update(context.Background(), fn), wit.CodeUnavailable)
	wantCode(t, "view after Close", s.View(context.Background(), fn), wit.CodeUnavailable)
	wantCode(t, "close after Close", s.Close(), wit.CodeUnavailable)
}
