package session

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Entry is what is known of a session beside its history. Times are Unix milliseconds.
type Entry struct {
	Key       Key    `json:"key"`
	SessionID string `json:"sessionId"`
	Created   int64  `json:"created"`
	Updated   int64  `json:"updated"`
	// Spoken is when a message came last that is not Quiet; 0 where none has come yet.
	Spoken int64 `json:"spoken,omitempty"`
	// Last is the number of the newest message of this history, 0 of an empty one.
	Last uint64 `json:"last,omitempty"`
	// Runs counts the runs that this history has seen start.
	Runs int `json:"runs,omitempty"`

	Origin message.Origin `json:"origin,omitzero"`
	// Route is where the session was last spoken to from a channel: where "last" delivers to.
	Route *message.Origin `json:"route,omitempty"`

	// Parent is the session that this one was begun from.
	Parent Key `json:"parent,omitempty"`

	Choices
	// Title and Preview are cut from the first and the newest message.
	Title   string `json:"title,omitempty"`
	Preview string `json:"preview,omitempty"`

	// Usage is the sum over this history, Context the tokens of the last request and its answer.
	Usage    wit.Usage `json:"usage,omitzero"`
	Context  uint64    `json:"context,omitempty"`
	Provider string    `json:"provider,omitempty"`
	Used     string    `json:"used,omitempty"` // the model that answered last

	LastRun      string   `json:"lastRun,omitempty"`
	LastRunState RunState `json:"lastRunState,omitempty"`
	LastRunError string   `json:"lastRunError,omitempty"`

	// at and called are the place and the label with which the entry was read, empty of a new one: see write.
	at, called string
}

// Choices are what a person set for a session; a reset keeps them.
type Choices struct {
	Label string `json:"label,omitempty"`
	// Model is provider/model; empty follows the configuration.
	Model    string `json:"model,omitempty"`
	Thinking string `json:"thinking,omitempty"`
	// Speech says which answers are spoken here: off, inbound or always; empty follows the configuration.
	Speech        string `json:"speech,omitempty"`
	Verbose       string `json:"verbose,omitempty"`
	Reasoning     string `json:"reasoning,omitempty"`
	ResponseUsage string `json:"responseUsage,omitempty"`
	SpawnedBy     string `json:"spawnedBy,omitempty"`
	// More holds Marks by their names in JSON, checked before they got here.
	More map[string]json.RawMessage `json:"more,omitempty"`
}

const (
	entries  = store.Table[Entry]("sessions")
	ids      = store.Table[Key]("sessions.ids") // session id → key
	archives = store.Table[Archive]("sessions.archive")
	trash    = store.Table[int64]("sessions.trash") // session id → when its history was given up
)

// Archive is an earlier history of a key.
type Archive struct {
	SessionID string `json:"sessionId"`
	Messages  uint64 `json:"messages"`
	Ended     int64  `json:"ended"`
	// Branch is the entry as it was, of a history that can be gone back to.
	Branch *Entry `json:"branch,omitempty"`
}

// Get returns a session's entry, or CodeNotFound.
func Get(tx store.Tx, key Key) (Entry, error) {
	e, err := entries.Get(tx, string(key))
	if wit.CodeOf(err) == wit.CodeNotFound {
		return e, wit.Errorf(wit.CodeNotFound, "there is no session %s", key)
	}
	return e.stored(), err
}

// Lookup is Get, but says of a session of an agent that there is not that there is no such agent: CodeInvalid. A
// session that is there is found, even where its agent is gone.
func (s *Service) Lookup(tx store.Tx, key Key) (Entry, error) {
	e, err := Get(tx, key)
	if wit.CodeOf(err) == wit.CodeNotFound {
		if unknown := s.Settings().Answers(key, ""); unknown != nil {
			return e, unknown
		}
	}
	return e, err
}

// Ensure returns the session's entry and makes it if there is none. An origin with a conversation
// becomes the session's route. Errors are the store's.
func Ensure(tx store.Tx, key Key, from message.Origin) (Entry, error) {
	return EnsureAs(tx, key, from, "")
}

// EnsureAs is Ensure that gives a new session this session id, if it is free, instead of a random one.
func EnsureAs(tx store.Tx, key Key, from message.Origin, sessionID string) (Entry, error) {
	e, err := Get(tx, key)
	if wit.CodeOf(err) == wit.CodeNotFound {
		e, err = create(tx, key, from, sessionID)
	}
	if err != nil {
		return e, err
	}
	if from.Conversation != nil {
		e.Route = &from
		if e.Origin.Channel == "" {
			e.Origin = from
		}
		err = write(tx, &e)
	}
	return e, err
}

// Put stores an entry that came from Get or Ensure in the same transaction, once, and marks it updated.
func Put(tx store.Tx, e Entry) error {
	e.Updated = time.Now().UnixMilli()
	return write(tx, &e)
}

// KeyOf returns the session that has, or had, this session id; or CodeNotFound.
func KeyOf(tx store.Tx, sessionID string) (Key, error) {
	if !ValidID(sessionID) {
		return "", wit.Errorf(wit.CodeNotFound, "there is no session with the id %.40q", sessionID)
	}
	key, err := ids.Get(tx, sessionID)
	if wit.CodeOf(err) == wit.CodeNotFound {
		err = wit.Errorf(wit.CodeNotFound, "there is no session with the id %.40q", sessionID)
	}
	return key, err
}

func create(tx store.Tx, key Key, from message.Origin, sessionID string) (Entry, error) {
	now := time.Now().UnixMilli()
	e := Entry{Key: key, Created: now, Updated: now, Origin: from}
	id, err := claim(tx, key, sessionID)
	if err != nil {
		return e, err
	}
	e.SessionID = id
	return e, write(tx, &e)
}

// claim reserves a session id for key: want if it is usable and free, else a new one.
func claim(tx store.Tx, key Key, want string) (string, error) {
	if ValidID(want) {
		err := ids.Insert(tx, want, key)
		if wit.CodeOf(err) != wit.CodeConflict {
			return want, err
		}
	}
	id := uuid.NewString()
	return id, ids.Insert(tx, id, key)
}

// ValidID reports whether a text can be a session id.
func ValidID(id string) bool {
	return id != "" && len(id) <= maxName && name(id, "") == id
}

// Reset gives the session an empty history under a new session id and keeps its choices, route and
// origin. The old history stays under the old id. It returns the entry before and after.
//
// Errors: CodeNotFound; CodeConflict while one of the session's runs is running.
func Reset(tx store.Tx, key Key) (before, after Entry, err error) {
	before, err = Get(tx, key)
	if err != nil {
		return before, after, err
	}
	if err := before.idle(); err != nil {
		return before, after, err
	}
	if err := archive(tx, before); err != nil {
		return before, after, err
	}
	now := time.Now().UnixMilli()
	after = Entry{
		Key: key, Created: now, Updated: now, Origin: before.Origin, Route: before.Route, Choices: before.Choices,
		at: before.at, called: before.called,
	}
	if after.SessionID, err = claim(tx, key, ""); err != nil {
		return before, after, err
	}
	return before, after, write(tx, &after)
}

func archive(tx store.Tx, e Entry) error {
	return archives.Put(tx, archiveKey(e.Key, e.SessionID),
		Archive{SessionID: e.SessionID, Messages: e.Last, Ended: time.Now().UnixMilli()})
}

// Remove deletes a session; with histories, its present and earlier histories are given up too, and
// Sweep frees their space. Errors: CodeNotFound; CodeConflict while runs of it wait or are running.
func (s *Service) Remove(tx store.Tx, key Key, histories bool) error {
	e, err := Get(tx, key)
	if err != nil {
		return err
	}
	pending, err := s.queue.Pending(tx, key)
	if err != nil {
		return err
	}
	if live := len(pending.Runs) + pending.Urgent; live > 0 {
		return wit.Errorf(wit.CodeConflict, "session %s has %d unfinished runs: abort them first", key, live)
	}
	if err := erase(tx, &e); err != nil {
		return err
	}
	if !histories {
		return archive(tx, e)
	}
	gone := []string{e.SessionID}
	var rows []string
	for row, err := range archives.Scan(tx, store.Range{Prefix: string(key) + "\x00"}) {
		if err != nil {
			return err
		}
		gone, rows = append(gone, row.Value.SessionID), append(rows, row.Key)
	}
	for _, row := range rows {
		if err := archives.Delete(tx, row); err != nil {
			return err
		}
	}
	for _, id := range gone {
		if err := trash.Put(tx, id, time.Now().UnixMilli()); err != nil {
			return err
		}
	}
	return nil
}

// Earlier returns what a session's key had before its present history, each as an entry of its own: what resets have ended, and
// branches. One that cannot be read is left out. Errors: the store's.
func Earlier(tx store.Tx, now Entry) (list []Entry, err error) {
	for row, err := range archives.Scan(tx, store.Range{Prefix: string(now.Key) + "\x00"}) {
		if store.Damaged(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		a := row.Value
		one := Entry{Key: now.Key, SessionID: a.SessionID, Created: a.Ended, Updated: a.Ended, Last: a.Messages, Origin: now.Origin, Choices: now.Choices}
		if a.Branch != nil {
			one = *a.Branch
		}
		list = append(list, one)
	}
	return list, nil
}

// Release gives up an earlier history of a key, and Sweep frees its space. Errors: the store's.
func Release(tx store.Tx, key Key, sessionID string) error {
	if err := archives.Delete(tx, archiveKey(key, sessionID)); err != nil {
		return err
	}
	return trash.Put(tx, sessionID, time.Now().UnixMilli())
}

// archiveKey is where an earlier history of a key is noted.
func archiveKey(key Key, sessionID string) string { return string(key) + "\x00" + sessionID }

// ignoreNotFound is err, unless it says that there is no such record.
func ignoreNotFound(err error) error {
	if wit.CodeOf(err) == wit.CodeNotFound {
		return nil
	}
	return err
}

// excerpt is the beginning of text on one line, at most n bytes.
func excerpt(text string, n int) string {
	text = strings.Join(strings.Fields(text[:min(len(text), 4*n)]), " ")
	if len(text) > n {
		text = strings.ToValidUTF8(text[:n-3], "") + "…"
	}
	return strings.ToValidUTF8(text, "")
}
