package runtime

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// budget bounds what the instances of an engine are together: how many, and how many bytes they hold. It is safe for
// concurrent use.
//
// Room is made by closing idle instances, the one that was used longest ago first; those of single pools, which
// remember something, come last. Where that does not help, calls wait for room (claim), and what runs now is not kept
// when its call ends.
//
// Nothing waits for room that holds any, so that no circle of waits can go through it: a call that waits has no instance
// and no place in its pool; a call from within a guest's call, whose guest holds memory meanwhile, is refused at once,
// and so is a guest that grows. A part of the budget is kept back for those two. Whoever holds room ends by its deadline.
// A guest may still wait for something that another goroutine does by calling a plugin, with a context that does not say
// so; then both end by their deadlines.
//
// No plugin can starve the others: it holds at most half of the budget; room goes to the plugin that holds least; and an
// instance of one that holds more than a plugin that waits is closed after its call, although its own callers wait too.
type budget struct {
	slots int   // instances, at most
	total int64 // bytes, at most
	// evict closes one idle instance, of one plugin or of any (nil). It returns false when there was none.
	evict func(of *share) bool

	mu      sync.Mutex
	alive   int
	held    int64
	refused int64
	turns   uint64
	shares  map[*share]struct{} // that hold something
	queue   []*claim            // in the order in which they came
	waiting atomic.Int32

	ids    atomic.Uint32
	recent atomic.Uint64 // see touch
}

// share is what one pool has of the budget. Its figures belong to the budget.
type share struct {
	plugin string
	id     uint16
	held   int64
	turn   uint64 // when it was granted an instance last
}

// claim is a call that waits for room to make an instance.
type claim struct {
	share *share
	bytes int64
	room  chan *account // gets the room that is granted
}

func newBudget(slots int, total int64, evict func(of *share) bool) *budget {
	return &budget{slots: slots, total: total, evict: evict, shares: map[*share]struct{}{}}
}

func (b *budget) share(plugin string) *share {
	return &share{plugin: plugin, id: uint16(b.ids.Add(1))}
}

// ofPlugin is how much one plugin may hold.
func (b *budget) ofPlugin() int64 { return b.total / 2 }

// ofCalls is how much may be held when a call that can wait is granted an instance. The rest is for those that cannot.
func (b *budget) ofCalls() int64 { return b.total - b.total/8 }

// full says that a plugin would hold too much.
func (b *budget) full(s *share, bytes int64) bool { return s.held+bytes > b.ofPlugin() }

// fits says that there is room for an instance, up to most bytes for all.
func (b *budget) fits(bytes, most int64) bool { return b.alive < b.slots && b.held+bytes <= most }

// try returns room for an instance, nil if there is none. It closes idle instances, and waits for nobody. inner is set
// for a call from within a guest's call: it goes before those that wait.
func (b *budget) try(s *share, bytes int64, inner bool) *account {
	for {
		a, full := b.grant(s, bytes, inner)
		if a != nil || full && !b.evict(s) || !full && !b.evict(nil) {
			return a
		}
	}
}

func (b *budget) grant(s *share, bytes int64, inner bool) (a *account, full bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	full = b.full(s, bytes)
	if inner {
		if !full && b.fits(bytes, b.total) {
			a = b.open(s, bytes)
		}
		return a, full
	}
	c := newClaim(s, bytes)
	b.queue = append(b.queue, c)
	b.dispatch()
	if !b.withdraw(c) {
		a = <-c.room
	}
	return a, full
}

func newClaim(s *share, bytes int64) *claim {
	return &claim{share: s, bytes: bytes, room: make(chan *account, 1)}
}

// wait puts a call in the queue. It gets room from the claim's channel, or leaves.
func (b *budget) wait(s *share, bytes int64) *claim {
	c := newClaim(s, bytes)
	b.waiting.Add(1) // first: an instance is now either closed after its call or found idle below
	b.mu.Lock()
	b.queue = append(b.queue, c)
	b.dispatch()
	full := b.full(s, bytes)
	b.mu.Unlock()
	for len(c.room) == 0 && (full && b.evict(s) || !full && b.evict(nil)) {
	}
	return c
}

// leave ends a wait. What was granted and not taken is given back.
func (b *budget) leave(c *claim) {
	b.waiting.Add(-1)
	b.mu.Lock()
	b.withdraw(c)
	b.dispatch() // it may have held up others
	b.mu.Unlock()
	select {
	case a := <-c.room:
		a.close()
	default:
	}
}

// withdraw takes a claim off the queue. It returns false if it was granted before. The caller holds mu.
func (b *budget) withdraw(c *claim) bool {
	n := slices.Index(b.queue, c)
	if n >= 0 {
		b.queue = slices.Delete(b.queue, n, n+1)
	}
	return n >= 0
}

// dispatch grants what can be granted. The caller holds mu.
func (b *budget) dispatch() {
	for n := b.next(); n >= 0; n = b.next() {
		c := b.queue[n]
		b.queue = slices.Delete(b.queue, n, n+1)
		c.room <- b.open(c.share, c.bytes)
	}
}

// next is the claim to be granted now, -1 for none: of the plugin that holds least, and of those the one whose turn was
// longest ago. One that needs more than there is may be passed by plugins that hold nothing, so that it cannot keep them
// from their first instance, and by no others, so that it gets its own.
func (b *budget) next() int {
	best, passed := -1, false
	for n, c := range b.queue {
		if b.full(c.share, c.bytes) {
			continue // it waits for its own plugin
		}
		if c.share.held == 0 && !b.fits(c.bytes, b.ofCalls()) {
			passed = true
			continue
		}
		if best < 0 || c.share.before(b.queue[best].share) {
			best = n
		}
	}
	if best >= 0 && b.queue[best].share.held > 0 && (passed || !b.fits(b.queue[best].bytes, b.ofCalls())) {
		return -1
	}
	return best
}

func (s *share) before(o *share) bool {
	return cmp.Or(cmp.Compare(s.held, o.held), cmp.Compare(s.turn, o.turn)) < 0
}

// open counts an instance. The caller holds mu.
func (b *budget) open(s *share, bytes int64) *account {
	b.turns++
	s.turn = b.turns
	b.alive++
	b.add(s, bytes)
	return &account{budget: b, share: s, held: bytes, ahead: bytes}
}

// add counts bytes, which may be fewer than none. The caller holds mu.
func (b *budget) add(s *share, bytes int64) {
	b.held += bytes
	if s.held += bytes; s.held > 0 {
		b.shares[s] = struct{}{}
	} else {
		delete(b.shares, s)
	}
}

// extend counts more bytes of an instance that is alive, if there is room. Only where hard is set, room is made.
func (b *budget) extend(s *share, bytes int64, hard bool) bool {
	for {
		b.mu.Lock()
		full := b.full(s, bytes)
		ok := !full && b.held+bytes <= b.total
		if ok {
			b.add(s, bytes)
		}
		b.mu.Unlock()
		if ok || !hard || full && !b.evict(s) || !full && !b.evict(nil) {
			return ok
		}
	}
}

// giveBack counts bytes, and instances, that are no more.
func (b *budget) giveBack(s *share, bytes int64, instances int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.alive -= instances
	b.add(s, -bytes)
	b.dispatch()
}

// wants says that an instance of a plugin is better closed than kept idle: somebody waits whom that helps.
func (b *budget) wants(s *share) bool {
	return b.waitsFor(func(c *claim) bool { return c.share == s || !b.full(c.share, c.bytes) })
}

// owes says that an instance is better closed than handed on: a plugin waits that holds less.
func (b *budget) owes(s *share) bool {
	return b.waitsFor(func(c *claim) bool { return c.share != s && c.share.held < s.held && !b.full(c.share, c.bytes) })
}

func (b *budget) waitsFor(whom func(c *claim) bool) bool {
	if b.waiting.Load() == 0 {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.queue, whom)
}

// touch says that a pool was used, and when, as a number that grows. It writes only when another pool was used last, so
// that calls of one plugin after another share nothing that is written.
func (b *budget) touch(s *share) uint64 {
	for {
		now := b.recent.Load()
		if uint16(now) == s.id {
			return now
		}
		next := (now>>16+1)<<16 | uint64(s.id)
		if b.recent.CompareAndSwap(now, next) {
			return next
		}
	}
}

// refuse counts a refusal and says why there was no room for so many bytes: for an instance, or one that grows.
func (b *budget) refuse(s *share, bytes int64) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refused++
	switch {
	case b.full(s, bytes):
		return fmt.Sprintf("it needs %s more, holds %s, and may hold %s, half of what all plugins may together; raise runtime.memory, or --memory",
			size(bytes), size(s.held), size(b.ofPlugin()))
	case b.alive >= b.slots:
		return fmt.Sprintf("%d instances are alive, as many as there may be (%s)", b.alive, b.holders())
	}
	return fmt.Sprintf("it needs %s more, and plugins hold %s, of at most %s (%s); raise runtime.memory, or --memory",
		size(bytes), size(b.held), size(b.total), b.holders())
}

// namedHolders is how many plugins an error names.
const namedHolders = 3

// holders names those who hold most. The caller holds mu.
func (b *budget) holders() string {
	held := map[string]int64{}
	for s := range b.shares {
		held[s.plugin] += s.held
	}
	var names []string
	for name := range held {
		names = append(names, name)
	}
	slices.SortFunc(names, func(x, y string) int { return cmp.Or(cmp.Compare(held[y], held[x]), cmp.Compare(x, y)) })
	var list []string
	for _, name := range names[:min(len(names), namedHolders)] {
		list = append(list, name+" "+size(held[name]))
	}
	if more := len(names) - namedHolders; more > 0 {
		list = append(list, fmt.Sprintf("%d more", more))
	}
	return strings.Join(list, ", ")
}

// size writes a number of bytes for people, rounded up, so that what is there is never 0.
func size(bytes int64) string {
	if bytes < 1<<20 {
		return fmt.Sprintf("%d KB", (bytes+1<<10-1)>>10)
	}
	return fmt.Sprintf("%d MB", (bytes+1<<20-1)>>20)
}

// figures are how many instances are alive, the bytes that they hold, and how often there was no room.
func (b *budget) figures() (alive int, held, refused int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.alive, b.held, b.refused
}

// of is what one pool holds.
func (b *budget) of(s *share) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return s.held
}

// account is what one instance holds of the budget. Like the instance it is used by one goroutine at a time.
type account struct {
	budget  *budget
	share   *share
	held    int64
	ahead   int64  // of which was granted and is not used yet
	refused string // why it could not grow in this call
}

// grow counts bytes that the instance is about to use. Without room for them it returns false; idle instances are closed
// for the first refusal of a call only, so that a guest that asks in a loop disturbs nobody.
func (a *account) grow(bytes int64) bool {
	more := bytes - a.ahead
	if more > 0 && !a.budget.extend(a.share, more, a.refused == "") {
		if a.refused == "" {
			a.refused = a.budget.refuse(a.share, more)
		}
		return false
	}
	a.held += max(more, 0)
	a.ahead = max(-more, 0)
	return true
}

// resize counts something whose size was counted as *counted as now bytes, as grow does.
func (a *account) resize(counted *int64, bytes int64) bool {
	more := bytes - *counted
	if more > 0 && !a.grow(more) {
		return false
	}
	if *counted = bytes; more < 0 {
		a.held += more
		a.budget.giveBack(a.share, -more, 0)
	}
	return true
}

// close gives back everything.
func (a *account) close() {
	if a != nil {
		a.budget.giveBack(a.share, a.held, 1)
	}
}

// What the host keeps of an instance outside of its memories, in Go's heap: it is counted as instanceBytes for each, which
// is what one of a Go guest takes, and what grows beyond freeBytes is counted as it is.
const (
	instanceBytes = 192 << 10
	freeBytes     = 64 << 10
)

// beyond is what is counted of something that the host keeps.
func beyond(bytes int) int64 { return int64(max(bytes-freeBytes, 0)) }
