// Package sessiontest makes sessions for tests.
package sessiontest

import (
	"testing"

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
