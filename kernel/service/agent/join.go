package agent

import (
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
)

// join adds to the conversation what was said to steer the run while it was under way, so that the model is asked next with
// that before its eyes. Those who said it are told that it was taken up; the answer is this run's.
func (l *loop) join() error {
	r, waits := l.active.Run, false
	if err := l.active.View(func(tx store.Tx) (err error) {
		waits, err = r.Waits(tx)
		return err
	}); err != nil || !waits {
		return err
	}
	var joined []run.Run
	var said []session.Message
	if err := l.active.Update(func(tx store.Tx) (err error) {
		said = said[:0]
		joined, err = r.Join(tx, func(other run.Run) error {
			m, err := session.Append(tx, r.Session, asked(other, nil))
			said = append(said, m)
			return err
		})
		return err
	}); err != nil {
		return err
	}
	for i, other := range joined {
		l.observer.Ended(other, said[i])
	}
	l.active.Joined(joined)
	return nil
}
