package kernel

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/audit"
	"github.com/carapace-gateway/carapace/kernel/service/task"
)

// audit makes the ledger, before those of whom it tells: it asks them when it is asked.
func (w *wiring) audit() func() service.Service {
	w.ledger = audit.New(audit.Deps{
		Store: w.state.db, Session: func(key, agent string) (string, error) { return w.sessionKey(key, agent) }, Agent: w.defaultAgent,
		Runs:     func(ctx context.Context, limit int) ([]task.Task, error) { return tasks{w.runs}.Recent(ctx, limit) },
		Removals: w.removals, Redact: w.state.vault.Redact, Log: w.log,
	})
	return w.ledger.Service
}

// removals are what was removed of people, where there is a service for that.
func (w *wiring) removals(ctx context.Context) (list []audit.Removal, err error) {
	if w.persons == nil {
		return nil, nil
	}
	all, err := w.persons.Audits(ctx)
	for _, a := range all {
		list = append(list, audit.Removal{Person: a.Person, Done: a.Done, Removed: a.Removed})
	}
	return list, err
}

// login keeps what auth tells of a login.
func (k *Kernel) login(l auth.Login) {
	if ledger := k.wired.ledger; ledger != nil {
		ledger.Login(l.Method, l.Caller, string(l.Via), l.Err)
	}
}
