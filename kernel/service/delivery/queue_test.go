package delivery_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// TestWhatIsTakenOutHoldsUpNothing: a message that waits to be tried again and is dropped, or held, meanwhile lets the
// next of its conversation go at once when its time comes.
func TestWhatIsTakenOutHoldsUpNothing(t *testing.T) {
	for name, take := range map[string]func(*world, *delivery.Service) error{
		"dropped": func(w *world, s *delivery.Service) error { return call(w.t, s, "delivery.drop", `{"id":"a"}`, nil) },
		"held": func(w *world, _ *delivery.Service) error {
			table := store.Table[map[string]any]("delivery.queue")
			return w.store.Update(context.Background(), func(tx store.Tx) error {
				for row, err := range table.Scan(tx, store.Range{Limit: 1}) {
					if err != nil {
						return err
					}
					row.Value["held"] = true
					return table.Put(tx, row.Key, row.Value)
				}
				return nil
			})
		},
	} {
		inBubble(name, t, func(t *testing.T) {
			w := newWorld(t)
			w.answer = func(_ context.Context, n int, s *wit.ChannelSend) (*wit.Sent, error) {
				if s.Text == "bad" {
					return nil, &wit.Error{Code: wit.CodeRateLimited, Retryable: true, RetryAfter: new(int64(60_000))}
				}
				return &wit.Sent{}, nil
			}
			s, _ := w.run()
			w.enqueue(outgoing("a", "c", "bad"), outgoing("b", "c", "good"))
			time.Sleep(time.Second)
			if err := take(w, s); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Minute)
			synctest.Wait()
			if got := strings.Join(w.texts(), " "); got != "bad good" {
				t.Errorf("sends %s", got)
			}
		})
	}
}

// TestSlots: a channel is asked for eight sends at once, whatever waits.
func TestSlots(t *testing.T) {
	inBubble("slots", t, func(t *testing.T) {
		w := newWorld(t)
		w.answer = func(context.Context, int, *wit.ChannelSend) (*wit.Sent, error) {
			time.Sleep(time.Second)
			return &wit.Sent{}, nil
		}
		_, _ = w.run()
		for i := range 20 {
			w.enqueue(outgoing(fmt.Sprint("m", i), fmt.Sprint("c", i), "x"))
		}
		for _, want := range []int{8, 16, 20} {
			if synctest.Wait(); len(w.sent()) != want {
				t.Errorf("%d sends have begun, want %d", len(w.sent()), want)
			}
			time.Sleep(time.Second)
		}
	})
}

// TestTheCounterOfOutcomes: what has arrived is delivered, all else has failed.
func TestTheCounterOfOutcomes(t *testing.T) {
	inBubble("metric", t, func(t *testing.T) {
		w := newWorld(t)
		w.hooks = &hooks{}
		w.answer = func(_ context.Context, _ int, s *wit.ChannelSend) (*wit.Sent, error) {
			if s.Text == "bad" {
				return nil, wit.NewError(wit.CodeForbidden, "no")
			}
			return &wit.Sent{}, nil
		}
		s, _ := w.run()
		for _, text := range []string{"good", "bad", "stop", "better", "best"} {
			w.enqueue(outgoing(text, "c", text))
		}
		synctest.Wait()
		got := map[string]float64{}
		for _, sample := range s.Service().Metrics[0].Collect() {
			got[strings.Join(sample.Labels, " ")] = sample.Value
		}
		if got["chat delivered"] != 3 || got["chat failed"] != 2 || len(got) != 2 {
			t.Errorf("%v", got)
		}
	})
}
