package session

import (
	"cmp"
	"slices"
	"sync"

	"github.com/carapace-gateway/carapace/kernel/store"
)

// Bounds of what is kept of all histories unless another one is named: in bytes, of which messageBytes are counted for a message without its text.
const (
	keptBytes    = 8 << 20
	messageBytes = 512
)

// kept are the ends of the histories that were read last, decoded: nearly the same is read for each request to a model,
// and what was committed never changes. The zero value is ready.
type kept struct {
	most  int // bytes, keptBytes when 0
	mu    sync.Mutex
	given uint64 // the version of trash: the id of a history that was given up may come again
	ends  []end  // the last used comes last
	size  int
}

// end is the end of a history, as it was at some moment and without gaps. Its messages are never changed.
type end struct {
	id       string
	messages []Message
	size     int
}

// find returns what is kept of a history. The caller has read the version of trash before.
func (k *kept) find(id string, given uint64) []Message {
	k.mu.Lock()
	defer k.mu.Unlock()
	if given > k.given {
		k.given, k.ends, k.size = given, nil, 0
	}
	if i := slices.IndexFunc(k.ends, func(e end) bool { return e.id == id }); i >= 0 && given == k.given {
		return k.ends[i].messages
	}
	return nil
}

// put keeps what was read of a history since find was called, and nothing that is longer than all that may be kept.
func (k *kept) put(id string, given uint64, messages []Message) {
	e := end{id: id, messages: messages, size: len(messages) * messageBytes}
	for _, m := range messages {
		e.size += m.size()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if given != k.given {
		return
	}
	k.drop(slices.IndexFunc(k.ends, func(e end) bool { return e.id == id }))
	most := cmp.Or(k.most, keptBytes)
	if e.size > most {
		return
	}
	for k.size+e.size > most {
		k.drop(0)
	}
	k.ends = append(k.ends, e)
	k.size += e.size
}

// drop forgets the end with this place, if there is one. The caller holds mu.
func (k *kept) drop(i int) {
	if i >= 0 {
		k.size -= k.ends[i].size
		k.ends = slices.Delete(k.ends, i, i+1)
	}
}

// forget drops all.
func (k *kept) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ends, k.size = nil, 0
}

// Rest forgets what is kept of histories, which is read again when it is needed.
func (s *Service) Rest() { s.kept.forget() }

// Reader reads the end of one history again and again, and from the store what is new alone.
type Reader struct {
	service *Service
	id      string
	given   uint64
	kept    []Message
}

// Reader returns a reader for one View that begins later.
func (s *Service) Reader(sessionID string) *Reader {
	r := &Reader{service: s, id: sessionID, given: trash.Version(s.store)}
	r.kept = s.kept.find(sessionID, r.given)
	return r
}

// Newest is as Service.Newest, but for what it returns, which the caller does not change. tx is of a View, since what an
// Update has written may never be committed. What was committed after the View began may be there too.
func (r *Reader) Newest(tx store.Tx, limit int, keep func(Message) bool) ([]Message, error) {
	seen, more, whole := make([]Message, 0, len(r.kept)+8), true, true // seen is what keep was asked about
	see := func(m Message) bool {
		seen, more, whole = append(seen, m), keep(m), whole && !m.Damaged
		return more && len(seen) < limit
	}
	reading := store.Range{Prefix: r.id + "/", Reverse: true, Limit: limit}
	if n := len(r.kept); n > 0 {
		reading.From = messageKey(r.id, r.kept[n-1].Number+1)
	}
	goOn, err := r.read(tx, reading, see)
	for i := len(r.kept) - 1; goOn && i >= 0; i-- {
		goOn = see(r.kept[i])
	}
	if goOn && len(r.kept) > 0 && r.kept[0].Number > 1 {
		reading.From, reading.To, reading.Limit = "", messageKey(r.id, r.kept[0].Number), limit-len(seen)
		_, err = r.read(tx, reading, see)
	}
	if err != nil {
		return nil, err
	}
	slices.Reverse(seen)
	if whole {
		r.service.kept.put(r.id, r.given, seen)
	}
	if !more {
		return seen[1:], nil
	}
	return seen, nil
}

// read has a part of the history seen until that is enough, and reports whether it is not.
func (r *Reader) read(tx store.Tx, part store.Range, see func(Message) bool) (more bool, err error) {
	for m, err := range r.service.scan(tx, part) {
		if err != nil || !see(m) {
			return false, err
		}
	}
	return true, nil
}
