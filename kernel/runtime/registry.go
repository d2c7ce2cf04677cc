package runtime

import (
	"maps"
	"slices"
	"sync"
)

// registry says which modules and pools of an engine are in use, and counts the users of each module: loads
// that were not released, and pools. It does nothing to them. It is safe for concurrent use.
type registry struct {
	mu     sync.Mutex
	closed bool
	byHash map[string]*Module
	refs   map[*Module]int
	pools  map[*Pool]struct{}
}

func newRegistry() *registry {
	return &registry{byHash: map[string]*Module{}, refs: map[*Module]int{}, pools: map[*Pool]struct{}{}}
}

// load counts a use of the module of a hash, which create makes if there is none. Without a hash it is new.
func (r *registry) load(hash string, create func() *Module) *Module {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.byHash[hash]
	if m == nil {
		m = create()
		if hash != "" {
			r.byHash[hash] = m
		}
	}
	r.refs[m]++
	return m
}

// release ends a use and returns whether it was the last.
func (r *registry) release(m *Module) (last bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refs[m]--; r.refs[m] > 0 {
		return false
	}
	delete(r.refs, m)
	if hash := m.code.source.Hash; r.byHash[hash] == m {
		delete(r.byHash, hash)
	}
	return true
}

// enter counts a pool as a use of its module and lists it. It returns false when the engine is closed; then the
// pool is not listed.
func (r *registry) enter(m *Module, p *Pool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refs[m]++
	if r.closed {
		return false
	}
	r.pools[p] = struct{}{}
	return true
}

func (r *registry) leave(p *Pool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.pools, p)
}

// close refuses new pools. It returns false if it was closed before.
func (r *registry) close() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := !r.closed
	r.closed = true
	return first
}

// modules returns those that have a hash.
func (r *registry) modules() []*Module {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Values(r.byHash))
}

// openPools returns the pools that are listed.
func (r *registry) openPools() []*Pool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Keys(r.pools))
}
