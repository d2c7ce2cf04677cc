package catalog

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/kernel/registry"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// kept is the last good index of a registry, as it came.
type kept struct {
	URL  string `json:"url"`
	Data []byte `json:"data"`
	// Fetched is when the registry last said that this is its index, in Unix milliseconds.
	Fetched  int64  `json:"fetched"`
	Tag      string `json:"tag,omitempty"`
	Modified string `json:"modified,omitempty"`
}

const indexTable = store.Table[kept]("registry.index")

// shelf is what is known of a registry. It is replaced, never changed.
type shelf struct {
	kept
	source registry.Source // that it is for
	index  *registry.Index // nil where there is no good one
	// problem is why the last look brought no good index, after so many failures in a row.
	problem  error
	failures int
	// tried is when that look was, and due when the next one is.
	tried, due time.Time
}

// shelf returns what is known of a registry as it is configured now: an index that its key has not signed is none, and
// what is at another address has to be asked for.
func (s *Service) shelf(src registry.Source) *shelf {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.shelves[src.Name]
	if h == nil {
		h = &shelf{}
	}
	if h.source == src {
		return h
	}
	next := &shelf{source: src, kept: h.kept, due: h.due}
	next.index, _ = registry.Decode(h.Data, src.Key)
	if h.URL != src.URL || next.index == nil {
		next.URL, next.Tag, next.Modified, next.due = src.URL, "", "", time.Time{}
	}
	s.shelves[src.Name] = next
	return next
}

// trouble is what is wrong with a registry now; nil where it can be used.
func (h *shelf) trouble() error {
	if h.problem == nil && h.index != nil {
		return h.index.Fresh(time.Now())
	}
	return h.problem
}

func (s *Service) set(name string, h *shelf) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shelves[name] = h
}

// refresh reads a registry's index until asking ends, which ends with ctx, takes in what it says, and tells of it. What was known
// stays where that does not work. Errors: those of Fetcher and of registry.Decode; CodeForbidden for an index that is older than
// the known one; CodeUnavailable for one that has expired; CodeTimeout; the store's.
func (s *Service) refresh(ctx, asking context.Context, src registry.Source) error {
	if !s.reading.Take(asking, src.Name) {
		return errSilent() // to whoever asks it now
	}
	defer s.reading.Give(src.Name)
	before := s.shelf(src)
	next := *before
	err := s.read(ctx, asking, src, &next)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil && asking.Err() != nil {
		err = errSilent()
	}
	wait := every
	if err != nil {
		next = *before
		next.failures++
		wait = again.Delay(next.failures)
	} else {
		next.failures = 0
	}
	next.problem, next.tried, next.due = err, time.Now(), time.Now().Add(wait)
	s.set(src.Name, &next)
	if ids, failed := s.learn(ctx, src, next.index); failed != nil {
		return failed
	} else if len(ids) > 0 {
		s.Barred(ids)
	}
	s.tell(src, before, &next)
	return err
}

// learn takes in what a registry has withdrawn, and returns the plugins of which it says something new.
func (s *Service) learn(ctx context.Context, src registry.Source, x *registry.Index) (ids []string, err error) {
	if x == nil {
		return nil, nil
	}
	for _, i := range s.Installed() {
		if i.Registry != src.Name {
			continue
		}
		news, err := s.Ledger.learn(ctx, i, x.Find(i.ID))
		if err != nil {
			return ids, err
		}
		if news {
			ids = append(ids, i.ID)
		}
	}
	return ids, nil
}

// read fetches the index and puts it on the shelf and into the store, if it is a good one.
func (s *Service) read(ctx, asking context.Context, src registry.Source, h *shelf) error {
	ask := registry.Request{Source: src, File: registry.IndexFile, Limit: registry.MaxIndex}
	if h.index != nil {
		ask.Tag, ask.Modified = h.Tag, h.Modified
	}
	answer, err := s.Fetcher.Fetch(asking, ask)
	if err != nil {
		return err
	}
	if !answer.Unchanged {
		x, err := registry.Decode(answer.Data, src.Key)
		if err != nil {
			return err
		}
		if h.index != nil {
			if err := x.Succeeds(h.index); err != nil {
				return err
			}
		}
		h.index, h.Data, h.Tag, h.Modified = x, answer.Data, answer.Tag, answer.Modified
	} else if h.index == nil {
		return wit.NewError(wit.CodeUnavailable, "it says that its index is unchanged, and none is known")
	}
	if err := h.index.Fresh(time.Now()); err != nil {
		return err
	}
	h.Fetched = time.Now().UnixMilli()
	return s.Store.Update(ctx, func(tx store.Tx) error { return indexTable.Put(tx, src.Name, h.kept) })
}

// tell logs and publishes what is new about a registry.
func (s *Service) tell(src registry.Source, before, now *shelf) {
	news := Changed{Name: src.Name, Problem: text(now.problem)}
	if now.index != nil {
		news.Sequence = now.index.Sequence
	}
	switch {
	case now.problem != nil && text(before.problem) != news.Problem:
		s.Log.Warn("a registry cannot be used as it is now; what was known of it is used on", "registry", src.Name, "problem", news.Problem)
	case now.problem == nil && (before.problem != nil || before.index == nil || before.index.Sequence != news.Sequence):
		s.Log.Info("a registry's index was read", "registry", src.Name, "sequence", news.Sequence)
	default:
		return
	}
	ChangedKind.Publish(s.Bus, news)
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
