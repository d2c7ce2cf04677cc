package session

import (
	"context"
	"sync/atomic"

	"github.com/carapace-gateway/carapace/kernel/event"
)

// Overview is what status and health tell about all sessions.
type Overview struct {
	Count int
	// Recent are the last used ones, at most ten.
	Recent []Row
	// Queued and Running count runs.
	Queued, Running int
}

// Overview counts and returns the last used sessions. Every client asks for it all the time, so it is kept
// until a session, a plugin or a setting changes: models decide what a row says of its model. The caller
// does not change what it gets. Errors are the store's.
func (s *Service) Overview(ctx context.Context, models Models) (Overview, error) {
	if o := s.recent.last.Load(); o != nil {
		return *o, nil
	}
	changes := s.recent.changes.Load()
	o, err := s.overview(ctx, models.Defaults(ctx))
	if err == nil {
		s.recent.keep(&o, changes)
	}
	return o, err
}

func (s *Service) overview(ctx context.Context, d Defaults) (Overview, error) {
	res, err := s.List(ctx, ListParams{}, d)
	o := Overview{Count: res.TotalCount}
	for _, r := range res.Sessions {
		o.Queued += r.QueuedRuns
		if r.RunningRun != "" {
			o.Running++
		}
	}
	o.Recent = res.Sessions[:min(len(res.Sessions), 10)]
	return o, err
}

// recent is the last overview, and how many changes have made one useless.
type recent struct {
	last    atomic.Pointer[Overview]
	changes atomic.Uint64
}

// watch forgets the overview with each event that may make it untrue.
func (r *recent) watch(bus *event.Bus) {
	bus.Subscribe(func(e event.Event) {
		switch e.Name {
		case Changes.Name, "plugins.changed", "config.changed":
			r.changes.Add(1)
			r.last.Store(nil)
		}
	})
}

// keep remembers an overview that was begun after so many changes, unless there were more meanwhile.
func (r *recent) keep(o *Overview, changes uint64) {
	r.last.Store(o)
	if r.changes.Load() != changes {
		r.last.Store(nil)
	}
}
