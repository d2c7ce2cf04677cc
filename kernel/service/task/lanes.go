package task

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
)

// LanesResult is what is worked on and what waits. Ts is Unix milliseconds.
type LanesResult struct {
	Ts    int64  `json:"ts"`
	Lanes []Lane `json:"lanes"`
	// Dynamic sums up the sessions, each of which does one thing at a time; null where none has anything to do.
	Dynamic *Totals `json:"dynamic"`
}

// Lane is a kind of work. Here all runs are of one, main.
type Lane struct {
	Lane        string `json:"lane"`
	ActiveCount int    `json:"activeCount"`
	QueuedCount int    `json:"queuedCount"`
	// MaxConcurrent is how many run at once.
	MaxConcurrent int `json:"maxConcurrent"`
	// Draining says that nothing more is begun, and BlockedBy what it waits for; both are there for clients that ask.
	Draining  bool    `json:"draining"`
	BlockedBy *string `json:"blockedBy"`
}

// Totals are sums over sessions with work.
type Totals struct {
	LaneCount       int `json:"laneCount"`
	ActiveCount     int `json:"activeCount"`
	QueuedCount     int `json:"queuedCount"`
	QueuedLaneCount int `json:"queuedLaneCount"`
}

func (s *Service) lanes(ctx context.Context, _ rpc.None) (LanesResult, error) {
	all, err := s.Runs.Recent(ctx, mostTasks)
	if err != nil {
		return LanesResult{}, err
	}
	main := Lane{Lane: "main", MaxConcurrent: s.Parallel}
	busy, waiting := map[string]bool{}, map[string]bool{}
	for _, t := range all {
		switch t.Status {
		case "running":
			main.ActiveCount++
		case "queued":
			main.QueuedCount++
			waiting[t.SessionKey] = true
		default:
			continue
		}
		busy[t.SessionKey] = true
	}
	r := LanesResult{Ts: time.Now().UnixMilli(), Lanes: []Lane{main}}
	if len(busy) > 0 {
		r.Dynamic = &Totals{len(busy), main.ActiveCount, main.QueuedCount, len(waiting)}
	}
	return r, nil
}
