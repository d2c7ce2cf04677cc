package plugin

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carapace-gateway/carapace/kernel/plugin/engine"
	"github.com/carapace-gateway/carapace/wit"
)

const (
	traceKept  = 200              // calls of a plugin that are kept
	traceFor   = 10 * time.Minute // after somebody has looked at a plugin's calls
	traceLimit = 50               // calls of an answer where nothing is said
)

// TraceParams select calls of a plugin.
type TraceParams struct {
	ID string `json:"id" rpc:"required,min=1,max=64"`
	// After is the cursor of an earlier answer and asks for what was called since; without it the newest calls come.
	After *int64 `json:"after,omitempty" rpc:"min=0"`
	// Limit is 50 calls when left out.
	Limit int `json:"limit,omitempty" rpc:"min=1,max=200"`
}

// TraceResult is what a plugin has done. Calls are kept from the first look at them until nobody has looked for ten minutes, the
// last 200 of a plugin.
type TraceResult struct {
	// Since is when they began to be kept: now for the first one who looks.
	Since  int64        `json:"since"`
	Calls  []TracedCall `json:"calls"`
	Cursor int64        `json:"cursor"`
	// Missed is how many calls after the given cursor are gone.
	Missed int64 `json:"missed,omitempty"`
}

// TracedCall is one call of an export that has ended: how it went, how long and how large it was, and nothing of what was said in it.
// Durations are in microseconds.
type TracedCall struct {
	At      int64  `json:"at"`
	Version string `json:"version"`
	Export  string `json:"export"`
	// Code is that of the error that it failed with; empty where it did not.
	Code wit.Code `json:"code,omitempty"`
	// Duration is all of it, with the wait for an instance; Guest is the time in the plugin's code, Host that in host functions.
	Duration int64 `json:"durationUs"`
	Guest    int64 `json:"guestUs"`
	Host     int64 `json:"hostUs"`
	// Fuel are 65,536 steps each, of the plugin's code.
	Fuel int64 `json:"fuel"`
	// Memory is what its instance has, in bytes.
	Memory int64 `json:"memory"`
	In     int   `json:"in"`
	Out    int   `json:"out"`
	// HostCalls are what the plugin asked the gateway for meanwhile, in order, the first 64; MoreCalls is how many more there were.
	HostCalls []TracedHostCall `json:"hostCalls,omitempty"`
	MoreCalls int              `json:"moreHostCalls,omitempty"`
}

// TracedHostCall is a call of a host function.
type TracedHostCall struct {
	Name     string   `json:"name"`
	Duration int64    `json:"durationUs"`
	Code     wit.Code `json:"code,omitempty"`
}

// traces are the calls of those plugins that somebody looks at. While there is none, a call costs one look at a pointer. The
// zero value is ready; it is safe for concurrent use.
type traces struct {
	mu      sync.Mutex // of who changes watched
	watched atomic.Pointer[map[string]*trace]
}

// trace keeps the last calls of a plugin.
type trace struct {
	mu    sync.Mutex
	since time.Time
	until time.Time
	calls []TracedCall // a ring, once it is full
	ended int64        // how many there have been
}

// watch returns a plugin's trace, which begins now if nobody has looked before, and goes on for a while.
func (t *traces) watch(id string, now time.Time) *trace {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all map[string]*trace
	if before := t.watched.Load(); before != nil {
		all = maps.Clone(*before)
		maps.DeleteFunc(all, func(_ string, w *trace) bool { return w.over(now) })
	}
	w := all[id]
	if w == nil {
		w = &trace{since: now}
		if all == nil {
			all = map[string]*trace{}
		}
		all[id] = w
	}
	w.mu.Lock()
	w.until = now.Add(traceFor)
	w.mu.Unlock()
	t.watched.Store(&all)
	return w
}

// drop ends what nobody looks at any more.
func (t *traces) drop(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.watched.Load()
	if before == nil {
		return
	}
	all := maps.Clone(*before)
	maps.DeleteFunc(all, func(_ string, w *trace) bool { return w.over(now) })
	if len(all) == 0 {
		t.watched.Store(nil)
		return
	}
	t.watched.Store(&all)
}

// over says that nobody has looked for long.
func (w *trace) over(now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return now.After(w.until)
}

// tracing is a call that is being looked at; nil is one that is not.
type tracing struct {
	traces *traces
	trace  *trace
	began  time.Time
	call   TracedCall
	did    engine.Trace
}

// begin notes a call, if somebody looks.
func (t *traces) begin(m *wit.Manifest, export string, in []byte) *tracing {
	all := t.watched.Load()
	if all == nil {
		return nil
	}
	w := (*all)[m.ID]
	if w == nil {
		return nil
	}
	now := time.Now()
	return &tracing{traces: t, trace: w, began: now, call: TracedCall{At: now.UnixMilli(), Version: m.Version, Export: export, In: len(in)}}
}

// engine is what the engine fills in.
func (c *tracing) engine() *engine.Trace {
	if c == nil {
		return nil
	}
	return &c.did
}

// end keeps the call, with what came of it.
func (c *tracing) end(out []byte, err error) {
	if c == nil {
		return
	}
	now, call := time.Now(), &c.call
	call.Duration, call.Guest, call.Host = now.Sub(c.began).Microseconds(), c.did.Guest.Microseconds(), c.did.Host.Microseconds()
	call.Fuel, call.Memory, call.Out, call.MoreCalls = c.did.Ticks, c.did.Memory, len(out), c.did.More
	if err != nil {
		call.Code = wit.CodeOf(err)
	}
	for _, h := range c.did.Calls {
		call.HostCalls = append(call.HostCalls, TracedHostCall{Name: h.Name, Duration: h.Took.Microseconds(), Code: h.Code})
	}
	if c.trace.over(now) {
		c.traces.drop(now)
		return
	}
	c.trace.add(*call)
}

func (w *trace) add(call TracedCall) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.calls) < traceKept {
		w.calls = append(w.calls, call)
	} else {
		w.calls[w.ended%traceKept] = call
	}
	w.ended++
}

// read returns at most limit calls: the first ones after a cursor, or the last ones.
func (w *trace) read(after *int64, limit int) TraceResult {
	w.mu.Lock()
	defer w.mu.Unlock()
	oldest := w.ended - int64(len(w.calls))
	from, to := max(oldest, w.ended-int64(limit)), w.ended
	r := TraceResult{Since: w.since.UnixMilli(), Calls: []TracedCall{}}
	if after != nil && *after <= w.ended {
		from = max(oldest, *after)
		r.Missed, to = from-*after, min(w.ended, from+int64(limit))
	}
	for n := from; n < to; n++ {
		r.Calls = append(r.Calls, w.calls[n%traceKept])
	}
	r.Cursor = to
	return r
}

// trace is the method plugins.trace.
func (r *Registry) trace(_ context.Context, p TraceParams) (TraceResult, error) {
	if r.table.of(p.ID) == nil {
		return TraceResult{}, wit.Errorf(wit.CodeNotFound, "there is no plugin %s", p.ID)
	}
	if p.Limit == 0 {
		p.Limit = traceLimit
	}
	return r.versions.traces.watch(p.ID, time.Now()).read(p.After, p.Limit), nil
}
