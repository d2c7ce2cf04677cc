package run

import "github.com/carapace-gateway/carapace/kernel/store"

// Joined is why a run has ended that joined another one: what was said with it is answered there.
const Joined = "joined"

// joins reports whether the run may join another one: it is a plain text that wants nothing of its own.
func (r Run) joins() bool {
	return r.Steer && r.Command == "" && !r.Urgent && len(r.Parts)+len(r.Attachments) == 0 && r.Model == "" && r.Thinking == "" &&
		r.System == "" && r.Tools == nil && r.Terms == nil && r.Reply == nil && r.Quiet == 0
}

// takes reports whether others may join the run: its answer goes to people, who read all of it.
func (r Run) takes() bool { return r.Quiet == 0 && r.Terms == nil && r.Parent == "" }

// Waits reports whether a run waits that may join this one.
func (r Run) Waits(tx store.Tx) (bool, error) {
	if !r.takes() {
		return false, nil
	}
	waiting, err := places(tx, r.Session)
	for _, row := range waiting {
		if row.Value.Steer && row.Value.Run != r.ID {
			return true, err
		}
	}
	return false, err
}

// Join ends the runs that wait to join this one, which is running, and returns them in their order. say appends what was
// said with one to the history. Errors: say's, and the store's.
func (r Run) Join(tx store.Tx, say func(Run) error) (joined []Run, err error) {
	live, _, err := Queue(tx, r.Session, 0)
	if err != nil || !r.takes() {
		return nil, err
	}
	for _, other := range live {
		if other.ID == r.ID || other.State != Queued || !other.joins() {
			continue
		}
		if err := say(other); err != nil {
			return nil, err
		}
		if other, err = Finish(tx, other.ID, Done, func(o *Run) { o.Stop, o.SessionID, o.Started = Joined, r.SessionID, o.Queued }); err != nil {
			return nil, err
		}
		joined = append(joined, other)
	}
	return joined, nil
}

// Joined announces, after the commit, that others have joined the run, and lets those go on who wait for them.
func (a *Active) Joined(others []Run) {
	for _, o := range others {
		a.service.waiters.release(o.ID)
	}
	a.service.sessions.Changed(a.Run.Session, "run")
}
