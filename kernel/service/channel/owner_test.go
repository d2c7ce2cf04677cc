package channel_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/channel"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// TestTheOnlyChannelIsTheDefault: disabled accounts do not count, and several of one channel are one.
func TestTheOnlyChannelIsTheDefault(t *testing.T) {
	on, off := channel.Account{ID: "main", Enabled: true}, channel.Account{ID: "main"}
	second := channel.Account{ID: "second", Enabled: true}
	for name, c := range map[string]struct {
		channels map[string][]channel.Account
		want     string
	}{
		"none":              {nil, ""},
		"one":               {map[string][]channel.Account{"a": {on}}, "a"},
		"one twice":         {map[string][]channel.Account{"a": {on, second}}, "a"},
		"one, disabled":     {map[string][]channel.Account{"a": {off}}, ""},
		"two":               {map[string][]channel.Account{"a": {on}, "b": {on}}, ""},
		"two, one disabled": {map[string][]channel.Account{"a": {off}, "b": {on}}, "b"},
	} {
		inBubble(name, t, func(t *testing.T) {
			w := newWorld(t, &fakePlugin{})
			delete(w.plugins, "chat")
			for id := range c.channels {
				w.plugins[id] = &fakePlugin{version: "1.0.0"}
			}
			w.perChannel = c.channels
			s, _ := w.run()
			synctest.Wait()
			got, ok := s.Default()
			if got != c.want || ok != (c.want != "") {
				t.Errorf("%q, %v", got, ok)
			}
		})
	}
}

// TestStatusSelects a channel, for its accounts and for probes, and hides logins from those who only read.
func TestStatusSelects(t *testing.T) {
	inBubble("two channels", t, func(t *testing.T) {
		asked := func(name string) func(*wit.ChannelEvent) (*wit.ChannelAnswer, error) {
			return func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
				if e.Command != nil && name == "other" {
					return nil, wit.NewError(wit.CodeUnavailable, "no route, token hunter2")
				}
				return &wit.ChannelAnswer{Status: &wit.AccountStatus{State: wit.ConnectionStateConnected, Login: ptr("https://link")}}, nil
			}
		}
		chat := &fakePlugin{event: asked("chat"), facts: wit.ChannelFacts{Label: "Chat"}}
		w := newWorld(t, chat)
		other := &fakePlugin{version: "1.0.0", event: asked("other")}
		w.plugins["other"] = other
		s, _ := w.run()
		synctest.Wait()
		for params, want := range map[string]string{
			`{}`:                              "Chat: main -; other: main -; ",
			`{"channel":"chat"}`:              "Chat: main -; ",
			`{"channel":"chat","probe":true}`: "Chat: main true; ",
			`{"channel":"none","probe":true}`: "",
			`{"probe":true}`:                  "Chat: main true; other: main false no route, token …; ",
		} {
			var r channel.StatusResult
			if err := call(t, s, "channels.status", params, &r); err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, id := range r.ChannelOrder {
				got += r.Labels[id] + ":"
				for _, a := range r.ChannelAccounts[id] {
					probe := "-"
					if a.Probe != nil {
						probe = strings.TrimSpace(fmt.Sprint(a.Probe.OK, " ", a.Probe.Error))
					}
					got += " " + a.AccountID + " " + probe
					if a.Login == "" || a.Probe != nil && a.LastProbeAt == 0 {
						t.Errorf("%s: %+v", params, a)
					}
				}
				got += "; "
			}
			if got != want {
				t.Errorf("%s: %q, want %q", params, got, want)
			}
		}
		table, err := rpc.NewTable(s.Service().Methods...)
		if err != nil {
			t.Fatal(err)
		}
		reader := &rpc.Caller{Role: wire.RoleOperator, Scopes: []wire.Scope{wire.ScopeRead}}
		res, err := table.Call(t.Context(), reader, "channels.status", json.RawMessage("{}"), nil)
		if text := toJSON(t, res); err != nil || strings.Contains(text, "https://link") || !strings.Contains(text, `"connected":true`) {
			t.Errorf("%s, %v", text, err)
		}
	})
}

// TestOrdersSayWhatWasDone.
func TestOrdersSayWhatWasDone(t *testing.T) {
	inBubble("start and stop", t, func(t *testing.T) {
		w := newWorld(t, &fakePlugin{})
		s, end := w.run()
		synctest.Wait()
		for _, c := range []struct {
			method string
			want   channel.AccountResult
		}{
			{"channels.stop", channel.AccountResult{Channel: "chat", AccountID: "main", Stopped: true}},
			{"channels.start", channel.AccountResult{Channel: "chat", AccountID: "main", Started: true}},
		} {
			var r channel.AccountResult
			if err := call(t, s, c.method, `{"channel":"chat"}`, &r); err != nil || r != c.want {
				t.Errorf("%s: %+v, %v", c.method, r, err)
			}
			if s.Label("chat") != "chat" || s.Label("none") != "none" {
				t.Errorf("labels %q, %q", s.Label("chat"), s.Label("none"))
			}
		}
		end()
		for _, method := range []string{"channels.start", "channels.stop", "channels.login", "channels.logout"} {
			if err := call(t, s, method, `{"channel":"chat"}`, nil); wit.CodeOf(err) != wit.CodeUnavailable {
				t.Errorf("%s when the gateway has stopped: %v", method, err)
			}
		}
		if code := post(s, "/plugins/chat/main/in", "x"); code != 404 { // it takes none
			t.Errorf("status %d", code)
		}
	})
}

// TestTheCheckNamesAccounts that the owner has to do something about.
func TestTheCheckNamesAccounts(t *testing.T) {
	inBubble("check", t, func(t *testing.T) {
		login := &wit.AccountStatus{State: wit.ConnectionStateNeedsLogin, Message: ptr("scan the code")}
		w := newWorld(t, &fakePlugin{event: func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
			if e.Account == "second" {
				return &wit.ChannelAnswer{Status: login}, nil
			}
			return &wit.ChannelAnswer{}, nil
		}})
		s, _ := w.run()
		synctest.Wait()
		want := func(ok bool, says string) {
			t.Helper()
			if c := s.Service().Checks[0](t.Context()); c.OK != ok || !strings.Contains(c.Message, says) || c.OK != (c.Hint == "") {
				t.Errorf("%+v, want %v and %q", c, ok, says)
			}
		}
		want(true, "1 account")
		main := w.accounts[0]
		w.configure(main, channel.Account{ID: "second", Enabled: true})
		synctest.Wait()
		want(false, "chat/second: needs_login: scan the code")
		w.configure(main)
		synctest.Wait()
		want(true, "1 account")
		w.claims.Fail(wit.NewError(wit.CodeUnavailable, "no connection"))
		w.configure(main, channel.Account{ID: "third", Enabled: true})
		synctest.Wait()
		want(false, "chat/third: waiting: it cannot be claimed, which is tried again: no connection")
	})
}

// TestALogin is the plugin's to begin, or a start where the account does not run. A code that waits to be scanned stays.
func TestALogin(t *testing.T) {
	inBubble("login", t, func(t *testing.T) {
		var kinds []string
		p := &fakePlugin{event: func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
			if e.Command == nil {
				kinds = append(kinds, string(e.Kind))
				return &wit.ChannelAnswer{}, nil
			}
			kinds = append(kinds, e.Command.Name)
			return &wit.ChannelAnswer{Status: &wit.AccountStatus{State: wit.ConnectionStateNeedsLogin, Message: ptr("scan it"), Login: ptr("the-code")}}, nil
		}}
		w := newWorld(t, p)
		var news []bool
		channel.ChangedKind.Subscribe(w.bus, func(c channel.Changed) { news = append(news, c.Login) })
		s, _ := w.run()
		synctest.Wait()
		for range 2 {
			if err := call(t, s, "channels.login", `{"channel":"chat"}`, nil); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if fmt.Sprint(kinds) != "[start login]" || !slices.Contains(news, true) {
			t.Errorf("%v, news %v", kinds, news)
		}
		if c := s.Service().Checks[0](t.Context()); c.OK || !strings.Contains(c.Message, "`carapace channels login chat main` shows the code") || strings.Contains(c.Message, "the-code") {
			t.Errorf("%+v", c)
		}
		if err := call(t, s, "channels.stop", `{"channel":"chat"}`, nil); err != nil {
			t.Fatal(err)
		}
		if err := call(t, s, "channels.login", `{"channel":"chat","accountId":"main"}`, nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if kinds[len(kinds)-1] != "start" {
			t.Errorf("%v", kinds)
		}
	})
}

// TestReceiptsAreNews, after the commit.
func TestReceiptsAreNews(t *testing.T) {
	inBubble("read", t, func(t *testing.T) {
		p := &fakePlugin{event: func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
			if e.Kind != wit.EventKindStart {
				return &wit.ChannelAnswer{}, nil
			}
			return &wit.ChannelAnswer{Receipts: []wit.Receipt{{Conversation: wit.Conversation{Kind: wit.ConversationKindDirect, ID: "c1"}, ID: ptr("7"), Kind: wit.ReceiptKindRead}}}, nil
		}}
		w := newWorld(t, p)
		var got []string
		channel.ReceiptKind.Subscribe(w.bus, func(r channel.Receipt) {
			got = append(got, fmt.Sprint(r.Channel, "/", r.Account, " ", r.Receipt.Conversation.ID, " ", *r.Receipt.ID, " ", r.Receipt.Kind))
		})
		_, _ = w.run()
		synctest.Wait()
		if fmt.Sprint(got) != "[chat/main c1 7 read]" {
			t.Errorf("news %q", got)
		}
	})
}

// TestWebhooksOfBytes reach the plugin as they are, up to a bound.
func TestWebhooksOfBytes(t *testing.T) {
	inBubble("bytes", t, func(t *testing.T) {
		var got [][]byte
		p := &fakePlugin{facts: wit.ChannelFacts{Webhook: &wit.WebhookFacts{Auth: wit.WebhookAuthNone}}}
		p.event = func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
			if e.Webhook != nil {
				got = append(got, e.Webhook.Bytes)
			}
			return &wit.ChannelAnswer{}, nil
		}
		w := newWorld(t, p)
		s, _ := w.run()
		synctest.Wait()
		most := "\xff" + strings.Repeat("x", 64<<10-1)
		for body, want := range map[string]int{"\xff\x00": 200, most: 200, most + "x": 413} {
			if code := post(s, "/plugins/chat/main/in", body); code != want {
				t.Errorf("%d bytes: %d", len(body), code)
			}
			if n := len(got); want == 200 && string(got[n-1]) != body {
				t.Errorf("the plugin got %d bytes of %d", len(got[n-1]), len(body))
			}
		}
		if len(got) != 2 {
			t.Errorf("%d events", len(got))
		}
	})
}

// TestAWebhookBeforeTheService waits for it, and not for ever.
func TestAWebhookBeforeTheService(t *testing.T) {
	inBubble("never", t, func(t *testing.T) {
		s := newWorld(t, listener(func(string) error { return nil })).make()
		began := time.Now()
		r := serve(s, http.MethodPost, "/plugins/chat/main/in", "x")
		if r.Code != 503 || r.Header().Get("Retry-After") == "" || time.Since(began) != 25*time.Second {
			t.Errorf("status %d after %v, %v", r.Code, time.Since(began), r.Header())
		}
	})
}

// TestADeadLetterThatCannotBeWritten is not lost: the event waits for the store, or comes again.
func TestADeadLetterThatCannotBeWritten(t *testing.T) {
	poison := func() (*platform, *fakePlugin) {
		p := newPlatform()
		f := poller(p)
		good := f.event
		f.event = func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
			if e.Kind == wit.EventKindResponse && strings.Contains(*e.Response.Text, "bad") {
				return nil, wit.NewError(wit.CodeInternal, "cannot")
			}
			return good(e)
		}
		return p, f
	}
	inBubble("poll", t, func(t *testing.T) {
		p, f := poison()
		w := newWorld(t, f)
		disk := &flaky{Store: w.store}
		w.store = disk
		s, _ := w.run()
		synctest.Wait()
		disk.down.Store(true)
		p.say(text("1", "bad"))
		time.Sleep(time.Hour)
		if n, err := w.inbox.DeadLetters().Count(t.Context()); n != 0 || err != nil || status(t, s)["phase"] != "running" {
			t.Errorf("%d letters, %v, status %v", n, err, status(t, s))
		}
		calls := len(f.seen())
		disk.down.Store(false)
		time.Sleep(time.Minute)
		if n, err := w.inbox.DeadLetters().Count(t.Context()); n != 1 || err != nil || status(t, s)["phase"] != "stopped" {
			t.Errorf("%d letters, %v, status %v", n, err, status(t, s))
		}
		if n := len(f.seen()); n != calls {
			t.Errorf("given to the plugin %d times more", n-calls)
		}
	})
	inBubble("poll, stopped meanwhile", t, func(t *testing.T) {
		p, f := poison()
		w := newWorld(t, f)
		disk := &flaky{Store: w.store}
		w.store = disk
		s, _ := w.run()
		synctest.Wait()
		disk.down.Store(true)
		p.say(text("1", "bad"))
		time.Sleep(time.Hour + time.Second/4) // it is in a pause
		synctest.Wait()
		if err := call(t, s, "channels.stop", `{"channel":"chat"}`, nil); err != nil {
			t.Fatal(err)
		}
		disk.down.Store(false)
		time.Sleep(time.Minute)
		if n, err := w.inbox.DeadLetters().Count(t.Context()); n != 0 || err != nil || w.claims.Held("account/chat/main") {
			t.Errorf("%d letters, %v", n, err)
		}
	})
	inBubble("webhook", t, func(t *testing.T) {
		w := newWorld(t, listener(func(string) error { return wit.NewError(wit.CodeInternal, "cannot") }))
		disk := &flaky{Store: w.store}
		w.store = disk
		s, _ := w.run()
		synctest.Wait()
		disk.down.Store(true)
		if code := post(s, "/plugins/chat/main/in", "m"); code != 503 {
			t.Errorf("status %d", code)
		}
	})
}

// TestWhatWaitsIsRefused at once when the claim is lost or the gateway stops, so that the platform sends it again.
func TestWhatWaitsIsRefused(t *testing.T) {
	for name, end := range map[string]func(*world, func()){
		"the claim is lost": func(w *world, _ func()) { w.claims.Lose("account/chat/main") },
		"the gateway stops": func(_ *world, stop func()) { stop() },
	} {
		inBubble(name, t, func(t *testing.T) {
			w := newWorld(t, listener(func(string) error { return wit.NewError(wit.CodeUnavailable, "trap") }))
			s, stop := w.run()
			synctest.Wait()
			first, second := posting(s, "one"), posting(s, "two")
			time.Sleep(1500 * time.Millisecond) // the first is in a pause
			began := time.Now()
			end(w, stop)
			if a, b := <-first, <-second; a != 503 || b != 503 || time.Since(began) != 0 {
				t.Errorf("answered %d, %d after %v", a, b, time.Since(began))
			}
			if len(w.turns()) != 0 {
				t.Errorf("turns %v", w.turns())
			}
		})
	}
}

// TestReplays: a dead letter can be handled while its account is stopped, one that brings nothing is done with too, and
// of its answer only the messages count.
func TestReplays(t *testing.T) {
	for name, c := range map[string]struct {
		stopped bool
		brings  []wit.Message
	}{
		"of a stopped account": {true, []wit.Message{text("m", "m")}},
		"that brings nothing":  {false, nil},
		"of a running account": {false, []wit.Message{text("m", "m")}},
	} {
		inBubble(name, t, func(t *testing.T) {
			broken, asked := true, 0
			p := listener(func(string) error { return nil })
			p.do = func(context.Context, *wit.HTTPRequest) (*wit.HTTPResponse, error) {
				asked++
				return &wit.HTTPResponse{Status: 200}, nil
			}
			p.event = func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
				switch {
				case e.Webhook == nil:
					return &wit.ChannelAnswer{}, nil
				case broken:
					return nil, wit.NewError(wit.CodeInternal, "cannot")
				}
				return &wit.ChannelAnswer{Messages: c.brings, State: wit.JSON("1"), Requests: []wit.HTTPRequest{{ID: "x"}},
					Status: &wit.AccountStatus{State: wit.ConnectionStateNeedsLogin}}, nil
			}
			w := newWorld(t, p)
			s, _ := w.run()
			synctest.Wait()
			_ = post(s, "/plugins/chat/main/in", "m")
			if err := call(t, s, "channels.stop", `{"channel":"chat"}`, nil); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if w.claims.Held("account/chat/main") {
				t.Error("a stopped account is claimed")
			}
			phase := "off"
			if !c.stopped {
				phase = "running"
				if err := call(t, s, "channels.start", `{"channel":"chat"}`, nil); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
			}
			broken = false
			var list poisonList
			if err := w.call("channels.poison.list", `{}`, &list); err != nil || len(list.Events) != 1 {
				t.Fatalf("%+v %v", list, err)
			}
			id := toJSON(t, list.Events[0].ID)
			if err := call(t, s, "channels.poison.replay", `{"id":`+id+`}`, nil); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			if n, err := w.inbox.DeadLetters().Count(t.Context()); n != 0 || err != nil || len(w.turns()) != len(c.brings) || asked != 0 {
				t.Errorf("%d letters, %v, %d turns, %d requests", n, err, len(w.turns()), asked)
			}
			if st := status(t, s); st["phase"] != phase || st["connected"] != !c.stopped {
				t.Errorf("status %v", st)
			}
		})
	}
}

// TestSignatures come as hex or base64 of either alphabet, with or without the name of the sum.
func TestSignatures(t *testing.T) {
	body := "body 3" // whose sum has both characters that the alphabets write differently
	mac := hmac.New(sha256.New, []byte("s3cret"))
	mac.Write([]byte(body))
	sum := mac.Sum(nil)
	for signature, want := range map[string]int{
		hex.EncodeToString(sum):                                   200,
		"sha256=" + hex.EncodeToString(sum):                       200,
		strings.ToUpper(hex.EncodeToString(sum)):                  200,
		base64.StdEncoding.EncodeToString(sum):                    200,
		"sha256=" + base64.StdEncoding.EncodeToString(sum):        200,
		base64.URLEncoding.EncodeToString(sum):                    200,
		"v1=" + base64.URLEncoding.EncodeToString(sum):            200,
		hex.EncodeToString(sum[:31]):                              401,
		base64.StdEncoding.EncodeToString(append(sum[:32:32], 0)): 401,
		"sha256=": 401,
		"=":       401,
	} {
		inBubble(signature, t, func(t *testing.T) {
			p := listener(func(string) error { return nil })
			p.facts.Webhook = &wit.WebhookFacts{Auth: wit.WebhookAuthHMACSHA256, Header: ptr("X-Sig"), Credential: ptr("hook")}
			w := newWorld(t, p)
			w.secrets["hook"] = "s3cret"
			s, _ := w.run()
			synctest.Wait()
			if code := post(s, "/plugins/chat/main/in", body, "X-Sig", signature); code != want {
				t.Errorf("status %d, want %d", code, want)
			}
		})
	}
}

// TestStatusTellsAll that clients show: also of an account whose plugin is away, and what a channel's accounts are
// together.
func TestStatusTellsAll(t *testing.T) {
	inBubble("life of two accounts", t, func(t *testing.T) {
		gate := make(chan struct{})
		w := newWorld(t, &fakePlugin{event: func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
			switch {
			case e.Account == "main":
				<-gate
			case e.Kind == wit.EventKindStart:
				return &wit.ChannelAnswer{Status: &wit.AccountStatus{State: wit.ConnectionStateFailed, Message: ptr("no, hunter2")}, Timers: []wit.Timer{{ID: "a", After: 1000}}}, nil
			}
			return &wit.ChannelAnswer{Status: &wit.AccountStatus{State: wit.ConnectionStateConnected}}, nil
		}})
		w.accounts = append(w.accounts, channel.Account{ID: "second", Enabled: true})
		s, _ := w.run()
		synctest.Wait()
		look := func(want channel.ChannelSummary, health ...string) {
			t.Helper()
			var r channel.StatusResult
			if err := call(t, s, "channels.status", "{}", &r); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, a := range r.ChannelAccounts["chat"] {
				got = append(got, a.HealthState)
			}
			if r.Channels["chat"] != want || strings.Join(got, " ") != strings.Join(health, " ") {
				t.Errorf("%+v, %v; want %+v, %v", r.Channels["chat"], got, want, health)
			}
			if len(r.Meta) != 1 || r.Meta[0] != (channel.ChannelMeta{ID: "chat", Label: "chat", DetailLabel: "chat"}) ||
				fmt.Sprint(r.ChannelOrder) != "[chat]" || r.DefaultAccountID["chat"] != "main" {
				t.Errorf("%+v", r)
			}
		}
		look(channel.ChannelSummary{Configured: true, Running: true, LastError: "no, …"}, "starting", "unhealthy")
		time.Sleep(2 * time.Second)
		look(channel.ChannelSummary{Configured: true, Running: true, Connected: true}, "starting", "healthy")
		close(gate)
		synctest.Wait()
		look(channel.ChannelSummary{Configured: true, Running: true, Connected: true}, "healthy", "healthy")
		w.mu.Lock()
		delete(w.plugins, "chat")
		w.mu.Unlock()
		s.Refresh()
		time.Sleep(2 * time.Minute)
		look(channel.ChannelSummary{Configured: true}, "stopped", "stopped")
	})
}

// TestAProbeIsBounded by the time that the client gives it.
func TestAProbeIsBounded(t *testing.T) {
	for params, want := range map[string]time.Duration{
		`{"probe":true,"timeoutMs":1500}`: 1500 * time.Millisecond, `{"probe":true}`: 20 * time.Second, `{"probe":true,"timeoutMs":3600000}`: 20 * time.Second,
	} {
		inBubble(params, t, func(t *testing.T) {
			gate := make(chan struct{})
			w := newWorld(t, &fakePlugin{event: func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
				if e.Command != nil {
					<-gate
				}
				return &wit.ChannelAnswer{}, nil
			}})
			s, _ := w.run()
			synctest.Wait()
			began := time.Now()
			var r channel.StatusResult
			err := call(t, s, "channels.status", params, &r)
			if probe := r.ChannelAccounts["chat"][0].Probe; err != nil || time.Since(began) != want || probe.OK || probe.Error == "" || probe.ElapsedMs != want.Milliseconds() {
				t.Errorf("%+v after %v, %v", probe, time.Since(began), err)
			}
			close(gate)
		})
	}
}
