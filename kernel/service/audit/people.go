package audit

import (
	"context"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
)

// People is what the ledger has of people: calls about a person's sessions, whose keys have the person's id. It is safe for
// concurrent use.
type People struct{ *Service }

// personLine is such a call in an export.
type personLine struct {
	Type    string `json:"type"`
	At      int64  `json:"at"`
	Method  string `json:"method"`
	Session string `json:"session"`
}

// sessionOf is the parameter by which a call names a session of the person, or a record of the person's; "" where it names none.
func sessionOf(r Record, p message.Party) string {
	if record := r.About["record"]; has(record, p.ID) || slices.ContainsFunc(p.Keys, func(key string) bool { return has(record, key) }) {
		return "record"
	}
	for _, name := range []string{"sessionKey", "key"} {
		if key := r.About[name]; key != "" && (slices.Contains(p.Keys, key) || p.ID != "" && strings.HasSuffix(key, ":"+p.ID)) {
			return name
		}
	}
	return ""
}

// has reports whether an id is a part of a record's key, between what separates parts.
func has(record, id string) bool {
	apart := func(at int) bool { return at < 0 || at == len(record) || strings.IndexByte("/: ", record[at]) >= 0 }
	for from := 0; id != ""; {
		at := strings.Index(record[from:], id)
		if at < 0 {
			return false
		}
		if at += from; apart(at-1) && apart(at+len(id)) {
			return true
		}
		from = at + 1
	}
	return false
}

// pressed reports whether it was the person who acted, in a chat.
func pressed(r Record, p message.Party) bool {
	return r.Caller.SenderID != "" && r.Caller.Channel == p.Channel && r.Caller.SenderID == p.ID
}

// Lines yields the calls about the person's sessions, and what the person did in a chat. Errors: yield's; the store's.
func (l People) Lines(ctx context.Context, p message.Party, yield func(any) error) error {
	calls, err := l.newest(ctx, 0, func(e entry) bool { return sessionOf(e.record, p) != "" || pressed(e.record, p) })
	for _, e := range calls {
		if err == nil {
			r := e.record
			err = yield(personLine{"call", r.At, r.Method, r.About[sessionOf(r, p)]})
		}
	}
	return err
}

// Forget takes the person, and the person's sessions, out of the calls, which stay.
func (l People) Forget(ctx context.Context, p message.Party) (n int, err error) {
	l.flush()
	l.writing.Lock() // nothing is written over it
	defer l.writing.Unlock()
	l.mu.Lock() // what is still counted begins anew
	clear(l.open)
	l.mu.Unlock()
	err = l.Store.Update(ctx, func(tx store.Tx) error {
		n = 0
		for _, table := range []store.Table[Record]{done, refused} {
			var found []store.Row[Record]
			for row, err := range table.Scan(tx, store.Range{}) {
				if err != nil && !store.Damaged(err) {
					return err
				}
				if err == nil && (sessionOf(row.Value, p) != "" || pressed(row.Value, p)) {
					found = append(found, row)
				}
			}
			for _, row := range found {
				for name := sessionOf(row.Value, p); name != ""; name = sessionOf(row.Value, p) {
					delete(row.Value.About, name)
				}
				if c := &row.Value.Caller; pressed(row.Value, p) {
					c.SenderID, c.Name = "", ""
				}
				if err := table.Put(tx, row.Key, row.Value); err != nil {
					return err
				}
				n++
			}
		}
		return nil
	})
	return n, err
}
