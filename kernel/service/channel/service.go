// Package channel runs the accounts of the chat channels: it gives their plugins one event after the
// other, commits what they answer, and only then acts on it.
//
// Owns: the actors of the accounts, the inbox (unique on channel, account and message id), the
// accounts' state, pairing requests, the pending history of groups, and the events that were kept
// aside because a plugin could not handle them. It does not open sockets (plugins make requests through
// their own door, connections come from a Dialer), does not run turns (Inbound) and does not send
// (Outbox).
//
// Guarantees. One account's events are handled one at a time and in order; accounts do not wait for
// each other. The messages of an answer, the turns that they start and the account's state are one
// transaction; requests, timers, frames, the reply to a webhook and the status follow its commit.
// A crash at any point costs a replay from the last committed state, which the inbox absorbs: nothing
// is lost and nothing is accepted twice. An event whose handling fails is tried four times and then
// kept aside, visibly. A plugin that changes is used from the next event on; its requests, timers and
// connections go on. A connection's `opened`, messages and `closed` come in order, each message after the
// one before was handled; one that breaks is opened again, less and less often.
//
// An account without events has no goroutine. Everything is safe for concurrent use.
package channel

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Deps is what the service stands on. Dialer may be nil: connections are then answered `closed`.
type Deps struct {
	Store       store.Store
	Bus         *event.Bus
	Log         hclog.Logger
	Plugins     Plugins
	Settings    Settings
	Credentials Credentials
	Inbound     Inbound
	Outbox      Outbox
	Dialer      Dialer
	// Redact takes secrets out of text that is kept for the owner.
	Redact func(string) string
}

// Service is the accounts of all channels.
type Service struct {
	Deps
	changed chan struct{}

	mu     sync.Mutex
	ctx    context.Context // Run's; nil before it and after
	actors map[ref]*actor
	proven map[string]string // channel → the build that has handled an event
	wg     sync.WaitGroup
}

// ref names an account.
type ref struct{ channel, account string }

func (r ref) String() string { return r.channel + "/" + r.account }

// New returns a service that does nothing until Run.
func New(d Deps) *Service {
	if d.Redact == nil {
		d.Redact = func(s string) string { return s }
	}
	d.Log = d.Log.Named("channel")
	return &Service{Deps: d, changed: make(chan struct{}, 1), actors: map[ref]*actor{}, proven: map[string]string{}}
}

// Run starts the enabled accounts and keeps them in step with settings and plugins until ctx ends, all
// of them have stopped and their state is written. The error is nil.
func (s *Service) Run(ctx context.Context) error {
	cancel := s.Bus.Subscribe(func(e event.Event) {
		if e.Name == "plugins.changed" || e.Name == "config.changed" {
			s.Refresh()
		}
	})
	defer cancel()
	s.mu.Lock()
	s.ctx = ctx
	s.mu.Unlock()
	s.sync()
	prune := time.NewTimer(pruneDelay)
	defer prune.Stop()
	for {
		select {
		case <-s.changed:
			s.sync()
		case <-prune.C:
			s.prune(ctx)
			prune.Reset(pruneEvery)
		case <-ctx.Done():
			s.stop()
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

// sync makes the actors what settings and plugins say.
func (s *Service) sync() {
	want := map[ref]Account{}
	for _, id := range s.Plugins.Channels() {
		for _, a := range s.Settings.Accounts(id) {
			want[ref{id, a.ID}] = a
		}
	}
	for _, a := range s.all() {
		if _, ok := want[a.ref]; !ok && !s.keeps(a.ref) {
			a.halt(phaseDisabled, nil)
			a.mu.Lock()
			a.removed = true
			a.mu.Unlock()
			s.publish(a)
		}
	}
	for r, settings := range want {
		s.actor(r, settings).apply(settings)
	}
}

// keeps reports whether an account whose plugin is absent is still configured: it waits for it.
func (s *Service) keeps(r ref) bool {
	if _, here := s.Plugins.Channel(r.channel); here {
		return false
	}
	return slices.ContainsFunc(s.Settings.Accounts(r.channel), func(a Account) bool { return a.ID == r.account })
}

// Restart starts an account anew, all of the channel's when account is empty: after a credential has
// changed, say. Those that are disabled or that the owner has stopped stay as they are.
func (s *Service) Restart(channel, account string) {
	for _, a := range s.all() {
		a.mu.Lock()
		on := a.settings.Enabled && a.phase != phaseOff && a.phase != phaseIdle
		a.mu.Unlock()
		if on && a.channel == channel && (account == "" || a.account == account) {
			a.begin()
		}
	}
}

func (s *Service) actor(r ref, settings Account) *actor {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.actors[r]
	if !ok {
		a = newActor(s, r, settings)
		s.actors[r] = a
	}
	return a
}

// find returns the account's actor, or CodeNotFound. An empty account is the channel's first.
func (s *Service) find(channel, account string) (*actor, error) {
	all := s.all()
	i := slices.IndexFunc(all, func(a *actor) bool {
		return a.channel == channel && (account == "" || a.account == account)
	})
	switch {
	case i >= 0:
		return all[i], nil
	case !slices.ContainsFunc(all, func(a *actor) bool { return a.channel == channel }):
		return nil, wit.Errorf(wit.CodeNotFound, "unsupported channel: %s has no account: set one up first", channel)
	default:
		return nil, wit.Errorf(wit.CodeNotFound, "channel %s has no account %q", channel, account)
	}
}

// all lists the configured accounts' actors by channel and account. A removed account keeps its actor,
// so that there are never two of one account.
func (s *Service) all() []*actor {
	list := slices.DeleteFunc(s.every(), func(a *actor) bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.removed
	})
	slices.SortFunc(list, func(a, b *actor) int { return compare(a.ref, b.ref) })
	return list
}

func (s *Service) every() []*actor {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.actors))
}

// spawn runs fn as part of Run, or not at all when that has ended.
func (s *Service) spawn(fn func(context.Context)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx == nil || s.ctx.Err() != nil {
		return false
	}
	ctx := s.ctx
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		fn(ctx)
	}()
	return true
}

func (s *Service) stop() {
	for _, a := range s.every() {
		a.halt(phaseIdle, nil)
	}
	s.wg.Wait()
	for _, a := range s.every() {
		a.flush()
	}
	s.mu.Lock()
	s.ctx = nil
	s.mu.Unlock()
}
