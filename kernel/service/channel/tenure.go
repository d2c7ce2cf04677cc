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

// tenure is what an account has of its claim. The loop owns it.
type tenure struct {
	claims claim.Claims
	id     message.Account
	at     address
	run    func(func()) // in a goroutine that the loop waits for

	hold  *hold           // nil while the account is not claimed
	asker *asker          // that is to get the claim; nil when none is wanted
	freed <-chan struct{} // closed when the last hold was released
}

// hold is the account's claim, from its grant to its release.
type hold struct {
	ctx     context.Context // ends when the claim is lost, or with the gateway
	release func()
	tasks   sync.WaitGroup // requests and connections that were begun under it
	lost    bool           // the loop knows of the loss
}

// ended is closed when the claim is lost; nil when there is nothing to be told of.
func (t *tenure) ended() <-chan struct{} {
	if t.hold == nil || t.hold.lost {
		return nil
	}
	return t.hold.ctx.Done()
}

// context is what the worker works under: without the claim, which a replay does not need, the loop's life.
func (t *tenure) context(life context.Context) context.Context {
	if t.hold == nil {
		return life
	}
	return t.hold.ctx
}

// want asks for the claim, or takes that back.
func (t *tenure) want(life context.Context, wanted bool) {
	switch {
	case !wanted && t.asker != nil:
		t.asker.cancel()
		t.asker = nil
	case wanted && t.hold == nil && t.asker == nil:
		ctx, cancel := context.WithCancel(life)
		k := &asker{claims: t.claims, id: t.id, at: t.at, before: t.freed, cancel: cancel}
		t.asker = k
		t.run(func() { k.run(ctx) })
	}
}

// free releases the claim as soon as the requests and connections that were begun under it have ended.
func (t *tenure) free() {
	h, freed := t.hold, make(chan struct{})
	t.hold, t.freed = nil, freed
	t.run(func() {
		defer close(freed)
		h.tasks.Wait()
		h.release()
	})
}

// spawn runs fn in a goroutine that the claim is held for.
func (t *tenure) spawn(fn func()) {
	h := t.hold
	h.tasks.Add(1)
	t.run(func() {
		defer h.tasks.Done()
		fn()
	})
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
	if l.tenure.asker != o.asker {
		return errUnwanted(l.id)
	}
	l.tenure.asker = nil
	l.tenure.hold = &hold{ctx: o.held, release: func() { o.release(); o.asker.cancel() }}
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
	case l.tenure.asker != o.asker:
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
	if h := l.tenure.hold; h != nil && !l.bench.busy && (h.lost || !wanted) {
		if h.lost && l.bench.trial != nil {
			l.giveUp(l.refusal())
		}
		if h.lost || l.bench.trial == nil && !l.bench.state.dirty {
			l.bench.state = keeper{}
			l.tenure.free()
		}
	}
	l.tenure.want(l.life, wanted)
}

// lost stops an account whose claim is gone. It asks for it again.
func (l *loop) lost() {
	l.tenure.hold.lost = true
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
