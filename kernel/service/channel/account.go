package channel

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/claim"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

// account is how the service sees one account: where its loop hears, and what it shows. Everything is safe
// for concurrent use.
type account struct {
	id   message.Account
	at   address
	view atomic.Pointer[view]
}

// parts is what a loop is made with.
type parts struct {
	bus     *event.Bus
	log     hclog.Logger
	redact  func(string) string
	dialer  Dialer
	plugins Plugins
	claims  claim.Claims
	inbox   Inbox
	letters DeadLetters
	builds  *builds
	starts  *atomic.Uint64 // of all accounts so far
}

// newAccount returns an account that is idle, and its loop, which does nothing until it runs.
func newAccount(id message.Account, settings Account, p parts) (*account, *loop) {
	a := &account{id: id, at: newAddress()}
	l := &loop{
		id: id, at: a.at, bus: p.bus, log: p.log, redact: p.redact, plugins: p.plugins, view: &a.view,
		settings: settings, starts: p.starts, machine: newMachine(), report: report{lastHeardAt: time.Now().UnixMilli()},
	}
	l.tenure = tenure{claims: p.claims, id: id, at: a.at, run: l.tasks.Go}
	l.bench = bench{
		worker:  &worker{id: id, plugins: p.plugins, inbox: p.inbox, letters: p.letters, builds: p.builds, view: &a.view},
		results: make(chan result, 1), spawn: l.tasks.Go,
	}
	l.traffic = traffic{id: id, at: a.at, dialer: p.dialer, redact: p.redact, spawn: l.tenure.spawn, mail: &l.mail, complaints: complaints{log: p.log}}
	l.show()
	return a, l
}

// order has the loop do something. Errors: the order's, CodeUnavailable while the gateway stops, ctx's.
func (a *account) order(ctx context.Context, o order) error { return a.at.ask(ctx, o) }

// command gives the account a command of the owner's and returns the status that the plugin answers, which may be
// nil. Errors: handle's.
func (a *account) command(ctx context.Context, name string) (*wit.AccountStatus, error) {
	c := wit.Command{Name: name, Args: wit.JSON("{}")}
	o, err := a.handle(ctx, &input{origin: fromOwner, event: wit.ChannelEvent{Kind: wit.EventKindCommand, Command: &c}})
	return o.status, err
}

// handle has an event handled and waits for what comes of it. Errors: the plugin's; CodeUnavailable when the
// account does not take it; CodeTimeout when ctx ends first, and then the event is handled all the same.
func (a *account) handle(ctx context.Context, in *input) (outcome, error) {
	in.done = make(chan outcome, 1)
	if err := a.order(ctx, deliver{in}); err != nil {
		return outcome{}, err
	}
	select {
	case o := <-in.done:
		return o, o.err
	case <-a.at.gone:
		select {
		case o := <-in.done:
			return o, o.err
		default:
			return outcome{}, wit.NewError(wit.CodeUnavailable, "the gateway is stopping")
		}
	case <-ctx.Done():
		return outcome{}, wit.Errorf(wit.CodeTimeout, "account %s has not answered yet: %w", a.id, ctx.Err())
	}
}
