package visitor

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of what is kept for one visit.
const (
	keepSeen  = 200     // entries that the browser has
	keepMost  = 1_000   // entries
	keepBytes = 4 << 20 // of entries
	spare     = 20      // entries over keepSeen before any is dropped, so that not each push drops one
)

// record is what is kept of a visit.
type record struct {
	// Seq counts the changes; Order is of the entry that was made last.
	Seq   int64 `json:"seq"`
	Order int64 `json:"order"`
	// Acked is up to where the browser has them.
	Acked int64 `json:"acked,omitempty"`
	// Swept is what Acked was when room was made last: nothing more can be dropped before that has changed.
	Swept int64 `json:"swept,omitempty"`
	Count int   `json:"count"`
	Bytes int64 `json:"bytes"`
	// Seen is when something was heard of or pushed to it last, in Unix milliseconds.
	Seen int64 `json:"seen"`
	// Ended says that the visitor wants it forgotten. It stays for as long as a token could be good.
	Ended bool `json:"ended,omitempty"`
}

// entry is one thing that was pushed.
type entry struct {
	Key   string          `json:"key"`
	Seq   int64           `json:"seq"`
	Order int64           `json:"order"`
	At    int64           `json:"at"`
	Data  json.RawMessage `json:"data"`
	Files []string        `json:"files,omitempty"`
}

func (e *entry) size() int64 { return int64(len(e.Data) + len(e.Key)) }

const (
	visitTable = store.Table[record]("visit")
	entryTable = store.Table[entry]("visit.entry")
)

// Visits is what is kept for visitors, and who is connected to hear of it.
type Visits struct {
	store store.Store
	log   hclog.Logger

	mu      sync.Mutex
	streams map[string]map[*listener]bool // by visit

	grown atomic.Int64 // bytes that were pushed since the last look at all
	full  chan struct{}
}

// NewVisits returns the visits of a store.
func NewVisits(s store.Store, log hclog.Logger) *Visits {
	return &Visits{store: s, log: log.Named("visitor"), streams: map[string]map[*listener]bool{}, full: make(chan struct{}, 1)}
}

// Push implements message.Pusher: it writes what an answer pushes within the answer's transaction, for a visitor of whom nothing was known too.
func (v *Visits) Push(tx store.Tx, a message.Account, list []wit.Push) error {
	for i := range list {
		if err := v.put(tx, a, &list[i], true); err != nil {
			return err
		}
	}
	return nil
}

// Pushed implements message.Pusher: it tells those who are connected, after the commit.
func (v *Visits) Pushed(a message.Account, list []wit.Push) {
	grown := int64(0)
	for i := range list {
		grown += int64(len(list[i].Data))
		v.tell(visitKey(a.Channel, a.ID, list[i].Visitor), &list[i])
	}
	if v.grown.Add(grown) > lookBytes {
		select {
		case v.full <- struct{}{}:
		default:
		}
	}
}

// Send writes what a send pushes, and tells those who are connected. Errors: CodeNotFound for a visitor of whom nothing is known (any
// more); CodeTooLarge where nothing more is kept, since the browser does not come; CodeInvalid for data that is not JSON.
func (v *Visits) Send(ctx context.Context, a message.Account, list []wit.Push) error {
	if len(list) == 0 {
		return nil
	}
	err := v.store.Update(ctx, func(tx store.Tx) error {
		for i := range list {
			if err := v.put(tx, a, &list[i], false); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		v.Pushed(a, list)
	}
	return err
}

// put keeps one thing. The oldest makes room where news is certain to be wanted, as what the visitor has just said is.
func (v *Visits) put(tx store.Tx, a message.Account, p *wit.Push, news bool) error {
	if !valid(p.Visitor) {
		return wit.Errorf(wit.CodeNotFound, "there is no visitor %.40q", p.Visitor)
	}
	var data bytes.Buffer
	if err := json.Compact(&data, []byte(p.Data)); err != nil {
		return wit.Errorf(wit.CodeInvalid, "what is pushed is not JSON: %w", err)
	}
	if p.Data = data.String(); p.Key == nil {
		return nil
	}
	at := visitKey(a.Channel, a.ID, p.Visitor)
	r, err := visitTable.Get(tx, at)
	switch {
	case wit.CodeOf(err) == wit.CodeNotFound && news:
	case wit.CodeOf(err) == wit.CodeNotFound, err == nil && r.Ended && !news:
		return wit.NewError(wit.CodeNotFound, "the visit is over, and what is sent to it is read by nobody")
	case err != nil:
		return err
	case r.Ended:
		return nil
	}
	now := time.Now().UnixMilli()
	e := entry{Key: *p.Key, Order: r.Order + 1, At: now, Data: json.RawMessage(p.Data), Files: p.Files}
	key := at + "/" + digest(*p.Key)
	old, err := entryTable.Get(tx, key)
	switch {
	case err == nil && bytes.Equal(old.Data, e.Data) && slices.Equal(old.Files, e.Files):
		return nil
	case err == nil:
		e.Order, e.At = old.Order, old.At
		r.Bytes -= old.size()
	case wit.CodeOf(err) == wit.CodeNotFound:
		r.Order++
		r.Count++
	default:
		return err
	}
	r.Seq++
	e.Seq, r.Seen = r.Seq, now
	r.Bytes += e.size()
	if err := makeRoom(tx, at, &e, &r, news); err != nil {
		return err
	}
	if err := entryTable.Put(tx, key, e); err != nil {
		return err
	}
	return visitTable.Put(tx, at, r)
}

// makeRoom drops what the browser has had for the longest, and what it has not where it must; the entry that room is made for is
// counted and not written yet.
func makeRoom(tx store.Tx, at string, own *entry, r *record, news bool) error {
	tooMuch := func() bool { return r.Count > keepMost || r.Bytes > keepBytes }
	if !tooMuch() && (r.Count <= keepSeen+spare || r.Swept == r.Acked) {
		return nil
	}
	list, err := entries(tx, at)
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(e entry) bool { return e.Key == own.Key })
	slices.SortFunc(list, func(a, b entry) int { return cmp.Compare(a.Order, b.Order) })
	drop := func(may func(*entry) bool, over func() bool) error {
		for i := range list {
			if e := &list[i]; e.Seq > 0 && over() && may(e) {
				if err := entryTable.Delete(tx, at+"/"+digest(e.Key)); err != nil {
					return err
				}
				r.Count--
				r.Bytes -= e.size()
				e.Seq = 0
			}
		}
		return nil
	}
	r.Swept = r.Acked
	if err := drop(func(e *entry) bool { return e.Seq <= r.Acked }, func() bool { return r.Count > keepSeen || r.Bytes > keepBytes }); err != nil {
		return err
	}
	if tooMuch() && !news {
		return wit.NewError(wit.CodeTooLarge, "the visitor has not come back for so long that nothing more is kept for them")
	}
	return drop(func(*entry) bool { return true }, tooMuch)
}

// entries are those of a visit, in any order. A damaged one is left out.
func entries(tx store.Tx, at string) (list []entry, err error) {
	for row, err := range entryTable.Scan(tx, store.Range{Prefix: at + "/"}) {
		if store.Damaged(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, row.Value)
	}
	return list, nil
}

// since is what a browser that has everything up to seq does not have, in order, and up to where that is. fresh says that it
// knows of more than there is, so that it has to begin anew.
func (v *Visits) since(ctx context.Context, at string, seq int64) (list []entry, to int64, fresh bool, err error) {
	err = v.store.View(ctx, func(tx store.Tx) error {
		r, err := visitTable.Get(tx, at)
		if wit.CodeOf(err) == wit.CodeNotFound {
			to, fresh = 0, seq > 0
			return nil
		}
		if err != nil {
			return err
		}
		if r.Ended {
			return errOver
		}
		if to, fresh = r.Seq, seq > r.Seq; to == seq {
			return nil
		}
		if fresh {
			seq = 0
		}
		list, err = entries(tx, at)
		return err
	})
	list = slices.DeleteFunc(list, func(e entry) bool { return e.Seq <= seq })
	slices.SortFunc(list, func(a, b entry) int { return cmp.Compare(a.Seq, b.Seq) })
	return list, to, fresh, err
}

// errOver is what a visit answers that its visitor has ended.
var errOver = wit.NewError(wit.CodeForbidden, "this visit has ended: begin another one")

// open fails where a visit was ended.
func (v *Visits) open(ctx context.Context, at string) error {
	return v.store.View(ctx, func(tx store.Tx) error {
		r, err := visitTable.Get(tx, at)
		if err == nil && r.Ended {
			return errOver
		}
		if wit.CodeOf(err) == wit.CodeNotFound {
			return nil
		}
		return err
	})
}

// touchEvery spares writes that only say that a visitor is there.
const touchEvery = time.Hour

// ack notes up to where a browser has what was pushed.
func (v *Visits) ack(ctx context.Context, at string, seq int64) error {
	return v.change(ctx, at, func(_ store.Tx, r *record) (bool, error) {
		now := time.Now().UnixMilli()
		if seq = min(seq, r.Seq); seq <= r.Acked && now-r.Seen < touchEvery.Milliseconds() {
			return false, nil
		}
		r.Acked, r.Seen = max(r.Acked, seq), now
		return true, nil
	})
}

// end forgets what was pushed to a visit, and remembers for a while that it is over.
func (v *Visits) end(ctx context.Context, at string) error {
	err := v.store.Update(ctx, func(tx store.Tx) error {
		if err := forget(tx, at); err != nil {
			return err
		}
		return visitTable.Put(tx, at, record{Ended: true, Seen: time.Now().UnixMilli()})
	})
	v.wake(at)
	return err
}

// forget removes what there is of a visit.
func forget(tx store.Tx, at string) error {
	var keys []string
	for row, err := range entryTable.Scan(tx, store.Range{Prefix: at + "/"}) {
		if err != nil && !store.Damaged(err) {
			return err
		}
		keys = append(keys, row.Key)
	}
	for _, key := range keys {
		if err := entryTable.Delete(tx, key); err != nil {
			return err
		}
	}
	return visitTable.Delete(tx, at)
}

// change changes a visit of which something is known.
func (v *Visits) change(ctx context.Context, at string, fn func(store.Tx, *record) (changed bool, err error)) error {
	return v.store.Update(ctx, func(tx store.Tx) error {
		r, err := visitTable.Get(tx, at)
		if wit.CodeOf(err) == wit.CodeNotFound {
			return nil
		}
		if err != nil {
			return err
		}
		if r.Ended {
			return errOver
		}
		if changed, err := fn(tx, &r); err != nil || !changed {
			return err
		}
		return visitTable.Put(tx, at, r)
	})
}

// holds reports whether a file was pushed to a visit and is still among what is kept.
func (v *Visits) holds(ctx context.Context, at, file string) (held bool, err error) {
	err = v.store.View(ctx, func(tx store.Tx) error {
		list, err := entries(tx, at)
		held = slices.ContainsFunc(list, func(e entry) bool { return slices.Contains(e.Files, file) })
		return err
	})
	return held, err
}
