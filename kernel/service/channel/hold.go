package channel

import (
	"context"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/claim"
	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

// claimDelays are waited when nobody can be asked for a claim.
var claimDelays = retry.Backoff{Min: time.Second, Max: time.Minute}

// hold is the account's claim, from its grant to its release.
type hold struct {
	ctx     context.Context // ends when the claim is lost, or with the gateway
	release func()
	tasks   sync.WaitGroup // requests and connections that were begun under it
	lost    bool           // the loop knows of the loss
}

// ended is closed when the claim is lost; nil when there is nothing to be told of.
func (h *hold) ended() <-chan struct{} {
	if h == nil || h.lost {
		return nil
	}
	return h.ctx.Done()
}

// asker gets an account's claim, in a goroutine of its own, and gives it to the loop.
type asker struct {
	claims claim.Claims
	id     message.Account
	at     address
	before <-chan struct{} // closed when the account's last hold was released; nil when there was none
	cancel context.CancelFunc
}

// run asks until there is a claim or nobody wants one.
func (k *asker) run(ctx context.Context) {
	if k.before != nil {
		<-k.before
	}
	for n := 1; ; n++ {
		held, release, err := k.claim(ctx)
		if err == nil {
			if k.at.ask(ctx, &granted{k, held, release}) != nil {
				release()
			}
			return
		}
		if k.at.ask(ctx, &ungranted{k, err}) != nil || !retry.Sleep(ctx, claimDelays.Delay(n)) {
			return
		}
	}
}

// claim waits for the claim, and tells the loop if another gateway holds it.
func (k *asker) claim(ctx context.Context) (held context.Context, release func(), err error) {
	key := "account/" + k.id.String()
	held, release, err = k.claims.Try(ctx, key)
	if wit.CodeOf(err) != wit.CodeConflict {
		return held, release, err
	}
	if err := k.at.ask(ctx, &ungranted{k, err}); err != nil {
		return nil, nil, err
	}
	return k.claims.Claim(ctx, key)
}

// granted gives the loop its claim. An error says that it is not wanted any more.
type granted struct {
	asker   *asker
	held    context.Context
	release func()
}

func (o *granted) carryOut(l *loop) error {
	if l.asker != o.asker {
		return errUnwanted(l.id)
	}
	l.asker = nil
	l.hold = &hold{ctx: o.held, release: func() { o.release(); o.asker.cancel() }}
	if l.machine.phase == phaseWaiting {
		l.begin()
	}
	return nil
}

// ungranted tells the loop why it has to wait.
type ungranted struct {
	asker *asker
	err   error
}

func (o *ungranted) carryOut(l *loop) error {
	switch {
	case l.asker != o.asker:
		return errUnwanted(l.id)
	case wit.CodeOf(o.err) == wit.CodeConflict:
		l.wait(wit.ConnectionStateDisconnected, "it runs in another gateway, and starts here when that one stops it")
	default:
		l.log.Warn("account not claimed", "account", l.id, "error", o.err)
		l.wait(wit.ConnectionStateFailed, "it cannot be claimed, which is tried again: "+l.redact(o.err.Error()))
	}
	return nil
}

func errUnwanted(a message.Account) error {
	return wit.Errorf(wit.CodeConflict, "account %s is not to run any more", a)
}

// settle keeps the claim in step with the phase: it is asked for when the account is to run, and given back when
// it is not and what was under way is written. Somebody else may write the account's state then, so that it is
// forgotten here.
func (l *loop) settle() {
	wanted := l.machine.phase.claims()
	if l.hold != nil && !l.bench.busy && (l.hold.lost || !wanted) {
		if l.hold.lost && l.bench.trial != nil {
			l.giveUp(l.refusal())
		}
		if l.hold.lost || l.bench.trial == nil && !l.bench.state.dirty {
			l.bench.state = keeper{}
			l.free()
		}
	}
	switch {
	case !wanted && l.asker != nil:
		l.asker.cancel()
		l.asker = nil
	case wanted && l.hold == nil && l.asker == nil:
		ctx, cancel := context.WithCancel(l.life)
		k := &asker{claims: l.claims, id: l.id, at: l.at, before: l.freed, cancel: cancel}
		l.asker = k
		l.tasks.Go(func() { k.run(ctx) })
	}
}

// free releases the claim as soon as the requests and connections that were begun under it have ended.
func (l *loop) free() {
	h, freed := l.hold, make(chan struct{})
	l.hold, l.freed = nil, freed
	l.tasks.Go(func() {
		defer close(freed)
		h.tasks.Wait()
		h.release()
	})
}

// spawn runs fn in a goroutine that the claim is held for.
func (l *loop) spawn(fn func()) {
	h := l.hold
	h.tasks.Add(1)
	l.tasks.Go(func() {
		defer h.tasks.Done()
		fn()
	})
}

// lost stops an account whose claim is gone. It asks for it again.
func (l *loop) lost() {
	l.hold.lost = true
	if l.machine.phase.claims() && l.life.Err() == nil {
		l.log.Warn("account stopped: its claim was lost", "account", l.id)
		l.wait(wit.ConnectionStateDisconnected, "its claim was lost: another gateway may run it now; it starts here when it is free")
	}
}

// wait stops the account until there is a claim for it.
func (l *loop) wait(state wit.ConnectionState, hint string) {
	known := l.machine.phase == phaseWaiting && l.report.status.Message != nil && *l.report.status.Message == hint
	if known {
		return
	}
	l.stop(phaseWaiting, &wit.AccountStatus{State: state, Message: &hint})
	l.publish()
}

// work is the context of what the worker does: without the claim it ends. A replay needs none.
func (l *loop) work() context.Context {
	if l.hold == nil {
		return l.life
	}
	return l.hold.ctx
}
