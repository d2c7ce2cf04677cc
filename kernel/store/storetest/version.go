package storetest

import (
	"errors"
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
