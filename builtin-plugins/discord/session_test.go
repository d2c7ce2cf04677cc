package discord_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/discord/discordtest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

func (r *rig) close(code uint16) {
	r.t.Helper()
	r.opened, r.closed = nil, 0
	r.event(wit.ChannelEvent{Kind: wit.EventKindClosed, Connection: new("gateway"), Closed: &wit.Closed{Code: code, ReopensAfter: new(int64(500))}})
}

// hello opens the connection and says Hello.
func (r *rig) hello() {
	r.t.Helper()
	r.frames = nil
	r.event(wit.ChannelEvent{Kind: wit.EventKindOpened, Opened: &wit.Opened{}})
	r.frame(`{"op":10,"d":{"heartbeat_interval":41250}}`)
}

// TestASessionIsBegun: the gateway is asked for, the token is a placeholder, and the heartbeat begins within the interval.
func TestASessionIsBegun(t *testing.T) {
	r := newRig(t, discordtest.Config{}, "")
	r.event(wit.ChannelEvent{Kind: wit.EventKindStart})
	if len(r.opened) != 1 || r.opened[0] != "ws://discord.test/?v=10&encoding=json" || r.status.State != wit.ConnectionStateConnecting {
		t.Fatalf("opened %q, %+v", r.opened, r.status)
	}
	r.hello()
	if f := r.said("2"); len(f) != 1 || !strings.Contains(f[0], `"token":"{{credential:botToken}}"`) || !strings.Contains(f[0], `"intents":50396673`) {
		t.Errorf("identified by %q", f)
	}
	if after := r.timers["beat"]; after < 1 || after > 41_250 {
		t.Errorf("the first heartbeat is in %d ms", after)
	}
	r.tap = r.server.Tap(discordtest.AllIntents)
	r.take()
	if r.status.State != wit.ConnectionStateConnected || r.status.Self == nil || r.status.Self.ID != r.server.Bot().ID {
		t.Errorf("%+v", r.status)
	}
	for range 3 {
		r.frames = nil
		r.fire("beat")
		if f := r.said("1"); len(f) != 1 || r.timers["beat"] != 41_250 {
			t.Errorf("heartbeats %q, the next in %d ms", f, r.timers["beat"])
		}
		r.frame(`{"op":11}`)
	}
	r.frames = nil
	r.frame(`{"op":1,"d":null}`)
	if f := r.said("1"); len(f) != 1 || f[0] != `{"op":1,"d":1}` {
		t.Errorf("asked for a heartbeat, it said %q", f)
	}
	if quiet := newRig(t, discordtest.Config{}, `,"messageContent":false,"gatewayUrl":"wss://gateway.example/?v=10&encoding=json"`); true {
		quiet.event(wit.ChannelEvent{Kind: wit.EventKindStart})
		quiet.hello()
		if f := quiet.said("2"); len(f) != 1 || !strings.Contains(f[0], `"intents":50363905`) || quiet.opened[0] != "wss://gateway.example/?v=10&encoding=json" {
			t.Errorf("identified by %q at %q", f, quiet.opened)
		}
	}
}

// TestASessionIsResumed whatever way the connection ends, from the last event, at the gateway of the session.
func TestASessionIsResumed(t *testing.T) {
	channeltest.Proves(t, channeltest.Outages)
	for name, end := range map[string]func(r *rig){
		"closed without a code":    func(r *rig) { r.close(0) },
		"an unknown error":         func(r *rig) { r.close(4000) },
		"rate limited":             func(r *rig) { r.close(4008) },
		"asked to reconnect":       func(r *rig) { r.opened = nil; r.frame(`{"op":7,"d":null}`) },
		"a silent gateway":         func(r *rig) { r.opened = nil; r.fire("beat"); r.fire("beat") },
		"invalid, and to be tried": func(r *rig) { r.opened = nil; r.frame(`{"op":9,"d":true}`); r.fire("retry") },
		"the gateway starts anew":  func(r *rig) { r.opened = nil; r.event(wit.ChannelEvent{Kind: wit.EventKindStart}) },
	} {
		t.Run(name, func(t *testing.T) {
			r := connected(t, "")
			r.server.DM(discordtest.Person(1), "one")
			r.next(1)
			end(r)
			if len(r.opened) != 1 || r.opened[0] != "ws://discord.test/resume?v=10&encoding=json" {
				t.Fatalf("opened %q", r.opened)
			}
			r.hello()
			if f := r.said("6"); len(f) != 1 || !strings.Contains(f[0], `"seq":2`) || !strings.Contains(f[0], "{{credential:botToken}}") || len(r.said("2")) != 0 {
				t.Errorf("said %q", r.frames)
			}
			if r.status.State == wit.ConnectionStateConnected {
				t.Error("connected before it was resumed")
			}
			r.frame(`{"op":0,"t":"RESUMED","s":3,"d":{}}`)
			if r.status.State != wit.ConnectionStateConnected {
				t.Errorf("%+v", r.status)
			}
		})
	}
}

// TestASessionThatIsOver is given up, and another one is begun at the gateway that Discord names.
func TestASessionThatIsOver(t *testing.T) {
	for name, end := range map[string]func(r *rig){
		"timed out":                func(r *rig) { r.close(4009) },
		"a wrong sequence":         func(r *rig) { r.close(4007) },
		"not authenticated":        func(r *rig) { r.close(4003) },
		"invalid":                  func(r *rig) { r.opened = nil; r.frame(`{"op":9,"d":false}`); r.fire("retry") },
		"its gateway is not there": func(r *rig) { r.close(0); r.close(0); r.close(0); r.close(0) },
	} {
		t.Run(name, func(t *testing.T) {
			r := connected(t, "")
			end(r)
			if len(r.opened) != 1 || r.opened[0] != "ws://discord.test/?v=10&encoding=json" {
				t.Fatalf("opened %q", r.opened)
			}
			r.hello()
			if name == "its gateway is not there" {
				if len(r.said("6")) != 1 {
					t.Errorf("said %q", r.frames)
				}
				return
			}
			if len(r.said("2")) != 1 || len(r.said("6")) != 0 {
				t.Errorf("said %q", r.frames)
			}
		})
	}
	r := connected(t, "")
	for range 20 {
		r.opened = nil
		r.frame(`{"op":9,"d":false}`)
		if after := r.timers["retry"]; after < 1000 || after > 5000 || len(r.opened) != 0 {
			t.Errorf("behind an invalid session it comes again in %d ms", after)
		}
	}
}

// TestTheOwnerIsTold what is wrong, and what to do.
func TestTheOwnerIsTold(t *testing.T) {
	channeltest.Proves(t, channeltest.Health)
	for code, want := range map[uint16]struct {
		state wit.ConnectionState
		words string
	}{
		4004: {wit.ConnectionStateNeedsLogin, "carapace setup discord"},
		4013: {wit.ConnectionStateFailed, "Message Content Intent"},
		4014: {wit.ConnectionStateFailed, "Message Content Intent"},
		4011: {wit.ConnectionStateFailed, "too many servers"},
	} {
		t.Run(strconv.Itoa(int(code)), func(t *testing.T) {
			r := connected(t, "")
			r.close(code)
			if r.status.State != want.state || !strings.Contains(text(r.status.Message), want.words) || r.closed != 1 || len(r.opened) != 0 {
				t.Errorf("%+v, closed %d, opened %q", r.status, r.closed, r.opened)
			}
			if after := r.timers["retry"]; after < 60_000 {
				t.Errorf("it comes again in %d ms", after)
			}
			r.fire("retry")
			if len(r.opened) != 1 {
				t.Errorf("opened %q", r.opened)
			}
		})
	}
	wrong := newRig(t, discordtest.Config{}, "")
	wrong.host.Credentials["botToken"] = "wrong"
	wrong.event(wit.ChannelEvent{Kind: wit.EventKindStart})
	if wrong.status.State != wit.ConnectionStateNeedsLogin || !strings.Contains(text(wrong.status.Message), "Reset Token") {
		t.Errorf("a wrong token: %+v", wrong.status)
	}
	none := newRig(t, discordtest.Config{}, "")
	delete(none.host.Credentials, "botToken")
	none.event(wit.ChannelEvent{Kind: wit.EventKindStart})
	if none.status.State != wit.ConnectionStateNeedsLogin || none.timers["retry"] != 10_000 {
		t.Errorf("no token: %+v, %v", none.status, none.timers)
	}
	down := newRig(t, discordtest.Config{}, "")
	down.server.Fail(discordtest.Fault{Route: "GET /gateway/bot", Status: 503, Times: 2})
	down.event(wit.ChannelEvent{Kind: wit.EventKindStart})
	if down.status.State != wit.ConnectionStateDisconnected || down.timers["retry"] < 1000 {
		t.Errorf("a server that is down: %+v, %v", down.status, down.timers)
	}
	down.fire("retry")
	down.fire("retry")
	if len(down.opened) != 1 {
		t.Errorf("opened %q", down.opened)
	}
	limited := newRig(t, discordtest.Config{}, "")
	limited.server.Fail(discordtest.Fault{Route: "GET /gateway/bot", Status: 429, RetryAfter: 90.5})
	limited.event(wit.ChannelEvent{Kind: wit.EventKindStart})
	if limited.timers["retry"] != 90_500 {
		t.Errorf("a pause: %v", limited.timers)
	}
	limited.event(wit.ChannelEvent{Kind: wit.EventKindStart})
	if after := limited.timers["retry"]; after < 80_000 || len(limited.opened) != 0 || len(limited.server.CallsOf("GET /gateway/bot")) != 1 {
		t.Errorf("started in the pause it asks again in %d ms", after)
	}
	spent := newRig(t, discordtest.Config{Starts: -1}, "")
	spent.event(wit.ChannelEvent{Kind: wit.EventKindStart})
	if spent.timers["retry"] != 60_000 || len(spent.opened) != 0 || spent.status.State != wit.ConnectionStateDisconnected {
		t.Errorf("no session may be begun: %v, %+v", spent.timers, spent.status)
	}
}

// TestOwnersCommands: probe, logout, login.
func TestOwnersCommands(t *testing.T) {
	r := connected(t, "")
	command := func(name string) {
		r.event(wit.ChannelEvent{Kind: wit.EventKindCommand, Command: &wit.Command{Name: name}})
	}
	command("probe")
	if r.status.State != wit.ConnectionStateConnected || len(r.server.CallsOf("GET /users/@me")) != 1 {
		t.Errorf("probed: %+v", r.status)
	}
	command("logout")
	if r.status.State != wit.ConnectionStateDisconnected || r.closed != 1 || len(r.timers) != 0 {
		t.Errorf("logged out: %+v, %d, %v", r.status, r.closed, r.timers)
	}
	r.opened = nil
	command("login")
	if len(r.opened) != 1 || strings.Contains(r.opened[0], "resume") {
		t.Errorf("opened %q", r.opened)
	}
}

// TestAGuildThatIsTooLarge to be read does not keep the bot from all others: each time that the session is resumed the connection
// ends at it.
func TestAGuildThatIsTooLarge(t *testing.T) {
	r := connected(t, "")
	r.close(0)
	for range 3 {
		r.hello()
		r.close(0)
	}
	r.hello()
	if f := r.said("2"); len(f) != 1 || !strings.Contains(f[0], `"intents":50396672`) {
		t.Errorf("said %q", r.frames)
	}
	r = connected(t, "")
	for range 5 { // a bad line
		r.hello()
		r.frame(`{"op":0,"t":"RESUMED","s":3,"d":{}}`)
		r.close(0)
	}
	if r.hello(); len(r.said("6")) != 1 {
		t.Errorf("said %q", r.frames)
	}
}
