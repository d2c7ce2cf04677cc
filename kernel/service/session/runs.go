package session

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Queue knows the runs that answer in the sessions. All of it is read in the caller's transaction.
type Queue interface {
	// Pending returns what is not finished in a session.
	Pending(tx store.Tx, key Key) (Pending, error)
	// PendingIn returns the same of each of these sessions that has any, and maybe of others.
	PendingIn(tx store.Tx, keys []Key) (map[Key]Pending, error)
	// Version changes whenever those answers may; see store.Store.
	Version(s store.Store) uint64
}

// Pending are a session's unfinished runs.
type Pending struct {
	// Runs are the ids in their order, the running one first; urgent ones are not among them.
	Runs []string
	// Urgent counts those that do not wait.
	Urgent int
}

// Runs stops what answers in the sessions.
type Runs interface {
	// Hold aborts the session's running run and, with all, those that wait; it returns when they have
	// ended. No other run of the session begins before release is called; it is never nil.
	Hold(ctx context.Context, key Key, all bool) (release func(), err error)
}

// Models knows what can answer.
type Models interface {
	// Defaults returns what answers where a session makes no choice.
	Defaults(ctx context.Context) Defaults
	// Check returns a model's full name provider/model, or CodeInvalid for one that cannot be had.
	Check(ctx context.Context, model string) (string, error)
}

// RunState is how a session's last run stands, in the words of package run. Two of them mean something here.
type RunState string

const (
	RunRunning RunState = "running"
	RunAborted RunState = "aborted"
)

// RunStarted notes that a run of the session begins, and returns the entry. An urgent one is counted only: it
// runs beside the others.
//
// Errors: CodeNotFound without the session; CodeConflict while another run is running.
func RunStarted(tx store.Tx, key Key, id string, urgent bool) (Entry, error) {
	e, err := Get(tx, key)
	if err != nil {
		return e, err
	}
	if !urgent {
		if err := e.idle(); err != nil {
			return e, err
		}
		e.LastRun, e.LastRunState, e.LastRunError = id, RunRunning, ""
	}
	e.Runs++
	return e, Put(tx, e)
}

// RunEnded notes how a run of the session ended. One that never began does not hide another one that is
// running. It does nothing without the session. Errors are the store's.
func RunEnded(tx store.Tx, key Key, id string, state RunState, fault string) error {
	e, err := Get(tx, key)
	switch {
	case wit.CodeOf(err) == wit.CodeNotFound:
		return nil
	case err != nil:
		return err
	case e.LastRunState == RunRunning && e.LastRun != id:
		return nil
	}
	e.LastRun, e.LastRunState, e.LastRunError = id, state, fault
	return Put(tx, e)
}

// idle fails with CodeConflict while a run of the session is running.
func (e Entry) idle() error {
	if e.LastRunState != RunRunning {
		return nil
	}
	return wit.Errorf(wit.CodeConflict, "run %.40q of session %s is running: wait for it or abort it", e.LastRun, e.Key)
}
