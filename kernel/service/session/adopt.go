package session

import (
	"time"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// imports has how many messages of a history came from elsewhere, by its session id.
const imports = store.Table[uint64]("sessions.imported")

// arriving has sessions of which not all pieces have come, by session id: nobody sees them before.
const arriving = store.Table[Entry]("sessions.arriving")

// Piece is a part of a history that another gateway has kept.
type Piece struct {
	// SessionID is the history's, by which it is known when it comes again.
	SessionID string
	// Label is for a session that is made, if no other one has it.
	Label string
	// Updated is when the session was used last, in Unix milliseconds, 0 unknown.
	Updated int64
	// After is how many messages of the history came before this piece.
	After    uint64
	Messages []Message
	// More says that other pieces follow: nobody sees a session that is made before the last one has come.
	More bool
}

// Adopted says how much of such a history there is.
type Adopted struct {
	// Taken is how many messages the piece has added, Messages how many came from elsewhere so far.
	Taken    int
	Messages uint64
	// Earlier says that another conversation has the key: this one is an earlier history of it.
	Earlier bool
	// Continued says that the conversation goes on here already, so that nothing is added to it.
	Continued bool
}

// Adopt takes a piece of a foreign history once: one that comes again adds nothing. Errors: CodeTooLarge; CodeConflict for a
// session id that another session has.
func (s *Service) Adopt(tx store.Tx, key Key, p Piece) (res Adopted, err error) {
	e, err := s.receiving(tx, key, p)
	if err != nil {
		return res, err
	}
	done, err := imports.Get(tx, p.SessionID)
	if err = ignoreNotFound(err); err != nil {
		return res, err
	}
	res.Messages, res.Earlier = done, e.Key == ""
	last, err := s.lastNumber(tx, p.SessionID)
	if err != nil {
		return res, err
	}
	res.Continued = last != done
	if res.Continued || p.After != done {
		return res, nil
	}
	e.SessionID, e.Last = p.SessionID, last
	for _, m := range p.Messages {
		if size := m.size(); size > maxMessage {
			return res, wit.Errorf(wit.CodeTooLarge, "message %d of %s has %d bytes: at most %d fit", e.Last+1, p.SessionID, size, maxMessage)
		}
		if err := e.take(tx, m); err != nil {
			return res, err
		}
	}
	res.Taken, res.Messages = len(p.Messages), e.Last
	if err := imports.Put(tx, p.SessionID, e.Last); err != nil {
		return res, err
	}
	if p.More {
		return res, e.wait(tx, key, p)
	}
	if err := arriving.Delete(tx, p.SessionID); err != nil {
		return res, err
	}
	if res.Earlier {
		return res, archives.Put(tx, archiveKey(key, p.SessionID), Archive{SessionID: p.SessionID, Messages: e.Last, Ended: p.Updated})
	}
	if p.Updated > 0 {
		e.Updated = min(p.Updated, time.Now().UnixMilli())
	}
	return res, write(tx, &e)
}

// wait keeps an entry of which more is to come: out of sight, unless it is there already.
func (e Entry) wait(tx store.Tx, key Key, p Piece) error {
	if e.Key != "" {
		if _, err := Get(tx, key); err == nil {
			return write(tx, &e)
		}
		return arriving.Put(tx, p.SessionID, e)
	}
	return nil
}

// receiving is the session that has, or is to have, the history; one without a key where it is an earlier one.
func (s *Service) receiving(tx store.Tx, key Key, p Piece) (Entry, error) {
	owner, err := ids.Get(tx, p.SessionID)
	known := err == nil
	if err = ignoreNotFound(err); err != nil {
		return Entry{}, err
	}
	if known && owner != key {
		return Entry{}, wit.Errorf(wit.CodeConflict, "the session id %s is %s's: it was imported under another key", p.SessionID, owner)
	}
	e, err := Get(tx, key)
	there := err == nil
	if err = ignoreNotFound(err); err != nil || there && e.SessionID == p.SessionID {
		return e, err
	}
	if known {
		if e, err = arriving.Get(tx, p.SessionID); err == nil && !there {
			return e, nil
		}
		return Entry{}, ignoreNotFound(err)
	}
	if err := ids.Insert(tx, p.SessionID, key); err != nil || there {
		return Entry{}, err // the key has a conversation of its own
	}
	e = Entry{Key: key, SessionID: p.SessionID, Created: time.Now().UnixMilli()}
	if len(p.Messages) > 0 && p.Messages[0].Time > 0 {
		e.Created = min(p.Messages[0].Time, e.Created)
	}
	e.Updated = e.Created
	if unique(tx, key, p.Label, true) == nil {
		e.Label = p.Label
	}
	return e, nil
}

// lastNumber is that of the newest message of a history, 0 of none.
func (s *Service) lastNumber(tx store.Tx, sessionID string) (uint64, error) {
	newest, err := s.Newest(tx, sessionID, 0, 1, nil)
	if err != nil || len(newest) == 0 {
		return 0, err
	}
	return newest[0].Number, nil
}

// Remake makes a session of what was kept of one elsewhere, with the numbers and times that it had; a summary of the zero
// value is none. Where the session id is another one's by now it gets a new one, and where the label is, none. Errors: the
// store's.
func Remake(tx store.Tx, e Entry, sum Summary, messages []Message) error {
	id, err := claim(tx, e.Key, e.SessionID)
	if err != nil {
		return err
	}
	e.SessionID, e.at, e.called = id, "", ""
	if e.LastRunState == RunRunning {
		e.LastRunState = RunAborted
	}
	e.SetArchived(false)
	if err := unique(tx, e.Key, e.Label, true); wit.CodeOf(err) == wit.CodeConflict {
		e.Label = ""
	} else if err != nil {
		return err
	}
	for _, m := range messages {
		if err := history.Put(tx, messageKey(id, m.Number), m); err != nil {
			return err
		}
		e.Last = max(e.Last, m.Number)
	}
	if len(messages) > 0 {
		if err := NoteTexts(tx, id); err != nil {
			return err
		}
	}
	if sum.Through > 0 {
		if err := summaries.Put(tx, id, sum); err != nil {
			return err
		}
	}
	return write(tx, &e)
}
