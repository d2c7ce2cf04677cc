package proof_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/proof"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

const timed = `{"auth":"hmac_sha256","header":"X-Sig","timestamp":"X-Time","signed":"{timestamp}:{body}","credential":"c"`

// say checks a call that is signed now.
func say(c *proof.Checker, o proof.Owner, w *wit.WebhookFacts, body string, at time.Time) *proof.Verdict {
	stamp := strconv.FormatInt(at.Unix(), 10)
	r := request("POST", "/x", body, "X-Time", stamp, "X-Sig", strings.ToUpper(hex.EncodeToString(mac("s3cret", stamp+":"+body))))
	return c.Check(context.Background(), o, w, r, []byte(body))
}

func conclude(t *testing.T, v *proof.Verdict, taken bool) {
	t.Helper()
	if v.Status != 0 {
		t.Fatalf("%+v", v)
	}
	if err := v.Concluded(t.Context(), taken); err != nil {
		t.Fatal(err)
	}
}

// TestACallIsTakenOnce, also by the gateway's next start, and again where it was not taken.
func TestACallIsTakenOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, w, o, now := store.OpenMemory(), recipe(t, timed+"}"), owner("s3cret"), time.Now()
		c := proof.New(db, func() string { return "" })
		first := say(c, o, w, "a", now)
		if got := say(c, o, w, "a", now); got.Status != 503 {
			t.Errorf("while it is being handled: %+v", got)
		}
		conclude(t, first, false)
		conclude(t, say(c, o, w, "a", now), true)
		conclude(t, say(c, o, w, "b", now), true)
		conclude(t, say(c, o, w, "a", now.Add(time.Second)), true) // the platform's own repetition
		second := owner("s3cret")
		second.ID = "chat/main2"
		conclude(t, say(c, second, w, "a", now), true)
		for name, c := range map[string]*proof.Checker{"the same start": c, "the next start": proof.New(db, func() string { return "" })} {
			for range 2 {
				if got := say(c, o, w, "a", now); got.Status != 200 || got.Text != "" || got.Reason == "" {
					t.Errorf("%s: %+v", name, got)
				}
			}
			conclude(t, say(c, o, w, "new for "+name, now), true)
		}
		// In the dark, where the gateway is killed between handing over and the end, it comes again.
		_ = say(c, o, w, "killed", now)
		conclude(t, say(proof.New(db, func() string { return "" }), o, w, "killed", now), true)
	})
}

// TestWhatWasTakenIsForgotten once it cannot come again.
func TestWhatWasTakenIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, w, o := store.OpenMemory(), recipe(t, timed+`,"window":60000}`), owner("s3cret")
		c := proof.New(db, func() string { return "" })
		for i := range 20 {
			for n := range 3 {
				conclude(t, say(c, o, w, fmt.Sprint(i, n), time.Now().Add(time.Duration(n-1)*50*time.Second)), true)
			}
			if n := count(t, db); n > 30 {
				t.Fatalf("%d are kept", n)
			}
			time.Sleep(time.Minute)
		}
		if got := say(c, o, w, "19 0", time.Now().Add(-2*time.Minute)); got.Status != 401 {
			t.Errorf("%+v", got)
		}
	})
}

// TestTooManyCalls are put off, until some can be forgotten.
func TestTooManyCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, w, o, now := store.OpenMemory(), recipe(t, timed+"}"), owner("s3cret"), time.Now()
		err := db.Update(t.Context(), func(tx store.Tx) error {
			for i := range 50_000 {
				if err := tx.Put("webhook.taken", fmt.Sprintf("chat/main %016x/%032x", now.UnixMilli(), i), []byte("{}")); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		c := proof.New(db, func() string { return "" })
		if got := say(c, o, w, "one more", now); got.Status != 503 {
			t.Errorf("%+v", got)
		}
		time.Sleep(5*time.Minute + time.Second)
		conclude(t, say(c, o, w, "later", time.Now()), true)
	})
}

func count(t *testing.T, db store.Store) (n int) {
	t.Helper()
	err := db.View(t.Context(), func(tx store.Tx) error {
		for _, err := range tx.Scan("webhook.taken", store.Range{}) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
