package channel_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/channel"
	"github.com/carapace-gateway/carapace/wit"
)

// exchange answers each dial as a test says, and counts.
type exchange struct {
	mu     sync.Mutex
	dials  []wit.OpenConnection
	answer func(n int) (channel.Conn, error) // n counts from 1
}

func (x *exchange) Dial(_ context.Context, _, _ string, o wit.OpenConnection) (channel.Conn, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.dials = append(x.dials, o)
	return x.answer(len(x.dials))
}

func (x *exchange) count() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.dials)
}

func newPipe() *pipe {
	return &pipe{in: make(chan wit.Frame), out: make(chan wit.Frame, 10), closed: make(chan struct{})}
}

// opener opens gw at the start and answers events by then.
func opener(o wit.OpenConnection, then func(e *wit.ChannelEvent) *wit.ChannelAnswer) *fakePlugin {
	o.Connection = "gw"
	return &fakePlugin{event: func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
		if e.Kind == wit.EventKindStart {
			return &wit.ChannelAnswer{Open: []wit.OpenConnection{o}}, nil
		}
		if a := then(e); a != nil {
			return a, nil
		}
		return &wit.ChannelAnswer{}, nil
	}}
}

func silent(*wit.ChannelEvent) *wit.ChannelAnswer { return nil }

// delays lists what `closed` said of the next opening, in milliseconds; -1 is none.
func (p *fakePlugin) delays() (list []int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.events {
		switch {
		case e.Kind != wit.EventKindClosed:
		case e.Closed.ReopensAfter == nil:
			list = append(list, -1)
		default:
			list = append(list, *e.Closed.ReopensAfter)
		}
	}
	return list
}

func TestABrokenConnectionIsOpenedAgain(t *testing.T) {
	down := wit.NewError(wit.CodeUnavailable, "no route")
	inBubble("less and less often, until it lasts", t, func(t *testing.T) {
		gw := newPipe()
		x := &exchange{answer: func(n int) (channel.Conn, error) {
			switch {
			case n <= 12:
				return nil, down
			case n == 13:
				return gw, nil
			}
			return newPipe(), nil
		}}
		p := opener(wit.OpenConnection{Transport: wit.TransportSSE}, silent)
		w := newWorld(t, p)
		w.dialer = x
		s, _ := w.run()
		time.Sleep(20 * time.Second)
		if st := status(t, s); !strings.Contains(fmt.Sprint(st["message"]), "no route") || st["connected"] == true {
			t.Errorf("the owner sees %v", st)
		}
		time.Sleep(10 * time.Minute)
		delays := p.delays()
		for i, d := range delays {
			if full := min(500<<i, 5_000); d < int64(full/2) || d > int64(full) {
				t.Errorf("wait %d is %d ms", i, d)
			}
		}
		if len(delays) != 12 || !strings.HasSuffix(p.kinds(), "closed opened") {
			t.Fatalf("%d ends: %s", len(delays), p.kinds())
		}
		if st := status(t, s); st["message"] != nil || st["connected"] != true {
			t.Errorf("the owner sees %v", st)
		}
		gw.in <- wit.Frame{Text: ptr("x"), ID: ptr("41")}
		gw.in <- wit.Frame{Text: ptr("y"), ID: ptr("42")}
		synctest.Wait()
		close(gw.in)
		time.Sleep(time.Second)
		if delays = p.delays(); x.count() != 14 || delays[12] > 500 {
			t.Errorf("after it lasted: %d dials, %v", x.count(), delays)
		}
		if h := x.dials[13].Headers; len(h) != 1 || h[0] != (wit.Header{Name: "Last-Event-ID", Value: "42"}) {
			t.Errorf("it goes on from %v", h)
		}
		if !strings.HasSuffix(p.kinds(), "opened message message closed opened") {
			t.Errorf("events %s", p.kinds())
		}
	})
	inBubble("no faster when the plugin insists", t, func(t *testing.T) {
		x := &exchange{answer: func(int) (channel.Conn, error) { return nil, down }}
		p := opener(wit.OpenConnection{Once: true}, func(e *wit.ChannelEvent) *wit.ChannelAnswer {
			return &wit.ChannelAnswer{Open: []wit.OpenConnection{{Connection: "gw", Once: true}}}
		})
		w := newWorld(t, p)
		w.dialer = x
		_, _ = w.run()
		time.Sleep(10 * time.Minute)
		if n := x.count(); n < 100 || n > 250 {
			t.Errorf("%d dials in ten minutes", n)
		}
	})
	inBubble("not before the other side wants it", t, func(t *testing.T) {
		busy := wit.NewError(wit.CodeRateLimited, "slow down")
		busy.RetryAfter = ptr(int64(90_000))
		x := &exchange{answer: func(int) (channel.Conn, error) { return nil, busy }}
		w := newWorld(t, opener(wit.OpenConnection{}, silent))
		w.dialer = x
		_, _ = w.run()
		time.Sleep(89 * time.Second)
		if n := x.count(); n != 1 {
			t.Errorf("%d dials", n)
		}
		time.Sleep(2 * time.Second)
		if n := x.count(); n != 2 {
			t.Errorf("%d dials", n)
		}
	})
	inBubble("seldom, and visibly, when it is refused", t, func(t *testing.T) {
		x := &exchange{answer: func(n int) (channel.Conn, error) {
			if n < 4 {
				return nil, wit.NewError(wit.CodeForbidden, "host x is not permitted")
			}
			return newPipe(), nil
		}}
		p := opener(wit.OpenConnection{}, silent)
		w := newWorld(t, p)
		w.dialer = x
		s, _ := w.run()
		time.Sleep(150 * time.Second)
		if st := status(t, s); x.count() != 3 || st["message"] != "host x is not permitted" || s.Ready("chat", "main") == nil {
			t.Errorf("%d dials, the owner sees %v", x.count(), st)
		}
		time.Sleep(time.Minute)
		if err := s.Ready("chat", "main"); x.count() != 4 || err != nil {
			t.Errorf("%d dials, %v", x.count(), err)
		}
	})
	inBubble("not when it is once", t, func(t *testing.T) {
		x := &exchange{answer: func(int) (channel.Conn, error) { return nil, down }}
		p := opener(wit.OpenConnection{Once: true}, silent)
		w := newWorld(t, p)
		w.dialer = x
		s, _ := w.run()
		time.Sleep(10 * time.Minute)
		if err := s.Ready("chat", "main"); x.count() != 1 || !slices.Equal(p.delays(), []int64{-1}) || err != nil {
			t.Errorf("%d dials, %v, %v", x.count(), p.delays(), err)
		}
	})
	inBubble("not when the plugin closes it", t, func(t *testing.T) {
		x := &exchange{answer: func(int) (channel.Conn, error) { return nil, down }}
		w := newWorld(t, opener(wit.OpenConnection{}, func(*wit.ChannelEvent) *wit.ChannelAnswer {
			return &wit.ChannelAnswer{Close: []string{"gw"}}
		}))
		w.dialer = x
		_, _ = w.run()
		time.Sleep(10 * time.Minute)
		if x.count() != 1 {
			t.Errorf("%d dials", x.count())
		}
	})
}

func TestFramesOfAConnection(t *testing.T) {
	inBubble("few are read while one is handled", t, func(t *testing.T) {
		const ahead = 30
		gw, gate := newPipe(), make(chan struct{})
		p := opener(wit.OpenConnection{}, func(e *wit.ChannelEvent) *wit.ChannelAnswer {
			if e.Kind == wit.EventKindMessage {
				<-gate
			}
			return nil
		})
		w := newWorld(t, p)
		w.dialer = &exchange{answer: func(int) (channel.Conn, error) { return gw, nil }}
		_, _ = w.run()
		for range ahead {
			gw.in <- wit.Frame{Text: ptr("one")}
			synctest.Wait()
		}
		select {
		case gw.in <- wit.Frame{Text: ptr("two")}:
			t.Error("one more is read while the plugin is busy")
		default:
		}
		close(gate)
		gw.in <- wit.Frame{Text: ptr("two")}
	})
	inBubble("a peer that takes none is given up", t, func(t *testing.T) {
		stuck, gate := newPipe(), make(chan struct{})
		x := &exchange{answer: func(n int) (channel.Conn, error) {
			if n == 1 {
				return stuck, nil
			}
			return newPipe(), nil
		}}
		p := opener(wit.OpenConnection{}, func(e *wit.ChannelEvent) *wit.ChannelAnswer {
			if e.Kind != wit.EventKindMessage {
				return nil
			}
			<-gate // until both are read: nothing is read behind many frames that wait
			a := &wit.ChannelAnswer{}
			for range 60 {
				a.Frames = append(a.Frames, wit.Frame{Connection: "gw", Text: ptr("x")})
			}
			return a
		})
		w := newWorld(t, p)
		w.dialer = x
		_, _ = w.run()
		for range 2 {
			stuck.in <- wit.Frame{Text: ptr("go")}
			synctest.Wait()
		}
		close(gate)
		synctest.Wait()
		quit := make(chan struct{})
		defer close(quit)
		go func() { // a write that waits would end with a real connection
			for {
				select {
				case <-stuck.out:
				case <-quit:
					return
				}
			}
		}()
		time.Sleep(time.Second)
		if x.count() != 2 || !strings.HasSuffix(p.kinds(), "closed opened") {
			t.Errorf("%d dials, events %s", x.count(), p.kinds())
		}
		for _, e := range p.seen() {
			if e.Closed != nil && !strings.Contains(e.Closed.Reason, "takes no frames") {
				t.Errorf("the plugin is told %q", e.Closed.Reason)
			}
			if e.Message != nil && e.Message.Connection != "gw" {
				t.Errorf("a frame of connection %q", e.Message.Connection)
			}
		}
	})
}
