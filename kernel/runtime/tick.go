package runtime

import (
	"context"
	"errors"
	goruntime "runtime"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// now is the time since the engine was made, in nanoseconds; it only goes forward.
func (e *Engine) now() int64 { return int64(time.Since(e.epoch)) }

// tick is called by every guest each meter.Interval steps. Being ordinary Go code it is where the
// garbage collector can stop the guest's thread and where other goroutines get their turn.
func tick(ctx context.Context, _ []uint64) {
	i := instanceOf(ctx)
	i.ticks++
	goruntime.Gosched()
	i.check()
}

// check stops the guest if its call is over. It does not return then.
func (i *instance) check() {
	now := i.pool.engine.now()
	if i.checked == 0 {
		i.checked, i.deadline = now, now+int64(i.pool.limits.Deadline)
	}
	if now > i.deadline {
		i.stop(i.pool.timeout(i.call.export))
	}
	if i.ctx.Err() != nil {
		i.stop(i.pool.cancelled(i.call.export, context.Cause(i.ctx)))
	}
	if i.pool.killed.Err() != nil {
		i.stop(i.pool.gone())
	}
}

// stop unwinds the guest; its call answers err.
func (i *instance) stop(err error) {
	if i.halt == nil {
		i.halt = err
	}
	panic(errHalted)
}

func (p *Pool) timeout(export string) error {
	return wit.Errorf(wit.CodeTimeout, "plugin %s: %s did not answer within %s", p.spec.Plugin, export, p.limits.Deadline)
}

func (p *Pool) cancelled(export string, cause error) error {
	code := wit.CodeUnavailable
	if errors.Is(cause, context.DeadlineExceeded) {
		code = wit.CodeTimeout
	}
	return wit.Errorf(code, "plugin %s: %s was given up by its caller: %w", p.spec.Plugin, export, cause)
}

// host runs f on behalf of the guest with a context that ends with the call, and keeps the time that
// it takes out of what the guest is charged for.
func (i *instance) host(f func(ctx context.Context)) {
	i.check()
	if i.hostCtx == nil {
		nested := context.WithValue(i.ctx, nestKey{}, &nest{i.pool, nestOf(i.ctx)})
		ctx, cancel := context.WithDeadline(nested, i.pool.engine.epoch.Add(time.Duration(i.deadline)))
		unhook := context.AfterFunc(i.pool.killed, cancel)
		i.hostCtx, i.release = ctx, func() { unhook(); cancel() }
	}
	start := i.pool.engine.now()
	f(i.hostCtx)
	i.hostTime += i.pool.engine.now() - start
	i.check()
}

// end lets go of what belongs to the call that is over.
func (i *instance) end() {
	if i.release != nil {
		i.release()
	}
	i.ctx, i.hostCtx, i.release = nil, nil, nil
	i.in, i.answer, i.response = nil, nil, HTTPResponse{}
}

// nest is the chain of calls that a host function runs in, so that a plugin which calls itself, by
// whatever way, is told so instead of waiting for itself.
type nest struct {
	pool  *Pool
	outer *nest
}

type nestKey struct{}

func nestOf(ctx context.Context) *nest {
	n, _ := ctx.Value(nestKey{}).(*nest)
	return n
}

// holds says how many instances of p wait for the call.
func (n *nest) holds(p *Pool) (count int) {
	for ; n != nil; n = n.outer {
		if n.pool == p {
			count++
		}
	}
	return count
}
