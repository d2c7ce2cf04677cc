package session

import (
	"context"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/store"
)

// Overview is what status and health tell about all sessions.
type Overview struct {
	Count int
	// Recent are the last used ones, at most ten.
	Recent []Row
	// counts has how many each agent has.
	counts map[string]int
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
	o := Overview{Count: res.TotalCount, Recent: res.Sessions, Of: now, counts: map[string]int{}}
	if err == nil {
		err = s.countAgents(ctx, o.counts)
	}
	if err == nil {
		s.last.Store(&o)
	}
	return o, err
}

// countAgents counts the sessions in use of each agent, as far as the order has them.
func (s *Service) countAgents(ctx context.Context, into map[string]int) error {
	return s.store.View(ctx, func(tx store.Tx) error {
		for row, err := range counts.Scan(tx, store.Range{Prefix: inUse + "/"}) {
			if err != nil {
				return err
			}
			_, agent, _ := strings.Cut(row.Key, "/")
			into[agent] = row.Value
		}
		return nil
	})
}

// OfAgent is what is told about the sessions of one agent. Recent are those that are among the last used ones of all.
func (o Overview) OfAgent(id string) Overview {
	own := Overview{Count: o.counts[id]}
	for _, r := range o.Recent {
		if r.AgentID == id {
			own.Recent = append(own.Recent, r)
		}
	}
	return own
}
