package kernel

import (
	"context"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/approval"
	"github.com/carapace-gateway/carapace/kernel/service/audit"
	"github.com/carapace-gateway/carapace/kernel/service/task"
)

// audit makes the ledger, before those of whom it tells: it asks them when it is asked.
func (w *wiring) audit() func() service.Service {
	w.ledger = audit.New(audit.Deps{
		Store: w.state.db, Session: func(key, agent string) (string, error) { return w.sessionKey(key, agent) }, Agent: w.defaultAgent,
		Runs: func(ctx context.Context, limit int) ([]task.Task, error) {
			return tasks{w.runs, w.board}.Recent(ctx, limit)
		},
		Removals: w.removals, Redact: w.state.vault.Redact, Log: w.log,
	})
	w.state.form.db.OnChanged(w.recordChanged)
	return w.ledger.Service
}

// recordChanged keeps that a record was changed by something else than the gateway, while it is found: whoever has kept it may put
// another one in its place.
func (w *wiring) recordChanged(record string) {
	w.log.Error("a record was changed outside of carapace, or is damaged; `carapace doctor` lists those that are still there", "record", record)
	w.ledger.Changed(record)
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

// pressed keeps that an approval was decided in a chat.
func (w *wiring) pressed(p approval.Press) {
	if w.ledger != nil {
		w.ledger.Press(p.Channel, p.Sender, p.Name, map[string]string{"id": p.ID, "agentId": p.Agent, "decision": string(p.Decision)})
	}
}

// fileChanged keeps that the config file was changed by an editor, and where. No value is kept.
func (k *Kernel) fileChanged(paths []string) {
	if k.wired != nil && k.wired.ledger != nil {
		k.wired.ledger.File(map[string]string{"settings": strings.Join(paths, " ")})
	}
}

// login keeps what auth tells of a login.
func (k *Kernel) login(l auth.Login) {
	if ledger := k.wired.ledger; ledger != nil {
		ledger.Login(l.Method, l.Caller, string(l.Via), l.Err)
	}
}
