package session

import (
	"context"
	"sync/atomic"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/store"
)

// Overview is what status and health tell about all sessions.
type Overview struct {
	Count int
	// Recent are the last used ones, at most ten.
	Recent []Row
}

// Overview counts and returns the last used sessions. The caller does not change what it gets. Errors are the
// store's.
// Every client asks for it all the time and making it reads all sessions, so it is kept while nothing goes on: runs
// change their sessions as they go, and what is changed without one is announced.
func (s *Service) Overview(ctx context.Context, models Models) (Overview, error) {
	idle, err := s.idle(ctx)
	if err != nil {
		return Overview{}, err
	}
	defaults := models.Defaults(ctx)
	if kept := s.recent.last.Load(); idle && kept != nil && kept.Defaults == defaults {
		return kept.overview(), nil
	}
	changes := s.recent.changes.Load()
	res, err := s.List(ctx, ListParams{Limit: 10}, defaults)
	if idle && err == nil {
		s.recent.keep(&res, changes)
	}
	return res.overview(), err
}

func (r ListResult) overview() Overview { return Overview{Count: r.TotalCount, Recent: r.Sessions} }

// idle reports whether no run waits or is running.
func (s *Service) idle(ctx context.Context) (idle bool, err error) {
	err = s.store.View(ctx, func(tx store.Tx) error {
		pending, err := s.queue.AllPending(tx)
		idle = len(pending) == 0
		return err
	})
	return idle, err
}

// recent is the last list of an overview, and how many changes have made one useless.
type recent struct {
	last    atomic.Pointer[ListResult]
	changes atomic.Uint64
}

// watch forgets the list when a session has changed.
func (r *recent) watch(bus *event.Bus) {
	Changes.Subscribe(bus, func(ChangedEvent) {
		r.changes.Add(1)
		r.last.Store(nil)
	})
}

// keep remembers a list that was begun after so many changes, unless there were more meanwhile.
func (r *recent) keep(list *ListResult, changes uint64) {
	r.last.Store(list)
	if r.changes.Load() != changes {
		r.last.Store(nil)
	}
}
