package claim_test

import (
	"context"
	"slices"
	"sync"
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
			held, release, err := claims.Claim(t.Context(), key)
			if err != nil || held.Err() != nil {
				t.Fatal(err, held)
			}
			return func() {
				release()
				if held.Err() == nil || claim.Lost(held) {
					t.Errorf("after the release of %s: %v", key, context.Cause(held))
				}
			}
		}
		began := time.Now()
		release := must("session/a")
		must("session/b")()
		if time.Since(began) != 0 {
			t.Error("a free key was not granted at once")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, _, err := claims.Claim(ctx, "session/a"); wit.CodeOf(err) != wit.CodeTimeout {
			t.Errorf("a key that is held: %v", err)
		}
		began = time.Now()
		if _, _, err := claims.Try(t.Context(), "session/a"); wit.CodeOf(err) != wit.CodeConflict || time.Since(began) != 0 {
			t.Errorf("a key that is held, tried: %v after %v", err, time.Since(began))
		}
		if _, release, err := claims.Try(t.Context(), "session/b"); err != nil {
			t.Errorf("a free key, tried: %v", err)
		} else {
			release()
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

// TestLocalInOrder: a key goes to whoever has waited longest, and passes by those who waited no longer.
func TestLocalInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var claims claim.Local
		_, release, err := claims.Claim(t.Context(), "session/a")
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var got []int
		var cancels []context.CancelFunc
		for n := range 6 {
			ctx, cancel := context.WithCancel(t.Context())
			cancels = append(cancels, cancel)
			go func() {
				if _, release, err := claims.Claim(ctx, "session/a"); err == nil {
					mu.Lock()
					got = append(got, n)
					mu.Unlock()
					release()
				}
			}()
			synctest.Wait()
		}
		cancels[0]()
		cancels[3]()
		synctest.Wait()
		release()
		synctest.Wait()
		if want := []int{1, 2, 4, 5}; !slices.Equal(got, want) {
			t.Errorf("granted in the order %v, not %v", got, want)
		}
		if _, _, err := claims.Try(t.Context(), "session/a"); err != nil {
			t.Errorf("afterwards: %v", err)
		}
		for _, cancel := range cancels {
			cancel()
		}
	})
}

// TestLocalPassesOn: a key that is granted to somebody in the moment in which he stops waiting is not lost.
func TestLocalPassesOn(t *testing.T) {
	var claims claim.Local
	for range 2000 {
		_, release, err := claims.Claim(t.Context(), "k")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			if _, release, err := claims.Claim(ctx, "k"); err == nil {
				release()
			}
		}()
		go cancel()
		release()
		<-done
		_, release, err = claims.Try(t.Context(), "k")
		if err != nil {
			t.Fatal("nobody holds it, and nobody gets it")
		}
		release()
	}
}
