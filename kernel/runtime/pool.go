package runtime

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// Pool calls one plugin's exports.
type Pool struct {
	engine *Engine
	module *Module
	spec   Spec
	limits Limits

	functions []function // by number; set with the first instance
	once      sync.Once

	mu      sync.Mutex
	idle    []*instance // the most recently used last
	alive   int         // instances, idle, busy and being made
	waiters []chan grant
	closed  bool
	drained chan struct{} // closed when closed and alive is 0
	timer   *time.Timer
	kill    context.CancelFunc
	killed  context.Context

	stats struct {
		calls, errors, instances, discarded, ticks, guest, host atomic.Int64
	}
}

// grant is what a waiter gets: an instance, or (nil) the right to make one, or an error.
type grant struct {
	instance *instance
	err      error
}

// Stats are a pool's figures since it was made.
type Stats struct {
	Calls     int64 // ended
	Errors    int64 // of which failed
	Instances int64 // made
	Discarded int64 // of which ended by a trap, a deadline or an exit
	Alive     int   // now
	Idle      int   // of which wait for a call
	Ticks     int64 // of 65,536 metered steps each
	GuestTime time.Duration
	HostTime  time.Duration // spent in host functions
}

// Pool makes a pool of m for one plugin. Nothing is compiled or instantiated before the first call. A
// pool holds its module; Close gives it back.
func (m *Module) Pool(spec Spec) *Pool {
	e := m.engine
	p := &Pool{engine: e, module: m, spec: spec, limits: spec.Limits.withDefaults(spec.Mode), drained: make(chan struct{})}
	p.killed, p.kill = context.WithCancel(context.Background())
	e.mu.Lock()
	defer e.mu.Unlock()
	m.refs++
	if p.closed = e.closed; p.closed {
		close(p.drained)
	} else {
		e.pools[p] = struct{}{}
	}
	return p
}

// Call runs an export with in and answers its output, which is the caller's. It waits for an instance
// until ctx ends; the deadline of the limits starts when it has one. in is not kept.
func (p *Pool) Call(ctx context.Context, export string, in []byte) ([]byte, error) {
	i, err := p.take(ctx, export)
	if err != nil {
		p.stats.errors.Add(1)
		p.stats.calls.Add(1)
		return nil, err
	}
	i.begin(ctx, export)
	out, reusable, err := i.invoke(export, in)
	p.account(i, reusable, err)
	i.end()
	p.give(i, reusable && !i.bloated())
	return out, err
}

func (p *Pool) account(i *instance, reusable bool, err error) {
	p.stats.calls.Add(1)
	if err != nil {
		p.stats.errors.Add(1)
	}
	if d := i.guestTime(); d > 0 {
		p.stats.guest.Add(d)
	}
	if i.hostTime > 0 {
		p.stats.host.Add(i.hostTime)
	}
	if !reusable {
		p.stats.discarded.Add(1)
	}
	if i.ticks > 0 {
		p.stats.ticks.Add(i.ticks)
	}
}

// Stats answers the figures of this moment.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	alive, idle := p.alive, len(p.idle)
	p.mu.Unlock()
	s := &p.stats
	return Stats{Calls: s.calls.Load(), Errors: s.errors.Load(), Instances: s.instances.Load(), Discarded: s.discarded.Load(),
		Alive: alive, Idle: idle, Ticks: s.ticks.Load(), GuestTime: time.Duration(s.guest.Load()), HostTime: time.Duration(s.host.Load())}
}

// take answers an instance that is this call's alone.
func (p *Pool) take(ctx context.Context, export string) (*instance, error) {
	if err := ctx.Err(); err != nil {
		return nil, p.cancelled(export, context.Cause(ctx))
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, p.gone()
	}
	if n := len(p.idle); n > 0 {
		i := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return i, nil
	}
	if p.alive < p.limits.Instances {
		p.alive++
		p.mu.Unlock()
		return p.make(ctx, export)
	}
	if nestOf(ctx).holds(p) >= p.limits.Instances {
		p.mu.Unlock()
		return nil, wit.Errorf(wit.CodeConflict, "plugin %s: %s is called from within the plugin's own calls, which hold all its instances; raise limits.instances",
			p.spec.Plugin, export)
	}
	wait := make(chan grant, 1)
	p.waiters = append(p.waiters, wait)
	p.mu.Unlock()
	select {
	case g := <-wait:
		return p.accept(ctx, export, g)
	case <-ctx.Done():
		p.mu.Lock()
		if n := slices.Index(p.waiters, wait); n >= 0 {
			p.waiters = slices.Delete(p.waiters, n, n+1)
			p.mu.Unlock()
		} else {
			p.mu.Unlock()
			if g := <-wait; g.instance != nil {
				p.give(g.instance, true)
			} else if g.err == nil {
				p.forget()
			}
		}
		return nil, p.cancelled(export, context.Cause(ctx))
	}
}

func (p *Pool) accept(ctx context.Context, export string, g grant) (*instance, error) {
	if g.err != nil || g.instance != nil {
		return g.instance, g.err
	}
	return p.make(ctx, export)
}

// make makes an instance; the caller has counted it in alive.
func (p *Pool) make(ctx context.Context, export string) (i *instance, err error) {
	defer func() {
		if err != nil {
			p.forget()
		}
	}()
	code, err := p.module.acquire(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.engine.budget.take(ctx, p.engine.evict); err != nil {
		p.module.release()
		return nil, p.cancelled(export, err)
	}
	p.once.Do(func() { p.functions = functionTable(code.Functions, p.spec.Functions) })
	i, err = p.newInstance(ctx, code)
	if err != nil {
		p.engine.budget.give()
		p.module.release()
		return nil, err
	}
	p.stats.instances.Add(1)
	return i, nil
}

// give puts an instance back after a call, or discards it.
func (p *Pool) give(i *instance, reusable bool) {
	if !reusable || p.spec.Mode == Fresh {
		p.discard(i)
		return
	}
	i.used = true
	p.mu.Lock()
	if len(p.waiters) > 0 {
		w := p.waiters[0]
		p.waiters = slices.Delete(p.waiters, 0, 1)
		p.mu.Unlock()
		w <- grant{instance: i}
		return
	}
	if p.closed || p.spec.Mode != Single && p.engine.budget.contended() {
		p.mu.Unlock()
		p.discard(i)
		return
	}
	p.idle = append(p.idle, i)
	if p.spec.Mode != Single && p.timer == nil {
		p.timer = time.AfterFunc(p.limits.Idle, p.expire)
	}
	p.mu.Unlock()
}

// discard ends an instance and lets the next waiter make one.
func (p *Pool) discard(i *instance) {
	i.close()
	p.engine.budget.give()
	p.module.release()
	p.forget()
}

// forget takes an instance that is no more, or was never made, off the count.
func (p *Pool) forget() {
	p.mu.Lock()
	if len(p.waiters) > 0 && !p.closed {
		w := p.waiters[0]
		p.waiters = slices.Delete(p.waiters, 0, 1)
		p.mu.Unlock()
		w <- grant{}
		return
	}
	p.alive--
	done := p.closed && p.alive == 0
	p.mu.Unlock()
	if done {
		close(p.drained)
	}
}

// expire gives back the instances that no call has used since it last came by, so an instance is idle
// for between one and two times Limits.Idle.
func (p *Pool) expire() {
	p.mu.Lock()
	var old []*instance
	p.idle = slices.DeleteFunc(p.idle, func(i *instance) bool {
		if i.used {
			i.used = false
			return false
		}
		old = append(old, i)
		return true
	})
	if p.timer = nil; len(p.idle) > 0 && !p.closed {
		p.timer = time.AfterFunc(p.limits.Idle, p.expire)
	}
	p.mu.Unlock()
	for _, i := range old {
		p.discard(i)
	}
}

// Close drains: calls that wait or come later fail with unavailable, calls in flight are waited for
// until ctx ends, and stopped then. It may be called again.
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
		w <- grant{err: p.gone()}
	}
	for _, i := range idle {
		p.discard(i)
	}
	if empty {
		close(p.drained)
	}
	var err error
	select {
	case <-p.drained:
	case <-ctx.Done():
		p.kill()
		err = wit.Errorf(wit.CodeTimeout, "plugin %s: its calls were stopped: %w", p.spec.Plugin, context.Cause(ctx))
		<-p.drained
	}
	if first {
		p.kill()
		p.engine.mu.Lock()
		delete(p.engine.pools, p)
		p.engine.mu.Unlock()
		p.module.Release()
	}
	return err
}

func (p *Pool) gone() error {
	return wit.Errorf(wit.CodeUnavailable, "plugin %s is being stopped", p.spec.Plugin)
}
