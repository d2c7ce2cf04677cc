// Package rig is as much of a kernel as it takes to run one account of a channel's plugin in a test of that plugin: it commits
// messages and state together and only then acts, with the requests, timers and connections of a real gateway, and can crash
// between any two steps. The whole kernel is tested with package storm.
package rig

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// Rig runs one account. Its exported fields are set before Start; its methods may be used by several goroutines.
type Rig struct {
	Plugin channel.Channel
	// Host makes the requests: HTTP is the platform's test server.
	Host *sdktest.Host
	// Config is the account's.
	Config wit.JSON
	// Server, unless nil, is the platform's test server: Until asks again after each thing that happens there.
	Server interface {
		Wait(ctx context.Context, ok func() bool) error
	}
	// Dial opens the account's websockets, as dial.Websocket does; a plugin that opens one without it fails the test.
	Dial func(ctx context.Context, url string, header http.Header) (Socket, error)
	// Pace is how many times as fast as the plugin thinks time goes.
	Pace time.Duration
	// Holds reports whether a timer waits for Fire; nil for none.
	Holds func(timer string) bool
	// Keeps reports whether a state that came without a message is durable, with what was durable before; nil for none, as in a
	// kernel that crashes at once: it writes such a state a little later.
	Keeps func(before wit.JSON) bool

	t     testing.TB
	under sync.WaitGroup

	mu       sync.Mutex
	changed  chan struct{}
	state    wit.JSON
	durable  wit.JSON // what a crash leaves
	inbox    []wit.Message
	seen     map[string]bool
	repeats  int
	statuses []wit.AccountStatus
	receipts []wit.Receipt
	moved    []wit.Move
	reply    *wit.WebhookReply
	life     context.Context
	kill     context.CancelFunc
	timers   map[string]*time.Timer
	lines    map[string]*line
	opened   int
}

// New returns an account that is not started yet. The test's end crashes it.
func New(t testing.TB, plugin channel.Channel, host *sdktest.Host, config string) *Rig {
	r := &Rig{
		Plugin: plugin, Host: host, Config: wit.JSON(config), Pace: 100,
		t: t, changed: make(chan struct{}), seen: map[string]bool{},
	}
	t.Cleanup(func() {
		r.Crash()
		r.under.Wait()
	})
	return r
}

// Start begins a life of the gateway with the state that was committed last.
func (r *Rig) Start() {
	r.Begin()
	r.Deliver(&wit.ChannelEvent{Kind: wit.EventKindStart})
}

// Begin is Start without an event: the first one is the test's.
func (r *Rig) Begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.life, r.kill = context.WithCancel(context.Background())
	r.timers, r.lines, r.state = map[string]*time.Timer{}, map[string]*line{}, r.durable
}

// Connected starts and waits until the account says that it is connected.
func (r *Rig) Connected() {
	r.t.Helper()
	r.Start()
	r.Says(wit.ConnectionStateConnected, "")
}

// Crash ends everything that is under way; only what was committed stays.
func (r *Rig) Crash() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kill != nil {
		r.kill()
	}
	for _, timer := range r.timers {
		timer.Stop()
	}
}

// Deliver hands in an event that came from outside.
func (r *Rig) Deliver(event *wit.ChannelEvent) {
	r.mu.Lock()
	life := r.life
	r.mu.Unlock()
	r.deliver(life, event)
}

// Command hands in one of the owner's.
func (r *Rig) Command(name string) {
	r.Deliver(&wit.ChannelEvent{Kind: wit.EventKindCommand, Command: &wit.Command{Name: name}})
}

// Call hands in a webhook's call, and returns the reply to it, or nil.
func (r *Rig) Call(call *wit.WebhookRequest) *wit.WebhookReply {
	r.mu.Lock()
	life := r.life
	r.reply = nil
	r.mu.Unlock()
	r.deliver(life, &wit.ChannelEvent{Kind: wit.EventKindWebhook, Webhook: call})
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reply
}

// Fire fires a timer now.
func (r *Rig) Fire(timer string) {
	r.Deliver(&wit.ChannelEvent{Kind: wit.EventKindTimer, Timer: &timer})
}

func (r *Rig) deliver(life context.Context, event *wit.ChannelEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if life.Err() != nil {
		return
	}
	event.Account, event.Config, event.State, event.Now = "default", r.Config, r.state, time.Now().UnixMilli()
	output, err := channel.Call(r.Host.SDK(), r.Plugin, "channel_event", wit.Marshal(event))
	if err != nil {
		r.t.Errorf("event %s: %v", wit.Marshal(event), err)
		return
	}
	var answer wit.ChannelAnswer
	if err := wit.UnmarshalStrict(output, &answer); err != nil {
		r.t.Errorf("answer %s: %v", output, err)
		return
	}
	if err := answer.Validate(); err != nil {
		r.t.Errorf("answer %s: %v", output, err)
	}
	r.commit(&answer)
	r.act(life, &answer)
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *Rig) commit(answer *wit.ChannelAnswer) {
	for _, m := range answer.Messages {
		if r.seen[m.ID] {
			r.repeats++
			continue
		}
		r.seen[m.ID] = true
		r.inbox = append(r.inbox, m)
	}
	if answer.State != nil {
		r.state = answer.State
	}
	if len(answer.Messages) > 0 || r.Keeps != nil && r.Keeps(r.durable) {
		r.durable = r.state
	}
	r.receipts, r.moved = append(r.receipts, answer.Receipts...), append(r.moved, answer.Moved...)
	if answer.Status != nil {
		r.statuses = append(r.statuses, *answer.Status)
	}
	if answer.Reply != nil {
		r.reply = answer.Reply
	}
}

func (r *Rig) act(life context.Context, answer *wit.ChannelAnswer) {
	for _, id := range answer.Close {
		r.hangUp(id)
	}
	for i := range answer.Frames {
		r.write(life, &answer.Frames[i])
	}
	for i := range answer.Requests {
		r.under.Go(func() {
			response, err := r.Host.DoContext(life, &answer.Requests[i])
			if err != nil {
				response = &wit.HTTPResponse{ID: answer.Requests[i].ID, Error: wit.AsError(err)}
			}
			r.deliver(life, &wit.ChannelEvent{Kind: wit.EventKindResponse, Response: response})
		})
	}
	for i := range answer.Open {
		r.open(life, &answer.Open[i])
	}
	for _, timer := range answer.Timers {
		r.set(life, timer)
	}
}

func (r *Rig) set(life context.Context, timer wit.Timer) {
	if old := r.timers[timer.ID]; old != nil {
		old.Stop()
	}
	if timer.After == 0 || r.Holds != nil && r.Holds(timer.ID) {
		return
	}
	r.timers[timer.ID] = time.AfterFunc(time.Duration(timer.After)*time.Millisecond/r.Pace, func() {
		r.deliver(life, &wit.ChannelEvent{Kind: wit.EventKindTimer, Timer: &timer.ID})
	})
}

// Send sends a message and fails the test if that does not work. It returns the parts' ids.
func (r *Rig) Send(s wit.ChannelSend) []string {
	r.t.Helper()
	sent, err := r.TrySend(s)
	if err != nil {
		r.t.Fatal(err)
	}
	return sent.IDs
}

// TrySend sends a message.
func (r *Rig) TrySend(s wit.ChannelSend) (*wit.Sent, error) {
	s.Account, s.Config, s.State = "default", r.Config, r.State()
	return r.Plugin.Send(r.Host.SDK(), &s)
}

// patience only bounds a failing test.
const patience = 5 * time.Minute

// Until waits for something to become true of the account, or the server. It is asked without the rig's lock.
func (r *Rig) Until(what string, ok func() bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	for {
		r.mu.Lock()
		changed := r.changed
		r.mu.Unlock()
		if ok() {
			return
		}
		if r.pause(ctx, changed, ok); ctx.Err() != nil {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.t.Fatalf("waited in vain until %s; inbox %d, state %s, statuses %d", what, len(r.inbox), r.state, len(r.statuses))
		}
	}
}

// pause waits until something has changed, here or at the server.
func (r *Rig) pause(ctx context.Context, changed <-chan struct{}, ok func() bool) {
	if r.Server == nil {
		select {
		case <-changed:
		case <-ctx.Done():
		}
		return
	}
	wait, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		select {
		case <-changed:
			stop()
		case <-wait.Done():
		}
	}()
	_ = r.Server.Wait(wait, ok)
}

// Messages waits for n messages in all, and returns them. More fail the test.
func (r *Rig) Messages(n int) []wit.Message {
	r.t.Helper()
	r.Until("messages came", func() bool { return len(r.Inbox()) >= n })
	list := r.Inbox()
	if len(list) > n {
		r.t.Fatalf("%d messages came, want %d: %s", len(list), n, wit.Marshal(&wit.ChannelAnswer{Messages: list}))
	}
	return list
}

// Last waits for the n-th message and returns it.
func (r *Rig) Last(n int) wit.Message { r.t.Helper(); return r.Messages(n)[n-1] }

// Says waits until the account stands so, with these words in its message.
func (r *Rig) Says(state wit.ConnectionState, words string) {
	r.t.Helper()
	r.Until("the status is "+string(state)+" "+words, func() bool {
		s := r.Status()
		return s.State == state && (words == "" || s.Message != nil && strings.Contains(*s.Message, words))
	})
}

// Status is how the account stands.
func (r *Rig) Status() wit.AccountStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.statuses) == 0 {
		return wit.AccountStatus{}
	}
	return r.statuses[len(r.statuses)-1]
}

// State is the account's.
func (r *Rig) State() wit.JSON { return read(r, func() wit.JSON { return r.state }) }

// SetState is what the next life starts with, such as a state of an older version.
func (r *Rig) SetState(state wit.JSON) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state, r.durable = state, state
}

// Statuses are all so far.
func (r *Rig) Statuses() []wit.AccountStatus {
	return read(r, func() []wit.AccountStatus { return slices.Clone(r.statuses) })
}

// Inbox is what has come so far, each message once, and Repeats how many came again.
func (r *Rig) Inbox() []wit.Message {
	return read(r, func() []wit.Message { return slices.Clone(r.inbox) })
}

// Repeats is how many messages came that were there.
func (r *Rig) Repeats() int { return read(r, func() int { return r.repeats }) }

// Receipts are the signs of life so far.
func (r *Rig) Receipts() []wit.Receipt {
	return read(r, func() []wit.Receipt { return slices.Clone(r.receipts) })
}

// Moved are the conversations that have another id now.
func (r *Rig) Moved() []wit.Move { return read(r, func() []wit.Move { return slices.Clone(r.moved) }) }

// Timers are those that were set in this life.
func (r *Rig) Timers() []string {
	return read(r, func() []string { return slices.Collect(maps.Keys(r.timers)) })
}

// Opened is how many connections were made.
func (r *Rig) Opened() int { return read(r, func() int { return r.opened }) }

func read[T any](r *Rig, f func() T) T {
	r.mu.Lock()
	defer r.mu.Unlock()
	return f()
}
