package session

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// filterIndex keeps of all sessions what lists are filtered by that the order says nothing of, while such lists are asked for: each reads
// the entries that were written since the one before. The zero value is ready.
type filterIndex struct {
	mu      sync.Mutex
	version uint64 // of the entries, as they are in facts at least
	facts   map[Key]*facts
	size    int         // of the facts, in bytes
	idle    *time.Timer // forgets them
}

const (
	// filterBytes bounds what is kept of all sessions: about fifty thousand of them. With more, each list reads all entries.
	filterBytes = 24 << 20
	// filterIdle is how long it is kept for the next list.
	filterIdle = time.Minute
	// factsBytes is what the facts of a session take beside their texts, with its place in the map.
	factsBytes = 300
)

// facts is what is asked of an entry. It is never changed.
type facts struct {
	key              Key
	updated, created int64
	shelf            string
	label, spawnedBy string
	from             [2]source // where it began, and where it was last spoken to from
	state            RunState
	text             string // what is searched, in lower case
}

// source is where somebody speaks from, and who; channel is "" of an entry that was never spoken to from one.
type source struct{ channel, person string }

func factsOf(e Entry) *facts {
	g := &facts{
		key: e.Key, updated: e.Updated, created: e.Created, shelf: inUse, label: e.Label, spawnedBy: e.SpawnedBy, state: e.LastRunState,
		text: strings.ToLower(strings.Join([]string{string(e.Key), e.Label, e.Title, e.SessionID, e.Preview}, "\x00")),
	}
	if e.Archived() {
		g.shelf = archived
	}
	g.from[0] = sourceOf(e.Origin)
	if e.Route != nil {
		g.from[1] = sourceOf(*e.Route)
	}
	return g
}

func sourceOf(o message.Origin) source {
	s := source{channel: cmp.Or(o.Channel, noChannel)}
	if o.Sender != nil {
		s.person = o.Sender.ID
	}
	return s
}

func (g *facts) bytes() int {
	n := factsBytes + len(g.key) + len(g.label) + len(g.spawnedBy) + len(g.text)
	for _, s := range g.from {
		n += len(s.channel) + len(s.person)
	}
	return n
}

// used is Entry.used.
func (g *facts) used(now int64) int64 { return used(g.updated, g.created, now) }

// filter returns what is known of the sessions that q selects, in no order, but for their status.
func (s *Service) filter(tx store.Tx, q selection) (found []*facts, err error) {
	v := &s.filterIndex
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.refresh(s, tx, q.version); err != nil {
		v.forget()
		return nil, err
	}
	for _, g := range v.facts {
		if q.selects(g) {
			found = append(found, g)
		}
	}
	v.rest()
	return found, nil
}

// refresh makes the facts be those of the entries in tx, whose version was at least the one that is given. One of a later commit may
// be there too, which does no harm: what is read again the next time begins before it.
func (v *filterIndex) refresh(s *Service, tx store.Tx, version uint64) error {
	keys, ok := entries.Since(s.store, v.version)
	if v.facts == nil || !ok {
		v.forget()
		v.facts, v.version = map[Key]*facts{}, version
		for row, err := range entries.Scan(tx, store.Range{}) {
			if s.skips.Skip(err) {
				continue
			}
			if err != nil {
				return err
			}
			v.put(factsOf(row.Value))
		}
		return nil
	}
	for _, key := range keys {
		e, err := entries.Get(tx, key)
		switch {
		case wit.CodeOf(err) == wit.CodeNotFound || s.skips.Skip(err):
			v.drop(Key(key))
		case err != nil:
			return err
		default:
			v.put(factsOf(e))
		}
	}
	v.version = max(v.version, version)
	return nil
}

func (v *filterIndex) put(g *facts) {
	v.drop(g.key)
	v.facts[g.key] = g
	v.size += g.bytes()
}

func (v *filterIndex) drop(key Key) {
	if g, ok := v.facts[key]; ok {
		v.size -= g.bytes()
		delete(v.facts, key)
	}
}

func (v *filterIndex) forget() { v.facts, v.size = nil, 0 }

// rest has all forgotten that is too much, or that nobody asks for any more.
func (v *filterIndex) rest() {
	if v.size > filterBytes {
		v.forget()
		return
	}
	if v.idle != nil {
		v.idle.Stop()
	}
	v.idle = time.AfterFunc(filterIdle, func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.forget()
	})
}

// filtered is page by what is known of all sessions: for what a selection needs that looks into them.
func (s *Service) filtered(tx store.Tx, q selection, offset, limit int) (page []Entry, total int, err error) {
	found, err := s.filter(tx, q)
	if err == nil {
		found, err = s.standing(tx, q, found)
	}
	if err != nil {
		return nil, 0, err
	}
	total = len(found)
	for _, key := range lastUsed(found, q.now, offset, limit) {
		e, err := Get(tx, key)
		if s.skips.Skip(err) || wit.CodeOf(err) == wit.CodeNotFound {
			continue
		}
		if err != nil {
			return nil, 0, err
		}
		page = append(page, e)
	}
	return page, total, nil
}

// lastUsed are the keys of a part of the sessions, in the order of lists. Times stand beside each other for it, since nearly all of
// them may be in the list.
func lastUsed(found []*facts, now int64, offset, limit int) (keys []Key) {
	type at struct {
		used int64
		*facts
	}
	all := make([]at, len(found))
	for i, g := range found {
		all[i] = at{used(g.updated, g.created, now), g}
	}
	slices.SortFunc(all, func(a, b at) int {
		if a.used != b.used {
			return cmp.Compare(b.used, a.used)
		}
		return cmp.Compare(b.key, a.key)
	})
	all = all[min(offset, len(all)):]
	for _, a := range all[:min(limit, len(all))] {
		keys = append(keys, a.key)
	}
	return keys
}

// standing are those of the sessions that stand as q says, which what waits in the queue decides too.
func (s *Service) standing(tx store.Tx, q selection, list []*facts) ([]*facts, error) {
	if q.Status == "" {
		return list, nil
	}
	keys := make([]Key, len(list))
	for i := range list {
		keys[i] = list[i].key
	}
	pending, err := s.queue.PendingIn(tx, keys)
	return slices.DeleteFunc(list, func(g *facts) bool { return status(g.state, pending[g.key].Runs) != q.Status }), err
}

// byLabel is page for a selection by a label, which one session at most has.
func (s *Service) byLabel(tx store.Tx, q selection, offset, limit int) (page []Entry, total int, err error) {
	key, err := labelled(tx, q.Label)
	if wit.CodeOf(err) == wit.CodeNotFound {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	e, err := Get(tx, key)
	if err != nil || !q.selects(factsOf(e)) {
		return nil, 0, err
	}
	stands, err := s.standing(tx, q, []*facts{factsOf(e)})
	if err != nil || len(stands) == 0 {
		return nil, 0, err
	}
	if offset > 0 || limit < 1 {
		return nil, 1, nil
	}
	return []Entry{e}, 1, nil
}
