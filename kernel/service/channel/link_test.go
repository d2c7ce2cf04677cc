package channel_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/channel"
	"github.com/carapace-gateway/carapace/wit"
)

// linked opens gw, and keeps how often that was opened as its state.
func linked() *fakePlugin {
	return opener(wit.OpenConnection{Transport: wit.TransportTCP}, func(e *wit.ChannelEvent) *wit.ChannelAnswer {
		if e.Kind != wit.EventKindOpened {
			return nil
		}
		n := 0
		_, _ = fmt.Sscan(string(e.State), &n)
		return &wit.ChannelAnswer{State: wit.JSON(fmt.Sprint(n + 1))}
	})
}

func link(t *testing.T, s *channel.Service) *channel.Link {
	t.Helper()
	l, err := s.Link("chat", "main")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func state(t *testing.T, l *channel.Link) string {
	t.Helper()
	s, err := l.State(t.Context())
	if err != nil {
		t.Error(err)
	}
	return string(s)
}

func frames(texts ...string) (list []wit.Frame) {
	for _, text := range texts {
		list = append(list, wit.Frame{Connection: "gw", Text: &text})
	}
	return list
}

func isOver(ended <-chan struct{}) bool {
	synctest.Wait()
	select {
	case <-ended:
		return true
	default:
		return false
	}
}

func TestALinkIsAnAccountAtOneMoment(t *testing.T) {
	inBubble("its connections are those of then", t, func(t *testing.T) {
		first, second := newPipe(), newPipe()
		x := &exchange{answer: func(n int) (channel.Conn, error) { return []channel.Conn{first, second}[n-1], nil }}
		w := newWorld(t, linked())
		w.dialer = x
		s, _ := w.run()
		synctest.Wait()
		old := link(t, s)
		ended, err := old.Write(t.Context(), frames("a", "b"))
		if err != nil || *(<-first.out).Text != "a" || *(<-first.out).Text != "b" || state(t, old) != "1" || isOver(ended) {
			t.Fatalf("%v, state %s", err, state(t, old))
		}
		close(first.in)
		if !isOver(ended) {
			t.Error("the connection has ended, and who waits is not told")
		}
		if _, err := link(t, s).Write(t.Context(), frames("c")); wit.CodeOf(err) != wit.CodeUnavailable {
			t.Errorf("while it is broken: %v", err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if _, err := old.Write(t.Context(), frames("c")); wit.CodeOf(err) != wit.CodeUnavailable || len(second.out) != 0 {
			t.Errorf("what was meant for the first connection: %v", err)
		}
		now := link(t, s)
		if _, err := now.Write(t.Context(), frames("d")); err != nil || *(<-second.out).Text != "d" || state(t, now) != "2" {
			t.Errorf("%v, state %s", err, state(t, now))
		}
		mixed := append(frames("e"), wit.Frame{Connection: "other", Text: new("f")})
		if _, err := now.Write(t.Context(), mixed); wit.CodeOf(err) != wit.CodeUnavailable || len(second.out) != 0 {
			t.Errorf("one of two is not open: %v", err)
		}
		if _, err := s.Link("chat", "none"); wit.CodeOf(err) != wit.CodeUnavailable {
			t.Errorf("no such account: %v", err)
		}
	})
	inBubble("what came before the end is handled before the end is told", t, func(t *testing.T) {
		gw, slow := newPipe(), make(chan struct{})
		p := linked()
		then := p.event
		p.event = func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
			if e.Kind == wit.EventKindMessage {
				<-slow
			}
			return then(e)
		}
		w := newWorld(t, p)
		w.dialer = &exchange{answer: func(int) (channel.Conn, error) { return gw, nil }}
		s, _ := w.run()
		synctest.Wait()
		ended, err := link(t, s).Write(t.Context(), frames("a"))
		if err != nil {
			t.Fatal(err)
		}
		gw.in <- wit.Frame{Text: new("confirmed")}
		close(gw.in)
		if isOver(ended) {
			t.Error("told before the message was handled")
		}
		close(slow)
		if !isOver(ended) {
			t.Error("not told")
		}
	})
	inBubble("a peer that takes nothing holds up who writes, for as long as they like", t, func(t *testing.T) {
		gw := newPipe()
		gw.out = make(chan wit.Frame)
		w := newWorld(t, linked())
		w.dialer = &exchange{answer: func(int) (channel.Conn, error) { return gw, nil }}
		s, _ := w.run()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		codes := make(chan wit.Code, 2)
		for range 2 {
			go func() {
				_, err := link(t, s).Write(ctx, frames("a"))
				codes <- wit.CodeOf(err)
			}()
		}
		first, second := <-codes, <-codes
		if first > second {
			first, second = second, first
		}
		if first != wit.CodeTimeout || second != wit.CodeUnavailable {
			t.Errorf("%s for what may have been written, and %s for what was not", first, second)
		}
		<-gw.out
	})
	inBubble("another version is given its own form of the state", t, func(t *testing.T) {
		w := newWorld(t, linked())
		w.dialer = &exchange{answer: func(int) (channel.Conn, error) { return newPipe(), nil }}
		s, _ := w.run()
		synctest.Wait()
		next := linked()
		next.version, next.facts.Operations = "2.0.0", []string{"migrate"}
		next.migrate = func(m *wit.Migration) (*wit.NewState, error) {
			return &wit.NewState{State: wit.JSON(`"` + m.FromVersion + " " + string(m.State) + `"`)}, nil
		}
		w.upgrade(next)
		synctest.Wait()
		if got := state(t, link(t, s)); got != `"1.0.0 1"` {
			t.Errorf("state %s", got)
		}
		next.migrate = func(*wit.Migration) (*wit.NewState, error) {
			return nil, wit.NewError(wit.CodeInternal, "a bug")
		}
		if _, err := link(t, s).State(t.Context()); wit.CodeOf(err) != wit.CodeUnavailable {
			t.Errorf("no form of it: %v", err)
		}
	})
}
