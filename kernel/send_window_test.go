package kernel_test

import (
	"context"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestTheOwnerDecidesAboutTheSendWindow: the gateway is killed while a platform that cannot tell
// repetitions has taken a message and not answered yet. With afterCrash hold the next gateway asks
// instead of sending again.
func TestTheOwnerDecidesAboutTheSendWindow(t *testing.T) {
	t.Parallel()
	p := kerneltest.NewPlatform(t)
	dir := t.TempDir()
	prepare(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p.Hang(ctx)
	v := startVictim(t, p, dir)
	p.Say("ann", "hello")
	p.Answered("you said: hello")
	v.kill()
	cancel()

	k := kerneltest.Start(t, kerneltest.StateDir(dir), holding(t, p),
		kerneltest.Plugin(kerneltest.Channel("chat", func(m *wit.Manifest) { m.Provides.Channel.Deduplicates = false }), kerneltest.Echo("echo")))
	l := k.Listen()
	p.Say("bob", "hello too")
	p.Answered("you said: hello too")
	var list struct {
		Messages []struct{ ID, State string }
	}
	l.MustCall("delivery.list", map[string]any{"state": "held"}, &list)
	if len(list.Messages) != 1 || list.Messages[0].State != "held" {
		t.Fatalf("%+v\n%s", list, &v.log)
	}
	if n := count(p.Posts(), "you said: hello"); n != 1 {
		t.Errorf("held, and sent %d times", n)
	}
	l.MustCall("delivery.release", map[string]any{"id": list.Messages[0].ID}, nil)
	p.Until("it is sent again", func(posts []kerneltest.Post) bool { return count(posts, "you said: hello") == 2 })
}

// holding is account with messages held after a crash.
func holding(t *testing.T, p *kerneltest.Platform) kerneltest.Option {
	t.Helper()
	return kerneltest.Config(t, `{"delivery":{"afterCrash":"hold"},"channels":{"chat":{"accounts":{"home":{"dmPolicy":"open","config":{"root":"`+p.URL+`"}}}}}}`)
}
