package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/store"
)

// version: what was written to a space can be told from its version, and nothing else changes it.
func version(t *testing.T, s store.Store) {
	now := func() [2]uint64 { return [2]uint64{s.Version("a"), s.Version("b")} }
	for _, step := range []struct {
		name string
		do   func(tx store.Tx) error
		a, b bool // which changes
	}{
		{"put", func(tx store.Tx) error { return tx.Put("a", "k", []byte("1")) }, true, false},
		{"put the same", func(tx store.Tx) error { return tx.Put("a", "k", []byte("1")) }, true, false},
		{"insert", func(tx store.Tx) error { return tx.Insert("b", "k", nil) }, false, true},
		{"delete", func(tx store.Tx) error { return tx.Delete("a", "k") }, true, false},
		{"next", func(tx store.Tx) error { _, err := tx.Next("b"); return err }, false, true},
		{"both", func(tx store.Tx) error { return errors.Join(tx.Put("a", "x", nil), tx.Put("b", "x", nil)) }, true, true},
		{"read", func(tx store.Tx) error { _, err := tx.Get("a", "x"); return err }, false, false},
		{"fail", func(tx store.Tx) error { return errors.Join(tx.Put("a", "x", nil), errors.New("no")) }, false, false},
		{"another space", func(tx store.Tx) error { return tx.Put("c", "x", nil) }, false, false},
	} {
		before := now()
		_ = s.Update(t.Context(), step.do) // one of them fails
		after := now()
		if got := [2]bool{after[0] != before[0], after[1] != before[1]}; got != [2]bool{step.a, step.b} {
			t.Errorf("%s: the versions were %v and are %v", step.name, before, after)
		}
	}
}

// since: the keys that commits have written are told to who asks what has changed since a version, and who asks for too much is
// told that it is not known.
func since(t *testing.T, s store.Store) {
	write := func(do func(tx store.Tx) error) {
		t.Helper()
		if err := s.Update(t.Context(), do); err != nil {
			t.Fatal(err)
		}
	}
	put := func(keys ...string) func(tx store.Tx) error {
		return func(tx store.Tx) error {
			for _, k := range keys {
				if err := tx.Put("a", k, nil); err != nil {
					return err
				}
			}
			return tx.Put("b", "other", nil)
		}
	}
	write(put("before"))
	if keys, ok := s.Since("a", s.Version("a")-1); ok {
		t.Errorf("before anybody asked: %q", keys)
	}
	from := s.Version("a")
	expect := func(version uint64, want string) {
		t.Helper()
		keys, ok := s.Since("a", version)
		if got := fmt.Sprint(keys, ok); got != want {
			t.Errorf("since %d of %d: %s, want %s", version, s.Version("a"), got, want)
		}
	}
	expect(from, "[] true")
	write(put("x", "y"))
	middle := s.Version("a")
	write(func(tx store.Tx) error { return errors.Join(tx.Delete("a", "x"), tx.Insert("a", "z", nil)) })
	_ = s.Update(t.Context(), func(tx store.Tx) error { return errors.Join(tx.Put("a", "undone", nil), errors.New("no")) })
	write(func(tx store.Tx) error { _, err := tx.Next("a"); return err })
	expect(from, "[x y z] true")
	expect(middle, "[x z] true")
	expect(s.Version("a"), "[] true")
	expect(from-1, "[] false")
	many := make([]string, 5000)
	for i := range many {
		many[i] = fmt.Sprintf("%04d", i)
	}
	write(put(many...))
	expect(middle, "[] false")
	full := s.Version("a")
	expect(full, "[] true")
	for i := range 50 {
		write(put(many[i*100 : (i+1)*100]...))
	}
	expect(full, "[] false")
	if keys, ok := s.Since("a", full+40); !ok || len(keys) != 1000 || keys[0] != "4000" {
		t.Errorf("of the last ten: %d keys, %t", len(keys), ok)
	}
}
