package slack_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/slack/slacktest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestConnectionsComeAndGo: what Slack tells meanwhile is neither lost nor taken twice, whether Slack says before that it
// closes a connection, or the network breaks it off.
func TestConnectionsComeAndGo(t *testing.T) {
	s := workspace(slacktest.Config{Grace: 50 * time.Millisecond})
	g := newGateway(t, s, "")
	g.connected()
	n := 0
	say := func() {
		n++
		s.DM(ada.ID, fmt.Sprint("message ", n))
	}
	say()
	for _, reason := range []string{"warning", "refresh_requested"} {
		before := s.Repeated()
		s.Disconnect(reason)
		say()
		g.until("another connection is there", func() bool { return g.opened == 2+n/2-1 })
		say()
		g.messages(n)
		if err := s.Wait(t.Context(), func() bool { return s.Connections() == 1 }); err != nil {
			t.Fatal(err)
		}
		if s.Repeated() != before {
			t.Errorf("%s: %d things came again", reason, s.Repeated()-before)
		}
	}
	s.Drop()
	say()
	say()
	g.messages(n)
	s.Fail(slacktest.Fault{Method: "link", Status: 503, Times: 2})
	s.Drop()
	say()
	g.messages(n)
	g.acknowledged()
	s.Redeliver(5)
	g.acknowledged()
	for i, m := range g.messages(n) {
		if m.Text != fmt.Sprint("message ", i+1) {
			t.Errorf("message %d is %q", i+1, m.Text)
		}
	}
}

// TestASuccessorThatIsLate: while Slack has not closed the connection yet, the account stays connected.
func TestASuccessorThatIsLate(t *testing.T) {
	s := workspace(slacktest.Config{Grace: time.Hour})
	g := newGateway(t, s, "")
	g.connected()
	before := len(g.statuses)
	s.Fail(slacktest.Fault{Method: "apps.connections.open", Status: 503, Times: 2})
	s.Disconnect("warning")
	g.until("another connection is there", func() bool { return g.opened == 2 && strings.Contains(string(g.state), `"socket":"b"`) })
	for _, status := range g.statuses[before:] {
		if status.State != wit.ConnectionStateConnected {
			t.Errorf("meanwhile the account is %s: %s", status.State, text(status.Message))
		}
	}
}

// TestWhatIsNotAcknowledgedComesAgain: a gateway that is gone before it has acted upon its answer gets the event once more,
// and knows it.
func TestWhatIsNotAcknowledgedComesAgain(t *testing.T) {
	s := workspace(slacktest.Config{})
	g := newGateway(t, s, "")
	g.connected()
	s.DM(ada.ID, "first")
	g.messages(1)
	g.acknowledged()
	g.mu.Lock()
	g.frozen = true
	g.mu.Unlock()
	s.DM(ada.ID, "second")
	g.messages(2)
	if s.Waiting() != 1 {
		t.Errorf("%d wait", s.Waiting())
	}
	g.mu.Lock()
	g.frozen = false
	g.mu.Unlock()
	s.Drop()
	g.start()
	g.acknowledged()
	if s.Repeated() == 0 {
		t.Error("it did not come again")
	}
	g.messages(2)
}

// TestOwnerIsTold what is wrong, and what to do.
func TestOwnerIsTold(t *testing.T) {
	channeltest.Proves(t, channeltest.Health)
	for name, tt := range map[string]struct {
		fault   slacktest.Fault
		without string
		state   wit.ConnectionState
		says    string
	}{
		"a wrong bot token":      {slacktest.Fault{Method: "auth.test", Error: "invalid_auth"}, "", wit.ConnectionStateNeedsLogin, "carapace setup slack"},
		"a revoked bot token":    {slacktest.Fault{Method: "auth.test", Error: "token_revoked"}, "", wit.ConnectionStateNeedsLogin, "install the app"},
		"a wrong app token":      {slacktest.Fault{Method: "apps.connections.open", Error: "invalid_auth"}, "", wit.ConnectionStateNeedsLogin, "connections:write"},
		"an app token of bots":   {slacktest.Fault{Method: "apps.connections.open", Error: "not_allowed_token_type"}, "", wit.ConnectionStateNeedsLogin, "app token"},
		"a scope is missing":     {slacktest.Fault{Method: "apps.connections.open", Error: "missing_scope", Needed: "connections:write"}, "", wit.ConnectionStateFailed, "connections:write"},
		"no bot token":           {slacktest.Fault{}, "botToken", wit.ConnectionStateNeedsLogin, "carapace setup slack"},
		"no app token":           {slacktest.Fault{}, "appToken", wit.ConnectionStateNeedsLogin, "appToken"},
		"Slack is out of order":  {slacktest.Fault{Method: "auth.test", Status: 503}, "", wit.ConnectionStateDisconnected, "503"},
		"Slack asks for a pause": {slacktest.Fault{Method: "auth.test", Status: 429, RetryAfter: 3}, "", wit.ConnectionStateDisconnected, "ratelimited"},
		"another server":         {slacktest.Fault{Method: "auth.test", Body: "<html>"}, "", wit.ConnectionStateDisconnected, "apiRoot"},
		"Socket Mode is off":     {slacktest.Fault{Method: "apps.connections.open", Error: "socket_mode_is_off"}, "", wit.ConnectionStateFailed, "is Socket Mode on"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := workspace(slacktest.Config{})
			g := newGateway(t, s, "")
			delete(g.host.Credentials, tt.without)
			tt.fault.Times = -1
			if tt.without == "" {
				s.Fail(tt.fault)
			}
			g.start()
			g.until("the owner is told", func() bool { return g.last().State == tt.state })
			g.mu.Lock()
			defer g.mu.Unlock()
			if got := text(g.last().Message); !strings.Contains(got, tt.says) || strings.Contains(got, s.BotToken()) {
				t.Errorf("the owner reads %q", got)
			}
			if g.timers["retry"] == 0 {
				t.Error("it is not tried again")
			}
		})
	}
}

// TestSocketModeIsTurnedOff while the app is connected.
func TestSocketModeIsTurnedOff(t *testing.T) {
	s := workspace(slacktest.Config{Grace: time.Millisecond})
	g := newGateway(t, s, "")
	g.connected()
	s.Disconnect("link_disabled")
	g.until("the owner is told", func() bool { return g.last().State == wit.ConnectionStateFailed })
	if got := text(g.last().Message); !strings.Contains(got, "Socket Mode is off") {
		t.Errorf("the owner reads %q", got)
	}
	s.Event(map[string]any{"type": "tokens_revoked"})
	g.fire("retry")
	g.until("it is connected again, and told of the token", func() bool { return g.last().State == wit.ConnectionStateNeedsLogin })
}

// TestAPauseOutlivesARestart: Slack has asked for a pause, and the gateway starts anew in it.
func TestAPauseOutlivesARestart(t *testing.T) {
	s := workspace(slacktest.Config{})
	g := newGateway(t, s, "")
	s.Fail(slacktest.Fault{Method: "auth.test", Status: 429, RetryAfter: 3600})
	g.start()
	g.until("a pause is made", func() bool { return g.timers["retry"] > 3_000_000 })
	g.start()
	g.until("a pause is made still", func() bool { return strings.Contains(text(g.last().Message), "asked for a pause") })
	if n := len(s.Calls("auth.test")); n != 1 || g.timers["retry"] < 3_000_000 {
		t.Errorf("%d calls, and it is tried again after %d ms", n, g.timers["retry"])
	}
}

// TestCommands of the owner.
func TestCommands(t *testing.T) {
	s := workspace(slacktest.Config{})
	g := newGateway(t, s, "")
	g.connected()
	command := func(name string) {
		g.deliver(&wit.ChannelEvent{Kind: wit.EventKindCommand, Command: &wit.Command{Name: name}})
	}
	n := len(g.statuses)
	command("probe")
	g.until("the probe is answered", func() bool { return len(g.statuses) >= n+2 && g.last().State == wit.ConnectionStateConnected })
	s.Fail(slacktest.Fault{Method: "auth.test", Error: "token_revoked"})
	command("probe")
	g.until("the probe fails", func() bool { return strings.Contains(text(g.last().Message), "token_revoked") })
	command("logout")
	if err := s.Wait(t.Context(), func() bool { return s.Connections() == 0 }); err != nil {
		t.Fatal(err)
	}
	command("login")
	g.until("the account is connected again", func() bool { return g.last().State == wit.ConnectionStateConnected })
}

// TestAConnectionThatSaysNothing is given up.
func TestAConnectionThatSaysNothing(t *testing.T) {
	g := newGateway(t, workspace(slacktest.Config{}), "")
	event := &wit.ChannelEvent{Kind: wit.EventKindTimer, Timer: new("hello"), Account: "default", Config: g.config, State: wit.JSON(`{"generation":1,"opening":"a"}`)}
	out, err := g.plugin.Event(g.host.SDK(), event)
	if err != nil || len(out.Close) != 1 || len(out.Timers) != 2 || out.Status.State != wit.ConnectionStateDisconnected {
		t.Errorf("%s, %v", wit.Marshal(out), err)
	}
}
