package secret

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carapace-gateway/carapace/kernel/store"
)

// noteEvery is how often it is written down when credentials were used.
const noteEvery = time.Minute

// note is what is kept of a credential beside its value, in Unix milliseconds.
type note struct {
	Set  int64 `json:"set"`
	Used int64 `json:"used,omitempty"`
}

// notes are by the credential's key.
const notes = store.Table[note]("secret.note")

// history knows when credentials were set and used. It is safe for concurrent use.
type history struct {
	mu    sync.RWMutex
	notes map[Entry]*times
}

type times struct {
	set     int64
	used    atomic.Int64
	written int64 // what the store has of used; of who writes
}

// load reads what was noted. What is damaged is taken for nothing: no credential depends on it.
func (h *history) load(tx store.Tx) error {
	h.notes = map[Entry]*times{}
	for row, err := range notes.Scan(tx, store.Range{}) {
		if err != nil && !store.Damaged(err) {
			return err
		}
		if e, ok := parse(row.Key); ok && err == nil {
			t := &times{set: row.Value.Set, written: row.Value.Used}
			t.used.Store(row.Value.Used)
			h.notes[e] = t
		}
	}
	return nil
}

// use notes that a credential was given out.
func (h *history) use(e Entry) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if t := h.notes[e]; t != nil {
		t.used.Store(time.Now().UnixMilli())
	}
}

// put notes that credentials were set.
func (h *history) put(at int64, entries map[Entry]string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for e := range entries {
		h.notes[e] = &times{set: at}
	}
}

func (h *history) drop(e Entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.notes, e)
}

// of tells when a credential was set and used; 0 is unknown, or never.
func (h *history) of(e Entry) (set, used int64) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if t := h.notes[e]; t != nil {
		return t.set, t.used.Load()
	}
	return 0, 0
}

// Run writes down, once in a while and at its end, when credentials were used. The error is nil.
func (v *Vault) Run(ctx context.Context) error {
	t := time.NewTicker(noteEvery)
	defer t.Stop()
	for ctx.Err() == nil {
		select {
		case <-t.C:
		case <-ctx.Done():
		}
		if err := v.history.write(context.WithoutCancel(ctx), v.store); err != nil {
			v.log.Debug("noting when credentials were used failed", "error", err)
		}
	}
	return nil
}

// write writes down what has changed.
func (h *history) write(ctx context.Context, s store.Store) error {
	h.mu.RLock()
	defer h.mu.RUnlock()
	changed := map[Entry]note{}
	for e, t := range h.notes {
		if used := t.used.Load(); used != t.written {
			changed[e] = note{Set: t.set, Used: used}
		}
	}
	if len(changed) == 0 {
		return nil
	}
	err := s.Update(ctx, func(tx store.Tx) error {
		for e, n := range changed {
			if err := notes.Put(tx, e.key(), n); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		for e, n := range changed {
			h.notes[e].written = n.Used
		}
	}
	return err
}
