package kernel_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestAPersonStopsAndStartsOver with words: /stop ends a long answer at once, /new forgets.
func TestAPersonStopsAndStartsOver(t *testing.T) {
	t.Parallel()
	p := kerneltest.NewPlatform(t)
	begun := make(chan int, 10)
	owned := kerneltest.Config(t, fmt.Sprintf(`{"owners":["chat:ann"],"channels":{"chat":{"accounts":{"home":{"config":{"root":%q}}}}}}`, p.URL))
	k := kerneltest.Start(t, owned, kerneltest.Plugin(kerneltest.Channel("chat"),
		kerneltest.Provider("brain", func(ctx context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
			begun <- len(c.Turns)
			if strings.Contains(kerneltest.Heard(c), "think") {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return kerneltest.Says(fmt.Sprint("I remember ", len(c.Turns), " turns")), nil
		})))
	l := k.Listen()
	setToken(l)
	p.Say("ann", "hello")
	p.Answered("I remember 1 turns")
	<-begun
	p.Say("ann", "think hard")
	<-begun
	p.Say("ann", "/stop")
	if end := l.End("channel:chat/home/m2"); end.State != "aborted" {
		t.Errorf("%+v", end)
	}
	p.Say("ann", "/new")
	p.Until("there is an answer to /new", func(posts []kerneltest.Post) bool { return len(posts) >= 3 })
	p.Say("ann", "hello again")
	p.Until("it is answered", func(posts []kerneltest.Post) bool { return count(posts, "I remember 1 turns") == 2 })
}

// TestASessionEndsWhileItIsBusy: a reset ends what runs, and what was said after it begins anew; a
// deletion ends what waits as well.
func TestASessionEndsWhileItIsBusy(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{}, 10)
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Provider("brain", func(ctx context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
		if strings.Contains(kerneltest.Heard(c), "wait") {
			begun <- struct{}{}
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return kerneltest.Says(fmt.Sprint(len(c.Turns))), nil
	})))
	l := k.Listen()
	l.Ask("one", "hi")
	if got := l.Ask("two", "hi"); got != "3" {
		t.Errorf("%s turns", got)
	}
	l.Send("busy", "wait")
	l.Send("after", "hi")
	<-begun
	l.MustCall("sessions.reset", map[string]any{"key": "main"}, nil)
	if end := l.End("busy"); end.State != "aborted" {
		t.Errorf("%+v", end)
	}
	if got := kerneltest.Text(l.End("after").Message); got != "1" {
		t.Errorf("after the reset: %s turns", got)
	}

	for _, run := range []string{"running", "waiting"} {
		l.MustCall("chat.send", map[string]any{"sessionKey": "other", "message": "wait", "idempotencyKey": run}, nil)
	}
	<-begun
	l.MustCall("sessions.delete", map[string]any{"key": "other"}, nil)
	for _, run := range []string{"running", "waiting"} {
		if end := l.End(run); end.State != "aborted" {
			t.Errorf("%+v", end)
		}
	}
	var list struct{ Sessions []struct{ Key string } }
	l.MustCall("sessions.list", nil, &list)
	if len(list.Sessions) != 1 || list.Sessions[0].Key != "agent:main:main" {
		t.Errorf("%+v", list)
	}
	onceEach(t, l, []string{"one", "two", "busy", "after", "running", "waiting"})
}
