package session

import (
	"context"
	"strings"
)

// Overview is what status and health tell about all sessions.
type Overview struct {
	Count int
	// Recent are the last used ones, at most ten.
	Recent []Row
	// Of is what it was made of, to be compared: two of the same say the same.
	Of any
}

// Basis is what everything that is told about sessions is made of. As long as it is the same, so is that.
type Basis struct {
	sessions, history, queue uint64 // versions in the store
	settings                 string
	defaults                 Defaults
}

// Basis is the present one. It costs no reading.
func (s *Service) Basis(d Defaults) Basis {
	settings := s.Settings()
	return Basis{
		sessions: entries.Version(s.store), history: history.Version(s.store), queue: s.queue.Version(s.store), defaults: d,
		settings: settings.DefaultAgent + "\n" + settings.MainKey + "\n" + strings.Join(settings.Agents, "\n"),
	}
}

// Overview counts and returns the last used sessions. The caller does not change what it gets. Errors are the
// store's.
// Every client asks for it all the time, so the last one is kept.
func (s *Service) Overview(ctx context.Context, models Models) (Overview, error) {
	now := s.Basis(models.Defaults(ctx))
	if last := s.last.Load(); last != nil && last.Of == now {
		return *last, nil
	}
	res, err := s.List(ctx, ListParams{Limit: 10}, now.defaults)
	o := Overview{Count: res.TotalCount, Recent: res.Sessions, Of: now}
	if err == nil {
		s.last.Store(&o)
	}
	return o, err
}
