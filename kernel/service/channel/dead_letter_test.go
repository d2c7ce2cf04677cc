package channel_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/channel"
	"github.com/carapace-gateway/carapace/wit"
)

// listener is a plugin that takes one message per webhook, and fails on some.
func listener(fails func(body string) error) *fakePlugin {
	p := &fakePlugin{facts: wit.ChannelFacts{Webhook: &wit.WebhookFacts{Auth: wit.WebhookAuthNone}}}
	p.event = func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
		if e.Kind != wit.EventKindWebhook {
			return &wit.ChannelAnswer{}, nil
		}
		if err := fails(*e.Webhook.Text); err != nil {
			return nil, err
		}
		return &wit.ChannelAnswer{Messages: []wit.Message{text(*e.Webhook.Text, *e.Webhook.Text)}, State: wit.JSON(`"` + *e.Webhook.Text + `"`)}, nil
	}
	return p
}

type poisonList struct {
	Events []struct {
		ID, Reason string
		Count      int
		Stopped    bool
		Event      any
	}
}

func TestAnEventThatFailsIsTriedAgain(t *testing.T) {
	inBubble("twice", t, func(t *testing.T) {
		n := 0
		w := newWorld(t, listener(func(string) error {
			if n++; n < 3 {
				return wit.NewError(wit.CodeUnavailable, "trap")
			}
			return nil
		}))
		s, _ := w.run()
		synctest.Wait()
		began := time.Now()
		if code := post(s, "/plugins/chat/main/in", "hello"); code != 200 || len(w.turns()) != 1 || time.Since(began) != 3*time.Second {
			t.Errorf("status %d, %d turns after %v", code, len(w.turns()), time.Since(began))
		}
	})
}

func TestPoisonIsKeptAsideAndSteppedOver(t *testing.T) {
	inBubble("skip", t, func(t *testing.T) {
		broken := true
		p := listener(func(body string) error {
			if broken && strings.HasPrefix(body, "bad") {
				return wit.NewError(wit.CodeInternal, "cannot read hunter2")
			}
			return nil
		})
		p.facts.Operations = []string{"skip"}
		p.skip = func(e *wit.ChannelEvent) (*wit.NewState, error) {
			return &wit.NewState{State: wit.JSON(`"skipped"`)}, nil
		}
		w := newWorld(t, p)
		s, _ := w.run()
		synctest.Wait()
		if code := post(s, "/plugins/chat/main/in", "bad hunter2"); code != 200 {
			t.Errorf("a webhook that became a dead letter is answered %d", code)
		}
		if code := post(s, "/plugins/chat/main/in", "good"); code != 200 || string(p.events[len(p.events)-1].State) != `"skipped"` {
			t.Errorf("status %d, events %v", code, p.events)
		}
		var list poisonList
		if err := w.call("channels.poison.list", `{"channel":"chat"}`, &list); err != nil || len(list.Events) != 1 || list.Events[0].Stopped {
			t.Fatalf("%+v %v", list, err)
		}
		if e := list.Events[0]; strings.Contains(e.Reason, "hunter2") || strings.Contains(toJSON(t, e.Event), "hunter2") || !strings.Contains(toJSON(t, e.Event), "bad") {
			t.Errorf("dead letter: %+v", e)
		}
		id := toJSON(t, list.Events[0].ID)
		if err := call(t, s, "channels.poison.replay", `{"id":`+id+`}`, nil); wit.CodeOf(err) != wit.CodeInternal {
			t.Errorf("a replay that fails: %v", err)
		}
		broken = false
		if err := call(t, s, "channels.poison.replay", `{"id":`+id+`}`, nil); err != nil || len(w.turns()) != 2 {
			t.Errorf("replay: %v, turns %v", err, w.turns())
		}
		if err := call(t, s, "channels.poison.replay", `{"id":`+id+`}`, nil); wit.CodeOf(err) != wit.CodeNotFound {
			t.Errorf("a second replay: %v", err)
		}
	})
}

// TestAPollGoesOnBehindPoison is about events that bring the next one: nothing follows one that was not
// answered, so the account is started anew.
func TestAPollGoesOnBehindPoison(t *testing.T) {
	stepping := func(p *platform, bad func(e *wit.ChannelEvent) bool, to string) *fakePlugin {
		f := poller(p)
		good := f.event
		f.event = func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
			if bad(e) {
				return nil, wit.NewError(wit.CodeInternal, "cannot")
			}
			return good(e)
		}
		f.facts.Operations = []string{"skip"}
		f.skip = func(*wit.ChannelEvent) (*wit.NewState, error) { return &wit.NewState{State: wit.JSON(to)}, nil }
		return f
	}
	inBubble("a response", t, func(t *testing.T) {
		p := newPlatform()
		f := stepping(p, func(e *wit.ChannelEvent) bool {
			return e.Kind == wit.EventKindResponse && strings.Contains(*e.Response.Text, "bad")
		}, "1")
		w := newWorld(t, f)
		s, _ := w.run()
		synctest.Wait()
		p.say(text("1", "bad"))
		time.Sleep(10 * time.Second)
		p.say(text("2", "good"))
		synctest.Wait()
		if got := w.turns(); len(got) != 1 || got["2"].Message.Text != "good" {
			t.Errorf("turns %v after events %s", got, f.kinds())
		}
		if st := status(t, s); st["phase"] != "running" || st["connected"] != true {
			t.Errorf("status %v", st)
		}
	})
	inBubble("a timer", t, func(t *testing.T) {
		p := newPlatform()
		f := stepping(p, func(e *wit.ChannelEvent) bool { return e.Kind == wit.EventKindTimer }, "0")
		f.do = func(ctx context.Context, r *wit.HTTPRequest) (*wit.HTTPResponse, error) {
			f.do = p.poll
			return nil, wit.NewError(wit.CodeUnavailable, "once")
		}
		w := newWorld(t, f)
		_, _ = w.run()
		time.Sleep(10 * time.Second)
		p.say(text("1", "good"))
		synctest.Wait()
		if len(w.turns()) != 1 {
			t.Errorf("turns %v after events %s", w.turns(), f.kinds())
		}
	})
	inBubble("not once the owner has stopped the account", t, func(t *testing.T) {
		p := newPlatform()
		f := stepping(p, func(e *wit.ChannelEvent) bool { return e.Kind == wit.EventKindResponse }, "1")
		w := newWorld(t, f)
		s, _ := w.run()
		skip := f.skip
		f.skip = func(e *wit.ChannelEvent) (*wit.NewState, error) {
			if err := call(t, s, "channels.stop", `{"channel":"chat"}`, nil); err != nil {
				t.Error(err)
			}
			return skip(e)
		}
		synctest.Wait()
		p.say(text("1", "bad"))
		time.Sleep(time.Minute)
		synctest.Wait()
		if st := status(t, s); st["phase"] != "off" {
			t.Errorf("status %v after events %s", st, f.kinds())
		}
	})
	inBubble("a webhook starts nothing", t, func(t *testing.T) {
		f := listener(func(string) error { return wit.NewError(wit.CodeInternal, "cannot") })
		f.facts.Operations = []string{"skip"}
		f.skip = func(*wit.ChannelEvent) (*wit.NewState, error) { return &wit.NewState{State: wit.JSON("1")}, nil }
		w := newWorld(t, f)
		s, _ := w.run()
		synctest.Wait()
		post(s, "/plugins/chat/main/in", "bad")
		synctest.Wait()
		if got := f.kinds(); got != "start webhook webhook webhook webhook" {
			t.Errorf("events %s", got)
		}
	})
}

func TestPoisonStopsAnAccountThatCannotStepOver(t *testing.T) {
	inBubble("stop", t, func(t *testing.T) {
		w := newWorld(t, listener(func(body string) error {
			if body == "bad" {
				return wit.NewError(wit.CodeInternal, "cannot")
			}
			return nil
		}))
		s, stop := w.run()
		synctest.Wait()
		for range 2 { // the same event again is counted, not kept twice
			post(s, "/plugins/chat/main/in", "bad")
			if st := status(t, s); st["phase"] != "stopped" || !strings.Contains(st["message"].(string), "cannot") {
				t.Fatalf("status %v", st)
			}
			if code := post(s, "/plugins/chat/main/in", "good"); code != 503 {
				t.Errorf("a stopped account takes webhooks: %d", code)
			}
			if err := call(t, s, "channels.start", `{"channel":"chat"}`, nil); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		stop()
		s, _ = w.run()
		synctest.Wait()
		var list poisonList
		if err := w.call("channels.poison.list", `{}`, &list); err != nil || len(list.Events) != 1 || list.Events[0].Count != 2 || !list.Events[0].Stopped {
			t.Fatalf("after a restart: %+v %v", list, err)
		}
		post(s, "/plugins/chat/main/in", "bad")
		if err := call(t, s, "channels.poison.drop", `{"id":`+toJSON(t, list.Events[0].ID)+`}`, nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if st := status(t, s); st["phase"] != "running" {
			t.Errorf("after the drop: %v", st)
		}
	})
}

func TestAnswersThatBreakTheContractArePoison(t *testing.T) {
	big := wit.JSON(`"` + strings.Repeat("x", 64<<10) + `"`)
	for name, a := range map[string]*wit.ChannelAnswer{
		"messages":      {Messages: make([]wit.Message, 1001)},
		"no id":         {Messages: []wit.Message{{Conversation: wit.Conversation{ID: "c"}}}},
		"kind":          {Messages: []wit.Message{{ID: "1", Kind: "shout", Conversation: wit.Conversation{ID: "c"}}}},
		"conversation":  {Messages: []wit.Message{{ID: "1"}}},
		"state":         {State: big},
		"state no json": {State: wit.JSON(`{`)},
		"requests":      {Requests: make([]wit.HTTPRequest, 17)},
		"frames":        {Frames: make([]wit.Frame, 101)},
		"timers":        {Timers: make([]wit.Timer, 101)},
	} {
		inBubble(name, t, func(t *testing.T) {
			p := &fakePlugin{facts: wit.ChannelFacts{Webhook: &wit.WebhookFacts{Auth: wit.WebhookAuthNone}}}
			p.event = func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
				if e.Kind == wit.EventKindWebhook {
					return a, nil
				}
				return &wit.ChannelAnswer{}, nil
			}
			w := newWorld(t, p)
			s, _ := w.run()
			synctest.Wait()
			post(s, "/plugins/chat/main/in", "x")
			if st := status(t, s); st["phase"] != "stopped" {
				t.Errorf("status %v", st)
			}
		})
	}
}

func TestAStartThatFailsIsTriedAgainLater(t *testing.T) {
	inBubble("start", t, func(t *testing.T) {
		p := &fakePlugin{event: func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
			return nil, wit.NewError(wit.CodeUnauthorized, "bad token")
		}}
		w := newWorld(t, p)
		s, _ := w.run()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if st := status(t, s); st["phase"] != "failed" && st["phase"] != "running" || !strings.Contains(st["lastError"].(string), "bad token") {
			t.Errorf("status %v", st)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := len(p.events); n < 4*8 || n > 4*25 {
			t.Errorf("%d events in an hour", n)
		}
		w.upgrade(&fakePlugin{version: "2.0.0", event: func(*wit.ChannelEvent) (*wit.ChannelAnswer, error) { return &wit.ChannelAnswer{}, nil }})
		synctest.Wait()
		if st := status(t, s); st["phase"] != "running" || st["connected"] != true {
			t.Errorf("after an upgrade: %v", st)
		}
	})
}

func TestUpgradeBetweenTwoEvents(t *testing.T) {
	inBubble("keeps requests, migrates the state", t, func(t *testing.T) {
		p := newPlatform()
		old := poller(p)
		w := newWorld(t, old)
		_, _ = w.run()
		synctest.Wait()
		p.say(text("1", "one"))
		synctest.Wait()
		next := poller(p)
		next.version = "2.0.0"
		next.facts.Operations = []string{"migrate"}
		next.do = func(ctx context.Context, r *wit.HTTPRequest) (*wit.HTTPResponse, error) { return p.poll(ctx, r) }
		var from []string
		next.migrate = func(m *wit.Migration) (*wit.NewState, error) {
			from = append(from, m.FromVersion+" "+string(m.State))
			return &wit.NewState{State: m.State}, nil
		}
		w.upgrade(next)
		synctest.Wait()
		if next.kinds() != "" {
			t.Errorf("the new code got %q while a request was under way", next.kinds())
		}
		p.say(text("2", "two"))
		synctest.Wait()
		p.say(text("3", "three"))
		synctest.Wait()
		if next.kinds() != "response response" || len(w.turns()) != 3 || len(from) != 1 || from[0] != "1.0.0 1" {
			t.Errorf("events %q, turns %d, migrations %q", next.kinds(), len(w.turns()), from)
		}
	})
	inBubble("puts the old code back", t, func(t *testing.T) {
		p := newPlatform()
		old := poller(p)
		w := newWorld(t, old)
		s, _ := w.run()
		synctest.Wait()
		bad := &fakePlugin{version: "2.0.0", event: func(*wit.ChannelEvent) (*wit.ChannelAnswer, error) {
			return nil, wit.NewError(wit.CodeUnavailable, "trap")
		}}
		w.upgrade(bad)
		p.say(text("1", "one"))
		synctest.Wait()
		if len(w.turns()) != 1 || len(w.rollbacks) != 1 || !strings.Contains(w.rollbacks[0], "trap") {
			t.Errorf("turns %v, rollbacks %q", w.turns(), w.rollbacks)
		}
		if st := status(t, s); st["phase"] != "running" {
			t.Errorf("status %v", st)
		}
	})
	inBubble("waits for an absent plugin", t, func(t *testing.T) {
		p := newPlatform()
		old := poller(p)
		w := newWorld(t, old)
		s, _ := w.run()
		synctest.Wait()
		w.mu.Lock()
		delete(w.plugins, "chat")
		w.mu.Unlock()
		s.Refresh()
		p.say(text("1", "one"))
		synctest.Wait()
		if len(w.turns()) != 0 || s.Ready("chat", "main") == nil {
			t.Fatal("an absent plugin handled an event")
		}
		w.upgrade(old)
		synctest.Wait()
		if len(w.turns()) != 1 {
			t.Errorf("turns %v after the plugin came back: %s", w.turns(), old.kinds())
		}
	})
}

func TestARefusedTurnIsTheEventsFailure(t *testing.T) {
	inBubble("refused", t, func(t *testing.T) {
		w := newWorld(t, listener(func(string) error { return nil }))
		w.refuse = wit.NewError(wit.CodeInvalid, "no agent")
		s, _ := w.run()
		synctest.Wait()
		post(s, "/plugins/chat/main/in", "hello")
		if st := status(t, s); st["phase"] != "stopped" || len(w.turns()) != 0 {
			t.Errorf("status %v", st)
		}
		w.refuse = nil
		var list poisonList
		if err := w.call("channels.poison.list", `{}`, &list); err != nil || len(list.Events) != 1 {
			t.Fatalf("%+v %v", list, err)
		}
		if err := call(t, s, "channels.poison.replay", `{"id":`+toJSON(t, list.Events[0].ID)+`}`, nil); err != nil || len(w.turns()) != 1 {
			t.Errorf("replay: %v, turns %v", err, w.turns())
		}
	})
}

// TestASecretAtTheCutIsNotShownInPart: what is left of a secret that was cut is not recognized any more.
func TestASecretAtTheCutIsNotShownInPart(t *testing.T) {
	straddles := func(n int) string { return strings.Repeat("x", n-5) + "hunter2 and more" }
	check := func(t *testing.T, s *channel.Service) {
		t.Helper()
		st := status(t, s)
		for _, field := range []string{"message", "lastError"} {
			if shown := fmt.Sprint(st[field]); !strings.Contains(shown, "xxx") || strings.Contains(shown, "hunt") {
				t.Errorf("%s: %s", field, shown)
			}
		}
	}
	inBubble("of an event", t, func(t *testing.T) {
		w := newWorld(t, listener(func(string) error { return wit.NewError(wit.CodeInternal, straddles(500)) }))
		s, _ := w.run()
		synctest.Wait()
		post(s, "/plugins/chat/main/in", "bad")
		check(t, s)
	})
	inBubble("of a connection", t, func(t *testing.T) {
		p := opener(wit.OpenConnection{}, silent)
		w := newWorld(t, p)
		w.dialer = &exchange{answer: func(int) (channel.Conn, error) { return nil, errors.New(straddles(500)) }}
		s, _ := w.run()
		synctest.Wait()
		check(t, s)
		for _, e := range p.seen() {
			if e.Closed != nil && strings.Contains(e.Closed.Reason, "hunt") {
				t.Errorf("the plugin is told %s", e.Closed.Reason)
			}
		}
	})
	inBubble("of an id in the log", t, func(t *testing.T) {
		w := newWorld(t, &fakePlugin{event: func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
			return &wit.ChannelAnswer{Frames: []wit.Frame{{Connection: straddles(80)}}}, nil
		}})
		_, _ = w.run()
		synctest.Wait()
		if log := w.log.String(); !strings.Contains(log, "frame dropped") || strings.Contains(log, "hunt") {
			t.Errorf("%s", log)
		}
	})
}
