package plugin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/carapace-gateway/carapace/wit"
)

// hashes remembers what was read of files of code, so that plugins of one bundle share the work.
type hashes struct {
	mu    sync.Mutex
	known map[string]looked
}

type looked struct {
	hash string
	info Info
}

const maxLooked = 64

func (h *hashes) get(key string) (looked, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	l, ok := h.known[key]
	return l, ok
}

func (h *hashes) put(key string, l looked) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.known == nil || len(h.known) >= maxLooked {
		h.known = map[string]looked{}
	}
	h.known[key] = l
}

// verify loads a version's code and compares it with the manifest. It does so once; concurrent callers
// wait for the first.
func (r *Registry) verify(ctx context.Context, v *version) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.verified {
		return nil
	}
	if v.pkg.Fake != nil {
		v.code = fakeCode{v.pkg.Fake}
		info, err := v.code.Info(ctx)
		if err == nil {
			err = verify(v.manifest, info)
		}
		v.verified = err == nil
		return err
	}
	seen, err := r.look(ctx, v)
	if err != nil {
		return err
	}
	if err := verify(v.manifest, seen.info); err != nil {
		return err
	}
	if v.code == nil {
		if v.code, err = r.deps.Engine.Load(v.source(seen.hash)); err != nil {
			return err
		}
	}
	v.hash, v.verified = seen.hash, true
	return nil
}

func (v *version) source(hash string) CodeSource {
	name := v.manifest.ID
	if file, member := entryOf(v.manifest); member != "" {
		name = file
	}
	return CodeSource{Name: name, Hash: hash, Open: func() ([]byte, error) { return v.pkg.code(v.manifest) }}
}

// look reads the version's file of code: its hash, and what it imports and exports.
func (r *Registry) look(ctx context.Context, v *version) (looked, error) {
	key, err := v.pkg.codeKey(v.manifest)
	if err != nil {
		return looked{}, err
	}
	if l, ok := r.hashes.get(key); ok {
		return l, nil
	}
	wasm, err := v.pkg.code(v.manifest)
	if err != nil {
		return looked{}, err
	}
	sum := sha256.Sum256(wasm)
	l := looked{hash: hex.EncodeToString(sum[:])}
	src := v.source(l.hash)
	src.Open = func() ([]byte, error) { return wasm, nil }
	code, err := r.deps.Engine.Load(src)
	if err != nil {
		return looked{}, err
	}
	defer code.Release()
	if l.info, err = code.Info(ctx); err != nil {
		return looked{}, err
	}
	if after, err := v.pkg.codeKey(v.manifest); err != nil || after != key {
		return looked{}, wit.NewError(wit.CodeUnavailable, "the file of code changes while it is read")
	}
	r.hashes.put(key, l)
	return l, nil
}

// codeKey names the file of code as it is now.
func (p *Package) codeKey(m *wit.Manifest) (string, error) {
	file, _ := entryOf(m)
	name, info, err := p.find(file)
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(p.Path, p.Folder) + name + "|" + stamp(info), nil
}

func (p *Package) manifestStamp() string {
	if p.Fake != nil {
		return fmt.Sprintf("fake %p", p.Fake)
	}
	info, err := fs.Stat(p.Root, path.Join(p.Folder, manifestFile))
	if err != nil {
		return ""
	}
	return stamp(info)
}

// ensure verifies the current version before its first use. One that fails makes room for the next
// package of its id.
func (r *Registry) ensure(ctx context.Context, e *entry, v *version) error {
	v.mu.Lock()
	done := v.verified
	v.mu.Unlock()
	if done {
		return nil
	}
	if err := r.verify(ctx, v); err != nil {
		if ctx.Err() == nil {
			r.reject(e, v, err)
		}
		return wit.Errorf(wit.CodeUnavailable, "plugin %s failed: %w", e.id, err)
	}
	r.advance(e, v, StateVerified)
	return nil
}

// advance moves an entry's state on, if v is still what it is about.
func (r *Registry) advance(e *entry, v *version, to State) {
	e.mu.Lock()
	from := e.state
	next := from == StateInstalled && to == StateVerified || (from == StateInstalled || from == StateVerified) && to == StateReady
	if next = next && e.current.Load() == v; next {
		e.state = to
	}
	e.mu.Unlock()
	if next {
		r.announce(e.id, to, v.manifest.Version, "")
	}
}

// reject takes a version that cannot run out of its place.
func (r *Registry) reject(e *entry, v *version, why error) {
	r.loading.Lock()
	u := Update{Version: v.manifest.Version, Path: v.pkg.Path, Reason: why.Error(), Hint: hintFor(why)}
	if e.current.CompareAndSwap(v, nil) {
		e.reject(v.fingerprint, u)
		e.fail(u)
		r.refreshOffers()
		r.announce(e.id, StateFailed, u.Version, u.Reason)
		r.running.Go(func() {
			ctx, cancel := r.draining()
			defer cancel()
			_ = v.stop(ctx)
			v.free()
		})
	}
	r.loading.Unlock()
	_, _ = r.reconcile(r.life, pass{})
}

// proven notes that a version has answered.
func (r *Registry) proven(v *version) {
	if !v.answered.CompareAndSwap(false, true) {
		return
	}
	if e := r.entry(v.manifest.ID); e != nil {
		r.advance(e, v, StateReady)
	}
}

// warmUp compiles what has just been installed, so that its first call does not wait and a file that
// cannot be compiled is known at once.
func (r *Registry) warmUp(e *entry, v *version) {
	if err := v.code.Compile(r.life); err != nil {
		if wit.CodeOf(err) == wit.CodeInvalid {
			r.reject(e, v, err)
		}
		return
	}
	r.advance(e, v, StateReady)
}

// lookAtInstalled verifies, in the background, what the owner put there before the gateway started, so
// that a broken plugin is known before it is needed.
func (r *Registry) lookAtInstalled(ctx context.Context) {
	for _, e := range r.all() {
		v := e.current.Load()
		if v == nil || v.pkg.Stock || e.status() != StateInstalled {
			continue
		}
		r.running.Go(func() {
			if found, err := r.begin(ctx, e.id); err == nil {
				found.leave()
			}
		})
	}
}

// Warm verifies and compiles a plugin now, because it is about to be needed. Errors: CodeNotFound, and
// CodeUnavailable or CodeInvalid with the reason why it cannot run.
func (r *Registry) Warm(ctx context.Context, id string) error {
	v, err := r.begin(ctx, id)
	if err != nil {
		return err
	}
	defer v.leave()
	if err := v.code.Compile(ctx); err != nil {
		if wit.CodeOf(err) == wit.CodeInvalid {
			r.reject(r.entry(id), v, err)
		}
		return err
	}
	if e := r.entry(id); e != nil {
		r.advance(e, v, StateReady)
	}
	return nil
}
