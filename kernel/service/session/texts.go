package session

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Texts is the index of what was said, under the keys of the messages. It is written by whoever searches, behind the histories:
// who adds a message notes its history in the same transaction, and who frees one takes its texts out.
const Texts = "history"

// unread has the histories with messages that the index does not have: the number of the newest one that it has.
const unread = store.Table[uint64]("sessions.unread")

// noteText notes that a message was added to a history. Of the first only something is written.
func noteText(tx store.Tx, sessionID string, number uint64) error {
	err := unread.Insert(tx, sessionID, number-1)
	if wit.CodeOf(err) == wit.CodeConflict {
		return nil
	}
	return err
}

// NoteTexts notes all of a history. Errors: the store's.
func NoteTexts(tx store.Tx, sessionID string) error { return unread.Put(tx, sessionID, 0) }

// Unread returns a history with messages that the index does not have, "" where there is none, and the number of the newest one
// that it has. Errors: the store's.
func Unread(tx store.Tx) (sessionID string, number uint64, err error) {
	for row, err := range unread.Scan(tx, store.Range{Limit: 1}) {
		if err != nil && !store.Damaged(err) {
			return "", 0, err
		}
		return row.Key, row.Value, nil
	}
	return "", 0, nil
}

// Read notes that the index has a history up to a number, or with done all of it. Errors: the store's.
func Read(tx store.Tx, sessionID string, number uint64, done bool) error {
	if done {
		return unread.Delete(tx, sessionID)
	}
	return unread.Put(tx, sessionID, number)
}

// Histories returns the ids of histories behind one, "" of all, in order, at most limit of them. Errors: the store's.
func Histories(tx store.Tx, after string, limit int) (list []string, err error) {
	r := store.Range{Limit: limit}
	if after != "" {
		r.From = after + "\x00"
	}
	for rec, err := range tx.Scan(string(ids), r) {
		if err != nil {
			return nil, err
		}
		list = append(list, rec.Key)
	}
	return list, nil
}

// TextKey is under which key the index has a message.
func TextKey(sessionID string, number uint64) string { return messageKey(sessionID, number) }

// ParseTextKey reads what TextKey wrote.
func ParseTextKey(key string) (sessionID string, number uint64, ok bool) {
	sessionID, hex, _ := strings.Cut(key, "/")
	number, err := strconv.ParseUint(hex, 16, 64)
	return sessionID, number, err == nil && ValidID(sessionID)
}
