package kernel_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/wit"
)

// signal is what goes over the feed: an identification and acknowledgements to it, messages from it.
type signal struct {
	Token string `json:"token,omitempty"`
	Since int    `json:"since,omitempty"`
	Ack   int    `json:"ack,omitempty"`
	By    string `json:"by,omitempty"`
	N     int    `json:"n,omitempty"`
	Text  string `json:"text,omitempty"`
}

// feed is a platform's websocket. It keeps a few messages under way at a time, and after a reconnect
// goes on behind what the bot says it has.
type feed struct {
	t       *testing.T
	url     string
	mu      sync.Mutex
	changed chan struct{}
	conns   []*websocket.Conn // that have identified themselves
	total   int               // messages there are
	sent    int
	acks    []signal
}

func newFeed(t *testing.T) *feed {
	f := &feed{t: t, changed: make(chan struct{})}
	server := httptest.NewServer(f)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	f.url = server.URL
	return f
}

func (f *feed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer conn.CloseNow()
	var hello signal
	if wsjson.Read(r.Context(), conn, &hello) != nil {
		return
	}
	if hello.Token != `platform-token` {
		_ = conn.Close(4004, "who are you?")
		return
	}
	f.update(func() { f.conns = append(f.conns, conn) })
	go func() {
		defer conn.CloseNow()
		for {
			var ack signal
			if wsjson.Read(r.Context(), conn, &ack) != nil {
				return
			}
			f.update(func() { f.acks = append(f.acks, ack) })
		}
	}()
	for n := hello.Since + 1; ; n++ {
		due := func() bool {
			ok := n <= f.total && n <= len(f.acks)+5
			if ok {
				f.sent = max(f.sent, n)
			}
			return ok
		}
		if !f.wait(r.Context(), due) {
			return
		}
		if wsjson.Write(r.Context(), conn, signal{N: n, Text: fmt.Sprint("m", n)}) != nil {
			return
		}
	}
}

func (f *feed) update(fn func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fn()
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *feed) wait(ctx context.Context, ok func() bool) bool {
	for {
		f.mu.Lock()
		done, changed := ok(), f.changed
		f.mu.Unlock()
		if done {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

func (f *feed) until(what string, ok func() bool) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), kerneltest.Patience)
	defer cancel()
	if !f.wait(ctx, ok) {
		f.t.Fatalf("waited in vain until %s: %d connections, %d of %d acknowledged", what, len(f.conns), len(f.acks), f.total)
	}
}

// feedChannel is the plugin: its state is the number of the last message it has.
func feedChannel(version string) plugintest.Fake {
	fake := kerneltest.Channel("chat", func(m *wit.Manifest) {
		m.Version = version
		m.Config = wit.JSON(`{"type":"object","properties":{"root":{"type":"string"},"feed":{"type":"string"},"token":{"type":"string","x-secret":true}}}`)
		m.Permissions.HTTP.Hosts = []string{"config:root", "config:feed"}
	})
	fake.Exports["channel_event"] = kerneltest.Export(func(_ context.Context, e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
		var since int
		_ = json.Unmarshal(e.State, &since)
		a := &wit.ChannelAnswer{}
		frame := func(s signal) {
			b, _ := json.Marshal(s)
			a.Frames = append(a.Frames, wit.Frame{Connection: "feed", Text: new(string(b)), Fill: s.Token != ""})
		}
		switch e.Kind {
		case wit.EventKindStart:
			var config struct{ Feed string }
			_ = json.Unmarshal(e.Config, &config)
			a.Open = []wit.OpenConnection{{Connection: "feed", Transport: wit.TransportWebsocket, URL: strings.Replace(config.Feed, "http", "ws", 1)}}
		case wit.EventKindOpened:
			frame(signal{Token: "{{credential:token}}", Since: since})
		case wit.EventKindMessage:
			var s signal
			if err := json.Unmarshal([]byte(*e.Message.Text), &s); err != nil {
				return nil, wit.Errorf(wit.CodeInvalid, "signal: %w", err)
			}
			a.Messages = []wit.Message{{ID: s.Text, Kind: wit.MessageKindText, Text: s.Text, Sender: wit.Person{ID: "ann"},
				Conversation: wit.Conversation{Kind: wit.ConversationKindDirect, ID: "ann"}}}
			a.State = wit.JSON(fmt.Sprint(s.N))
			frame(signal{Ack: s.N, By: version})
		}
		return a, nil
	})
	return fake
}

// TestAConnectionOutlivesItsPlugin: a platform's websocket goes on while the plugin is replaced twice in
// the middle of what comes in, nothing is lost or comes twice, and each message is acknowledged once and
// answered. A connection that breaks is opened again and goes on where it was.
func TestAConnectionOutlivesItsPlugin(t *testing.T) {
	t.Parallel()
	f, p := newFeed(t), kerneltest.NewPlatform(t)
	var memory plugintest.Memory
	memory.Put(feedChannel("1.0.0"))
	memory.Put(kerneltest.Echo("echo"))
	k := kerneltest.Start(t, kerneltest.Source(&memory), kerneltest.Config(t,
		fmt.Sprintf(`{"channels":{"chat":{"accounts":{"home":{"config":{"root":%q,"feed":%q},"dmPolicy":"open"}}}}}`, p.URL, f.url)))
	l := k.Listen()
	setToken(l)
	// The account starts again when it has its token, which it may have found before.
	f.until("the bot identifies itself", func() bool { return len(f.conns) > 0 })
	opened := 0 // before the first upgrade

	f.update(func() { f.total = 10_000 })
	for _, version := range []string{"2.0.0", "3.0.0"} {
		had := -1
		f.until("messages flow", func() bool {
			if had < 0 {
				had = len(f.acks)
			}
			if version == "2.0.0" {
				opened = len(f.conns)
			}
			return len(f.acks) >= had+10
		})
		memory.Put(feedChannel(version))
		f.until("the new version acknowledges", func() bool { return len(f.acks) > 0 && f.acks[len(f.acks)-1].By == version })
	}
	f.update(func() { f.total = f.sent })
	f.until("all is acknowledged", func() bool { return len(f.acks) == f.total })
	t.Logf("%d messages during the upgrades", f.total)
	for i, ack := range f.acks {
		if ack.Ack != i+1 {
			t.Fatalf("acknowledgement %d is %+v", i+1, ack)
		}
	}
	if len(f.conns) != opened {
		t.Errorf("%d connections before the upgrades, %d after them", opened, len(f.conns))
	}

	f.update(func() { f.total += 5 })
	_ = f.conns[opened-1].Close(4000, "move on")
	f.until("the bot is back and has all", func() bool { return len(f.conns) == opened+1 && len(f.acks) >= f.total })
	var want []string
	for n := 1; n <= f.total; n++ {
		want = append(want, fmt.Sprint("you said: m", n))
		if count := slices.IndexFunc(f.acks, func(s signal) bool { return s.Ack == n }); count < 0 {
			t.Errorf("m%d was not acknowledged", n)
		}
	}
	posts := p.Until("all is answered", func(posts []kerneltest.Post) bool { return len(posts) >= f.total })
	var got []string
	for _, post := range posts {
		got = append(got, post.Text)
	}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("the answers are\n%q, not\n%q", got, want)
	}
	for _, line := range k.Logged() {
		if strings.Contains(line, "platform-token") {
			t.Errorf("the credential is in the log: %s", line)
		}
	}
}
