// Package cooldown remembers which keys and models of providers are left alone for a while, since they have failed.
//
// A pause grows with each failure in a row, and is never shorter than the provider has asked for. It ends with an answer, when
// the key is another one, or by itself; what has failed is remembered for a day longer, so that the next pause is a longer one.
// Pauses are in the store before anybody acts on them, so that a gateway that starts anew does not ask at once what was
// left alone. Everything is safe for concurrent use.
package cooldown

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// AnyKey stands for all keys of a provider.
const AnyKey = "*"

// Subject is what is left alone: a key for all models, a key for one model, or with AnyKey a model.
type Subject struct {
	Provider string `json:"provider"`
	// Key is the account of the provider that the key is of; "" is the one that is there without a name.
	Key   string `json:"key,omitempty"`
	Model string `json:"model,omitempty"`
}

// id is the subject's record. Neither a provider nor a key has a slash in its name.
func (s Subject) id() string { return s.Provider + "/" + s.Key + "/" + s.Model }

// Pause is a subject that is left alone, and why. Times are in Unix milliseconds.
type Pause struct {
	Subject
	Code wit.Code `json:"code"`
	// Why is what the provider said, in one sentence for the owner.
	Why string `json:"why"`
	// Failures is how often in a row it has failed.
	Failures int `json:"failures"`
	// Since is the last failure, and Until when the pause ends. Asked is until when the provider wants to be left alone, 0
	// where it has not said so.
	Since int64 `json:"since"`
	Until int64 `json:"until"`
	Asked int64 `json:"asked,omitempty"`
}

// Left is how much of the pause is left, 0 when it is over.
func (p Pause) Left() time.Duration { return max(0, time.Until(time.UnixMilli(p.Until))) }

// Wanted is for how long the provider still wants to be left alone.
func (p Pause) Wanted() time.Duration { return max(0, time.Until(time.UnixMilli(p.Asked))) }

const pauses = store.Table[Pause]("models.pauses")

// Bounds of what is remembered.
const (
	maxPauses = 1000
	maxWhy    = 300
	// remembered is for how long after a pause its failures count.
	remembered = 24 * time.Hour
	// longest is the longest pause that a provider may ask for.
	longest = 24 * time.Hour
)

// pauseOf is how long something is left alone by what has failed. A key that is refused, and a model that there is not, do
// not mend themselves soon; a server that is down may be back at once.
func pauseOf(code wit.Code) retry.Backoff {
	switch code {
	case wit.CodeUnauthorized, wit.CodeForbidden:
		return retry.Backoff{Min: 10 * time.Minute, Max: 12 * time.Hour}
	case wit.CodeNotFound:
		return retry.Backoff{Min: 10 * time.Minute, Max: 6 * time.Hour}
	case wit.CodeRateLimited:
		return retry.Backoff{Min: 30 * time.Second, Max: time.Hour}
	}
	return retry.Backoff{Min: 15 * time.Second, Max: 10 * time.Minute}
}

// Book remembers pauses.
type Book struct {
	store store.Store // nil remembers as long as the process lives
	log   hclog.Logger

	mu     sync.Mutex
	read   bool
	pauses map[Subject]Pause
}

// New returns a book whose pauses are in the store; without one they end with the process.
func New(s store.Store, log hclog.Logger) *Book {
	return &Book{store: s, log: log.Named("cooldown"), pauses: map[Subject]Pause{}}
}

// load reads the store, once. The caller holds mu.
func (b *Book) load() {
	if b.read || b.store == nil {
		return
	}
	err := b.store.View(context.Background(), func(tx store.Tx) error {
		for row, err := range pauses.Scan(tx, store.Range{Limit: maxPauses}) {
			if store.Damaged(err) {
				continue
			}
			if err != nil {
				return err
			}
			b.pauses[row.Value.Subject] = row.Value
		}
		return nil
	})
	if b.read = err == nil; err != nil {
		b.log.Error("cool-downs of models not read", "error", err)
	}
}

// Failed leaves something alone because of an error, and returns for how long.
func (b *Book) Failed(ctx context.Context, s Subject, e *wit.Error) Pause {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.load()
	now := time.Now()
	p := b.pauses[s]
	if p.Failures > 0 && now.Sub(time.UnixMilli(p.Until)) > remembered {
		p = Pause{}
	}
	asked := retry.Asked(e.RetryAfter, longest)
	p = Pause{Subject: s, Code: e.Code, Why: sentence(e.Message), Failures: p.Failures + 1, Since: now.UnixMilli()}
	p.Until = now.Add(max(pauseOf(e.Code).Delay(p.Failures), asked)).UnixMilli()
	if asked > 0 {
		p.Asked = now.Add(asked).UnixMilli()
	}
	b.pauses[s] = p
	gone := b.surplus()
	b.write(ctx, func(tx store.Tx) error {
		for _, old := range gone {
			if err := pauses.Delete(tx, old.id()); err != nil {
				return err
			}
		}
		return pauses.Put(tx, s.id(), p)
	})
	return p
}

// surplus takes what was left alone longest ago out of a book that is full. The caller holds mu.
func (b *Book) surplus() (gone []Subject) {
	for len(b.pauses) > maxPauses {
		var oldest *Pause
		for _, p := range b.pauses {
			if oldest == nil || p.Since < oldest.Since {
				oldest = &p
			}
		}
		delete(b.pauses, oldest.Subject)
		gone = append(gone, oldest.Subject)
	}
	return gone
}

// Worked forgets what an answer of a model by a key has shown to be over.
func (b *Book) Worked(ctx context.Context, provider, key, model string) {
	b.drop(ctx, func(p Pause) bool { return slices.Contains(subjects(provider, key, model), p.Subject) })
}

// Forget forgets all of a provider: its settings are others.
func (b *Book) Forget(ctx context.Context, provider string) {
	b.drop(ctx, func(p Pause) bool { return p.Provider == provider })
}

func (b *Book) drop(ctx context.Context, which func(Pause) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.load()
	var gone []Subject
	for s, p := range b.pauses {
		if which(p) {
			delete(b.pauses, s)
			gone = append(gone, s)
		}
	}
	if len(gone) == 0 {
		return
	}
	b.write(ctx, func(tx store.Tx) error {
		for _, s := range gone {
			if err := pauses.Delete(tx, s.id()); err != nil {
				return err
			}
		}
		return nil
	})
}

// write changes the store, which nothing depends on but what the next start knows. The caller holds mu.
func (b *Book) write(ctx context.Context, change func(store.Tx) error) {
	if b.store == nil {
		return
	}
	if err := b.store.Update(context.WithoutCancel(ctx), change); err != nil {
		b.log.Error("cool-down of a model not kept", "error", err)
	}
}

// subjects are what has to be usable for a model to answer by a key.
func subjects(provider, key, model string) []Subject {
	return []Subject{{provider, key, ""}, {provider, key, model}, {provider, AnyKey, model}}
}

// Of returns why a model is not to be asked by a key now: the pause that ends last, and false where there is none. A key
// that was set after it had failed is another one.
func (b *Book) Of(provider, key, model string, set time.Time) (pause Pause, resting bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.load()
	for _, s := range subjects(provider, key, model) {
		p, ok := b.pauses[s]
		if !ok || p.Left() == 0 || s.Key != AnyKey && set.UnixMilli() > p.Since {
			continue
		}
		if p.Until > pause.Until {
			pause, resting = p, true
		}
	}
	return pause, resting
}

// List returns all pauses that are not over, in the order of their names.
func (b *Book) List() []Pause {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.load()
	var list []Pause
	for _, p := range b.pauses {
		if p.Left() > 0 {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(x, y Pause) int { return cmp.Compare(x.id(), y.id()) })
	return list
}

// sentence is an error's text, cut, in one line.
func sentence(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxWhy {
		text = strings.ToValidUTF8(text[:maxWhy], "") + "…"
	}
	return text
}
