package delivery_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestListsShowWhatIsThere: what is not over comes oldest first, outcomes newest first, and each filter selects.
func TestListsShowWhatIsThere(t *testing.T) {
	inBubble("all states", t, func(t *testing.T) {
		w := newWorld(t)
		w.hold = true
		w.facts.MaxLength = 5
		w.answer = func(_ context.Context, n int, s *wit.ChannelSend) (*wit.Sent, error) {
			switch {
			case s.Text == "no":
				return nil, wit.NewError(wit.CodeForbidden, "blocked")
			case s.Text == "maybe":
				return nil, wit.NewError(wit.CodeTimeout, "no answer")
			case s.Text == "later":
				return nil, wit.NewError(wit.CodeUnavailable, "down")
			}
			return &wit.Sent{IDs: []string{s.IdempotencyKey}}, nil
		}
		s, _ := w.run()
		time.Sleep(time.Second)
		for i, text := range []string{"yes", "no", "maybe", "later", "yes", "done later"} {
			m := outgoing(fmt.Sprint("m", i), fmt.Sprint("c", i), text)
			if i > 3 {
				m.Channel = "other"
			}
			m.RunID, m.SessionKey = "r", "main"
			w.enqueue(m)
			time.Sleep(time.Millisecond)
		}
		synctest.Wait()
		for params, want := range map[string]string{
			`{}`:                                  "m2 held, m3 queued, m5 queued",
			`{"limit":2}`:                         "m2 held, m3 queued",
			`{"channel":"other"}`:                 "m5 queued",
			`{"state":"queued"}`:                  "m3 queued, m5 queued",
			`{"state":"held"}`:                    "m2 held",
			`{"state":"sent"}`:                    "m4 sent, m0 sent",
			`{"state":"sent","limit":1}`:          "m4 sent",
			`{"state":"sent","channel":"chat"}`:   "m0 sent",
			`{"state":"failed"}`:                  "m1 failed",
			`{"state":"cancelled"}`:               "",
			`{"state":"failed","channel":"none"}`: "",
		} {
			var list delivery.ListResult
			if err := call(t, s, "delivery.list", params, &list); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, m := range list.Messages {
				got = append(got, fmt.Sprint(m.ID, " ", m.State))
			}
			if strings.Join(got, ", ") != want {
				t.Errorf("%s: %s, want %s", params, strings.Join(got, ", "), want)
			}
		}
		var list delivery.ListResult
		if err := call(t, s, "delivery.list", `{"channel":"other"}`, &list); err != nil || len(list.Messages) != 1 {
			t.Fatal(list, err)
		}
		row := list.Messages[0]
		if now := time.Now().UnixMilli(); row.NextAt <= now || row.NextAt > now+1000 || row.Error == nil {
			t.Errorf("what is tried again: %+v", row)
		}
		row.NextAt, row.Error = 0, nil
		got, _ := json.Marshal(row)
		want := fmt.Sprintf(`{"id":"m5","state":"queued","channel":"other","accountId":"main","to":"c5","runId":"r","sessionKey":"main",`+
			`"pieces":2,"sentPieces":1,"ids":["m5:0"],"attempts":1,"createdAt":%d}`, w.began.Add(time.Second+5*time.Millisecond).UnixMilli())
		if string(got) != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
	inBubble("a hundred, unless a client says more", t, func(t *testing.T) {
		w := newWorld(t)
		w.ready = wit.NewError(wit.CodeUnavailable, "needs a login")
		s, _ := w.run()
		for i := range 150 {
			w.enqueue(outgoing(fmt.Sprint("m", i), "c", "x"))
		}
		for params, want := range map[string]int{`{}`: 100, `{"limit":120}`: 120, `{"limit":1000}`: 150} {
			var list delivery.ListResult
			if err := call(t, s, "delivery.list", params, &list); err != nil || len(list.Messages) != want {
				t.Errorf("%s: %d, %v", params, len(list.Messages), err)
			}
		}
	})
}

// TestConversationsDoNotWaitForEachOther: account, conversation and thread each make a row of their own.
func TestConversationsDoNotWaitForEachOther(t *testing.T) {
	inBubble("lanes", t, func(t *testing.T) {
		w := newWorld(t)
		w.answer = func(ctx context.Context, n int, s *wit.ChannelSend) (*wit.Sent, error) {
			if n == 1 {
				time.Sleep(time.Minute)
			}
			return nil, nil // a plugin that says no ids
		}
		_, _ = w.run()
		w.enqueue(outgoing("first", "c", "x"))
		synctest.Wait()
		thread, another := outgoing("thread", "c", "x"), outgoing("another", "c", "x")
		thread.To.Thread, another.Account = &thread.ID, "second"
		w.enqueue(outgoing("behind", "c", "x"), thread, another, outgoing("person", "d", "x"))
		synctest.Wait()
		time.Sleep(time.Second)
		if got := strings.Join(w.news(), ", "); strings.Count(got, "delivered") != 3 || strings.Contains(got, "behind") || strings.Contains(got, "first") {
			t.Errorf("events %q", got)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := w.news(); len(got) != 5 || got[3] != "delivered first []" || got[4] != "delivered behind []" {
			t.Errorf("events %q", got)
		}
	})
}

// TestIDsOfAnyLength tell messages apart.
func TestIDsOfAnyLength(t *testing.T) {
	inBubble("once each", t, func(t *testing.T) {
		w := newWorld(t)
		_, _ = w.run()
		for _, n := range []int{1, 200, 201, 5000} {
			for _, end := range []string{"a", "b", "a"} {
				w.enqueue(outgoing(strings.Repeat("i", n-1)+end, "c", fmt.Sprint(n, end)))
			}
		}
		synctest.Wait()
		if got := strings.Join(w.texts(), " "); got != "1a 1b 200a 200b 201a 201b 5000a 5000b" {
			t.Errorf("sends %s", got)
		}
		var kept []string // under the ids, and sums of those that are too long for a key
		storetest.Update(t, w.store, func(tx store.Tx) error {
			for rec, err := range tx.Scan("delivery.id", store.Range{}) {
				if err != nil {
					return err
				}
				kept = append(kept, fmt.Sprint(rec.Key[:1], len(rec.Key)))
			}
			return nil
		})
		if got := strings.Join(kept, " "); got != "#65 #65 #65 #65 =2 =2 =201 =201" {
			t.Errorf("keys %s", got)
		}
	})
}

// TestADecisionBeforeTheServiceRuns is kept: the message goes out when it does.
func TestADecisionBeforeTheServiceRuns(t *testing.T) {
	inBubble("release", t, func(t *testing.T) {
		w := newWorld(t)
		w.hold = true
		w.answer = func(_ context.Context, n int, s *wit.ChannelSend) (*wit.Sent, error) {
			if n == 1 {
				return nil, wit.NewError(wit.CodeTimeout, "no answer")
			}
			return &wit.Sent{}, nil
		}
		_, stop := w.run()
		w.enqueue(outgoing("a", "c", "x"))
		synctest.Wait()
		stop()
		s := delivery.New(w.deps())
		if err := call(t, s, "delivery.release", `{"id":"a"}`, nil); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = s.Run(ctx) }()
		synctest.Wait()
		cancel()
		<-done
		if got := strings.Join(w.news(), ", "); got != "held a conflict, delivered a []" {
			t.Errorf("events %q", got)
		}
	})
}
