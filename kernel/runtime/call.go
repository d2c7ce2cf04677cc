package runtime

import (
	"context"
	"errors"
	goruntime "runtime"
	"time"

	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/wit"
)

// errHalted is what a host function panics with to unwind a guest; call.halt says why.
var errHalted = errors.New("stopped by the host")

// call is the one call that an instance is serving: who wants it, until when, what it used, and why it was
// stopped. It is the bottom of the stack. It knows its plugin, and neither the memories nor the pool.
type call struct {
	plugin    *plugin
	ctx       context.Context
	export    string
	processor stopwatch       // of the time that it computed
	checked   int64           // when it was first checked, if it was
	deadline  int64           // from then on
	looked    int64           // when others last had their turn
	hostTime  int64           // of which spent in host functions
	hostCtx   context.Context // for host functions, made with the first
	release   func()          // of hostCtx
	ticks     int64
	turn      turn      // in which it computes, if it does for long
	running   *stack    // of what the host called
	room      *account  // of the instance
	kept      int64     // of the answer, in it
	halt      error     // why the guest was stopped, if it was
	interrupt interrupt // of the script, if it is one's
	asked     bool      // the guest has asked of the host what its module does not say
	console   console
	trace     *Trace       // of what the call does, where somebody looks
	response  HTTPResponse // of the guest's last HTTP request
	in        []byte
	answer    []byte // set by the guest without the exchange memory
	stack     [2]uint64
}

// usage is what one call cost, times in nanoseconds.
type usage struct {
	guest, host, ticks int64
	broken             bool // the instance cannot serve another call
	long               bool // it computed so long that it took turns
}

// begin makes c a new call, in place: to copy one takes a tenth of a short call. The deadline's clock starts with
// the first check, which comes at most one interval of the meter later.
// whole is set for the first call of an instance and for one that is its instance's only one.
func (c *call) begin(ctx context.Context, p *plugin, room *account, export string, whole bool) {
	ticks := c.processor.ticks
	*c = call{}
	c.processor.ticks = ticks
	c.plugin, c.room, c.ctx, c.export = p, room, ctx, export
	c.turn.turns = p.turns
	if whole {
		c.processor.begin()
	}
}

// tick counts meter.Interval steps of the guest. Being ordinary Go code it is where the garbage collector can
// stop the guest's thread and, now and then, where other goroutines get their turn.
func (c *call) tick() {
	c.ticks++
	c.processor.tick(&c.plugin.interval)
	c.checkStack()
	if c.due() {
		goruntime.Gosched()
		c.turn.tick(c.ctx.Done(), c.plugin.killed.Done())
		c.look()
	}
	c.processor.resume()
}

// An interval takes between 10 µs and some hundreds, and a look ten times as long as a tick that only counts. So there is
// one after so many nanoseconds, or after so many ticks, should the clock stand still.
const (
	lookAfter = 50_000
	lookTicks = 16
)

// due says that it is time to look whether the call is over, and to let others run. A call starts not to be.
func (c *call) due() bool {
	now := c.plugin.clock.now()
	if c.looked == 0 {
		c.looked = now
		c.look()
	}
	if now-c.looked < lookAfter && c.ticks%lookTicks != 0 {
		return false
	}
	c.looked = now
	return true
}

// check stops the guest if its call is over. It does not return then.
func (c *call) check() {
	if err := c.over(); err != nil {
		c.stop(err)
	}
}

// look is check, but for a script that may be interrupted instead.
func (c *call) look() {
	if err := c.over(); err != nil && !c.waits(err) {
		c.stop(err)
	}
}

// over says why the call is over, nil while it is not.
func (c *call) over() error {
	now := c.plugin.clock.now()
	if c.checked == 0 {
		c.checked, c.deadline = now, now+int64(c.plugin.limits.Deadline)
	}
	if now > c.deadline {
		return c.plugin.timeout(c.export)
	}
	if c.ctx.Err() != nil {
		return c.plugin.cancelled(c.export, context.Cause(c.ctx))
	}
	if c.plugin.killed.Err() != nil {
		return c.plugin.stopping()
	}
	return nil
}

// stop unwinds the guest; its call returns err, or the error of the first stop. It does not return.
func (c *call) stop(err error) {
	if c.halt == nil {
		c.halt = err
	}
	panic(errHalted)
}

// must returns v, or stops the guest with err.
func must[T any](c *call, v T, err error) T {
	if err != nil {
		c.stop(err)
	}
	return v
}

// host runs f on behalf of the guest with a context that ends with the call, and keeps the time that it takes
// out of what the guest is charged for.
func (c *call) host(f func(ctx context.Context)) {
	c.check()
	clock := c.plugin.clock
	if c.hostCtx == nil {
		nested := context.WithValue(c.ctx, nestKey{}, &nest{c.plugin, nestOf(c.ctx)})
		ctx, cancel := context.WithDeadline(nested, clock.time(c.deadline))
		unhook := context.AfterFunc(c.plugin.killed, cancel)
		c.hostCtx, c.release = ctx, func() { unhook(); cancel() }
	}
	c.processor.pause()
	c.turn.giveUp()
	start := clock.now()
	f(c.hostCtx)
	c.hostTime += clock.now() - start
	c.check()
}

// answered keeps b, which is the host's own copy, as the call's output, or stops the guest.
func (c *call) answered(b []byte) {
	if kept := beyond(len(b)); kept != c.kept && !c.room.resize(&c.kept, kept) {
		c.stop(wit.Errorf(wit.CodeUnavailable, "plugin %s: %s has no memory for its answer%s", c.plugin.spec.Plugin, c.export, c.reason()))
	}
	c.answer = b
}

// sleep keeps the guest waiting, until its call ends at the latest.
func (c *call) sleep(ns int64) {
	if ns <= 0 {
		return
	}
	c.host(func(ctx context.Context) { retry.Sleep(ctx, time.Duration(ns)) })
}

// usage is what the call cost so far.
func (c *call) usage() usage {
	return usage{guest: c.processor.total(&c.plugin.interval), host: c.hostTime, ticks: c.ticks, long: c.turn.long}
}

// end lets go of what belongs to the call that is over.
func (c *call) end() {
	c.turn.giveUp()
	if c.release != nil {
		c.release()
	}
	if c.kept > 0 {
		c.room.resize(&c.kept, 0)
	}
	c.ctx, c.hostCtx, c.release, c.running = nil, nil, nil, nil
	c.in, c.answer, c.response = nil, nil, HTTPResponse{}
}

// nest is the chain of calls that a host function runs in, so that a plugin which calls itself, by whatever
// way, is told so instead of waiting for itself.
type nest struct {
	plugin *plugin
	outer  *nest
}

type nestKey struct{}

func nestOf(ctx context.Context) *nest {
	n, _ := ctx.Value(nestKey{}).(*nest)
	return n
}

// holds says how many instances of p wait for the call.
func (n *nest) holds(p *plugin) (count int) {
	for ; n != nil; n = n.outer {
		if n.plugin == p {
			count++
		}
	}
	return count
}
