package chat_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/chat/chattest"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/wit"
)

// TestConversation is the plain way: acknowledged, streamed, recorded, final.
func TestConversation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		w.Model.Set(func(*wit.Chat) *wit.ProviderAnswer { return chattest.Say("Hello ", "there.") })
		p := w.Start(nil)

		if ack := p.Send("r1", "hi"); ack["runId"] != "r1" || ack["status"] != "started" {
			t.Errorf("ack %v", ack)
		}
		r := p.Wait("r1")
		synctest.Wait()
		if r.State != run.Done || r.Answer != "Hello there." || r.Usage.Input != 10 {
			t.Errorf("run %+v", r)
		}
		if got, want := w.History(chattest.MainKey), []string{"user: hi", "assistant: Hello there."}; !slices.Equal(got, want) {
			t.Errorf("history %q", got)
		}
		if ack := p.Send("r1", "hi"); ack["status"] != "ok" {
			t.Errorf("the same key again: %v", ack)
		}
		var trace []string
		for _, e := range w.Agents("r1", "") {
			line := e.Stream
			if phase, ok := e.Data["phase"]; ok {
				line += " " + phase.(string)
			}
			trace = append(trace, line)
			if e.Seq != int64(len(trace)) || e.SessionKey != chattest.MainKey || e.AgentID != "main" {
				t.Errorf("event %+v", e)
			}
		}
		if want := []string{"lifecycle start", "assistant", "usage", "lifecycle finishing", "lifecycle end"}; !slices.Equal(trace, want) {
			t.Errorf("agent events %q", trace)
		}
		deltas, finals := w.Chats("r1", "delta"), w.Chats("r1", "final")
		if len(deltas) != 1 || *deltas[0].DeltaText != "Hello there." { // what came together is one
			t.Errorf("deltas %+v", deltas)
		}
		if len(finals) != 1 || finals[0].Message.Content[0].Text != "Hello there." || finals[0].StopReason != "stop" || finals[0].Usage.TotalTokens != 12 {
			t.Errorf("finals %+v", finals)
		}
		if n := len(w.Model.Requests()); n != 1 {
			t.Errorf("%d requests", n)
		}
	})
}

// TestDeltasAreCoalesced: the first delta at once, then one in 150 ms, none lost; the agent's stream has them in steps of
// 25 ms.
func TestDeltasAreCoalesced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		feed := w.Model.Feed()
		p := w.Start(nil)
		p.Send("r1", "hi")
		for range 30 {
			feed <- chattest.Piece("x")
			time.Sleep(20 * time.Millisecond)
		}
		if n := len(w.Chats("r1", "delta")); n < 3 || n > 5 {
			t.Errorf("%d chat deltas in 600 ms", n)
		}
		time.Sleep(time.Second) // the model pauses: what it said so far is shown
		var text strings.Builder
		for _, d := range w.Chats("r1", "delta") {
			text.WriteString(*d.DeltaText)
		}
		if text.Len() != 30 {
			t.Errorf("%d of 30 shown while the model pauses", text.Len())
		}
		events := w.Agents("r1", "assistant")
		if n := len(events); n < 15 || n > 30 || events[0].Data["delta"] != "x" || events[n-1].Data["text"] != strings.Repeat("x", 30) {
			t.Errorf("%d assistant events: %+v", n, events)
		}
		feed <- chattest.Ended()
		close(feed)
		p.Wait("r1")
		synctest.Wait()
		if f := w.Chats("r1", "final"); len(f) != 1 || f[0].Message.Content[0].Text != strings.Repeat("x", 30) {
			t.Errorf("finals %+v", f)
		}
	})
}

// TestQueue: messages that arrive while one is answered wait, in order, visibly, and each has one final.
func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		feed := w.Model.Feed()
		p := w.Start(nil)
		p.Send("r1", "one")
		synctest.Wait()
		w.Model.Direct()
		p.Send("r2", "two")
		if ack := p.Send("r3", "three"); ack["status"] != "started" || ack["queued"] != 2.0 {
			t.Errorf("ack %v", ack)
		}
		if ack := p.Send("r3", "three"); ack["status"] != "in_flight" {
			t.Errorf("again: %v", ack)
		}
		row := p.Must("sessions.list", map[string]any{})["sessions"].([]any)[0].(map[string]any)
		if row["status"] != "running" || row["runningRunId"] != "r1" || row["queuedRuns"] != 2.0 {
			t.Errorf("row %v", row)
		}
		h := p.Must("chat.history", map[string]any{"sessionKey": "main"})
		if got := h["pendingInputs"].(map[string]any)["total"]; got != 2.0 {
			t.Errorf("pending %v", got)
		}
		feed <- chattest.Piece("answer one")
		feed <- chattest.Ended()
		close(feed)
		p.Wait("r3")
		synctest.Wait()
		want := []string{"user: one", "assistant: answer one", "user: two", "assistant: you said: two", "user: three", "assistant: you said: three"}
		if got := w.History(chattest.MainKey); !slices.Equal(got, want) {
			t.Errorf("history %q", got)
		}
		for _, id := range []string{"r1", "r2", "r3"} {
			if f := w.Chats(id, "final"); len(f) != 1 || f[0].Message == nil {
				t.Errorf("%s: finals %+v", id, f)
			}
		}
	})
}

// TestSessionsInParallel: at most six at a time for one client, who leaves two places to others, and a busy one does not
// hold up another.
func TestSessionsInParallel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		gate := make(chan struct{})
		var running, most chattest.Counter
		w.Model.Set(func(c *wit.Chat) *wit.ProviderAnswer {
			running.Add(1)
			most.Max(running.Count())
			<-gate
			running.Add(-1)
			return chattest.Say("done")
		})
		p := w.Start(nil)
		for i := range 20 {
			id := string(rune('a' + i))
			p.Must("chat.send", map[string]any{"sessionKey": "s-" + id, "message": "hi", "idempotencyKey": id})
		}
		synctest.Wait()
		if running.Count() != 6 {
			t.Errorf("%d at a time", running.Count())
		}
		close(gate)
		for i := range 20 {
			if r := p.Wait(string(rune('a' + i))); r.State != run.Done {
				t.Errorf("run %+v", r)
			}
		}
		if most.Count() != 6 {
			t.Errorf("most %d", most.Count())
		}
	})
}

// TestAbort: what was said stays, what waited is dropped, and each run says once that it is over.
func TestAbort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		feed := w.Feed()
		p := w.Start(nil)
		p.Send("r1", "one")
		p.Send("r2", "two")
		feed <- chattest.Piece("half an ans")
		synctest.Wait()
		res := p.Must("chat.abort", map[string]any{"sessionKey": "main"})
		if res["aborted"] != true || len(res["runIds"].([]any)) != 2 {
			t.Errorf("abort %v", res)
		}
		for _, id := range []string{"r1", "r2"} {
			if e := w.Chats(id, "aborted"); len(e) != 1 || e[0].StopReason != "rpc" {
				t.Errorf("%s: %+v", id, e)
			}
			if f := w.Chats(id, "final"); len(f) != 0 {
				t.Errorf("%s has a final too", id)
			}
		}
		if got := w.History(chattest.MainKey); !slices.Contains(got, "assistant: half an ans") {
			t.Errorf("history %q", got)
		}
		if res := p.Must("chat.abort", map[string]any{"sessionKey": "main"}); res["aborted"] != false {
			t.Errorf("nothing to abort: %v", res)
		}
		w.Model.Direct()
		p.Send("r3", "three")
		if r := p.Wait("r3"); r.Answer != "you said: three" {
			t.Errorf("the next run: %+v", r)
		}
	})
}

// TestClientTimeout: timeoutMs ends the run as aborted.
func TestClientTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		w.Feed() // the model says nothing
		p := w.Start(nil)
		p.Must("chat.send", map[string]any{"sessionKey": "main", "message": "hi", "idempotencyKey": "r1", "timeoutMs": 2500})
		start := time.Now()
		r := p.Wait("r1")
		synctest.Wait()
		if d := time.Since(start); d != 2500*time.Millisecond || r.State != run.Aborted || r.Stop != "timeout" {
			t.Errorf("after %v: %+v", d, r)
		}
		if e := w.Chats("r1", "aborted"); len(e) != 1 || e[0].StopReason != "timeout" {
			t.Errorf("%+v", e)
		}
	})
}

// TestAVeryLongTimeout is as good as none.
func TestAVeryLongTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		feed := w.Feed()
		p := w.Start(nil)
		p.Must("chat.send", map[string]any{"sessionKey": "main", "message": "hi", "idempotencyKey": "r1", "timeoutMs": 1e13})
		synctest.Wait()
		if e := w.Chats("r1", "aborted"); len(e) > 0 {
			t.Fatalf("at once: %+v", e)
		}
		feed <- chattest.Piece("yes")
		time.Sleep(time.Hour)
		feed <- chattest.Ended()
		if r := p.Wait("r1"); r.State != run.Done || r.Answer != "yes" {
			t.Errorf("%+v", r)
		}
	})
}

// TestProviderErrors: retried while nothing was shown, then told to the client and the conversation.
func TestProviderErrors(t *testing.T) {
	after, ages := int64(7000), int64(math.MaxInt64)
	for name, c := range map[string]struct {
		err      *wit.Error
		partial  string
		asked    int
		took     time.Duration
		kind     string
		recovers bool
	}{
		"passes":        {err: &wit.Error{Code: wit.CodeUnavailable, Message: "down", Retryable: true}, asked: 2, took: time.Second, recovers: true},
		"lasts":         {err: &wit.Error{Code: wit.CodeUnavailable, Message: "down", Retryable: true}, asked: 4, took: 7 * time.Second, kind: "unknown"},
		"retry after":   {err: &wit.Error{Code: wit.CodeRateLimited, Message: "slow", Retryable: true, RetryAfter: &after}, asked: 2, took: 7 * time.Second, recovers: true},
		"asks for ages": {err: &wit.Error{Code: wit.CodeRateLimited, Message: "slow", Retryable: true, RetryAfter: &ages}, asked: 1, kind: "rate_limit"},
		"for good":      {err: &wit.Error{Code: wit.CodeTooLarge, Message: "context overflow"}, asked: 1, kind: "context_length"},
		"shown before":  {err: &wit.Error{Code: wit.CodeUnavailable, Message: "down", Retryable: true}, partial: "so", asked: 1, kind: "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := chattest.NewWorld(t)
				n := 0
				w.Model.Set(func(*wit.Chat) *wit.ProviderAnswer {
					if n++; n == 2 && c.recovers {
						return chattest.Say("fine")
					}
					a := &wit.ProviderAnswer{Error: c.err}
					if c.partial != "" {
						a.Deltas = []wit.Delta{{Kind: wit.DeltaKindText, Text: c.partial}}
					}
					return a
				})
				p := w.Start(nil)
				start := time.Now()
				w.Accept(p, "m1", "hi")
				r := w.Only(p)
				synctest.Wait()
				if n != c.asked || time.Since(start) != c.took {
					t.Errorf("asked %d times in %v", n, time.Since(start))
				}
				if got := len(w.Agents(r.ID, "run_status")); got != c.asked-1 {
					t.Errorf("%d retries were visible", got)
				}
				if c.recovers {
					if r.State != run.Done || len(w.Chats(r.ID, "final")) != 1 {
						t.Errorf("run %+v", r)
					}
					return
				}
				e := w.Chats(r.ID, "error")
				if r.State != run.Failed || len(e) != 1 || e[0].ErrorMessage != c.err.Message || e[0].ErrorKind != c.kind {
					t.Errorf("run %+v, events %+v", r, e)
				}
				if l := w.Agents(r.ID, "lifecycle"); l[len(l)-1].Data["phase"] != "error" {
					t.Errorf("lifecycle %+v", l)
				}
				if out := w.Sent()[r.ID]; !strings.HasPrefix(out, "Sorry") || strings.Contains(out, c.err.Message) {
					t.Errorf("the conversation hears %q", out)
				}
			})
		})
	}
}

// TestEmptyAnswer is an error and not an empty final.
func TestEmptyAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		w.Model.Set(func(*wit.Chat) *wit.ProviderAnswer { return chattest.Say() })
		p := w.Start(nil)
		p.Send("r1", "hi")
		if r := p.Wait("r1"); r.State != run.Failed {
			t.Errorf("run %+v", r)
		}
		synctest.Wait()
		if len(w.Chats("r1", "final")) != 0 || len(w.Chats("r1", "error")) != 1 {
			t.Errorf("events %+v", w.Chats("r1", ""))
		}
	})
}
