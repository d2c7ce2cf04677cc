package runtime

import (
	"context"
	"errors"
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
	share   *share             // of the budget
	onClose func()             // called once, when the pool has drained
	kill    context.CancelFunc // stops the calls in flight

	mu      sync.Mutex
	idle    []parked // the most recently used last
	alive   int      // instances, idle, busy and being made
	waiters []chan grant
	closed  bool
	leaving chan struct{} // closed with closed
	drained chan struct{} // closed when closed and alive is 0
	timer   *time.Timer
	idleFor time.Duration // what an instance may be idle, at least

	crashes  crashes
	counters counters
}

// parked is an instance that waits for a call.
type parked struct {
	*instance
	used bool   // since expire last came by
	at   uint64 // see budget.touch
}

// grant is what a waiter gets: an instance, or (nil) the right to make one, or an error.
type grant struct {
	instance *instance
	err      error
}

func newPool(c *code, l *linker, b *budget, spec Spec) *Pool {
	killed, kill := context.WithCancel(context.Background())
	plugin := l.plugin(spec, killed)
	return &Pool{plugin: plugin, code: c, linker: l, budget: b, share: b.share(spec.Plugin), kill: kill, idleFor: plugin.limits.Idle,
		leaving: make(chan struct{}), drained: make(chan struct{})}
}

// refuse makes a new pool one that was closed before its first call.
func (p *Pool) refuse() {
	p.closed = true
	close(p.leaving)
	close(p.drained)
}

// Call runs an export with in and returns its output, which is the caller's. It waits for an instance until ctx
// ends, and for room to make one no longer than the deadline of the limits; the call's own deadline starts when it has
// its instance. in is not kept. The package's comment lists the codes
// of its errors.
func (p *Pool) Call(ctx context.Context, export string, in []byte) ([]byte, error) {
	return p.Trace(ctx, export, in, nil)
}

// Trace is Call that fills t in, unless it is nil.
func (p *Pool) Trace(ctx context.Context, export string, in []byte, t *Trace) (out []byte, err error) {
	if !p.plugin.habit.long() {
		return p.call(ctx, export, in, t, false)
	}
	aside(func() { out, err = p.call(ctx, export, in, t, true) })
	return out, err
}

// call is Trace; aside is set in a goroutine that ends with it.
func (p *Pool) call(ctx context.Context, export string, in []byte, t *Trace, aside bool) ([]byte, error) {
	i, err := p.take(ctx, export)
	if err != nil {
		p.counters.add(usage{}, err)
		return nil, err
	}
	out, used, err := i.serve(ctx, export, in, t, aside)
	p.counters.add(used, err)
	p.plugin.habit.add(used.long)
	if used.broken {
		p.crashes.count(err, time.Duration(used.guest))
	}
	p.give(i, !used.broken && !i.bloated())
	return out, err
}

// Warm has an instance ready for the next call, where the pool keeps any. Errors: Call's for an instance that it cannot make.
func (p *Pool) Warm(ctx context.Context) error {
	i, err := p.take(ctx, "")
	if err == nil {
		p.give(i, true)
	}
	return err
}

// Stats returns the figures of this moment.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	alive, idle := p.alive, len(p.idle)
	p.mu.Unlock()
	return p.counters.stats(alive, idle, p.budget.of(p.share))
}

// take returns an instance that is this call's alone.
func (p *Pool) take(ctx context.Context, export string) (*instance, error) {
	if err := ctx.Err(); err != nil {
		return nil, p.plugin.cancelled(export, context.Cause(ctx))
	}
	p.mu.Lock()
	if i := p.popIdle(); i != nil {
		p.mu.Unlock()
		return i, nil
	}
	p.mu.Unlock()
	return p.obtain(ctx, export)
}

// popIdle takes the instance that was used last, nil if none is idle. The caller holds mu.
func (p *Pool) popIdle() *instance {
	n := len(p.idle)
	if n == 0 {
		return nil
	}
	i := p.idle[n-1].instance
	p.idle = p.idle[:n-1]
	return i
}

// obtain waits for an instance of the pool, or for the right to make one and for room in the budget. It never waits with
// room in hand, and for room without a place in the pool; see budget.
func (p *Pool) obtain(ctx context.Context, export string) (*instance, error) {
	var room *account
	for {
		i, wait, err := p.line(ctx, export)
		if wait != nil {
			room.close()
			room = nil
			i, err = p.await(ctx, export, wait)
		}
		if i != nil || err != nil {
			room.close()
			return i, err
		}
		i, short, err := p.make(ctx, export, room)
		if i != nil || err != nil {
			return i, err
		}
		if room, err = p.claim(ctx, export, short); err != nil {
			return nil, err
		}
	}
}

// line returns an idle instance, or what to wait for one by, or neither of them: the right to make one, which is counted
// in alive.
func (p *Pool) line(ctx context.Context, export string) (*instance, chan grant, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, p.plugin.stopping()
	}
	if i := p.popIdle(); i != nil {
		return i, nil, nil
	}
	if p.alive < p.plugin.limits.Instances {
		p.alive++
		return nil, nil, nil
	}
	if nestOf(ctx).holds(p.plugin) >= p.plugin.limits.Instances {
		return nil, nil, wit.Errorf(wit.CodeConflict, "plugin %s: %s is called from within the plugin's own calls, which hold all its instances; raise limits.instances",
			p.plugin.spec.Plugin, export)
	}
	wait := make(chan grant, 1)
	p.waiters = append(p.waiters, wait)
	return nil, wait, nil
}

// await waits for a grant: an instance, or, with neither that nor an error, the right to make one. One that comes when
// ctx has ended is passed on.
func (p *Pool) await(ctx context.Context, export string, wait chan grant) (*instance, error) {
	select {
	case g := <-wait:
		return g.instance, g.err
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

// make makes an instance; the caller has counted it in alive, and may have been granted room for it. short is how much
// room there is not, when it returns nothing else.
func (p *Pool) make(ctx context.Context, export string, room *account) (i *instance, short int64, err error) {
	defer func() {
		if i == nil {
			room.close()
			p.forget()
		}
	}()
	if room == nil { // nobody waits with room in hand
		if err := p.rest(ctx, export); err != nil {
			return nil, 0, err
		}
	}
	code, err := p.code.acquire(ctx)
	if err != nil {
		return nil, 0, wit.Errorf(wit.CodeOf(err), "plugin %s: %w", p.plugin.spec.Plugin, err)
	}
	defer func() {
		if i == nil {
			p.code.release()
		}
	}()
	bytes, err := p.linker.needs(p.plugin, code)
	if err != nil {
		return nil, 0, err
	}
	inner := nestOf(ctx) != nil
	if room == nil {
		room = p.budget.try(p.share, bytes, inner)
	}
	if room == nil && (inner || bytes > p.budget.ofPlugin()) {
		return nil, 0, p.plugin.noRoom(export, wit.CodeUnavailable, p.budget.refuse(p.share, bytes))
	}
	if room == nil {
		return nil, bytes, nil
	}
	p.plugin.link(code.Functions)
	if i, err = p.linker.instance(ctx, p.plugin, code, room); err != nil {
		p.crashes.count(err, 0)
		return nil, 0, err
	}
	if code.copied(p.plugin) != nil {
		p.mu.Lock()
		p.idleFor = min(p.idleFor, copyIdle)
		p.mu.Unlock()
	}
	p.counters.instances.Add(1)
	p.counters.guest.Add(i.starting)
	return i, 0, nil
}

// rest waits until another instance may be made, after those that crashed, but no longer than the deadline of the limits.
func (p *Pool) rest(ctx context.Context, export string) error {
	wait := p.crashes.rest()
	if wait <= 0 {
		return nil
	}
	over := time.NewTimer(min(wait, p.plugin.limits.Deadline))
	defer over.Stop()
	select {
	case <-over.C:
		if wait -= p.plugin.limits.Deadline; wait > 0 {
			return p.plugin.crashing(export, wait)
		}
		return nil
	case <-p.leaving:
		return p.plugin.stopping()
	case <-ctx.Done():
		return p.plugin.cancelled(export, context.Cause(ctx))
	}
}

// claim waits for room to make an instance.
func (p *Pool) claim(ctx context.Context, export string, bytes int64) (*account, error) {
	limit := time.NewTimer(p.plugin.limits.Deadline)
	defer limit.Stop()
	c := p.budget.wait(p.share, bytes)
	defer p.budget.leave(c)
	code := wit.CodeUnavailable
	select {
	case room := <-c.room:
		return room, nil
	case <-p.leaving:
		return nil, p.plugin.stopping()
	case <-limit.C:
	case <-ctx.Done():
		if !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
			return nil, p.plugin.cancelled(export, context.Cause(ctx))
		}
		code = wit.CodeTimeout
	}
	return nil, p.plugin.noRoom(export, code, p.budget.refuse(p.share, bytes))
}

// give puts an instance back after a call, or discards it.
func (p *Pool) give(i *instance, reusable bool) {
	mode := p.plugin.spec.Mode
	if !reusable || mode == Fresh {
		p.discard(i)
		return
	}
	p.mu.Lock()
	if len(p.waiters) > 0 && !p.budget.owes(p.share) {
		w := p.nextWaiter()
		p.mu.Unlock()
		w <- grant{instance: i}
		return
	}
	if p.closed || p.budget.wants(p.share) {
		p.mu.Unlock()
		p.discard(i)
		return
	}
	p.idle = append(p.idle, parked{i, true, p.budget.touch(p.share)})
	if mode != Single && p.timer == nil {
		p.timer = time.AfterFunc(p.idleFor, p.expire)
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
	i.room.close()
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

// copyIdle is how long an instance is idle that is made again as a copy, which costs a fraction of a millisecond.
const copyIdle = 2 * time.Second

// expire gives back the instances that no call has used since it last came by, so an instance is idle for
// between one and two times Limits.Idle, or copyIdle if that is less.
func (p *Pool) expire() {
	p.mu.Lock()
	var old []*instance
	kept := p.idle[:0]
	for _, i := range p.idle {
		if i.used {
			kept = append(kept, parked{i.instance, false, i.at})
		} else {
			old = append(old, i.instance)
		}
	}
	clear(p.idle[len(kept):])
	p.idle = kept
	if p.timer = nil; len(p.idle) > 0 && !p.closed {
		p.timer = time.AfterFunc(p.idleFor, p.expire)
	}
	p.mu.Unlock()
	for _, i := range old {
		p.discard(i)
	}
}

// age orders idle instances by how much better one can be spared than another.
type age struct {
	keeps bool // something for its plugin, being that of a single pool
	at    uint64
}

func (a age) before(b age) bool { return !a.keeps && b.keeps || a.keeps == b.keeps && a.at < b.at }

// oldest is the age of the idle instance that was used longest ago, if there is one.
func (p *Pool) oldest() (age, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 {
		return age{}, false
	}
	return age{p.plugin.spec.Mode == Single, p.idle[0].at}, true
}

// evict closes the idle instance that was used longest ago. It returns false when a call has taken the last one.
func (p *Pool) evict() bool {
	p.mu.Lock()
	if len(p.idle) == 0 {
		p.mu.Unlock()
		return false
	}
	i := p.idle[0].instance
	p.idle = slices.Delete(p.idle, 0, 1)
	p.mu.Unlock()
	p.discard(i)
	return true
}

// Close drains: calls that wait or come later fail with unavailable, calls in flight are waited for until ctx
// ends, and stopped then. It may be called again. CodeTimeout when calls had to be stopped.
func (p *Pool) Close(ctx context.Context) error {
	p.mu.Lock()
	first := !p.closed
	if p.closed = true; first {
		close(p.leaving)
	}
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
