package turn

import (
	"context"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// stopWait is how long a stop waits for a run to end.
const stopWait = 10 * time.Second

// Stop aborts the session's running run and, with all, those that wait. It returns when they have ended,
// and no other run of the session begins before resume is called.
//
// Errors: CodeTimeout when the running one does not end in time; it will.
func (s *Service) Stop(ctx context.Context, key session.Key, all bool) (resume func(), err error) {
	resume = s.hold(key)
	_, err = s.stop(ctx, key, "", "rpc", all)
	return resume, err
}

// hold keeps runs of the session from beginning until the returned function is called, once.
func (s *Service) hold(key session.Key) (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[key]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.held[key]--; s.held[key] == 0 {
			delete(s.held, key)
		}
		s.Wake()
	}
}

func (s *Service) holding(key session.Key) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held[key] > 0
}

// stop aborts the runs of a session: this one, or the running one and, with all, those that wait. What
// is to be stopped is recorded first, so that a crash in between does not bring it back.
func (s *Service) stop(ctx context.Context, key session.Key, id, reason string, all bool) ([]string, error) {
	var waiting, running []session.Run
	err := s.Store.Update(ctx, func(tx store.Tx) error {
		waiting, running = nil, nil
		live, err := session.Queue(tx, key, 0)
		if err != nil {
			return err
		}
		for _, r := range live {
			if r.Urgent || id != "" && r.ID != id {
				continue
			}
			if r.State == session.RunRunning {
				r, err = session.Note(tx, r.ID, func(r *session.Run) { r.Stopping = reason })
				running = append(running, r)
			} else if all || id != "" {
				r, err = s.drop(tx, r, reason)
				waiting = append(waiting, r)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	ids := []string{}
	for _, r := range waiting {
		ids = append(ids, r.ID)
		s.newVoiceFor(r, false).end("", nil, func(e *ChatEvent) { e.State, e.StopReason = "aborted", reason })
		s.release(r.ID)
	}
	if len(waiting) > 0 {
		s.Sessions.Changed(key, "run")
	}
	for _, r := range running {
		ids = append(ids, r.ID)
		s.interrupt(r.ID, reason)
	}
	for _, r := range running {
		if err := s.ended(ctx, r.ID); err != nil {
			return ids, err
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// drop ends a run that was never begun. Its text stays in the history: it was said.
func (s *Service) drop(tx store.Tx, r session.Run, reason string) (session.Run, error) {
	if r.Command == "" {
		m := session.Message{Role: wit.RoleUser, Run: r.ID, Origin: &r.Origin, Parts: append([]wit.Part{session.TextPart(r.Text)}, r.Parts...), Aside: true}
		if _, err := session.Append(tx, r.Session, m); err != nil {
			return r, err
		}
	}
	return session.Finish(tx, r.ID, session.RunAborted, func(r *session.Run) { r.Stop = reason })
}

// interrupt ends a run's context, if it is being answered in this process.
func (s *Service) interrupt(id, reason string) {
	s.mu.Lock()
	cancel := s.active[id]
	s.mu.Unlock()
	if cancel != nil {
		cancel(&stopped{reason})
	} else {
		s.Wake()
	}
}

func (s *Service) ended(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, stopWait)
	defer cancel()
	_, err := s.Wait(ctx, id)
	return err
}
