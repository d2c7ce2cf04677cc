package inbox

import (
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Line is what the inbox knows of a person, in an export: that they asked to be let in, were let in, said something in a group
// that no answer has taken up yet, or are named in an event that was given up, which is its text. Times are in Unix milliseconds.
type Line struct {
	Type    string          `json:"type"`
	Account message.Account `json:"account,omitzero"`
	Sender  wit.Person      `json:"sender"`
	Text    string          `json:"text,omitempty"`
	At      int64           `json:"at"`
}

// Lines yields what is known of a person, until yield fails. Errors: yield's; the store's.
func (s *Service) Lines(ctx context.Context, p message.Party, yield func(any) error) error {
	var list []Line
	if err := s.store.View(ctx, func(tx store.Tx) (err error) {
		list, err = linesOf(tx, p)
		return err
	}); err != nil {
		return err
	}
	for _, one := range list {
		if err := yield(one); err != nil {
			return err
		}
	}
	return nil
}

func linesOf(tx store.Tx, p message.Party) (list []Line, err error) {
	for row, err := range requestTable.Scan(tx, store.Range{}) {
		if r := row.Value; err == nil && r.Channel == p.Channel && p.Is(&r.Sender) {
			list = append(list, Line{"pairing", message.Account{Channel: r.Channel, ID: r.Account}, r.Sender, "", r.CreatedAt})
		} else if err != nil && !store.Damaged(err) {
			return nil, err
		}
	}
	for row, err := range approvalTable.Scan(tx, store.Range{}) {
		if r := row.Value; err == nil && r.Channel == p.Channel && p.Is(&r.Sender) {
			list = append(list, Line{"approved", message.Account{Channel: r.Channel, ID: r.Account}, r.Sender, "", r.At})
		} else if err != nil && !store.Damaged(err) {
			return nil, err
		}
	}
	for row, err := range pendingTable.Scan(tx, store.Range{Prefix: key(p.Channel) + "/"}) {
		if err != nil && !store.Damaged(err) {
			return nil, err
		}
		for _, remark := range row.Value {
			if p.Is(&remark.Sender) {
				list = append(list, Line{Type: "remark", Sender: remark.Sender, Text: remark.Text, At: remark.Time})
			}
		}
	}
	for row, err := range letterTable.Scan(tx, store.Range{Prefix: key(p.Channel) + "/"}) {
		if l := row.Value; err == nil && names(l.Event, p.ID) {
			list = append(list, Line{Type: "poison", Account: message.Account{Channel: l.Channel, ID: l.Account}, Text: string(l.Event), At: l.At})
		} else if err != nil && !store.Damaged(err) {
			return nil, err
		}
	}
	return list, nil
}

// names reports whether an event has a person's id in it, as a word of its own: which field of it is the sender only the channel's
// plugin could say, and it has failed at the event.
func names(event []byte, id string) bool {
	for at := 0; id != ""; {
		i := strings.Index(string(event[at:]), id)
		if i < 0 {
			return false
		}
		from := at + i
		before, _ := utf8.DecodeLastRune(event[:from])
		after, _ := utf8.DecodeRune(event[from+len(id):])
		if !isWord(before) && !isWord(after) {
			return true
		}
		at = from + 1
	}
	return false
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' }

// Forget removes a person's pairing, so that they are a stranger again, what they said that no answer has taken up, events with
// their id that were given up, and who has sent what came in; that something came in stays known for as long as it may come again. It returns how many records that
// were. Errors: the store's.
func (s *Service) Forget(ctx context.Context, p message.Party) (n int, err error) {
	err = s.store.Update(ctx, func(tx store.Tx) error {
		n = 0
		for _, fn := range []func(store.Tx, message.Party) (int, error){forgetPairing, forgetRemarks, forgetLetters, forgetEntries} {
			did, err := fn(tx, p)
			if err != nil {
				return err
			}
			n += did
		}
		return nil
	})
	return n, err
}

func forgetPairing(tx store.Tx, p message.Party) (n int, err error) {
	for row, err := range requestTable.Scan(tx, store.Range{Prefix: key(p.Channel) + "/"}) {
		if err != nil && !store.Damaged(err) {
			return n, err
		}
		if err == nil && p.Is(&row.Value.Sender) {
			if err := requestTable.Delete(tx, row.Key); err != nil {
				return n, err
			}
			n++
		}
	}
	for row, err := range approvalTable.Scan(tx, store.Range{Prefix: key(p.Channel) + "/"}) {
		if err != nil && !store.Damaged(err) {
			return n, err
		}
		if err == nil && p.Is(&row.Value.Sender) {
			if err := approvalTable.Delete(tx, row.Key); err != nil {
				return n, err
			}
			n++
		}
	}
	return n, nil
}

func forgetRemarks(tx store.Tx, p message.Party) (n int, err error) {
	for row, err := range pendingTable.Scan(tx, store.Range{Prefix: key(p.Channel) + "/"}) {
		if err != nil && !store.Damaged(err) {
			return n, err
		}
		had := len(row.Value)
		left := slices.DeleteFunc(row.Value, func(r message.Remark) bool { return p.Is(&r.Sender) })
		if len(left) == had {
			continue
		}
		n += had - len(left)
		if err := pendingTable.Put(tx, row.Key, left); err != nil {
			return n, err
		}
	}
	return n, nil
}

func forgetLetters(tx store.Tx, p message.Party) (n int, err error) {
	for row, err := range letterTable.Scan(tx, store.Range{Prefix: key(p.Channel) + "/"}) {
		if err != nil && !store.Damaged(err) {
			return n, err
		}
		if err == nil && names(row.Value.Event, p.ID) {
			if err := forgetLetter(tx, row.Key); err != nil {
				return n, err
			}
			n++
		}
	}
	return n, nil
}

func forgetEntries(tx store.Tx, p message.Party) (n int, err error) {
	for row, err := range entryTable.Scan(tx, store.Range{Prefix: key(p.Channel) + "/"}) {
		if err != nil && !store.Damaged(err) {
			return n, err
		}
		if e := row.Value; err == nil && e.Sender == p.ID {
			e.Sender = ""
			if err := entryTable.Put(tx, row.Key, e); err != nil {
				return n, err
			}
			n++
		}
	}
	return n, nil
}
