package examples_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/pdk-examples/go-websocket/toyhub"
	"github.com/carapace-gateway/carapace/wit"
)

// busy is a channel on a WebSocket, through which messages go in both directions while its plugin is replaced.
type busy struct {
	*kerneltest.Listener
	t      *testing.T
	id     string
	folder string
	hub    *toyhub.Server
	// end ends the traffic, and fails the test unless all of it has gone through, once and in order, over one connection.
	end func()
}

// rooms is how many there are, and spoken each how many messages a second go through a direction.
const (
	rooms  = 8
	spoken = 200
)

func beBusy(t *testing.T, id string) *busy {
	b := &busy{t: t, id: id, hub: toyhub.New()}
	url := serve(t, b.hub)
	t.Cleanup(b.hub.Close)
	state := t.TempDir()
	b.folder = filepath.Join(state, "plugins", id)
	drop(t, b.folder, id)
	config := fmt.Sprintf(`{"channels":{%q:{"accounts":{"home":{"groupPolicy":"open","config":{"url":"ws%s"}}}}}}`, id, url[len("http"):])
	k := kerneltest.Start(t, kerneltest.Config(t, config), kerneltest.StateDir(state), kerneltest.Compiled(t), kerneltest.JavaScript())
	b.Listener = k.Listen()
	senders := map[string]*client.Client{}
	for room := range rooms { // each has a rate of its own
		senders[fmt.Sprint("r", room)] = k.Dial(wire.ScopeWrite)
	}
	configure(b.Listener, id, "home", "token", toyhub.Token)
	b.reaches("the bot is there", func(c toyhub.Counts) bool { return c.Opened > 0 })
	traffic := &toyhub.Traffic{Hub: b.hub, Rooms: rooms, Pace: time.Second / spoken, Ahead: spoken, Send: func(ctx context.Context, room, text, key string) error {
		return senders[room].Call(ctx, "send", map[string]any{"channel": id, "to": "group:" + room, "message": text, "idempotencyKey": key}, nil)
	}}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := traffic.Run(ctx, kerneltest.Patience)
		done <- err
	}()
	b.end = func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	return b
}

// reaches waits until the hub's counts are ok.
func (b *busy) reaches(what string, ok func(toyhub.Counts) bool) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), kerneltest.Patience)
	defer cancel()
	if !b.hub.Wait(ctx, ok) {
		b.t.Fatalf("waited in vain until %s: %+v", what, b.hub.Counts())
	}
}

// goesOn waits until more messages have gone through both directions.
func (b *busy) goesOn() {
	b.t.Helper()
	now := b.hub.Counts()
	b.reaches("messages go through", func(c toyhub.Counts) bool { return c.Seen > now.Seen+20 && c.Posts > now.Posts+20 })
}

// put replaces a file of the plugin, at once.
func (b *busy) put(name string, data []byte) {
	b.t.Helper()
	fresh := filepath.Join(b.t.TempDir(), name)
	if err := os.WriteFile(fresh, data, 0o644); err != nil {
		b.t.Fatal(err)
	}
	if err := os.Rename(fresh, filepath.Join(b.folder, name)); err != nil {
		b.t.Fatal(err)
	}
}

// release replaces the plugin by code, where there is any, with a manifest of this version that is changed.
func (b *busy) release(version string, code []byte, change func(manifest map[string]any)) {
	b.t.Helper()
	text, err := os.ReadFile(filepath.Join(b.id, "plugin.json"))
	if err != nil {
		b.t.Fatal(err)
	}
	var manifest map[string]any
	if err := json.Unmarshal(text, &manifest); err != nil {
		b.t.Fatal(err)
	}
	manifest["version"] = version
	if change != nil {
		change(manifest)
	}
	if text, err = json.Marshal(manifest); err != nil {
		b.t.Fatal(err)
	}
	if code != nil {
		b.put(manifest["entry"].(string), code)
	}
	b.put("plugin.json", text)
}

// becomes waits until a version is in a state, and returns why.
func (b *busy) becomes(version string, state plugin.State) (reason string) {
	b.t.Helper()
	b.Event("plugins.changed", func(payload json.RawMessage) bool {
		var c plugin.Changed
		ok := json.Unmarshal(payload, &c) == nil && c.ID == b.id && c.Version == version && c.State == state
		reason = c.Reason
		return ok
	})
	return reason
}

// code is that of the example, another one each time and the same in what it does.
func (b *busy) code(version string) []byte {
	if !isScript(b.id) {
		return append(slices.Clone(kerneltest.WASM(b.t, "./"+b.id)), custom(version)...)
	}
	text, err := os.ReadFile(filepath.Join(b.id, "plugin.ts"))
	if err != nil {
		b.t.Fatal(err)
	}
	return fmt.Appendf(text, "\nexport const version = %q;\n", version)
}

// custom is a section of a module that means nothing.
func custom(name string) []byte {
	return append([]byte{0, byte(len(name) + 1), byte(len(name))}, name...)
}

// TestUpgradesUnderTraffic: a channel is replaced again and again while messages go through its connection in both
// directions. None is lost, comes twice or out of order, and the connection stays open.
func TestUpgradesUnderTraffic(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"go-websocket", "ts-websocket"} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			b := beBusy(t, id)
			for n := range 3 {
				b.goesOn()
				version := fmt.Sprint("1.0.", n+1)
				b.release(version, b.code(version), nil)
				b.becomes(version, plugin.StateReady)
			}
			b.goesOn()
			b.end()
		})
	}
}

// hollow is a module with these exports, which do nothing; _initialize ends it.
func hollow(exports ...string) []byte {
	code := []byte("\x00asm\x01\x00\x00\x00" +
		"\x01\x08\x02\x60\x00\x01\x7f\x60\x00\x00" + // types () -> i32 and () -> ()
		"\x03\x03\x02\x00\x01") // a function of each
	var list []byte
	for _, name := range exports {
		index := byte(0)
		if name == "_initialize" {
			index = 1
		}
		list = append(append(append(list, byte(len(name))), name...), 0, index)
	}
	code = append(append(code, 7, byte(len(list)+1), byte(len(exports))), list...)
	return append(code, "\x0a\x0a\x02\x04\x00\x41\x00\x0b\x03\x00\x00\x0b"...) // i32.const 0; unreachable
}

// TestAnUpgradeThatFailsUnderTraffic changes nothing: the old version goes on, with its connection and all messages.
func TestAnUpgradeThatFailsUnderTraffic(t *testing.T) {
	t.Parallel()
	more := func(manifest map[string]any) {
		manifest["permissions"].(map[string]any)["emit"] = map[string]any{"reason": "to tell"}
	}
	for _, id := range []string{"go-websocket", "ts-websocket"} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			b := beBusy(t, id)
			for n, c := range []struct {
				name         string
				wasm, script []byte
				change       func(manifest map[string]any)
				want         string
			}{
				{"does not compile", []byte("\x00asm\x01\x00\x00\x00\x0a\x01"), []byte("export function channelEvent( {"), nil, ""},
				{"traps in its start", hollow("channel_event", "channel_send", "_initialize"),
					[]byte("export function channelEvent() {}\nexport function channelSend() {}\nthrow new Error('not today');"), nil, "cannot be started"},
				{"has not the exports", hollow("channel_event"), []byte("export function channelEvent() {}"), nil, "channel"},
				{"asks for more", b.code("more"), b.code("more"), more, "needs grant: emit"},
			} {
				b.goesOn()
				version, code := fmt.Sprintf("2.0.%d", n), c.wasm
				if isScript(id) {
					code = c.script
				}
				b.release(version, code, c.change)
				if why := b.becomes(version, plugin.StateFailed); why == "" || !strings.Contains(why, c.want) {
					t.Errorf("%s: it failed with %q, want %q", c.name, why, c.want)
				}
				b.goesOn()
				var d plugin.Details
				b.MustCall("plugins.info", map[string]any{"id": id}, &d)
				if d.Version != "1.0.0" || d.State != plugin.StateReady || d.Update == nil || d.Update.Version != version {
					t.Errorf("%s: version %s is %s, and waits for %+v", c.name, d.Version, d.State, d.Update)
				}
			}
			b.release("3.0.0", b.code("3.0.0"), nil)
			b.becomes("3.0.0", plugin.StateReady)
			b.goesOn()
			b.end()
		})
	}
}

// TestWebSocket: what somebody says to the bot is answered there, a wrong token waits for another, and a connection that breaks
// goes on where it was.
func TestWebSocket(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"go-websocket", "ts-websocket"} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			hub := toyhub.New()
			url := serve(t, hub)
			t.Cleanup(hub.Close)
			config := kerneltest.Config(t, fmt.Sprintf(`{"channels":{%q:{"accounts":{"home":{"dmPolicy":"open","config":{"url":"ws%s"}}}}}}`, id, url[len("http"):]))
			l := start(t, []string{id}, config, kerneltest.Plugin(kerneltest.Echo("echo"))).Listen()
			configure(l, id, "home", "token", "wrong-token")
			l.Event("channels.changed", func(payload json.RawMessage) bool {
				return strings.Contains(string(payload), string(wit.ConnectionStateNeedsLogin))
			})
			hub.Say("", "ann", "are you there?")
			configure(l, id, "home", "token", toyhub.Token)
			ctx, cancel := context.WithTimeout(t.Context(), kerneltest.Patience)
			defer cancel()
			hub.Wait(ctx, func(c toyhub.Counts) bool { return c.Posts == 1 })
			hub.Break()
			hub.Say("", "ann", "and now?")
			hub.Wait(ctx, func(c toyhub.Counts) bool { return c.Posts == 2 })
			var said []string
			for _, p := range hub.Posts() {
				said = append(said, p.To+": "+p.Text)
			}
			if want := []string{"ann: you said: are you there?", "ann: you said: and now?"}; !slices.Equal(said, want) {
				t.Errorf("the bot has said %q", said)
			}
			if c := hub.Counts(); c.Opened != 2 || c.Amiss > 0 {
				t.Errorf("%+v", c)
			}
		})
	}
}
