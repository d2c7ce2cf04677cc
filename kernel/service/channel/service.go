// Package channel runs the accounts of the chat channels: it gives their plugins one event after the
// other, has what they answer committed, and only then acts on it.
//
// Owns: the accounts' loops with their requests, timers and connections, and the door for webhooks. It does
// not open sockets (plugins make requests through their own door, connections come from a Dialer), and
// keeps nothing itself: what is durable, and who may speak, is the inbox's.
//
// Guarantees. One account's events are handled one at a time and in order; accounts do not wait for
// each other. The messages of an answer, what is accepted of them and the account's state are one
// transaction; requests, timers, frames, the reply to a webhook and the status follow its commit.
// A crash at any point costs a replay from the last committed state, which the inbox absorbs: nothing
// is lost and nothing is accepted twice. An event whose handling fails is tried four times and then
// a dead letter, visibly. A plugin that changes is used from the next event on; its requests, timers and
// connections go on. A connection's `opened`, messages and `closed` come in order, each message after the
// one before was handled; one that breaks is opened again, less and less often. A
// send that goes over a connection goes over the very one that its state spoke of, or not at all (see Link).
//
// An account runs in one of the gateways that share a state: its loop claims it. Where the claim is held elsewhere
// the loop waits, refuses events and says why, and starts when it gets the claim. It keeps the claim while the account
// runs, has failed and is to be started again, or has stopped at an event that waits for its owner; it gives
// it back, with all that was under way ended and the state written, when the account is stopped, disabled or
// removed, when its plugin has been gone for a minute, and at the end. An upgrade of the plugin does not touch it.
//
// An account is one loop that one goroutine owns (see loop). It is spoken to by orders, which it carries out
// at once whatever its plugin does, and by events, which wait in its bounded mailbox. Readers look at the
// view that it last showed: once an order has returned, they see what it did. An idle account is one parked
// goroutine. Everything is safe for concurrent use.
package channel

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/claim"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/proof"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/webhook"
	"github.com/carapace-gateway/carapace/wit"
)

// Deps is what the service stands on. Dialer may be nil: connections are then answered `closed`.
type Deps struct {
	Bus         *event.Bus
	Log         hclog.Logger
	Plugins     Plugins
	Settings    Settings
	Credentials webhook.Credentials
	Proofs      *proof.Checker // of webhooks
	Inbox       Inbox
	DeadLetters DeadLetters
	Claims      claim.Claims
	Dialer      Dialer
	// Redact takes secrets out of text that is shown to the owner; nil leaves it as it is.
	Redact func(string) string
}

// Service is the accounts of all channels.
type Service struct {
	parts    // of each account
	settings Settings
	roster   roster
	door     *door
	changed  chan struct{}
	looked   chan struct{} // closed when Run has looked at settings and plugins once
	first    sync.Once
}

// New returns a service that does nothing until Run.
func New(d Deps) *Service {
	if d.Redact == nil {
		d.Redact = func(s string) string { return s }
	}
	if d.Dialer == nil {
		d.Dialer = noDialer{}
	}
	s := &Service{
		parts: parts{
			bus: d.Bus, log: d.Log.Named("channel"), redact: d.Redact, dialer: d.Dialer, plugins: d.Plugins,
			inbox: d.Inbox, letters: d.DeadLetters, claims: d.Claims, builds: newBuilds(d.Plugins), starts: new(atomic.Uint64),
		},
		settings: d.Settings, changed: make(chan struct{}, 1), looked: make(chan struct{}),
	}
	s.door = &door{accounts: &s.roster, plugins: d.Plugins, open: s.looked, guard: webhook.Guard{Proofs: d.Proofs, Log: s.log}, credentials: d.Credentials}
	return s
}

// Service names what the channels are to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{
		Name: "channel", Run: s.Run,
		Methods: (&methods{s}).list(),
		Events:  []event.Row{ChangedKind.Row(), ReceiptKind.Row()},
		Routes:  []service.Route{{Pattern: "/plugins/{id}/*", Handler: s.door, MaxBody: webhook.MaxBody}},
		Checks:  []func(context.Context) service.Check{s.check},
		Metrics: s.metrics(),
	}
}

// Run starts the enabled accounts and keeps them in step with settings and plugins until ctx ends, all
// of them have stopped and their state is written. The error is nil.
func (s *Service) Run(ctx context.Context) error {
	cancel := s.bus.Subscribe(func(e event.Event) {
		if e.Name == "plugins.changed" || e.Name == "config.changed" {
			s.Refresh()
		}
	})
	defer cancel()
	var loops sync.WaitGroup
	defer loops.Wait()
	s.roster.forget()
	for {
		s.sync(ctx, &loops)
		s.first.Do(func() { close(s.looked) })
		select {
		case <-s.changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// Refresh asks Run to look at the settings and plugins again. It returns at once.
func (s *Service) Refresh() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// sync makes the accounts what settings and plugins say. An order fails only when ctx has ended.
func (s *Service) sync(ctx context.Context, loops *sync.WaitGroup) {
	want := map[message.Account]bool{}
	for _, id := range s.plugins.Channels() {
		for _, settings := range s.settings.Accounts(id) {
			at := message.Account{Channel: id, ID: settings.ID}
			want[at] = true
			a, ok := s.roster.get(at)
			if !ok {
				var l *loop
				a, l = newAccount(at, settings, s.parts)
				s.roster.add(a)
				loops.Go(func() { l.run(ctx) })
			}
			_ = a.order(ctx, configure{settings})
		}
	}
	for _, a := range s.roster.all() {
		settings, off := s.off(a.id)
		switch {
		case want[a.id]:
		case off:
			_ = a.order(ctx, configure{settings})
		case s.waits(a.id):
			_ = a.order(ctx, absent{})
		default:
			_ = a.order(ctx, remove{})
		}
	}
}

// off returns the settings of an account that is not to run with them.
func (s *Service) off(id message.Account) (Account, bool) {
	for _, a := range s.settings.Accounts(id.Channel) {
		if a.ID == id.ID {
			return a, a.rest() != ""
		}
	}
	return Account{}, false
}

// waits reports whether an account is still configured and only its plugin is absent: it waits for it.
func (s *Service) waits(id message.Account) bool {
	if _, here := s.plugins.Channel(id.Channel); here {
		return false
	}
	_, ok := s.configured(id.Channel, id.ID)
	return ok
}

// configured finds an account in the settings, the channel's first when account is empty.
func (s *Service) configured(channel, account string) (message.Account, bool) {
	for _, a := range s.settings.Accounts(channel) {
		if account == "" || a.ID == account {
			return message.Account{Channel: channel, ID: a.ID}, true
		}
	}
	return message.Account{}, false
}

// Mark is a moment among the starts of accounts.
type Mark uint64

// Mark is the present moment.
func (s *Service) Mark() Mark { return Mark(s.starts.Load()) }

// Restart starts an account anew, all of the channel's when account is empty, if it has not started since a moment: that at which
// a credential had changed, say. Those that are disabled or that the owner has stopped stay as they are. It must not be
// called by a subscriber of the bus, for which the loops would wait.
func (s *Service) Restart(channel, account string, since Mark) {
	for _, a := range s.roster.all() {
		if a.id.Channel == channel && (account == "" || a.id.ID == account) {
			_ = a.order(context.Background(), restart{since}) // it fails when the gateway stops
		}
	}
}

// Ready returns nil when messages can be sent through the account, and else why they have to wait. An
// account that stopped at an event still sends. Errors: CodeUnavailable.
func (s *Service) Ready(channel, account string) error {
	a, err := s.roster.find(channel, account)
	if err != nil {
		return wit.Errorf(wit.CodeUnavailable, "%w", err)
	}
	if _, ok := s.plugins.Channel(channel); !ok {
		return wit.Errorf(wit.CodeUnavailable, "channel %s is not loaded now", channel)
	}
	return a.view.Load().ready()
}

// ConnectedSince returns since when an account is connected without a break, or the zero time while it is not.
func (s *Service) ConnectedSince(channel, account string) time.Time {
	if a, err := s.roster.find(channel, account); err == nil {
		if at := a.view.Load().report.connectedAt; at != 0 {
			return time.UnixMilli(at)
		}
	}
	return time.Time{}
}

// Account finds an account, the channel's first when account is empty; also one that has not begun to run yet, since
// the gateway has just started or its plugin is not here: what is for it waits. Errors: CodeNotFound.
func (s *Service) Account(channel, account string) (message.Account, error) {
	a, err := s.roster.find(channel, account)
	if err == nil {
		return a.id, nil
	}
	if id, ok := s.configured(channel, account); ok {
		return id, nil
	}
	return message.Account{}, err
}

// Accounts lists the configured accounts by channel and id.
func (s *Service) Accounts() []message.Account {
	var list []message.Account
	for _, a := range s.roster.all() {
		list = append(list, a.id)
	}
	return list
}

// List tells how every account is, by channel and account.
func (s *Service) List() []Changed {
	var list []Changed
	for _, a := range s.roster.all() {
		list = append(list, a.view.Load().changed(s.redact))
	}
	return list
}

// Default returns the channel of the only enabled account, for senders that name none; false when
// there is none or a choice. Accounts count that have not begun to run yet.
func (s *Service) Default() (channel string, ok bool) {
	used := map[string]bool{}
	for _, a := range s.roster.all() {
		used[a.id.Channel] = used[a.id.Channel] || a.view.Load().settings.Enabled
	}
	for _, id := range s.plugins.Channels() {
		for _, a := range s.settings.Accounts(id) {
			used[id] = used[id] || a.Enabled
		}
	}
	for id, enabled := range used {
		if !enabled {
			continue
		}
		if channel != "" {
			return "", false
		}
		channel = id
	}
	return channel, channel != ""
}

// Label returns how a channel is called for people: as its plugin says, or by its id.
func (s *Service) Label(channel string) string {
	if p, ok := s.plugins.Channel(channel); ok && p.Facts().Label != "" {
		return p.Facts().Label
	}
	return channel
}
