package inlet

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// How long an answer is kept under the key of its call, and how many older ones go with each that is kept.
const (
	keptFor = 7 * 24 * time.Hour
	pruned  = 100
)

// kept is the answer to a call that its caller has named.
type kept struct {
	Status int    `json:"status"`
	Type   string `json:"type,omitempty"`
	Body   []byte `json:"body,omitempty"`
}

// The answers by the ids of the calls, and the ids by the time.
const (
	answerTable = store.Table[kept]("hook.answer")
	timeTable   = store.Table[string]("hook.answered")
)

// answers keeps what calls were answered, and lets one call of an id at a time be made.
type answers struct {
	store store.Store
	mu    sync.Mutex
	busy  map[string]chan struct{}
}

// enter waits until no other call of an id is being made.
func (a *answers) enter(ctx context.Context, id string) (leave func(), err error) {
	for {
		a.mu.Lock()
		other := a.busy[id]
		if other == nil {
			mine := make(chan struct{})
			a.busy[id] = mine
			a.mu.Unlock()
			return func() {
				a.mu.Lock()
				delete(a.busy, id)
				a.mu.Unlock()
				close(mine)
			}, nil
		}
		a.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, wit.NewError(wit.CodeTimeout, "the same call is still being made: make it again later")
		}
	}
}

// find returns the answer that a call was given before; false where there was none.
func (a *answers) find(ctx context.Context, id string) (k kept, found bool, err error) {
	err = a.store.View(ctx, func(tx store.Tx) (err error) {
		k, err = answerTable.Get(tx, id)
		return err
	})
	if wit.CodeOf(err) == wit.CodeNotFound {
		return k, false, nil
	}
	return k, err == nil, err
}

// keep keeps an answer, and forgets old ones.
func (a *answers) keep(ctx context.Context, id string, k kept) error {
	now := time.Now()
	return a.store.Update(ctx, func(tx store.Tx) error {
		var old []store.Row[string]
		for row, err := range timeTable.Scan(tx, store.Range{To: at(now.Add(-keptFor)), Limit: pruned}) {
			if err != nil {
				return err
			}
			old = append(old, row)
		}
		for _, row := range old {
			if err := timeTable.Delete(tx, row.Key); err != nil {
				return err
			}
			if err := answerTable.Delete(tx, row.Value); err != nil {
				return err
			}
		}
		if err := timeTable.Put(tx, at(now)+id, id); err != nil {
			return err
		}
		return answerTable.Put(tx, id, k)
	})
}

// at is a time as it is sorted.
func at(t time.Time) string { return fmt.Sprintf("%016x/", max(t.UnixMilli(), 0)) }

// held is an answer that is written down before it is given.
type held struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (h *held) Header() http.Header { return h.header }

// WriteHeader implements http.ResponseWriter.
func (h *held) WriteHeader(status int) { h.status = status }

// Write implements http.ResponseWriter.
func (h *held) Write(p []byte) (int, error) { return h.body.Write(p) }

func (h *held) kept() kept { return kept{h.status, h.header.Get("Content-Type"), h.body.Bytes()} }

// give answers a call.
func (k kept) give(w http.ResponseWriter) {
	if k.Type != "" {
		w.Header().Set("Content-Type", k.Type)
	}
	w.WriteHeader(k.Status)
	_, _ = w.Write(k.Body) // who asked may be gone, which can be told to nobody
}
