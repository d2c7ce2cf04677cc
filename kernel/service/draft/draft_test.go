package draft_test

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/kernel/service/draft"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// world is a platform with its plugin, hooks, and an owner.
type world struct {
	t     *testing.T
	store store.Store
	facts wit.ChannelFacts
	off   bool // the owner wants no drafts
	cut   bool // sends take effect, and their answers do not arrive
	ahead bool // messages wait to be sent there

	unseen error // what the platform answers to a preview

	over []wit.Frame // what is written on connections for each message and change

	mu     sync.Mutex
	did    []string // "+text" is a new message, "=text" a change, "~text" a preview
	refuse error    // what the platform answers
	veto   bool
	slow   time.Duration // how long the platform takes
}

func newWorld(t *testing.T) *world {
	return &world{t: t, store: store.OpenMemory(), facts: wit.ChannelFacts{DraftInterval: 1000, Operations: []string{"edit"}, Markup: wit.MarkupMarkdown, MaxLength: 60}}
}

func (w *world) do(what string) error {
	time.Sleep(w.slow)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refuse == nil {
		w.did = append(w.did, what)
	}
	return w.refuse
}

func (w *world) seen() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.did, "|")
}

func (w *world) Facts() *wit.ChannelFacts { return &w.facts }
func (w *world) Send(_ context.Context, s *wit.ChannelSend) (*wit.Sent, error) {
	if err := w.do("+" + s.Text); err != nil || w.cut {
		return nil, cmp.Or(err, error(wit.NewError(wit.CodeUnavailable, "it closed the connection without an answer")))
	}
	return &wit.Sent{IDs: []string{"m"}, Frames: w.over, Awaits: &wit.Awaited{Token: "t"}}, nil
}
func (w *world) Edit(_ context.Context, e *wit.ChannelEdit) (*wit.Sent, error) {
	return &wit.Sent{Frames: w.over}, w.do("=" + e.Text)
}
func (w *world) Preview(_ context.Context, p *wit.ChannelPreview) (*wit.Sent, error) {
	if w.unseen != nil {
		return nil, w.unseen
	}
	return &wit.Sent{}, w.do("~" + p.Text)
}
func (w *world) Sender(string) (delivery.Sender, bool)           { return w, true }
func (w *world) Ready(string, string) error                      { return nil }
func (w *world) ConnectedSince(string, string) time.Time         { return time.Time{} }
func (w *world) Account(string, string) (message.Account, error) { return message.Account{}, nil }
func (w *world) Default() (string, bool)                         { return "", false }
func (w *world) Link(string, string) (delivery.Link, error)      { return w, nil }
func (w *world) State(context.Context) (wit.JSON, error)         { return wit.JSON("1"), nil }
func (w *world) Write(_ context.Context, frames []wit.Frame) (<-chan struct{}, error) {
	return nil, w.do("/" + *frames[0].Text)
}

func (w *world) Sending(_ context.Context, _ wit.HookContext, m wit.MessageSending) (wit.MessageSending, error) {
	m.Text = strings.ReplaceAll(m.Text, "secret", "[...]")
	if w.veto {
		return m, wit.NewError(wit.CodeForbidden, "no")
	}
	return m, nil
}
func (w *world) Sent(context.Context, wit.HookContext, wit.MessageSent) {}

// nobody is told what a run does.
type nobody struct{}

func (nobody) Said(session.Message)          {}
func (nobody) Message()                      {}
func (nobody) Delta(wit.Delta)               {}
func (nobody) Calling(wit.ToolCall)          {}
func (nobody) Progress(wit.ToolCall, string) {}
func (nobody) Called(session.Message)        {}
func (nobody) Retrying(agent.Retry)          {}
func (nobody) Moved(agent.Move)              {}
func (nobody) Ended(agent.End)               {}
func (nobody) Close()                        {}

// observer is told of runs, and tells nobody.
type observer struct{}

func (observer) Begin(run.Run, bool) agent.Reporter { return nobody{} }
func (observer) Ended(run.Run, ...session.Message)  {}

// live is one life of the gateway.
func (w *world) live() (d *draft.Drafts, stop func()) {
	d = draft.New(draft.Deps{Store: w.store, Accounts: w, Senders: w, Hooks: w, Shows: func(string, string) bool { return !w.off },
		Ahead: func(message.Origin) bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.ahead
		}, Observer: observer{}, Log: hclog.NewNullLogger()})
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = d.Run(ctx)
	}()
	return d, func() {
		cancel()
		<-done
	}
}

// asked is a run that somebody waits for.
func asked() run.Run {
	return run.Run{ID: "r", Session: "agent:main:main", Reply: &message.Origin{Channel: "chat", Account: "home", Conversation: &wit.Conversation{ID: "c"}}}
}

func say(r agent.Reporter, text string) { r.Delta(wit.Delta{Kind: wit.DeltaKindText, Text: text}) }

func inBubble(name string, t *testing.T, f func(*testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

// TestALongAnswerIsShownWhileItIsWritten: whole words, at the platform's rate, and a tool that is at work; nothing of thoughts.
func TestALongAnswerIsShownWhileItIsWritten(t *testing.T) {
	inBubble("words and tools", t, func(t *testing.T) {
		w := newWorld(t)
		d, stop := w.live()
		r := d.Begin(asked(), false)
		r.Message()
		r.Delta(wit.Delta{Kind: wit.DeltaKindThinking, Text: "hm, let me see "})
		say(r, "First wor")
		time.Sleep(1600 * time.Millisecond)
		say(r, "ds and then")
		time.Sleep(3 * time.Second) // nothing new, nothing written
		r.Calling(wit.ToolCall{Name: "web_search"})
		time.Sleep(time.Second)
		r.Called(session.Message{})
		r.Message()
		time.Sleep(time.Second)
		say(r, "Found it. ")
		time.Sleep(time.Second)
		synctest.Wait()
		want := "+First|=First words and|=First words and\n\n*Using `web_search` …*|=First words and|=Found it."
		if got := w.seen(); got != want {
			t.Errorf("seen %q, want %q", got, want)
		}
		if got, ok, _ := d.Take(t.Context(), agent.AnswerID("r")); !ok || got.ID != "m" {
			t.Errorf("took %+v, %t", got, ok)
		}
		say(r, "More words. ")
		time.Sleep(time.Minute)
		if got := w.seen(); got != want {
			t.Errorf("written after it was taken: %q", got)
		}
		d.Drop(t.Context(), agent.AnswerID("r"))
		if _, ok, _ := d.Take(t.Context(), agent.AnswerID("r")); ok {
			t.Error("a dropped draft is taken")
		}
		r.Close()
		stop()
	})
	inBubble("a short answer is not", t, func(t *testing.T) {
		w := newWorld(t)
		d, stop := w.live()
		r := d.Begin(asked(), false)
		say(r, "Hello there. ")
		time.Sleep(time.Second)
		if _, ok, _ := d.Take(t.Context(), agent.AnswerID("r")); ok || w.seen() != "" {
			t.Errorf("seen %q", w.seen())
		}
		r.Close()
		stop()
	})
	inBubble("a text longer than a message stays at its beginning", t, func(t *testing.T) {
		w := newWorld(t)
		d, stop := w.live()
		r := d.Begin(asked(), false)
		for range 20 {
			say(r, "word after word. ")
			time.Sleep(time.Second)
		}
		synctest.Wait()
		for _, s := range strings.Split(w.seen(), "|") {
			if len(s) > 61 {
				t.Errorf("%q is longer than a message", s)
			}
		}
		r.Close()
		stop()
	})
}

// TestWhatIsNotShown: what hooks forbid or take out, what nobody waits for, and what the owner does not want.
func TestWhatIsNotShown(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*world, *run.Run)
		want   string
	}{
		"secrets":         {func(*world, *run.Run) {}, "+My [...]"},
		"a veto":          {func(w *world, _ *run.Run) { w.veto = true }, ""},
		"the owner":       {func(w *world, _ *run.Run) { w.off = true }, ""},
		"no edits":        {func(w *world, _ *run.Run) { w.facts.Operations = nil }, ""},
		"not declared":    {func(w *world, _ *run.Run) { w.facts.DraftInterval = 0 }, ""},
		"a quiet run":     {func(_ *world, r *run.Run) { r.Quiet = 1 }, ""},
		"nobody waits":    {func(_ *world, r *run.Run) { r.Reply = nil }, ""},
		"no conversation": {func(_ *world, r *run.Run) { r.Reply.Conversation = nil }, ""},
		"refused":         {func(w *world, _ *run.Run) { w.refuse = wit.NewError(wit.CodeForbidden, "blocked") }, ""},
	} {
		inBubble(name, t, func(t *testing.T) {
			w, r := newWorld(t), asked()
			tt.change(w, &r)
			d, stop := w.live()
			told := d.Begin(r, false)
			say(told, "My secret is")
			time.Sleep(2 * time.Second)
			synctest.Wait()
			if got := w.seen(); got != tt.want {
				t.Errorf("seen %q, want %q", got, tt.want)
			}
			told.Close()
			stop()
		})
	}
}

// TestOverAConnection: where a platform is spoken to over the account's connection, drafts are written there, and wait for nothing.
func TestOverAConnection(t *testing.T) {
	inBubble("frames", t, func(t *testing.T) {
		w := newWorld(t)
		frame := "frame"
		w.over = []wit.Frame{{Text: &frame}}
		d, stop := w.live()
		r := d.Begin(asked(), false)
		say(r, "I begin and ")
		time.Sleep(1600 * time.Millisecond)
		say(r, "go on ")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := w.seen(); got != "+I begin and|/frame|=I begin and go on|/frame" {
			t.Errorf("seen %q", got)
		}
		r.Close()
		stop()
	})
}

// TestFewChanges: a message that can be changed four times is changed three times before it is whole, ever more seldom, also over a
// restart. Where nothing takes its place, the fourth is its.
func TestFewChanges(t *testing.T) {
	for name, tt := range map[string]struct {
		restart, stopped bool
		want             string
	}{
		"one life":  {want: "+w0 w1|=w0 w1 w2|=w0 w1 w2 w3|=w0 w1 w2 w3 w4 w5 w6"},
		"restarted": {restart: true, want: "+w0 w1|=w0 w1 w2|=w0 w1 w2 w3|=w5 w6"},
		"stopped":   {stopped: true, want: "+w0 w1|=w0 w1 w2|=w0 w1 w2 w3|=w0 w1 w2 w3 w4 w5 w6|=w0 w1 w2 w3 w4 w5 w6 w7 w8 w9 w10 w11"},
	} {
		inBubble(name, t, func(t *testing.T) {
			w := newWorld(t)
			w.facts.MaxEdits, w.facts.MaxLength = 4, 1000
			d, stop := w.live()
			r := d.Begin(asked(), false)
			for i := range 12 {
				if i == 5 && tt.restart {
					r.Close()
					stop()
					d, stop = w.live()
					r = d.Begin(asked(), false)
				}
				say(r, fmt.Sprintf("w%d ", i))
				time.Sleep(time.Second + time.Millisecond)
			}
			time.Sleep(time.Minute)
			if tt.stopped {
				r.Ended(agent.End{Run: run.Run{State: run.Aborted, Stop: "stop"}})
			}
			r.Close()
			synctest.Wait()
			if got := w.seen(); got != tt.want {
				t.Errorf("seen %q, want %q", got, tt.want)
			}
			stop()
		})
	}
}

// TestADraftOutlivesARestart: the answer of the next life takes the place of the draft of the last one.
func TestADraftOutlivesARestart(t *testing.T) {
	inBubble("go on", t, func(t *testing.T) {
		w := newWorld(t)
		d, stop := w.live()
		r := d.Begin(asked(), false)
		say(r, "I begin and ")
		time.Sleep(2 * time.Second)
		r.Close()
		stop()
		d, stop = w.live()
		r = d.Begin(asked(), false)
		say(r, "I begin anew and ")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := w.seen(); got != "+I begin and|=I begin anew and" {
			t.Errorf("seen %q", got)
		}
		if got, ok, _ := d.Take(t.Context(), agent.AnswerID("r")); !ok || got.ID != "m" {
			t.Errorf("took %+v, %t", got, ok)
		}
		r.Close()
		stop()
	})
	inBubble("of a message that never came", t, func(t *testing.T) {
		w := newWorld(t)
		d, stop := w.live()
		r := d.Begin(asked(), false)
		say(r, "I begin and ")
		time.Sleep(2 * time.Second)
		r.Close()
		stop()
		time.Sleep(25 * time.Hour)
		d, stop = w.live()
		synctest.Wait()
		if _, ok, _ := d.Take(t.Context(), agent.AnswerID("r")); ok {
			t.Error("it is still known")
		}
		stop()
	})
}

// TestADraftThatMayStand: a send whose answer did not arrive is made again, the same one, where the platform knows it then, also by
// another life of the gateway; on another platform there is never a second one.
func TestADraftThatMayStand(t *testing.T) {
	for name, tt := range map[string]struct {
		knows, killed, refused bool
		want                   string // seen in the end
		taken                  bool
	}{
		"the platform knows it":             {knows: true, want: "+I begin and|+I begin and|=I begin and go on", taken: true},
		"it does not":                       {want: "+I begin and"},
		"another life, it knows":            {knows: true, killed: true, want: "+I begin and|+I begin and", taken: true},
		"another life, it does not":         {killed: true, want: "+I begin and"},
		"another life, it knows and is out": {knows: true, killed: true, refused: true, want: "+I begin and|+I begin and", taken: true},
	} {
		inBubble(name, t, func(t *testing.T) {
			w := newWorld(t)
			w.facts.Deduplicates, w.cut = tt.knows, true
			d, stop := w.live()
			r := d.Begin(asked(), false)
			say(r, "I begin and ")
			time.Sleep(1600 * time.Millisecond)
			synctest.Wait()
			if tt.killed {
				d, _ = w.live() // nothing of the former one is left
			} else {
				say(r, "go on ")
			}
			w.mu.Lock()
			if w.cut = false; tt.refused {
				w.refuse = wit.NewError(wit.CodeUnavailable, "down")
			}
			w.mu.Unlock()
			if !tt.killed {
				time.Sleep(5 * time.Second)
			}
			if tt.refused {
				if _, ok, err := d.Take(t.Context(), agent.AnswerID("r")); ok || wit.CodeOf(err) != wit.CodeUnavailable {
					t.Errorf("while the platform is down: %t, %v", ok, err)
				}
				w.mu.Lock()
				w.refuse = nil
				w.mu.Unlock()
			}
			got, ok, err := d.Take(t.Context(), agent.AnswerID("r"))
			if ok != tt.taken || err != nil || ok && got.ID != "m" {
				t.Errorf("took %+v, %t, %v", got, ok, err)
			}
			if seen := w.seen(); seen != tt.want {
				t.Errorf("seen %q, want %q", seen, tt.want)
			}
			r.Close()
			stop()
		})
	}
}

// TestPreviews: where a platform shows what is written without making a message of it, nothing of it can stay; where it does not do so
// after all, a message is shown. A preview that does not change is shown again, since it goes by itself; what was stopped stays.
func TestPreviews(t *testing.T) {
	for name, tt := range map[string]struct {
		kind         wit.ConversationKind
		unseen       error
		killed, stop bool
		want         string
		taken        bool
	}{
		"shown":         {kind: "direct", want: "~I begin and|~I begin and go on|~I begin and go on"},
		"another life":  {kind: "direct", killed: true, want: "~I begin and"},
		"stopped":       {kind: "direct", stop: true, want: "~I begin and|~I begin and go on|~I begin and go on|+I begin and go on"},
		"in a group":    {kind: "group", want: "+I begin and|=I begin and go on", taken: true},
		"not after all": {kind: "direct", unseen: wit.NewError(wit.CodeInvalid, "no such thing"), want: "+I begin and|=I begin and go on", taken: true},
		"not now":       {kind: "direct", unseen: wit.NewError(wit.CodeUnavailable, "down"), want: ""},
	} {
		inBubble(name, t, func(t *testing.T) {
			w := newWorld(t)
			w.facts.Operations = append(w.facts.Operations, "preview")
			w.unseen = tt.unseen
			d, stop := w.live()
			ask := asked()
			ask.Reply.Conversation.Kind = tt.kind
			r := d.Begin(ask, false)
			say(r, "I begin and ")
			time.Sleep(1600 * time.Millisecond)
			synctest.Wait()
			if tt.killed {
				d, stop = w.live() // nothing of the former one is left
			} else {
				say(r, "go on ")
				time.Sleep(30 * time.Second)
			}
			if tt.stop {
				r.Ended(agent.End{Run: run.Run{State: run.Aborted, Stop: "stop"}})
				r.Close()
				synctest.Wait()
			}
			if _, ok, err := d.Take(t.Context(), agent.AnswerID("r")); ok != tt.taken || err != nil {
				t.Errorf("took a draft: %t, %v", ok, err)
			}
			if seen := w.seen(); seen != tt.want {
				t.Errorf("seen %q, want %q", seen, tt.want)
			}
			r.Close()
			stop()
		})
	}
}

// TestADraftWaits for messages that are to be sent before it: it would stand in front of them.
func TestADraftWaits(t *testing.T) {
	inBubble("queue", t, func(t *testing.T) {
		w := newWorld(t)
		w.ahead = true
		d, stop := w.live()
		r := d.Begin(asked(), false)
		say(r, "I begin and ")
		time.Sleep(10 * time.Second)
		if seen := w.seen(); seen != "" {
			t.Errorf("seen %q", seen)
		}
		w.mu.Lock()
		w.ahead = false
		w.mu.Unlock()
		time.Sleep(2 * time.Second)
		if seen := w.seen(); seen != "+I begin and" {
			t.Errorf("seen %q", seen)
		}
		r.Close()
		stop()
	})
}

// TestAStoppedAnswerIsLeftAsFarAsItCame: nothing takes its place, so its last words are shown and the tool is not.
func TestAStoppedAnswerIsLeftAsFarAsItCame(t *testing.T) {
	inBubble("stopped", t, func(t *testing.T) {
		w := newWorld(t)
		d, stop := w.live()
		r := d.Begin(asked(), false)
		say(r, "I begin and")
		r.Calling(wit.ToolCall{Name: "calc"})
		time.Sleep(2 * time.Second)
		r.Ended(agent.End{Run: run.Run{State: run.Aborted, Stop: "stop"}})
		r.Close()
		synctest.Wait()
		if got := w.seen(); got != "+I begin\n\n*Using `calc` …*|=I begin and" {
			t.Errorf("seen %q", got)
		}
		if _, ok, _ := d.Take(t.Context(), agent.AnswerID("r")); ok {
			t.Error("it is still known")
		}
		stop()
	})
}

// TestAPauseIsKept: a platform that asks for a pause has it, and a long one ends the draft.
func TestAPauseIsKept(t *testing.T) {
	for name, tt := range map[string]struct {
		pause time.Duration
		want  string
	}{
		"short": {10 * time.Second, "+a b c d e f g h i j"},
		"long":  {10 * time.Minute, ""},
	} {
		inBubble(name, t, func(t *testing.T) {
			w := newWorld(t)
			w.refuse = &wit.Error{Code: wit.CodeRateLimited, Message: "slow down", Retryable: true, RetryAfter: new(tt.pause.Milliseconds())}
			d, stop := w.live()
			r := d.Begin(asked(), false)
			for _, letter := range "abcdefghij" {
				say(r, string(letter)+" ")
				time.Sleep(time.Second)
			}
			w.mu.Lock()
			w.refuse = nil
			w.mu.Unlock()
			time.Sleep(2 * time.Second)
			if got := w.seen(); got != tt.want {
				t.Errorf("seen %q, want %q", got, tt.want)
			}
			r.Close()
			stop()
		})
	}
}

// TestTakeWaitsForWhatIsBeingWritten: the whole message never comes before a late piece of its draft.
func TestTakeWaitsForWhatIsBeingWritten(t *testing.T) {
	inBubble("a slow platform", t, func(t *testing.T) {
		w := newWorld(t)
		w.slow = 5 * time.Second
		d, stop := w.live()
		r := d.Begin(asked(), false)
		say(r, "I begin and ")
		time.Sleep(2 * time.Second)
		began := time.Now()
		if _, ok, _ := d.Take(t.Context(), agent.AnswerID("r")); !ok || time.Since(began) < 4*time.Second {
			t.Errorf("taken %t after %v", ok, time.Since(began))
		}
		r.Close()
		stop()
	})
}
