// Package delivery sends what the assistant says: a durable queue, in order within a conversation, each
// message once as far as its platform lets that be known.
//
// Owns: the outbound queue and its outcomes, retries, spacing, and the cutting of long texts into what
// a platform takes (in package text). It refuses to guess: a message is queued, held, sent, failed or
// cancelled, and for all but the first there is an event.
//
// Guarantees. A message that was enqueued in a committed transaction is delivered, or its failure is
// announced; while its account cannot send it waits. Messages of one conversation go out in the order
// of their commits; conversations do not wait for each other, but for the slots of their channel. Each
// piece is recorded before it is sent (one durable write) and once it was; a crash between the two is
// the send window: there the piece is sent again with the same idempotency key, or held for the owner
// where the settings say so and the channel does not deduplicate. A held message lets others pass. A send that goes
// over its account's connection waits for its confirmation, which is committed with the answer that brings it; one
// that does not come in time, or before the connection's end, leaves the piece where a request without an answer does. Where the
// platform is called, a confirmation counts as well that is there before the call's answer.
//
// Parts. Queue is the way in. A lane is one conversation's messages in order; lanes gives those with
// something to do a goroutine, which asks the dispatcher for the next step of one message. The
// dispatcher writes records, and outcomes writes and tells how a message ended. Records decide: what is
// in memory (lanes, waiters, the counter) can be lost at any time without losing a message.
//
// Everything is safe for concurrent use.
package delivery

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Deps is what the service stands on. Hooks, Media and Voice may be nil.
type Deps struct {
	Store    store.Store
	Bus      *event.Bus
	Log      hclog.Logger
	Queue    *Queue
	Accounts Accounts
	Senders  Senders
	// Actors finds the plugin that acts for a channel; false while it cannot be called. nil finds none.
	Actors func(channel string) (Actor, bool)
	Hooks  Hooks
	Media  Media
	Voice  Voice
	// Drafts are those that messages take the place of; nil is none.
	Drafts Drafts
	// Answers refuses a session key, or an agent's id, of an agent that there is not. Either may be empty; nil takes all.
	Answers func(sessionKey, agent string) error
	// Resolve says whom a client means by a name; nil takes every name for an id.
	Resolve Resolver
	// Moved is told where a send has found that a conversation has another id; nil tells nobody.
	Moved func(context.Context, message.Move) error
	// Redact takes secrets out of what plugins say went wrong; nil leaves it as it is.
	Redact func(string) string
	// Hold keeps a message whose send a crash interrupted for the owner, instead of sending it again.
	Hold bool
}

// Accounts knows which accounts can send.
type Accounts interface {
	// Ready returns nil, or why messages have to wait.
	Ready(channel, account string) error
	// ConnectedSince returns since when an account is connected without a break, the zero time while it is not.
	ConnectedSince(channel, account string) time.Time
	// Account finds an account, the channel's first when account is empty, or CodeNotFound.
	Account(channel, account string) (message.Account, error)
	// Link finds an account as it is now. Errors: CodeUnavailable.
	Link(channel, account string) (Link, error)
	// Default names the only channel in use, or false.
	Default() (channel string, ok bool)
}

// Senders finds the plugin that sends for a channel; false while it cannot be called.
type Senders interface {
	Sender(channel string) (Sender, bool)
}

// Sender is a channel plugin's way out.
type Sender interface {
	Facts() *wit.ChannelFacts
	// Send may block on the world until ctx ends. Implementations fill in the configuration. Its *wit.Error says whether to try again.
	Send(ctx context.Context, s *wit.ChannelSend) (*wit.Sent, error)
	// Edit is like Send, for channels with that operation.
	Edit(ctx context.Context, e *wit.ChannelEdit) (*wit.Sent, error)
	// Preview is like Send, for channels with that operation.
	Preview(ctx context.Context, p *wit.ChannelPreview) (*wit.Sent, error)
}

// Hooks are the plugins that see outgoing messages.
type Hooks interface {
	// Sending returns the message as the hooks want it, or CodeForbidden with who cancelled it and
	// why. Other errors are tried again.
	Sending(ctx context.Context, c wit.HookContext, m wit.MessageSending) (wit.MessageSending, error)
	Sent(ctx context.Context, c wit.HookContext, m wit.MessageSent)
}

// noHooks is nobody who sees outgoing messages.
type noHooks struct{}

func (noHooks) Sending(_ context.Context, _ wit.HookContext, m wit.MessageSending) (wit.MessageSending, error) {
	return m, nil
}
func (noHooks) Sent(context.Context, wit.HookContext, wit.MessageSent) {}

// Media keeps files that clients send along.
type Media interface {
	// Put keeps data and returns its reference.
	Put(ctx context.Context, mime, name string, data []byte) (string, error)
}

// Voice says texts aloud.
type Voice interface {
	// Speaks reports whether messages like this are to be spoken in a channel.
	Speaks(channel string, what message.Speech) bool
	// Say returns a text, said aloud, as a file of the media store.
	Say(ctx context.Context, text string) (wit.Attachment, error)
}

// silence is nobody who says something.
type silence struct{}

func (silence) Speaks(string, message.Speech) bool { return false }
func (silence) Say(context.Context, string) (wit.Attachment, error) {
	return wit.Attachment{}, wit.NewError(wit.CodeNotFound, "nobody speaks")
}

const (
	// lookAgain is how often all is looked at again, should a change have been missed.
	lookAgain = time.Minute
)

// Service works the queue off. It puts the parts together; each of them owns its own state.
type Service struct {
	bus     *event.Bus
	log     hclog.Logger
	queue   *Queue
	records records
	lanes   *lanes
	pruner  pruner
	send    *sendMethod
	action  *actionMethods
	owner   *ownerMethods
	count   *service.Counter
	// loaded is the newest key that is on a lane; nil before there is one.
	loaded atomic.Pointer[string]
}

// New returns a service that does nothing until Run; its methods answer before that.
func New(d Deps) *Service {
	if d.Redact == nil {
		d.Redact = func(s string) string { return s }
	}
	if d.Moved == nil {
		d.Moved = func(context.Context, message.Move) error { return nil }
	}
	if d.Answers == nil {
		d.Answers = func(_, _ string) error { return nil }
	}
	if d.Hooks == nil {
		d.Hooks = noHooks{}
	}
	if d.Voice == nil {
		d.Voice = silence{}
	}
	if d.Drafts == nil {
		d.Drafts = noDrafts{}
	}
	if d.Actors == nil {
		d.Actors = func(string) (Actor, bool) { return nil, false }
	}
	log := d.Log.Named("delivery")
	recs, told, count := records{d.Store, log}, newWaiters(), new(service.Counter)
	ends := &outcomes{log: log, bus: d.Bus, hooks: d.Hooks, records: recs, waiters: told, drafts: d.Drafts, count: count}
	dispatch := &dispatcher{
		log: log, accounts: d.Accounts, senders: d.Senders, hooks: d.Hooks, records: recs, outcomes: ends, awaiting: &d.Queue.awaiting,
		moved: d.Moved, redact: d.Redact, hold: d.Hold, voice: d.Voice, drafts: d.Drafts,
	}
	work := newLanes(dispatch.look)
	dispatch.aside = work.aside
	send := &sendMethod{store: d.Store, queue: d.Queue, accounts: d.Accounts, media: d.Media, answers: d.Answers, resolve: d.Resolve, waiters: told}
	return &Service{
		bus: d.Bus, log: log, queue: d.Queue, records: recs, lanes: work, pruner: pruner{d.Store, log}, count: count,
		send: send, action: &actionMethods{send, d.Actors}, owner: &ownerMethods{records: recs, lanes: work, outcomes: ends},
	}
}

// Service names what delivery is to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{
		Name: "delivery", Run: s.Run,
		Methods: slices.Concat([]rpc.Method{s.send.method()}, s.action.methods(), s.owner.methods()),
		Events:  []event.Row{DeliveredKind.Row(), FailedKind.Row()},
		Checks:  []func(context.Context) service.Check{s.check},
		Queues: func(ctx context.Context) (map[string]int, error) {
			waiting, held, err := s.records.count(ctx)
			return map[string]int{"outbound": waiting, "held": held}, err
		},
		Metrics: []service.Metric{metric(s.count)},
	}
}

// Run delivers until ctx ends, and then waits a few seconds for the sends under way, so that they do
// not end in the send window. The error is nil. It is called once.
func (s *Service) Run(ctx context.Context) error {
	changed := make(chan struct{}, 1)
	cancel := s.bus.Subscribe(func(e event.Event) {
		if e.Name == "channels.changed" || e.Name == "plugins.changed" {
			select {
			case changed <- struct{}{}:
			default: // the last change has not been looked at yet
			}
		}
	})
	defer cancel()
	pruned := make(chan struct{})
	go func() {
		defer close(pruned)
		s.pruner.run(ctx)
	}()
	s.lanes.start(ctx)
	again := time.Tick(lookAgain)
	for last := ""; ; {
		var failed <-chan time.Time
		var err error
		if last, err = s.load(ctx, last); err != nil {
			failed = time.After(retryStore)
		}
		select {
		case <-failed:
		case <-s.queue.wake:
		case <-changed:
			s.lanes.unpark()
		case <-again:
			s.lanes.unpark()
		case <-ctx.Done():
			s.lanes.stop()
			<-pruned
			return nil
		}
	}
}

// Ahead reports whether messages wait to be sent to where an answer goes, those included that are committed and on no lane yet. Where
// that cannot be read it is so.
func (s *Service) Ahead(to message.Origin) bool {
	if to.Conversation == nil {
		return false
	}
	r := record{Outbound: message.Outbound{Channel: to.Channel, Account: to.Account, To: *to.Conversation}}
	lane, last := r.lane(), ""
	if loaded := s.loaded.Load(); loaded != nil {
		last = *loaded
	}
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	fresh, err := s.records.after(ctx, last) // before the lanes are asked, where they may be meanwhile
	return err != nil || s.lanes.waits(lane) || slices.ContainsFunc(fresh, func(a arrival) bool { return a.lane == lane })
}

// load puts what was enqueued behind the key last on its lanes, and returns the newest key. Messages that wait
// since an earlier life of the gateway come first, since their keys are lower. What was read before an error goes out.
func (s *Service) load(ctx context.Context, last string) (string, error) {
	for _, m := range s.queue.moved() {
		s.lanes.rename(laneOf(m.Account.Channel, m.Account.ID, m.From), laneOf(m.Account.Channel, m.Account.ID, m.To.ID))
	}
	fresh, err := s.records.after(ctx, last)
	if err != nil && ctx.Err() == nil {
		s.log.Error("outbound queue not read", "error", err)
	}
	for _, a := range fresh {
		last = a.key
		if a.damage != nil {
			s.log.Error("damaged message left out", "error", a.damage)
			continue
		}
		s.lanes.push(a.lane, a.channel, a.key)
	}
	s.loaded.Store(&last)
	return last, err
}
