package kernel_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/service/heartbeat"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// sleeper is a provider that counts how often it is asked, and answers a heartbeat as told.
type sleeper struct {
	beats atomic.Int64
	asked atomic.Pointer[wit.Chat]
	says  atomic.Pointer[string]
}

func (s *sleeper) answer(_ context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
	s.asked.Store(c)
	if strings.HasPrefix(kerneltest.Heard(c), "This is a heartbeat") {
		s.beats.Add(1)
		return kerneltest.Says(*s.says.Load()), nil
	}
	return kerneltest.Says("you said: " + kerneltest.Heard(c)), nil
}

func (s *sleeper) say(text string) { s.says.Store(&text) }

func newSleeper() *sleeper {
	s := &sleeper{}
	s.say("HEARTBEAT_OK")
	return s
}

// TestHeartbeats: an agent wakes at its interval, says what is to be heard where the owner is, and nothing when there is
// nothing. It can be switched off, which a restart does not undo.
func TestHeartbeats(t *testing.T) { synctest.Test(t, heartbeats) }

func heartbeats(t *testing.T) {
	s := newSleeper()
	p, chat := kerneltest.NewMemoryPlatform(t)
	st, keys := storetest.NewFaulty(store.OpenMemory()), kerneltest.Keyring{}
	start := func() (*kerneltest.Kernel, *kerneltest.Listener) {
		k := kerneltest.Start(t, chat, kerneltest.Plugin(kerneltest.Provider("brain", s.answer), kerneltest.Channel("chat")), kerneltest.Store(st, keys),
			kerneltest.Config(t, `{"heartbeat":{"every":"30m"},"owners":["chat:ann"],"channels":{"chat":{"accounts":{"home":{"config":{"root":"`+p.URL+`"}}}}}}`))
		return k, k.Listen()
	}
	k, l := start()
	l.MustCall("plugins.configure", map[string]any{"id": "chat", "account": "home", "secrets": map[string]string{"token": "platform-token"}}, nil)
	p.Say("ann", "hello")
	p.Answered("you said: hello")
	posts := len(p.Posts())

	time.Sleep(31 * time.Minute)
	synctest.Wait()
	last := func() (b heartbeat.Beat) {
		t.Helper()
		l = k.Listen() // a connection does not last for half an hour without a word
		l.MustCall("last-heartbeat", nil, &b)
		return b
	}
	if b := last(); s.beats.Load() != 1 || b.Status != heartbeat.Quiet || len(p.Posts()) != posts {
		t.Errorf("%d heartbeats, the last one %+v, posts %v", s.beats.Load(), b, p.Posts()[posts:])
	}
	s.say("Your tea is ready. HEARTBEAT_OK " + strings.Repeat("Really. ", 60))
	time.Sleep(30 * time.Minute)
	synctest.Wait()
	if b := last(); s.beats.Load() != 2 || b.Status != heartbeat.Sent || b.To == "" || b.Preview == "" || len(p.Posts()) != posts+1 {
		t.Errorf("%d heartbeats, the last one %+v, posts %v", s.beats.Load(), b, p.Posts()[posts:])
	}
	var status system.Status
	l.MustCall("status", nil, &status)
	if h := status.Heartbeat.Agents[0]; !h.Enabled || h.Every != "30m" || *h.EveryMs != 1800000 || h.LastStatus != "sent" {
		t.Errorf("%+v", h)
	}
	var health system.Health
	l.MustCall("health", nil, &health)
	if health.HeartbeatSeconds != 1800 || health.Agents[0].Heartbeat.Prompt == "" {
		t.Errorf("%+v", health)
	}
	var set heartbeat.SetResult
	l.MustCall("set-heartbeats", map[string]any{"enabled": false}, &set)
	if !set.OK || set.Enabled || set.IntervalMs != 0 {
		t.Errorf("%+v", set)
	}
	k.Stop()
	k, _ = start()
	time.Sleep(2 * time.Hour)
	synctest.Wait()
	if b := last(); s.beats.Load() != 2 || b.Status != heartbeat.Sent {
		t.Errorf("it was switched off: %d heartbeats, the last one %+v", s.beats.Load(), b)
	}
}

// TestHeartbeatsOfAgents: those agents wake that say when, each in its own conversation, and no other one.
func TestHeartbeatsOfAgents(t *testing.T) { synctest.Test(t, agentHeartbeats) }

func agentHeartbeats(t *testing.T) {
	s := newSleeper()
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Provider("brain", s.answer)), kerneltest.Config(t, `{"timeZone":"UTC","heartbeat":{"every":"10m"},
		"agents":{"list":[{"id":"main"},{"id":"ops","systemPrompt":"You are ops.","heartbeat":{"every":"1h"}},{"id":"night","heartbeat":{}}]}}`))
	time.Sleep(time.Hour + time.Minute)
	synctest.Wait()
	l := k.Listen()
	var sessions struct{ Sessions []struct{ Key string } }
	l.MustCall("sessions.list", nil, &sessions)
	if len(sessions.Sessions) != 2 || s.beats.Load() != 7 {
		t.Errorf("%d heartbeats in %+v", s.beats.Load(), sessions)
	}
	var status system.Status
	l.MustCall("status", nil, &status)
	for i, want := range []struct {
		id, every string
		woke      bool
	}{{"main", "off", false}, {"ops", "1h", true}, {"night", "10m", true}} {
		if h := status.Heartbeat.Agents[i]; h.AgentID != want.id || h.Every != want.every || (h.LastMs != 0) != want.woke || status.Sessions.ByAgent[i].Count != map[bool]int{true: 1}[want.woke] {
			t.Errorf("%+v, want %+v; sessions %+v", h, want, status.Sessions.ByAgent[i])
		}
	}
	l.MustCall("agents.delete", map[string]any{"agentId": "ops"}, nil)
	time.Sleep(time.Hour)
	synctest.Wait()
	if s.beats.Load() != 13 {
		t.Errorf("%d heartbeats after one of them is gone", s.beats.Load())
	}
}

// TestNoHeartbeatUnasked: nothing wakes an agent whose owner says nothing of it, until somebody switches heartbeats on;
// and none comes when the owner sleeps.
func TestNoHeartbeatUnasked(t *testing.T) { synctest.Test(t, noHeartbeat) }

func noHeartbeat(t *testing.T) {
	s := newSleeper()
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Provider("brain", s.answer)), kerneltest.Config(t, `{"timeZone":"UTC"}`))
	time.Sleep(3 * time.Hour)
	synctest.Wait()
	l := k.Listen()
	var last *heartbeat.Beat
	l.MustCall("last-heartbeat", nil, &last)
	if s.beats.Load() != 0 || last != nil {
		t.Errorf("%d heartbeats, %+v", s.beats.Load(), last)
	}
	l.MustCall("set-heartbeats", map[string]any{"enabled": true}, nil)
	time.Sleep(time.Hour + time.Minute)
	synctest.Wait()
	if s.beats.Load() != 2 {
		t.Errorf("%d heartbeats in an hour", s.beats.Load())
	}
	l = k.Listen()
	l.MustCall("config.patch", map[string]any{"raw": `{"heartbeat":{"every":"1h","activeHours":{"start":"23:58","end":"23:59"}}}`}, nil)
	time.Sleep(2 * time.Hour)
	synctest.Wait()
	l = k.Listen()
	l.MustCall("last-heartbeat", nil, &last)
	if s.beats.Load() != 2 || last.Status != heartbeat.Skipped || last.Reason != "quiet-hours" {
		t.Errorf("%d heartbeats, %+v", s.beats.Load(), last)
	}
}

// TestWake: what an agent is told now makes a run, and what is for later is read with the next one.
func TestWake(t *testing.T) {
	t.Parallel()
	s := newSleeper()
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Provider("brain", s.answer)))
	l := k.Listen()
	l.MustCall("wake", map[string]any{"mode": "next-heartbeat", "text": "the post has come"}, nil)
	l.MustCall("system-event", map[string]any{"text": "the door is open"}, nil)
	if s.asked.Load() != nil {
		t.Error("it did not wait")
	}
	l.Ask("1", "what is new?")
	said := ""
	for _, turn := range s.asked.Load().Turns {
		for _, part := range turn.Content {
			if part.Text != nil {
				said += *part.Text + "\n"
			}
		}
	}
	for _, want := range []string{"[system event] the post has come", "[system event] the door is open", "what is new?"} {
		if !strings.Contains(said, want) {
			t.Errorf("the model was not told %q: %s", want, said)
		}
	}
	l.MustCall("wake", map[string]any{"mode": "now", "text": "the house is on fire"}, nil)
	l.Until("a run of its own", func([]kerneltest.Event) bool {
		return strings.Contains(kerneltest.Heard(s.asked.Load()), "[system event] the house is on fire")
	})
	for _, bad := range []map[string]any{
		{"mode": "now", "text": " "}, {"mode": "soon", "text": "x"}, {"mode": "now"}, {"mode": "now", "text": "x", "agentId": "nobody"},
		{"mode": "now", "text": "x", "sessionKey": "agent:nobody:main"},
	} {
		if err := l.Call(t.Context(), "wake", bad, nil); wit.CodeOf(err) != wit.CodeInvalid && wit.CodeOf(err) != wit.CodeNotFound {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

// TestAClientReportsItself: what a client says of itself is in the list of who is there, and nothing that the agent hears.
func TestAClientReportsItself(t *testing.T) {
	t.Parallel()
	s := newSleeper()
	l := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Provider("brain", s.answer))).Listen()
	said := map[string]any{"text": "Node: desk · last input 7s", "instanceId": "i-1", "host": "desk", "lastInputSeconds": 7, "reason": "periodic", "tags": []string{"a"}}
	l.MustCall("system-event", said, nil)
	said["lastInputSeconds"] = 9
	l.MustCall("system-event", said, nil)
	var list []struct {
		Host, Reason     string
		LastInputSeconds int
	}
	l.MustCall("system-presence", nil, &list)
	found := 0
	for _, row := range list {
		if row.Host == "desk" && row.LastInputSeconds == 9 && row.Reason == "periodic" {
			found++
		}
	}
	if found != 1 {
		t.Errorf("%+v", list)
	}
	var sessions struct{ Sessions []any }
	l.MustCall("sessions.list", nil, &sessions)
	if len(sessions.Sessions) != 0 {
		t.Errorf("the agent was told: %v", sessions)
	}
}

// TestHeartbeatsDoNotPileUp: the model reads nothing of heartbeats that had nothing to say, and the history has them. One
// that said something, or did something with a tool, stays.
func TestHeartbeatsDoNotPileUp(t *testing.T) { synctest.Test(t, heartbeatsPileUp) }

func heartbeatsPileUp(t *testing.T) {
	s := newSleeper()
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Provider("brain", s.answer)),
		kerneltest.Config(t, `{"heartbeat":{"every":"30m","target":"none"},"session":{"reset":{"mode":"idle","idleMinutes":600}}}`))
	l := k.Listen()
	l.Ask("1", "the tea is in the kettle")
	_ = l.Close() // a client that stays is told every half a minute that the gateway lives
	reads := func() (texts []string) {
		for _, turn := range s.asked.Load().Turns {
			texts = append(texts, *turn.Content[0].Text)
		}
		return texts
	}
	time.Sleep(5*time.Hour + time.Minute)
	synctest.Wait()
	if got := reads(); s.beats.Load() != 10 || len(got) != 3 || got[0] != "the tea is in the kettle" || !strings.Contains(got[2], "heartbeat") {
		t.Errorf("at the heartbeat number %d the model reads %q", s.beats.Load(), got)
	}
	s.say("Your tea is ready.")
	time.Sleep(30 * time.Minute)
	s.say("HEARTBEAT_OK")
	time.Sleep(time.Hour)
	synctest.Wait()
	l = k.Listen()
	l.Ask("2", "thank you")
	if got := reads(); len(got) != 5 || got[3] != "Your tea is ready." || got[4] != "thank you" {
		t.Errorf("the model reads %q", got)
	}
	var history chat.History
	l.MustCall("chat.history", map[string]any{"sessionKey": "main", "limit": 100}, &history)
	if n := len(history.Messages); n != 2+2*13+2 {
		t.Errorf("the history has %d messages", n)
	}
	var list struct {
		Sessions []struct{ Key, LastMessagePreview, DerivedTitle string }
	}
	l.MustCall("sessions.list", map[string]any{"includeLastMessage": true, "includeDerivedTitles": true}, &list)
	if len(list.Sessions) != 1 || strings.Contains(list.Sessions[0].LastMessagePreview, "HEARTBEAT") {
		t.Errorf("%+v", list)
	}
	_ = l.Close()
	time.Sleep(11 * time.Hour) // nobody speaks, and the heart beats
	k.Listen().Ask("3", "good morning")
	if got := reads(); len(got) != 1 {
		t.Errorf("the conversation had not ended by itself: the model reads %q", got)
	}
}
