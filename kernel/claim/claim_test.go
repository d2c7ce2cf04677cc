package claim_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/claim"
	"github.com/carapace-gateway/carapace/wit"
)

// TestLocal: a free key is granted at once, a held one when it is released, and waiting ends with its context.
func TestLocal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var claims claim.Local
		must := func(key string) func() {
			release, err := claims.Claim(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			return release
		}
		began := time.Now()
		release := must("session/a")
		must("session/b")()
		if time.Since(began) != 0 {
			t.Error("a free key was not granted at once")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := claims.Claim(ctx, "session/a"); wit.CodeOf(err) != wit.CodeTimeout {
			t.Errorf("a key that is held: %v", err)
		}
		running, most := 0, 0
		for range 20 {
			go func() {
				defer must("session/a")()
				running++
				most = max(most, running)
				time.Sleep(time.Second)
				running--
			}()
		}
		release()
		synctest.Wait()
		time.Sleep(time.Hour)
		must("session/a")()
		if most != 1 || running != 0 {
			t.Errorf("%d held one key at a time, %d still do", most, running)
		}
	})
}
