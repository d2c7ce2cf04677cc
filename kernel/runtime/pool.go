package runtime

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// Pool calls one plugin's exports. It decides which instance serves a call and how long instances live; what
// happens in a call is the instance's.
type Pool struct {
	plugin  *plugin
	code    *code
	linker  *linker
	budget  *budget
	onClose func()             // called once, when the pool has drained
	kill    context.CancelFunc // stops the calls in flight

	mu      sync.Mutex
	idle    []parked // the most recently used last
	alive   int      // instances, idle, busy and being made
	waiters []chan grant
	closed  bool
	drained chan struct{} // closed when closed and alive is 0
	timer   *time.Timer

	counters counters
}

// parked is an instance that waits for a call.
type parked struct {
	*instance
	used bool // since expire last came by
}

// grant is what a waiter gets: an instance, or (nil) the right to make one, or an error.
type grant struct {
	instance *instance
	err      error
}

func newPool(c *code, l *linker, b *budget, spec Spec) *Pool {
	killed, kill := context.WithCancel(context.Background())
	return &Pool{plugin: l.plugin(spec, killed), code: c, linker: l, budget: b, kill: kill, drained: make(chan struct{})}
}

// refuse makes a new pool one that was closed before its first call.
func (p *Pool) refuse() {
	p.closed = true
	close(p.drained)
}

// Call runs an export with in and returns its output, which is the caller's. It waits for an instance until ctx
// ends; the deadline of the limits starts when it has one. in is not kept. The package's comment lists the codes
// of its errors.
func (p *Pool) Call(ctx context.Context, export string, in []byte) ([]byte, error) {
	i, err := p.take(ctx, export)
	if err != nil {
		p.counters.add(usage{}, err)
		return nil, err
	}
	out, used, err := i.serve(ctx, export, in)
	p.counters.add(used, err)
	p.give(i, !used.broken && !i.bloated())
	return out, err
}

// Stats returns the figures of this moment.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	alive, idle := p.alive, len(p.idle)
	p.mu.Unlock()
	return p.counters.stats(alive, idle)
}

// take returns an instance that is this call's alone.
func (p *Pool) take(ctx context.Context, export string) (*instance, error) {
	if err := ctx.Err(); err != nil {
		return nil, p.plugin.cancelled(export, context.Cause(ctx))
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, p.plugin.stopping()
	}
	if n := len(p.idle); n > 0 {
		i := p.idle[n-1].instance
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return i, nil
	}
	if p.alive < p.plugin.limits.Instances {
		p.alive++
		p.mu.Unlock()
		return p.make(ctx, export)
	}
	if nestOf(ctx).holds(p.plugin) >= p.plugin.limits.Instances {
		p.mu.Unlock()
		return nil, wit.Errorf(wit.CodeConflict, "plugin %s: %s is called from within the plugin's own calls, which hold all its instances; raise limits.instances",
			p.plugin.spec.Plugin, export)
	}
	wait := make(chan grant, 1)
	p.waiters = append(p.waiters, wait)
	p.mu.Unlock()
	return p.await(ctx, export, wait)
}

// await waits for a grant. One that comes when ctx has ended is passed on.
func (p *Pool) await(ctx context.Context, export string, wait chan grant) (*instance, error) {
	select {
	case g := <-wait:
		if g.err != nil || g.instance != nil {
			return g.instance, g.err
		}
		return p.make(ctx, export)
	case <-ctx.Done():
	}
	p.mu.Lock()
	n := slices.Index(p.waiters, wait)
	if n >= 0 {
		p.waiters = slices.Delete(p.waiters, n, n+1)
	}
	p.mu.Unlock()
	if n < 0 {
		if g := <-wait; g.instance != nil {
			p.give(g.instance, true)
		} else if g.err == nil {
			p.forget()
		}
	}
	return nil, p.plugin.cancelled(export, context.Cause(ctx))
}

// make makes an instance; the caller has counted it in alive.
func (p *Pool) make(ctx context.Context, export string) (i *instance, err error) {
	defer func() {
		if err != nil {
			p.forget()
		}
	}()
	code, err := p.code.acquire(ctx)
	if err != nil {
		return nil, wit.Errorf(wit.CodeOf(err), "plugin %s: %w", p.plugin.spec.Plugin, err)
	}
	if err := p.budget.take(ctx); err != nil {
		p.code.release()
		return nil, p.plugin.cancelled(export, err)
	}
	p.plugin.link(code.Functions)
	i, err = p.linker.instance(ctx, p.plugin, code)
	if err != nil {
		p.budget.give()
		p.code.release()
		return nil, err
	}
	p.counters.instances.Add(1)
	p.counters.guest.Add(i.starting)
	return i, nil
}

// give puts an instance back after a call, or discards it.
func (p *Pool) give(i *instance, reusable bool) {
	mode := p.plugin.spec.Mode
	if !reusable || mode == Fresh {
		p.discard(i)
		return
	}
	p.mu.Lock()
	if w := p.nextWaiter(); w != nil {
		p.mu.Unlock()
		w <- grant{instance: i}
		return
	}
	if p.closed || mode != Single && p.budget.contended() {
		p.mu.Unlock()
		p.discard(i)
		return
	}
	p.idle = append(p.idle, parked{i, true})
	if mode != Single && p.timer == nil {
		p.timer = time.AfterFunc(p.plugin.limits.Idle, p.expire)
	}
	p.mu.Unlock()
}

// nextWaiter takes the one who waits longest off the queue, nil if nobody waits. The caller holds mu.
func (p *Pool) nextWaiter() chan grant {
	if len(p.waiters) == 0 {
		return nil
	}
	w := p.waiters[0]
	p.waiters = slices.Delete(p.waiters, 0, 1)
	return w
}

// discard ends an instance and lets the next waiter make one.
func (p *Pool) discard(i *instance) {
	i.close()
	p.budget.give()
	p.code.release()
	p.forget()
}

// forget takes an instance that is no more, or was never made, off the count.
func (p *Pool) forget() {
	p.mu.Lock()
	if !p.closed {
		if w := p.nextWaiter(); w != nil {
			p.mu.Unlock()
			w <- grant{}
			return
		}
	}
	p.alive--
	done := p.closed && p.alive == 0
	p.mu.Unlock()
	if done {
		close(p.drained)
	}
}

// expire gives back the instances that no call has used since it last came by, so an instance is idle for
// between one and two times Limits.Idle.
func (p *Pool) expire() {
	p.mu.Lock()
	var old []*instance
	kept := p.idle[:0]
	for _, i := range p.idle {
		if i.used {
			kept = append(kept, parked{i.instance, false})
		} else {
			old = append(old, i.instance)
		}
	}
	clear(p.idle[len(kept):])
	p.idle = kept
	if p.timer = nil; len(p.idle) > 0 && !p.closed {
		p.timer = time.AfterFunc(p.plugin.limits.Idle, p.expire)
	}
	p.mu.Unlock()
	for _, i := range old {
		p.discard(i)
	}
}

// spare is how many instances the pool can do without now. Those of single pools are kept: they hold what their
// plugin remembers.
func (p *Pool) spare() int {
	if p.plugin.spec.Mode == Single {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.idle)
}

// evict gives back the least recently used of the idle instances. There is none any more when a call has taken
// it, which will see that the budget is contended.
func (p *Pool) evict() {
	p.mu.Lock()
	if len(p.idle) == 0 {
		p.mu.Unlock()
		return
	}
	i := p.idle[0].instance
	p.idle = slices.Delete(p.idle, 0, 1)
	p.mu.Unlock()
	p.discard(i)
}

// Close drains: calls that wait or come later fail with unavailable, calls in flight are waited for until ctx
// ends, and stopped then. It may be called again. CodeTimeout when calls had to be stopped.
func (p *Pool) Close(ctx context.Context) error {
	p.mu.Lock()
	first := !p.closed
	p.closed = true
	idle, waiters := p.idle, p.waiters
	p.idle, p.waiters = nil, nil
	if p.timer != nil {
		p.timer.Stop()
	}
	empty := first && p.alive == 0
	p.mu.Unlock()
	for _, w := range waiters {
		w <- grant{err: p.plugin.stopping()}
	}
	for _, i := range idle {
		p.discard(i.instance)
	}
	if empty {
		close(p.drained)
	}
	var err error
	select {
	case <-p.drained:
	case <-ctx.Done():
		p.kill()
		err = wit.Errorf(wit.CodeTimeout, "plugin %s: its calls were stopped: %w", p.plugin.spec.Plugin, context.Cause(ctx))
		<-p.drained
	}
	if first {
		p.kill()
		p.onClose()
	}
	return err
}
