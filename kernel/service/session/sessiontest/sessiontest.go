// Package sessiontest makes sessions for tests, and reads them.
package sessiontest

import (
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
)

// Ensure makes the sessions that do not exist yet.
func Ensure(t *testing.T, s store.Store, keys ...session.Key) {
	t.Helper()
	storetest.Update(t, s, func(tx store.Tx) error {
		for _, k := range keys {
			if _, err := session.Ensure(tx, k, message.Origin{}); err != nil {
				return err
			}
		}
		return nil
	})
}

// Messages returns a session's history.
func Messages(t *testing.T, s store.Store, key session.Key) (out []session.Message) {
	t.Helper()
	reader := session.New(session.Deps{Store: s, Log: hclog.NewNullLogger()})
	if err := s.View(t.Context(), func(tx store.Tx) error {
		e, err := session.Get(tx, key)
		if err != nil {
			return err
		}
		out, err = reader.Newest(tx, e.SessionID, 0, 10_000, nil)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return out
}
