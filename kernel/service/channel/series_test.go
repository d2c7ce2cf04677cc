package channel_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/channel"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// counting is a store that counts its transactions.
type counting struct {
	store.Store
	updates atomic.Int64
}

func (c *counting) Update(ctx context.Context, fn func(store.Tx) error) error {
	c.updates.Add(1)
	return c.Store.Update(ctx, fn)
}

// stream is a plugin whose connection brings messages, one each frame, and whose state is a list of them. The first one
// waits for gate.
func stream(gate <-chan struct{}, then func(body string, e *wit.ChannelEvent, a *wit.ChannelAnswer) error) *fakePlugin {
	p := opener(wit.OpenConnection{}, silent)
	opens := p.event
	p.facts.Operations = []string{"skip"}
	p.skip = func(e *wit.ChannelEvent) (*wit.NewState, error) { return &wit.NewState{State: e.State}, nil }
	p.event = func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
		if e.Kind != wit.EventKindMessage {
			return opens(e)
		}
		body := *e.Message.Text
		if body == "first" {
			<-gate
		}
		var list string
		if e.State != nil {
			list = strings.Trim(string(e.State), `"`) + " "
		}
		a := &wit.ChannelAnswer{State: wit.JSON(fmt.Sprintf("%q", list+body)), Messages: []wit.Message{text(body, body)},
			Frames: []wit.Frame{{Connection: "gw", Text: ptr("seen " + body)}}}
		return a, then(body, e, a)
	}
	return p
}

func nothing(string, *wit.ChannelEvent, *wit.ChannelAnswer) error { return nil }

// streamed is a service whose stream has been sent frames while the first one was handled.
type streamed struct {
	*world
	gw     *pipe
	gate   chan struct{}
	before func(body string)
}

func startStream(t *testing.T, then func(body string, e *wit.ChannelEvent, a *wit.ChannelAnswer) error, bodies ...string) (*streamed, *channel.Service) {
	s := &streamed{gw: newPipe(), gate: make(chan struct{})}
	s.gw.out = make(chan wit.Frame, 1000)
	s.world = newWorld(t, stream(s.gate, then))
	s.world.dialer = &exchange{answer: func(int) (channel.Conn, error) { return s.gw, nil }}
	s.world.store = &counting{Store: s.world.store}
	s.world.registry = finder{s.world, func(body string) {
		if s.before != nil {
			s.before(body)
		}
	}}
	service, _ := s.run()
	synctest.Wait()
	for _, body := range append([]string{"first"}, bodies...) {
		s.gw.in <- wit.Frame{Text: &body}
		synctest.Wait()
	}
	return s, service
}

// goOn lets the first one be handled, and all that follow, and returns how many transactions that took.
func (s *streamed) goOn() (updates int64) {
	before := s.world.store.(*counting).updates.Load()
	close(s.gate)
	synctest.Wait()
	return s.world.store.(*counting).updates.Load() - before
}

// frames are what was written, in order.
func (s *streamed) frames() (list []string) {
	for len(s.gw.out) > 0 {
		list = append(list, strings.TrimPrefix(*(<-s.gw.out).Text, "seen "))
	}
	return list
}

// state is what the store has of the account.
func (s *streamed) state() string {
	st, err := s.inbox.State(s.t.Context(), message.Account{Channel: "chat", ID: "main"})
	if err != nil {
		s.t.Error(err)
	}
	return strings.Trim(string(st.State), `"`)
}

// TestMessagesThatCameTogether are handled in order, each with the state of the one before, and committed at once.
func TestMessagesThatCameTogether(t *testing.T) {
	inBubble("all of them", t, func(t *testing.T) {
		s, _ := startStream(t, nothing, "b", "c", "d", "e")
		if updates := s.goOn(); updates != 2 {
			t.Errorf("five messages, of which four came during the first one, took %d transactions", updates)
		}
		want := []string{"first", "b", "c", "d", "e"}
		if got := s.frames(); !slices.Equal(got, want) {
			t.Errorf("written %q", got)
		}
		if len(s.turns()) != 5 || s.state() != strings.Join(want, " ") {
			t.Errorf("%d turns, the state is %q", len(s.turns()), s.state())
		}
	})
	inBubble("until one cannot be handled, which alone is tried again", t, func(t *testing.T) {
		s, _ := startStream(t, func(body string, _ *wit.ChannelEvent, _ *wit.ChannelAnswer) error {
			if body == "bad" {
				return wit.NewError(wit.CodeInternal, "what is this?")
			}
			return nil
		}, "b", "bad", "d", "e")
		s.goOn()
		if got := s.frames(); !slices.Equal(got, []string{"first", "b"}) {
			t.Errorf("written before the bad one: %q", got)
		}
		time.Sleep(time.Minute)
		if got := s.frames(); !slices.Equal(got, []string{"d", "e"}) || s.state() != "first b d e" {
			t.Errorf("written behind the bad one: %q, the state is %q", got, s.state())
		}
		tried := 0
		for _, e := range s.plugins["chat"].seen() {
			if e.Message != nil && *e.Message.Text == "bad" {
				tried++
			}
		}
		if tried != 5 { // once behind b, and four times by itself
			t.Errorf("the bad one was tried %d times", tried)
		}
	})
	inBubble("until one is refused, which alone is", t, func(t *testing.T) {
		s, _ := startStream(t, nothing, "b", "c", "d")
		s.refuses = "c"
		s.goOn()
		time.Sleep(time.Minute)
		if got := s.frames(); !slices.Equal(got, []string{"first", "b", "d"}) || len(s.turns()) != 3 {
			t.Errorf("written %q, %d turns", got, len(s.turns()))
		}
	})
	inBubble("until an answer changes what the next one depends on", t, func(t *testing.T) {
		s, _ := startStream(t, func(body string, _ *wit.ChannelEvent, a *wit.ChannelAnswer) error {
			if body == "b" {
				a.Status = &wit.AccountStatus{State: wit.ConnectionStateConnected, Self: &wit.Person{ID: "u1"}}
			}
			return nil
		}, "b", "c", "d")
		if updates := s.goOn(); updates != 3 {
			t.Errorf("%d transactions", updates)
		}
		if turns := s.turns(); len(turns) != 2 { // c and d are the bot's own
			t.Errorf("%d turns", len(turns))
		}
	})
	inBubble("until the plugin is replaced", t, func(t *testing.T) {
		var s *streamed
		next := stream(nil, nothing)
		next.version = "2.0.0"
		s, _ = startStream(t, func(body string, _ *wit.ChannelEvent, _ *wit.ChannelAnswer) error {
			if body == "b" {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.plugins["chat"] = next
			}
			return nil
		}, "b", "c", "d")
		s.goOn()
		if got := len(next.seen()); got != 3 || s.state() != "first b c d" {
			t.Errorf("the new version has seen %d events, the state is %q", got, s.state())
		}
	})
	inBubble("and what a stop leaves is not handled", t, func(t *testing.T) {
		s, service := startStream(t, nothing, "b", "c")
		if err := call(t, service, "channels.stop", `{"channel":"chat","accountId":"main"}`, nil); err != nil {
			t.Fatal(err)
		}
		s.goOn()
		if len(s.turns()) != 1 || s.state() != "first" {
			t.Errorf("%d turns, the state is %q", len(s.turns()), s.state())
		}
	})
}

// TestAPeerThatTakesNothing and sends on is not listened to until it takes something.
func TestAPeerThatTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gw, gate := newPipe(), make(chan struct{})
		gw.out = make(chan wit.Frame)
		close(gate)
		w := newWorld(t, stream(gate, nothing))
		x := &exchange{answer: func(int) (channel.Conn, error) { return gw, nil }}
		w.dialer = x
		_, _ = w.run()
		synctest.Wait()
		sent := 0
		for full := false; !full; synctest.Wait() {
			select {
			case gw.in <- wit.Frame{Text: ptr(fmt.Sprint("m", sent))}:
				sent++
			default:
				full = true
			}
		}
		if sent < 10 || sent > 90 || x.count() != 1 {
			t.Errorf("%d messages were read, over %d connections", sent, x.count())
		}
		for range sent {
			<-gw.out
		}
		for n := range 200 {
			gw.in <- wit.Frame{Text: ptr(fmt.Sprint("n", n))}
			<-gw.out
		}
		synctest.Wait()
		if len(w.turns()) != sent+200 || x.count() != 1 {
			t.Errorf("%d turns of %d, %d connections", len(w.turns()), sent+200, x.count())
		}
	})
}

// current is a plugin as the registry gives it: each call goes to the code of that moment.
type current struct{ finder }

func (c current) now() channel.Plugin {
	p, _ := c.world.Channel("chat")
	return p
}

func (c current) Facts() *wit.ChannelFacts { return c.now().Facts() }
func (c current) Version() string          { return c.now().Version() }
func (c current) Build() string            { return c.now().Build() }
func (c current) Event(ctx context.Context, e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	if c.before != nil && e.Message != nil {
		c.before(*e.Message.Text)
	}
	return c.now().Event(ctx, e)
}
func (c current) Skip(ctx context.Context, e *wit.ChannelEvent) (*wit.NewState, error) {
	return c.now().Skip(ctx, e)
}
func (c current) Migrate(ctx context.Context, m *wit.Migration) (*wit.NewState, error) {
	return c.now().Migrate(ctx, m)
}
func (c current) Do(ctx context.Context, account string, r *wit.HTTPRequest) (*wit.HTTPResponse, error) {
	return c.now().Do(ctx, account, r)
}

func (c current) Setting(account, field string) string { return c.now().Setting(account, field) }

// finder gives out such plugins. before, if it is set, is told of a message that is about to be handled.
type finder struct {
	*world
	before func(body string)
}

func (f finder) Channel(id string) (channel.Plugin, bool) {
	_, ok := f.world.Channel(id)
	return current{f}, ok
}

// TestAnUpgradeWhileAnEventIsHandled: what the old code answers is in the old form, and the new code never sees that,
// whenever it takes the other's place.
func TestAnUpgradeWhileAnEventIsHandled(t *testing.T) {
	for _, when := range []string{"a moment before", "during the call"} {
		inBubble(when, t, func(t *testing.T) {
			var s *streamed
			next := migrating()
			upgrade := func(body string, moment string) {
				if body == "b" && when == moment {
					s.mu.Lock()
					defer s.mu.Unlock()
					s.plugins["chat"] = next
				}
			}
			s, _ = startStream(t, func(body string, _ *wit.ChannelEvent, _ *wit.ChannelAnswer) error {
				upgrade(body, "during the call")
				return nil
			}, "b", "c")
			s.before = func(body string) { upgrade(body, "a moment before") }
			s.goOn()
			if s.state() != "two: first b c" || len(s.turns()) != 3 || len(s.rollbacks) > 0 {
				t.Errorf("the state is %q, %d turns, put back: %q\n%s", s.state(), len(s.turns()), s.rollbacks, s.log.String())
			}
		})
	}
}

// migrating is a stream of version 2, whose states begin with "two:".
func migrating() *fakePlugin {
	p := stream(nil, func(_ string, e *wit.ChannelEvent, _ *wit.ChannelAnswer) error {
		if !strings.HasPrefix(string(e.State), `"two:`) {
			return wit.Errorf(wit.CodeInternal, "the state %s is not mine", e.State)
		}
		return nil
	})
	p.version = "2.0.0"
	p.facts.Operations = append(p.facts.Operations, "migrate")
	p.migrate = func(m *wit.Migration) (*wit.NewState, error) {
		if m.FromVersion != "1.0.0" || strings.Contains(string(m.State), "two:") {
			return nil, wit.Errorf(wit.CodeInternal, "asked to migrate %s of version %s", m.State, m.FromVersion)
		}
		return &wit.NewState{State: wit.JSON(`"two: ` + strings.Trim(string(m.State), `"`) + `"`)}, nil
	}
	return p
}
