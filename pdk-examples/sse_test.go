package examples_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/pdk-examples/go-sse/toyfeed"
)

// sseConfig lets the bot speak in one room alone.
func sseConfig(id string, s *toyfeed.Server) string {
	return fmt.Sprintf(`{"secrets":{"keyring":false},"channels":{%q:{"accounts":{"home":{"groupPolicy":"allowlist","groups":["r1"],"config":{"url":%q}}}}}}`,
		id, s.URL())
}

// answer is the bot's to what ann has said to it in a room.
func answer(room, text string) string { return room + " you said: [from ann]@bot " + text }

// inOneRoom fails unless all that was said on a channel is in one conversation.
func inOneRoom(t *testing.T, l *kerneltest.Listener, channel string) {
	t.Helper()
	var list session.ListResult
	l.MustCall("sessions.list", map[string]any{}, &list)
	var keys []string
	for _, row := range list.Sessions {
		if strings.Contains(string(row.Key), channel) {
			keys = append(keys, string(row.Key))
		}
	}
	if len(keys) != 1 {
		t.Errorf("conversations %q", keys)
	}
}

// TestSSE: what somebody says in the room that is allowed is answered there, also where the room has got another id, which the
// stream or a send has told. A stream that breaks goes on where it was, and a wrong token waits for another.
func TestSSE(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"go-sse", "ts-sse"} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			n := newNetwork(t, toyfeed.Listen)
			l := start(t, []string{id}, kerneltest.Config(t, sseConfig(id, n.toy)), kerneltest.Plugin(kerneltest.Echo("echo"))).Listen()
			configure(l, id, "home", "token", "wrong-token")
			l.Event("channels.changed", func(payload json.RawMessage) bool { return strings.Contains(string(payload), "check the credential") })
			configure(l, id, "home", "token", toyfeed.Token)
			n.there()
			n.toy.Say("r1", "ann", "@bot one")
			n.has(answer("r1", "one"), 1)
			n.toy.Break()
			n.toy.Say("r1", "ann", "@bot two")
			n.has(answer("r1", "two"), 1)
			if from := n.toy.Opened(); from[len(from)-1] != 1 {
				t.Errorf("the stream was opened from behind %d", from)
			}

			n.toy.Move("r1", "r2")
			n.toy.Say("r2", "ann", "@bot three")
			n.has(answer("r2", "three"), 1)
			n.toy.MoveUntold("r2", "r3")
			l.MustCall("send", map[string]any{"channel": id, "to": "group:r2", "message": "four", "idempotencyKey": "s1"}, nil)
			n.toy.Say("r3", "ann", "@bot five")
			n.has(answer("r3", "five"), 1)
			n.only(answer("r1", "one"), answer("r1", "two"), answer("r2", "three"), "r3 four", answer("r3", "five"))
			inOneRoom(t, l, id)
		})
	}
}

// TestSSEKilled: the gateway is killed while the server has taken an answer and not said so; then the room moves, and somebody
// speaks there. The answer is not said again, and what was said meanwhile is answered once, in the room that it is now.
func TestSSEKilled(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"go-sse", "ts-sse"} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			n, dir := newNetwork(t, toyfeed.Listen), t.TempDir()
			drop(t, filepath.Join(dir, "plugins", id), id)
			boot := func() *kerneltest.Kernel {
				return kerneltest.Start(t, kerneltest.Config(t, sseConfig(id, n.toy)), kerneltest.Plugin(kerneltest.Echo("echo")),
					kerneltest.StateDir(dir), kerneltest.Compiled(t), kerneltest.JavaScript())
			}
			k := boot()
			configure(k.Listen(), id, "home", "token", toyfeed.Token)
			n.there()
			k.Stop()

			n.toy.Hold(true)
			v := startVictim(t, dir, id, sseConfig(id, n.toy))
			n.there()
			n.toy.Say("r1", "ann", "@bot one")
			n.has(answer("r1", "one"), 1)
			n.toy.Move("r1", "r2")
			n.toy.Say("r2", "ann", "@bot two")
			v.kill()
			n.toy.Hold(false)

			l := boot().Listen()
			n.has(answer("r2", "two"), 1)
			if from := n.toy.Opened(); from[len(from)-1] == 0 {
				t.Errorf("the stream was opened from behind %d", from)
			}
			finished(l, "sent", 2)
			n.only(answer("r1", "one"), answer("r2", "two"))
			inOneRoom(t, l, id)
		})
	}
}
