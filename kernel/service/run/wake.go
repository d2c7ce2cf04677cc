package run

import (
	"sync"

	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
)

// due is whose queues are to be looked at. The zero value is nobody's.
type due struct {
	mu   sync.Mutex
	all  bool
	keys map[session.Key]bool
}

// add notes sessions; without any, all of them.
func (d *due) add(keys []session.Key) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = d.all || len(keys) == 0
	if d.keys == nil {
		d.keys = map[session.Key]bool{}
	}
	for _, key := range keys {
		d.keys[key] = true
	}
}

// take hands over what was noted since the last call: all, or some sessions.
func (d *due) take() (all bool, keys []session.Key) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for key := range d.keys {
		keys = append(keys, key)
	}
	all, d.all, d.keys = d.all, false, nil
	return all, keys
}

// Wake makes the service look at the queues of sessions, or without any at the whole queue. It is called after a commit
// with new runs in it, with their sessions, so that what it costs does not grow with what waits in others. It never blocks.
func (s *Service) Wake(keys ...session.Key) {
	s.due.add(keys)
	select {
	case s.wakeups <- struct{}{}:
	default: // the last call was not heard yet
	}
}

// look reads the queues of some sessions, or all.
func (s *Service) look(tx store.Tx, all bool, keys []session.Key) ([]*Waiting, error) {
	if all {
		return Live(tx, s.skips.Skip)
	}
	var live []*Waiting
	for _, key := range keys {
		w, err := waiting(tx, of(key), s.skips.Skip)
		if err != nil {
			return nil, err
		}
		live = append(live, w...)
	}
	return live, nil
}
