// Package delivery sends what the assistant says: a durable queue, in order within a conversation, each
// message once as far as its platform lets that be known.
//
// Owns: the outbound queue and its outcomes, retries, spacing, and the cutting of long texts into what
// a platform takes. It refuses to guess: a message is queued, held, sent, failed or cancelled, and for
// all but the first two there is an event.
//
// Guarantees. A message that was enqueued in a committed transaction is delivered, or its failure is
// announced; while its account cannot send it waits. Messages of one conversation go out in the order
// of their commits; conversations do not wait for each other, but for the slots of their channel. Each
// piece is recorded before it is sent (one durable write) and once it was; a crash between the two is
// the send window: there the piece is sent again with the same idempotency key, or held for the owner
// where the settings say so and the channel does not deduplicate. A held message lets others pass.
//
// Everything is safe for concurrent use.
package delivery

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Deps is what the service stands on. Hooks and Media may be nil.
type Deps struct {
	Store    store.Store
	Bus      *event.Bus
	Log      hclog.Logger
	Queue    *Queue
	Accounts Accounts
	Senders  Senders
	Hooks    Hooks
	Media    Media
	// Redact takes secrets out of what plugins say went wrong; nil leaves it as it is.
	Redact func(string) string
	// Hold keeps a message whose send a crash interrupted for the owner, instead of sending it again.
	Hold bool
	// GiveUp is how long after its first attempt a message is tried; 24 hours when 0.
	GiveUp time.Duration
}

// Accounts knows which accounts can send.
type Accounts interface {
	// Ready returns nil, or why messages have to wait.
	Ready(channel, account string) error
	// Account finds an account, the channel's first when account is empty, or CodeNotFound.
	Account(channel, account string) (message.Account, error)
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
}

// Hooks are the plugins that see outgoing messages.
type Hooks interface {
	// Sending returns the message as the hooks want it, or CodeForbidden with who cancelled it and
	// why. Other errors are tried again.
	Sending(ctx context.Context, c wit.HookContext, m wit.MessageSending) (wit.MessageSending, error)
	Sent(ctx context.Context, c wit.HookContext, m wit.MessageSent)
}

// Bounds of the service.
const (
	slotsPerChannel = 8
	sendTimeout     = 2 * time.Minute
	stopGrace       = 5 * time.Second
	writeTimeout    = 30 * time.Second
	lookAgain       = time.Minute
	giveUp          = 24 * time.Hour
)

// Service works the queue off.
type Service struct {
	Deps
	changed chan struct{}

	mu      sync.Mutex
	ctx     context.Context
	lanes   map[string]*lane
	last    string // the highest key that was loaded
	epoch   int    // counts the changes that parked lanes wait for
	slots   map[string]chan struct{}
	waiters map[string][]chan outcome
	wg      sync.WaitGroup
}

// New returns a service that does nothing until Run.
func New(d Deps) *Service {
	if d.GiveUp == 0 {
		d.GiveUp = giveUp
	}
	if d.Redact == nil {
		d.Redact = func(s string) string { return s }
	}
	d.Log = d.Log.Named("delivery")
	return &Service{Deps: d, changed: make(chan struct{}, 1), lanes: map[string]*lane{}, slots: map[string]chan struct{}{}, waiters: map[string][]chan outcome{}}
}

// Run delivers until ctx ends, and then waits a few seconds for the sends under way, so that they do
// not end in the send window. The error is nil.
func (s *Service) Run(ctx context.Context) error {
	cancel := s.Bus.Subscribe(func(e event.Event) {
		if e.Name == "channels.changed" || e.Name == "plugins.changed" {
			select {
			case s.changed <- struct{}{}:
			default:
			}
		}
	})
	defer cancel()
	s.mu.Lock()
	s.ctx = ctx
	s.mu.Unlock()
	prune := time.NewTimer(pruneDelay)
	defer prune.Stop()
	again := time.NewTicker(lookAgain)
	defer again.Stop()
	for {
		s.load(ctx)
		select {
		case <-s.Queue.wake:
		case <-s.changed:
			s.unpark()
		case <-again.C:
			s.unpark()
		case <-prune.C:
			s.prune(ctx)
			prune.Reset(pruneEvery)
		case <-ctx.Done():
			s.stop()
			return nil
		}
	}
}

// load puts what was enqueued since the last look on its lanes.
func (s *Service) load(ctx context.Context) {
	s.mu.Lock()
	from := s.last
	s.mu.Unlock()
	type entry struct{ key, lane, channel string }
	var fresh []entry
	err := s.Store.View(ctx, func(tx store.Tx) error {
		for row, err := range queueTable.Scan(tx, store.Range{From: from}) {
			if err != nil {
				return err
			}
			if row.Key != from && !row.Value.Held {
				fresh = append(fresh, entry{row.Key, row.Value.lane(), row.Value.Channel})
			}
		}
		return nil
	})
	if err != nil && ctx.Err() == nil {
		s.Log.Error("the outbound queue cannot be read", "error", err)
	}
	for _, e := range fresh {
		s.mu.Lock()
		s.last = max(s.last, e.key)
		s.mu.Unlock()
		s.push(e.lane, e.channel, e.key)
	}
}

func (s *Service) stop() {
	s.mu.Lock()
	for _, l := range s.lanes {
		if l.timer != nil {
			l.timer.Stop()
		}
	}
	s.mu.Unlock()
	s.wg.Wait()
}
