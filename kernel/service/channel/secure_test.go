package channel_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/channel"
	"github.com/carapace-gateway/carapace/wit"
)

// upgrader opens gw, has it secured when the peer agrees, and says EHLO each time that it is opened.
func upgrader() *fakePlugin {
	say := func(text string) []wit.Frame { return []wit.Frame{{Connection: "gw", Text: &text}} }
	return opener(wit.OpenConnection{Transport: wit.TransportTCP, URL: "tcp://mail.example:25"}, func(e *wit.ChannelEvent) *wit.ChannelAnswer {
		switch {
		case e.Kind == wit.EventKindOpened && e.Opened.Secured:
			return &wit.ChannelAnswer{Frames: say("AUTH"), State: wit.JSON(`"secured"`)}
		case e.Kind == wit.EventKindOpened:
			return &wit.ChannelAnswer{Frames: say("STARTTLS"), State: wit.JSON(`"plain"`)}
		case e.Kind == wit.EventKindMessage && *e.Message.Text == "go":
			return &wit.ChannelAnswer{Secure: []string{"gw"}, Frames: say("EHLO")}
		case e.Kind == wit.EventKindMessage && *e.Message.Text == "wait":
			return &wit.ChannelAnswer{Timers: []wit.Timer{{ID: "late", After: 1000}}}
		case e.Kind == wit.EventKindTimer:
			return &wit.ChannelAnswer{Secure: []string{"gw", "none"}, Frames: say("EHLO")}
		}
		return nil
	})
}

// written are the frames that the peer has got, without those that it has not.
func (c *pipe) written() string {
	synctest.Wait()
	var list []string
	for len(c.out) > 0 {
		list = append(list, *(<-c.out).Text)
	}
	return strings.Join(list, " ")
}

func TestAConnectionGoesOnEncrypted(t *testing.T) {
	start := func(t *testing.T, pipes ...*pipe) (*fakePlugin, *channel.Service) {
		p := upgrader()
		w := newWorld(t, p)
		w.dialer = &exchange{answer: func(n int) (channel.Conn, error) { return pipes[n-1], nil }}
		s, _ := w.run()
		synctest.Wait()
		return p, s
	}
	inBubble("and what is said with it and after waits for that", t, func(t *testing.T) {
		gw := newPipe()
		p, s := start(t, gw)
		before := link(t, s)
		if got := gw.written(); got != "STARTTLS" {
			t.Errorf("first it says %q", got)
		}
		gw.in <- wit.Frame{Text: new("go")}
		if got := gw.written(); got != "(encrypted) EHLO AUTH" || !strings.HasSuffix(p.kinds(), "opened message opened") {
			t.Errorf("then it says %q, at %s", got, p.kinds())
		}
		if _, err := before.Write(t.Context(), frames("a")); wit.CodeOf(err) != wit.CodeUnavailable {
			t.Errorf("a send that began in plain text: %v", err)
		}
		now := link(t, s)
		if _, err := now.Write(t.Context(), frames("b")); err != nil || gw.written() != "b" || state(t, now) != `"secured"` {
			t.Errorf("a send: %v", err)
		}
		gw.in <- wit.Frame{Text: new("x")}
		close(gw.in)
		synctest.Wait()
		if !strings.HasSuffix(p.kinds(), "opened message closed") {
			t.Errorf("events: %s", p.kinds())
		}
	})
	inBubble("or not at all", t, func(t *testing.T) {
		first, second := newPipe(), newPipe()
		first.insecure = wit.NewError(wit.CodeUnavailable, "the certificate is another's")
		p, _ := start(t, first, second)
		first.in <- wit.Frame{Text: new("go")}
		if got := first.written(); got != "STARTTLS (encrypted)" || !strings.HasSuffix(p.kinds(), "message closed") {
			t.Errorf("it says %q, at %s", got, p.kinds())
		}
		time.Sleep(time.Second)
		if got := second.written(); got != "STARTTLS" {
			t.Errorf("again it says %q", got)
		}
	})
	inBubble("and only where the peer has just agreed", t, func(t *testing.T) {
		first, second := newPipe(), newPipe()
		p, _ := start(t, first, second)
		first.in <- wit.Frame{Text: new("wait")}
		time.Sleep(1100 * time.Millisecond)
		if got := first.written(); got != "STARTTLS" || !strings.HasSuffix(p.kinds(), "timer closed") {
			t.Errorf("it says %q, at %s", got, p.kinds())
		}
	})
	inBubble("while it may end", t, func(t *testing.T) {
		gw := newPipe()
		p, _ := start(t, gw)
		gw.in <- wit.Frame{Text: new("go")}
		_ = gw.Close()
		synctest.Wait()
		if !strings.HasSuffix(p.kinds(), "closed") {
			t.Errorf("events: %s", p.kinds())
		}
	})
}
