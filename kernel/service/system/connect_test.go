package system_test

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
)

// TestASetupConnectsOnce: an account that is set up, with its credential and with a test of both, starts once, and once more with a
// credential that is another, or is to be tested again.
func TestASetupConnectsOnce(t *testing.T) {
	p := kerneltest.NewPlatform(t)
	chat := kerneltest.Channel("chat")
	var starts atomic.Int32
	event := chat.Exports["channel_event"]
	chat.Exports["channel_event"] = func(ctx context.Context, in []byte) ([]byte, error) {
		if bytes.Contains(in, []byte(`"kind":"start"`)) {
			starts.Add(1)
		}
		return event(ctx, in)
	}
	l := kerneltest.Start(t, kerneltest.Plugin(chat, kerneltest.Echo("echo")), kerneltest.Config(t, `{}`)).Listen()
	for n, step := range []params{
		{"config": params{"root": p.URL}, "secrets": params{"token": "platform-token"}, "access": params{"dmPolicy": "open"}, "test": true},
		{"secrets": params{"token": "platform-token"}, "test": true},
		{"secrets": params{"token": "platform-token"}},
	} {
		step["id"], step["account"] = "chat", "home"
		l.MustCall("plugins.configure", step, nil)
		said := fmt.Sprint("hello ", n)
		p.Say("ann", said)
		p.Answered("you said: " + said)
		if got := int(starts.Load()); got != n+1 {
			t.Errorf("%d starts after %d setups", got, n+1)
		}
	}
}
