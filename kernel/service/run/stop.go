package run

import (
	"context"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// stopWait is how long a stop waits for a run to end.
const stopWait = 10 * time.Second

// Selection says which runs of a session are to be stopped: the one with this ID, or the running one (also while what comes
// with it is fetched and transcribed, before it begins) and, with Waiting, those that wait. Urgent ones never are.
type Selection struct {
	Session session.Key
	ID      string
	Waiting bool
}

// Stop aborts runs and returns their ids when they have ended. What is to be stopped is recorded first, so
// that a crash in between does not bring it back.
//
// Errors: CodeTimeout when the running one does not end within ten seconds; it will. Else the store's.
func (s *Service) Stop(ctx context.Context, which Selection, reason string) ([]string, error) {
	return s.halt(ctx, which, reason, s.executing)
}

// halt is Stop, which says what counts as running though it has not begun.
func (s *Service) halt(ctx context.Context, which Selection, reason string, begins func(id string) bool) ([]string, error) {
	var unread, dropped, running []Run
	err := s.store.Update(ctx, func(tx store.Tx) (err error) {
		if unread, err = setAside(tx, which.Session); err != nil {
			return err
		}
		dropped, running, err = stop(tx, which, reason, begins)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.gone(which.Session, unread)
	s.gone(which.Session, dropped)
	ids := []string{}
	for _, r := range dropped {
		ids = append(ids, r.ID)
	}
	for _, r := range running {
		ids = append(ids, r.ID)
		s.interrupt(r, reason)
	}
	for _, r := range running {
		if err := s.awaitEnd(ctx, r.ID); err != nil {
			return ids, err
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// gone announces, after the commit, runs of a session that ended without their executor.
func (s *Service) gone(key session.Key, ended []Run) {
	for _, r := range ended {
		if r.State == Failed {
			s.log.Error("run set aside: its record is damaged", "run", r.ID, "session", key)
		}
		s.interrupt(r, r.Stop) // an executor may be at it
		s.executor.Dropped(r)
		s.waiters.release(r.ID)
	}
	if len(ended) > 0 {
		s.sessions.Changed(key, "run")
	}
}

// executing reports whether a run is in the hands of its executor, who may be getting ready what comes with it.
func (s *Service) executing(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.active[id] != nil
}

// stop marks what is running and ends what waits, and what begins.
func stop(tx store.Tx, which Selection, reason string, begins func(id string) bool) (dropped, running []Run, err error) {
	live, _, err := Queue(tx, which.Session, 0)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range live {
		if r.Urgent || which.ID != "" && r.ID != which.ID {
			continue
		}
		if r.State == Running {
			r, err = Note(tx, r.ID, func(r *Run) { r.Stopping = reason })
			running = append(running, r)
		} else if which.Waiting || which.ID != "" || begins(r.ID) {
			r, err = drop(tx, r, reason)
			dropped = append(dropped, r)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return dropped, running, nil
}

// dropped is what was said with a run that was never begun: its text, and its files, of which those that were not fetched are
// named.
func (r Run) dropped() (parts []wit.Part) {
	if r.Text != "" {
		parts = append(parts, session.TextPart(r.Text))
	}
	parts = append(parts, r.Parts...)
	for i := range r.Attachments {
		parts = append(parts, session.TextPart("[attached: "+message.Called(&r.Attachments[i])+"]"))
	}
	return parts
}

// drop ends a run that was never begun. What was said with it stays in the history.
func drop(tx store.Tx, r Run, reason string) (Run, error) {
	if r.Command == "" {
		m := session.Message{
			Role: wit.RoleUser, Run: r.ID, Origin: &r.Origin, Aside: true, Parts: r.dropped(),
		}
		if _, err := session.Append(tx, r.Session, m); err != nil {
			return r, err
		}
	}
	return Finish(tx, r.ID, Aborted, func(r *Run) { r.Stop = reason })
}

// interrupt ends a run's context, if it is executed in this process.
func (s *Service) interrupt(r Run, reason string) {
	s.mu.Lock()
	cancel := s.active[r.ID]
	s.mu.Unlock()
	if cancel != nil {
		cancel(&Stopped{reason})
	} else {
		s.Wake(r.Session)
	}
}

func (s *Service) awaitEnd(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, stopWait)
	defer cancel()
	_, err := s.Wait(ctx, id)
	return err
}

// Hold implements session.Runs: it aborts the session's running run and, with all, those that wait. No other one
// begins before release is called, also after an error. Errors are as Stop's.
func (s *Service) Hold(ctx context.Context, key session.Key, all bool) (release func(), err error) {
	end := s.holds.hold(key)
	// What is got ready meanwhile cannot begin, and does when the session is released.
	_, err = s.halt(ctx, Selection{Session: key, Waiting: all}, "rpc", func(string) bool { return false })
	return func() {
		end()
		s.Wake(key)
	}, err
}
