package plugin

import "github.com/carapace-gateway/carapace/wit"

// Rollback puts the version that ran before the last upgrade back, and keeps what replaced it aside with
// the reason. Errors: CodeNotFound, and CodeConflict when there is no version to go back to.
func (r *Registry) Rollback(id, reason string) error {
	r.loading.Lock()
	defer r.loading.Unlock()
	e := r.entry(id)
	if e == nil {
		return wit.Errorf(wit.CodeNotFound, "there is no plugin %s", id)
	}
	e.mu.Lock()
	old := e.previous
	e.previous = nil
	e.mu.Unlock()
	bad := e.current.Load()
	if old == nil || bad == nil {
		return wit.Errorf(wit.CodeConflict, "plugin %s has no earlier version to go back to", id)
	}
	u := Update{Version: bad.manifest.Version, Path: bad.pkg.Path, Reason: reason, Hint: "the earlier version runs: correct the new one and install it again"}
	e.reject(bad.fingerprint, u)
	e.setUpdate(&u)
	r.announce(id, StateFailed, u.Version, u.Reason)
	r.swap(e, old.again(), StateReady)
	e.dropPrevious(nil)
	return nil
}
