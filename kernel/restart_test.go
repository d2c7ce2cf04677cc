package kernel_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/gateway/gatewaytest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/logs"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/wit"
)

// TestRunsGoOnAfterARestart: what was running or waiting when the gateway stopped is answered by the
// next one on the same state directory, each once and none with nothing.
func TestRunsGoOnAfterARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	begun := make(chan struct{}, 100)
	stuck := kerneltest.Provider("brain", func(ctx context.Context, _ *wit.Chat) (*wit.ProviderAnswer, error) {
		begun <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	})
	first := kerneltest.Start(t, kerneltest.StateDir(dir), kerneltest.Plugin(stuck))
	l := first.Listen()
	var ids []string
	for i := range 5 {
		ids = append(ids, fmt.Sprint("run ", i))
		l.Send(ids[i], ids[i])
	}
	<-begun
	first.Stop() // the model answers no sooner than that its call is ended
	for _, c := range l.Chats("") {
		if c.State != "delta" {
			t.Errorf("a run ended with the gateway: %+v", c)
		}
	}

	second := kerneltest.Start(t, kerneltest.StateDir(dir), kerneltest.Plugin(kerneltest.Echo("brain")))
	l = second.Listen()
	for _, id := range ids {
		var done struct{ Status string }
		l.MustCall("agent.wait", map[string]any{"runId": id, "timeoutMs": kerneltest.Patience.Milliseconds()}, &done)
		if done.Status != "ok" {
			t.Errorf("%s: %+v", id, done)
		}
	}
	var history chat.History
	l.MustCall("chat.history", map[string]any{"sessionKey": "main"}, &history)
	var said []string
	for i := range history.Messages {
		said = append(said, kerneltest.Text(&history.Messages[i]))
	}
	var want []string
	for _, id := range ids {
		want = append(want, id, "you said: "+id)
	}
	if strings.Join(said, "|") != strings.Join(want, "|") {
		t.Errorf("the history is\n %q, not\n %q", said, want)
	}
	var again struct{ Status string }
	l.MustCall("chat.send", map[string]any{"sessionKey": "main", "message": "x", "idempotencyKey": ids[0]}, &again)
	if again.Status != "ok" {
		t.Errorf("a key of before the restart: %+v", again)
	}
	second.Stop()
	second.Stop()
	if left, err := filepath.Glob(filepath.Join(dir, kernel.EndpointFile)); err != nil || len(left) > 0 {
		t.Errorf("a stopped gateway leaves %v %v", left, err)
	}
}

// TestOneGatewayPerStateDirectory: a second one says so in a line, and takes nothing from the first.
func TestOneGatewayPerStateDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	k := kerneltest.Start(t, kerneltest.StateDir(dir), kerneltest.Plugin(kerneltest.Echo("echo")))
	log, err := logs.New(logs.Config{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = kernel.New(t.Context(), kernel.Options{StateDir: dir, Version: "1.0.0", Log: log, Listener: gatewaytest.NewListener()})
	if err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("a second gateway: %v", err)
	}
	if got := k.Listen().Ask("r1", "hi"); got != "you said: hi" {
		t.Errorf("%q", got)
	}
}

// TestKilledAgainAndAgain: people talk while the gateway is killed with SIGKILL at random moments. No
// message is lost, and an answer comes twice only where the kill fell between the platform's taking it
// and its record, which the same key tells.
func TestKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	p := kerneltest.NewPlatform(t)
	dir := t.TempDir()
	prepare(t, dir)
	const rounds, each = 6, 15
	said := 0
	for range rounds {
		v := startVictim(t, p, dir)
		before := len(p.Posts())
		for range each {
			p.Say(fmt.Sprint("person ", said%4), fmt.Sprint("message ", said))
			said++
		}
		some := before + 1 + rand.IntN(each)
		p.Until("some are answered", func(posts []kerneltest.Post) bool { return len(posts) >= some })
		v.kill()
	}
	k := kerneltest.Start(t, kerneltest.StateDir(dir), account(t, p, openToAll),
		kerneltest.Plugin(kerneltest.Channel("chat", func(m *wit.Manifest) { m.Provides.Channel.Deduplicates = false }), kerneltest.Echo("echo")))
	for i := range said {
		p.Answered(fmt.Sprint("you said: message ", i))
	}
	k.Stop() // what would still be sent twice has been sent now
	repeated, keys := 0, map[string]string{}
	for _, q := range p.Posts() {
		if q.Repeated {
			repeated++
		}
		if old, known := keys[q.Text]; known && old != q.Key {
			t.Errorf("%q went out under the keys %s and %s", q.Text, old, q.Key)
		}
		keys[q.Text] = q.Key
	}
	if len(keys) != said {
		t.Errorf("%d messages, %d different answers", said, len(keys))
	}
	// The send window of a kill holds at most one message of each conversation.
	if repeated > rounds*4 {
		t.Errorf("%d answers came twice in %d kills", repeated, rounds)
	}
	t.Logf("%d messages, %d kills, %d answers came twice", said, rounds, repeated)
}
