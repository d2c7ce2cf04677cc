// Package approval has somebody say whether something may be done: the call of a tool that writes, spends, sends or executes, and
// what clients ask about, such as a command on a node.
//
// Owns: the policy file, the approvals that wait, and those that are over. It refuses to make calls: whoever asks does that, or
// does not.
//
// Guarantees. Nothing is allowed that the policy (package policy) does not allow and nobody has: who cannot be asked, says nothing
// in time, or says it where it cannot be written down, has not. An approval and what follows from its answer are one
// transaction, so that of several who answer the first one counts, on whatever way they come, and the buttons of a chat and the
// clients agree. What waits survives a kill: a run that goes on asks no second time, but waits on, or finds what was said. An answer
// is for one call with the arguments that were shown, and is used up by it: of two calls that are alike each is asked about.
// Every change is told by an event, again after a kill that came before.
//
// Everything is safe for concurrent use.
package approval

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/approval/policy"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/question"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Deps is what the service stands on.
type Deps struct {
	Store     store.Store
	Bus       *event.Bus
	Questions *question.Book
	Log       hclog.Logger
	// Owner finds a chat in which the owner can be asked; false where there is none. Errors: the store's.
	Owner func(tx store.Tx) (at message.Account, to wit.Conversation, ok bool, err error)
	// Approvers reports whether a client is connected that may approve.
	Approvers func() bool
	// Settings are the owner's, as they are now.
	Settings func() policy.Settings
	// Answers refuses a session or an agent that a client names where there is no such agent; empty ones it lets pass.
	Answers func(session, agent string) error
	// Nodes reach the policies that nodes keep for themselves; nil where there are no nodes.
	Nodes Nodes
	// Redact replaces secrets in a text.
	Redact func(string) string
	// Pressed is told of each approval that was decided by a button in a chat, once that is kept; nil tells nobody.
	Pressed func(Press)
	// Agent is who asks where only a session is named, or nothing.
	Agent func(session string) string
	// Home is what ~ stands for in patterns; Path is where the policy is kept.
	Home, Path string
}

// Press is a button of an approval that somebody has pressed.
type Press struct {
	ID, Agent string
	Decision  Decision
	// Channel and Sender are whose button it was, by the platform's id, and Name what people call them.
	Channel, Sender, Name string
}

// Nodes runs commands on nodes.
type Nodes interface {
	// Invoke returns a command's result, which is JSON. Errors: CodeNotFound for a node that there is not; CodeUnavailable
	// for one that is not connected; the node's own.
	Invoke(ctx context.Context, node, command string, params wit.JSON) (wit.JSON, error)
}

// Service asks, and keeps what was said.
type Service struct {
	d       Deps
	log     hclog.Logger
	poke    chan struct{} // looks again at what has changed
	waiting atomic.Int64  // about how many approvals wait, for what need not be looked at

	mu      sync.Mutex    // one announcement at a time, so that events come in order
	changed chan struct{} // closed, and replaced, when something was announced; under mu
}

// New returns the service. It acts on the answers to its questions from now on.
func New(d Deps) *Service {
	s := &Service{d: d, log: d.Log.Named("approval"), poke: make(chan struct{}, 1), changed: make(chan struct{})}
	d.Questions.Handle(questionKind, s.chosen)
	return s
}

// Service names what this is to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{
		Name: "approval", Methods: s.methods(), Events: []event.Row{ExecRequested.Row(), ExecResolved.Row(), PluginRequested.Row(), PluginResolved.Row()},
		Run: s.Run, Queues: s.queues,
	}
}

// Run ends what nobody answers in time, and tells of what was said in chats, until ctx ends. It returns nil.
func (s *Service) Run(ctx context.Context) error {
	defer s.d.Bus.Subscribe(func(e event.Event) {
		if e.Name == "message.received" && s.waiting.Load() > 0 {
			s.lookAgain()
		}
	})()
	for {
		next, err := s.sweep(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.Warn("approvals not looked at", "error", err)
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-s.poke:
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (s *Service) lookAgain() {
	select {
	case s.poke <- struct{}{}:
	default: // it will be looked at
	}
}

// The time between two looks at what nothing has happened to.
const (
	lookAfter  = time.Hour
	retryAfter = 10 * time.Second // the store refuses
)

// sweep expires what is due, announces what was decided, and returns when to look again.
func (s *Service) sweep(ctx context.Context) (next time.Duration, err error) {
	next = lookAfter
	err = s.d.Store.Update(ctx, func(tx store.Tx) error {
		now, count := time.Now().UnixMilli(), int64(0)
		var due []record
		for row, err := range pendingTable.Scan(tx, store.Range{}) {
			switch {
			case store.Damaged(err):
				if err := pendingTable.Delete(tx, row.Key); err != nil { // nobody can be asked about it
					return err
				}
			case err != nil:
				return err
			case row.Value.ExpiresAt <= now:
				due = append(due, row.Value)
			default:
				count++
				next = min(next, time.Duration(row.Value.ExpiresAt-now)*time.Millisecond)
			}
		}
		for _, r := range due {
			if err := s.conclude(tx, r, outcome{Status: Expired, By: Resolver{Kind: bySystem}}); err != nil {
				return err
			}
		}
		s.waiting.Store(count)
		return nil
	})
	s.d.Questions.Wake()
	if err == nil {
		err = s.announce(ctx)
	}
	if err != nil {
		next = retryAfter
	}
	return next, err
}

// announce tells of what was decided and not yet told.
func (s *Service) announce(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var news []record
	err := s.d.Store.Update(ctx, func(tx store.Tx) error {
		news = nil
		var keys []string
		for row, err := range newsTable.Scan(tx, store.Range{}) {
			if err != nil && !store.Damaged(err) {
				return err
			}
			keys = append(keys, row.Key)
			r, err := find(tx, row.Value)
			if err == nil {
				news = append(news, r)
			}
		}
		for _, key := range keys {
			if err := newsTable.Delete(tx, key); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || len(news) == 0 {
		return err
	}
	for _, r := range news {
		s.publish(r)
		if r.Pressed && s.d.Pressed != nil {
			s.d.Pressed(Press{r.ID, r.Agent, r.Decision, r.Channel, strings.TrimPrefix(r.By.ID, r.Channel+":"), r.ByName})
		}
	}
	close(s.changed)
	s.changed = make(chan struct{})
	return nil
}

// news returns what is closed at the next announcement.
func (s *Service) news() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// queues counts what waits.
func (s *Service) queues(ctx context.Context) (map[string]int, error) {
	list, err := s.pending(ctx, "")
	return map[string]int{"approvals": len(list)}, err
}
