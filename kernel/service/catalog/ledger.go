package catalog

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/carapace-gateway/carapace/kernel/registry"
	"github.com/carapace-gateway/carapace/kernel/store"
)

// notes are what a registry says of a plugin that was installed from it, and its owner to that. It is replaced, never changed.
type notes struct {
	// Withdrawn are the reasons by the content's digest.
	Withdrawn map[string]string `json:"withdrawn,omitempty"`
	// Insisted are the digests of what runs all the same.
	Insisted []string `json:"insisted,omitempty"`
}

// noteTable's keys are a registry's name and a plugin's id, with a slash between.
const noteTable = store.Table[notes]("registry.note")

// Ledger is what is remembered of registries: their last good indexes, and what they have withdrawn of what is installed. It is
// kept in the store and in memory, so it holds also where no registry can be reached. Safe for concurrent use.
type Ledger struct {
	store   store.Store
	indexes map[string]kept // as they were at the start, by registry
	mu      sync.Mutex
	known   map[string]notes
}

// OpenLedger reads what is kept. Errors are the store's.
func OpenLedger(ctx context.Context, db store.Store) (*Ledger, error) {
	l := &Ledger{store: db, indexes: map[string]kept{}, known: map[string]notes{}}
	return l, db.View(ctx, func(tx store.Tx) error {
		for row, err := range indexTable.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			l.indexes[row.Key] = row.Value
		}
		for row, err := range noteTable.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			l.known[row.Key] = row.Value
		}
		return nil
	})
}

// Barred returns why a plugin's content of this digest must not run; "" where it may.
func (l *Ledger) Barred(id, digest string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, n := range l.known {
		from, of, _ := strings.Cut(key, "/")
		if reason := n.Withdrawn[digest]; of == id && reason != "" && !slices.Contains(n.Insisted, digest) {
			return "withdrawn by the registry " + from + ": " + reason
		}
	}
	return ""
}

// withdrawn returns why a registry has withdrawn a plugin's content, wherever that was installed from this time, and whether its
// owner insists on it.
func (l *Ledger) withdrawn(i Installed) (reason string, insisted bool) {
	for _, n := range l.against(i) {
		if reason, insisted = n.Withdrawn[i.Digest], slices.Contains(n.Insisted, i.Digest); !insisted {
			break
		}
	}
	return reason, insisted
}

// against is what is noted of the registries that have withdrawn a plugin's content, by the registry.
func (l *Ledger) against(i Installed) map[string]notes {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := map[string]notes{}
	for key, n := range l.known {
		if from, of, _ := strings.Cut(key, "/"); of == i.ID && n.Withdrawn[i.Digest] != "" {
			found[from] = n
		}
	}
	return found
}

// learn takes in what a plugin's registry says of it, and reports whether that is new. A registry that does not list it any more, or
// not that version, says nothing. Errors are the store's.
func (l *Ledger) learn(ctx context.Context, i Installed, p *registry.Package) (bool, error) {
	if p == nil {
		return false, nil
	}
	n := l.of(i)
	reasons := maps.Clone(n.Withdrawn)
	if reasons == nil {
		reasons = map[string]string{}
	}
	for _, v := range p.Versions {
		delete(reasons, v.Content)
		if v.Withdrawn != nil {
			reasons[v.Content] = v.Withdrawn.Reason
		}
	}
	if maps.Equal(n.Withdrawn, reasons) {
		return false, nil
	}
	n.Withdrawn = reasons
	return true, l.put(ctx, i, n)
}

// insist lets what was withdrawn run, or takes that back. Errors are the store's.
func (l *Ledger) insist(ctx context.Context, i Installed, on bool) error {
	for from, n := range l.against(i) {
		n.Insisted = slices.DeleteFunc(slices.Clone(n.Insisted), func(digest string) bool { return digest == i.Digest })
		if on {
			n.Insisted = append(n.Insisted, i.Digest)
		}
		i.Registry = from
		if err := l.put(ctx, i, n); err != nil {
			return err
		}
	}
	return nil
}

func (l *Ledger) of(i Installed) notes {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.known[i.Registry+"/"+i.ID]
}

func (l *Ledger) put(ctx context.Context, i Installed, n notes) error {
	key := i.Registry + "/" + i.ID
	if err := l.store.Update(ctx, func(tx store.Tx) error { return noteTable.Put(tx, key, n) }); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known[key] = n
	return nil
}
