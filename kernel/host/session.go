package host

import (
	"context"

	"github.com/carapace-gateway/carapace/wit"
)

// Sessions tells what was said. admit refuses an agent whose sessions may not be read; errors are admit's, CodeInvalid and
// CodeNotFound for an agent or a session that there is not, and the store's.
type Sessions interface {
	// List lists an agent's sessions, the last used one first, at most limit of them.
	List(ctx context.Context, f *wit.SessionFilter, limit int, admit func(agent string) error) (*wit.SessionPage, error)
	// Read reads the newest messages that are asked for, at most limit of them, within the contract's bytes.
	Read(ctx context.Context, q *wit.HistoryQuery, limit int, admit func(agent string) error) (*wit.HistoryPage, error)
}

// sessions reads sessions for a plugin.
type sessions struct {
	plugin     string
	permission *wit.SessionPermission // nil without it
	sessions   Sessions               // nil where there are none
	rate       *bucket
}

// List is the guest's.
func (s sessions) Find(ctx context.Context, f *wit.SessionFilter) (*wit.SessionPage, error) {
	if err := s.refusal(ctx); err != nil {
		return nil, err
	}
	return s.sessions.List(ctx, f, bounded(f.Limit, wit.SessionFilterLimitDefault, wit.SessionFilterLimitCut), s.admit)
}

// Read is the guest's.
func (s sessions) Read(ctx context.Context, q *wit.HistoryQuery) (*wit.HistoryPage, error) {
	if err := s.refusal(ctx); err != nil {
		return nil, err
	}
	return s.sessions.Read(ctx, q, bounded(q.Limit, wit.HistoryQueryLimitDefault, wit.HistoryQueryLimitCut), s.admit)
}

// bounded is how many are asked for: without a number as many as usual, and no more than may be.
func bounded(asked uint32, usual, most int) int {
	if asked == 0 {
		return usual
	}
	return int(min(int64(asked), int64(most)))
}

func (s sessions) admit(agent string) error {
	return within(s.plugin, "sessionRead", "agents", s.permission.Agents, agent)
}

func (s sessions) refusal(ctx context.Context) error {
	call := CallOf(ctx)
	if f := wit.Export(call.Export); f != nil && f.Pure {
		return call.asking("session")
	}
	if s.sessions == nil {
		return wit.NewError(wit.CodeUnavailable, "session: this gateway has no sessions")
	}
	if wait := s.rate.take(); wait > 0 {
		return tooOften("session", wait)
	}
	return nil
}
