package delivery_test

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestAfterTheClockWasAhead: a message whose pause was planned while the clock was two days ahead is tried again at
// once, and not in two days; one whose clock was right has its pause.
func TestAfterTheClockWasAhead(t *testing.T) {
	for name, c := range map[string]struct {
		ahead time.Duration
		least time.Duration
		most  time.Duration
	}{"ahead": {48 * time.Hour, 0, time.Minute}, "a little ahead": {30 * time.Second, 10 * time.Minute, 12 * time.Minute}, "right": {0, 9 * time.Minute, 11 * time.Minute}} {
		inBubble(name, t, func(t *testing.T) {
			w := newWorld(t)
			w.answer = func(_ context.Context, n int, _ *wit.ChannelSend) (*wit.Sent, error) {
				if n == 1 {
					return nil, &wit.Error{Code: wit.CodeRateLimited, Retryable: true, RetryAfter: new(int64(600_000))}
				}
				return &wit.Sent{IDs: []string{"p"}}, nil
			}
			_, stop := w.run()
			w.enqueue(outgoing("a", "7", "hello"))
			synctest.Wait()
			stop()
			storetest.Update(t, w.store, func(tx store.Tx) error {
				for rec, err := range tx.Scan("delivery.queue", store.Range{}) {
					var fields map[string]any
					if err != nil || json.Unmarshal(rec.Value, &fields) != nil {
						t.Fatal(rec, err)
					}
					for _, name := range []string{"failedAt", "firstAttempt", "nextAt"} {
						fields[name] = int64(fields[name].(float64)) + c.ahead.Milliseconds()
					}
					raw, _ := json.Marshal(fields)
					if err := tx.Put("delivery.queue", rec.Key, raw); err != nil {
						return err
					}
				}
				return nil
			})
			began := time.Now()
			_, stop = w.run()
			defer stop()
			for len(w.sent()) < 2 && time.Since(began) < 72*time.Hour {
				time.Sleep(time.Second)
			}
			if took := time.Since(began); len(w.sent()) != 2 || took < c.least || took > c.most {
				t.Errorf("%d attempts after %v", len(w.sent()), took)
			}
		})
	}
}
