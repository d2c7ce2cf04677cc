package node

import (
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of what is under way and of what is kept for a key that comes again.
const (
	maxOpen      = 1024
	maxOpenNode  = 64
	maxKept      = 1000
	maxKeptBytes = 64 << 20
	keptFor      = 10 * time.Minute
)

// invocations are those under way, and for a time those that have ended.
type invocations struct {
	mu    sync.Mutex
	open  map[string]*invocation // by id
	keys  map[string]*invocation // by node and idempotency key, the ended too
	ended []*invocation          // the oldest first
	bytes int                    // of the ended
}

func newInvocations() *invocations {
	return &invocations{open: map[string]*invocation{}, keys: map[string]*invocation{}}
}

// invocation is a command that a node was asked for. Answer and err are read after done is closed.
type invocation struct {
	id, key, command, digest string
	peer                     *peer
	done                     chan struct{}
	answer                   answer
	err                      error
	at                       time.Time // of the end
	waiting                  int       // callers; guarded by the invocations' mu
	timer                    *time.Timer
}

func (i *invocation) size() int {
	n := 512 + len(i.answer.payload) // an estimate of what is around it
	if i.answer.text != nil {
		n += len(*i.answer.text)
	}
	return n
}

// find returns the invocation of a key, counting one more that waits for it; nil for none. Errors: CodeConflict where the
// key stands for something else.
func (v *invocations) find(key, digest string) (*invocation, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.expire()
	i := v.keys[key]
	if i == nil {
		return nil, nil
	}
	if i.digest != digest {
		return nil, wit.NewError(wit.CodeConflict, "the idempotencyKey stands for another command or other parameters: take a new one")
	}
	i.waiting++
	return i, nil
}

// begin makes an invocation, for one caller that waits, or finds the one that another caller has just made, with began
// false. Errors: as find's; CodeRateLimited where too many are under way.
func (v *invocations) begin(key, command, digest string, p *peer) (i *invocation, began bool, err error) {
	if i, err = v.find(key, digest); i != nil || err != nil {
		return i, false, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if i := v.keys[key]; i != nil && i.digest == digest {
		i.waiting++
		return i, false, nil
	}
	own := 0
	for _, o := range v.open {
		if o.peer.id == p.id {
			own++
		}
	}
	if len(v.open) >= maxOpen || own >= maxOpenNode {
		return nil, false, wit.ErrorAfter(wit.CodeRateLimited, time.Second, "too much is asked of the node at a time: wait for an answer")
	}
	i = &invocation{id: uuid.NewString(), key: key, command: command, digest: digest, peer: p, done: make(chan struct{}), waiting: 1}
	v.open[i.id], v.keys[key] = i, i
	return i, true, nil
}

// end ends an invocation once; false is one that has ended, or never was.
func (v *invocations) end(id string, a answer, err error) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	i := v.open[id]
	if i == nil {
		return false
	}
	delete(v.open, id)
	if i.timer != nil {
		i.timer.Stop()
	}
	i.answer, i.err, i.at = a, err, time.Now()
	v.ended, v.bytes = append(v.ended, i), v.bytes+i.size()
	close(i.done)
	v.expire()
	return true
}

// expire forgets what has ended long ago, or is too much to keep. The caller holds mu.
func (v *invocations) expire() {
	old, n := time.Now().Add(-keptFor), 0
	for _, i := range v.ended {
		if !i.at.Before(old) && len(v.ended)-n <= maxKept && v.bytes <= maxKeptBytes {
			break
		}
		if v.keys[i.key] == i {
			delete(v.keys, i.key)
		}
		v.bytes -= i.size()
		n++
	}
	v.ended = slices.Delete(v.ended, 0, n)
}

// patience ends an invocation when it takes too long.
func (v *invocations) patience(i *invocation, d time.Duration, late func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.open[i.id] == i {
		i.timer = time.AfterFunc(d, late)
	}
}

// leave is a caller that waits no longer. It reports whether nobody does, for what is still under way.
func (v *invocations) leave(i *invocation) (alone bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	i.waiting--
	return i.waiting == 0 && v.open[i.id] == i
}

// of returns the invocation of an id that is under way at a node, nil for none.
func (v *invocations) of(id, node string) *invocation {
	v.mu.Lock()
	defer v.mu.Unlock()
	if i := v.open[id]; i != nil && i.peer.id == node {
		return i
	}
	return nil
}

// lost ends what a connection was asked for that is no more.
func (v *invocations) lost(p *peer) {
	v.mu.Lock()
	var ids []string
	for id, i := range v.open {
		if i.peer == p {
			ids = append(ids, id)
		}
	}
	v.mu.Unlock()
	for _, id := range ids {
		v.end(id, answer{}, disconnected())
	}
}

// count is how many are under way.
func (v *invocations) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.open)
}
