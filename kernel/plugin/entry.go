package plugin

import (
	"maps"
	"slices"
)

func (e *entry) status() State {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.state
}

func (e *entry) setUpdate(u *Update) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.update = u
}

func (e *entry) reject(fingerprint string, u Update) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.rejected[fingerprint] = u
}

func (e *entry) rejectedFor(fingerprint string) (Update, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	u, bad := e.rejected[fingerprint]
	return u, bad
}

// forgetRejected drops what is no candidate any more.
func (e *entry) forgetRejected(candidates []candidate) {
	e.mu.Lock()
	defer e.mu.Unlock()
	maps.DeleteFunc(e.rejected, func(f string, _ Update) bool {
		return !slices.ContainsFunc(candidates, func(c candidate) bool { return c.fingerprint == f })
	})
}

// fail records why there is nothing to call. The event was published when the package was rejected.
func (e *entry) fail(u Update) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.state, e.version, e.reason, e.hint, e.path = StateFailed, u.Version, u.Reason, u.Hint, u.Path
}

// offer remembers what would run if it were enabled.
func (e *entry) offer(c candidate) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.path, e.dormant = c.pkg.Path, c.manifest
}

// dropPrevious frees the version that was kept for a rollback and keeps next in its place.
func (e *entry) dropPrevious(next *version) {
	e.mu.Lock()
	old := e.previous
	e.previous = next
	e.mu.Unlock()
	if old != nil && old != next {
		old.free()
	}
}
