package session

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Creation describes a session that is to be made.
type Creation struct {
	Key Key
	// Choices are as in sessions.patch.
	Choices Change
	// Parent is the session that it comes from, "" none.
	Parent Key
	// Copy begins the new history with that of Parent, up to and with the message Upto, 0 for the newest; of those at most
	// Most, 0 for as many as a copy has.
	Copy bool
	Upto uint64
	Most int
}

// NewKey returns the key of a conversation of an agent's that nobody has yet. Errors: CodeInvalid for an agent that
// there is not.
func (s Settings) NewKey(agent string) (Key, error) {
	id, err := s.Agent(agent)
	return s.key(id, made+uuid.NewString()), err
}

// made is how the part of a key begins that NewKey has made.
const made = "chat:"

// shortest is the shortest beginning of an id that is looked for.
const shortest = 8

// Short finds the session of an agent's whose key NewKey has made of an id that begins so, without dashes. Errors:
// CodeNotFound where there is none, or more than one; CodeInvalid for an agent that there is not.
func (s *Service) Short(ctx context.Context, short, agent string) (found Key, err error) {
	id, err := s.Settings().Agent(agent)
	if err != nil {
		return "", err
	}
	missing := wit.Errorf(wit.CodeNotFound, "no session has the id %.64q", short)
	if _, err := hex.DecodeString(short + strings.Repeat("0", len(short)%2)); err != nil || len(short) < shortest || len(short) > 32 {
		return "", missing
	}
	prefix := string(s.Settings().key(id, made+dashed(strings.ToLower(short))))
	err = s.store.View(ctx, func(tx store.Tx) error {
		found = ""
		for rec, err := range tx.Scan(string(entries), store.Range{Prefix: prefix, Limit: 2}) {
			if err != nil {
				return err
			}
			if found != "" {
				return missing
			}
			found = Key(rec.Key)
		}
		if found == "" {
			return missing
		}
		return nil
	})
	return found, err
}

// dashed puts the dashes of a UUID into the beginning of one that has none.
func dashed(digits string) string {
	var b strings.Builder
	for i, d := range digits {
		if i == 8 || i == 12 || i == 16 || i == 20 {
			b.WriteByte('-')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// Create makes a session and announces it. Errors: CodeConflict where there is one with this key or label; CodeNotFound
// without the parent; as those of sessions.patch; the store's.
func (s *Service) Create(ctx context.Context, c Creation) (e Entry, err error) {
	if err := s.Settings().Answers(c.Key, ""); err != nil {
		return e, err
	}
	err = s.store.Update(ctx, func(tx store.Tx) (err error) {
		e, err = s.make(tx, c)
		return err
	})
	if err == nil {
		s.Changed(c.Key, "create")
	}
	return e, err
}

func (s *Service) make(tx store.Tx, c Creation) (e Entry, err error) {
	switch _, err := Get(tx, c.Key); {
	case err == nil:
		return e, wit.Errorf(wit.CodeConflict, "there is a session %s already: use it, or give the new one another key", c.Key)
	case wit.CodeOf(err) != wit.CodeNotFound:
		return e, err
	}
	var parent Entry
	if c.Parent != "" {
		if parent, err = s.Lookup(tx, c.Parent); err != nil {
			return e, err
		}
	}
	if e, err = create(tx, c.Key, message.Origin{}, ""); err != nil {
		return e, err
	}
	e = e.stored()
	if e.Parent = c.Parent; c.Copy {
		e.Model, e.Thinking = parent.Model, parent.Thinking
		if err := s.copy(tx, parent, &e, c.Upto, c.Most); err != nil {
			return e, err
		}
	}
	if err := c.Choices.apply(&e.Choices); err != nil {
		return e, err
	}
	if err := unique(tx, c.Key, e.Label, e.Label != ""); err != nil {
		return e, err
	}
	return e, Put(tx, e)
}

// Bounds of a copy: in messages, and in bytes, about.
const (
	copyMessages = 5000
	copyBytes    = 32 << 20
)

// copy begins the history of an entry with the end of another one's. What a run that is under way has said is left out,
// since nobody knows yet how it ends.
func (s *Service) copy(tx store.Tx, from Entry, to *Entry, upto uint64, most int) error {
	if most <= 0 || most > copyMessages {
		most = copyMessages
	}
	r := store.Range{Prefix: from.SessionID + "/", Reverse: true}
	if upto > 0 {
		r.To = messageKey(from.SessionID, upto+1)
	}
	var taken []Message // the newest first
	left := copyBytes
	for m, err := range s.scan(tx, r) {
		if err != nil {
			return err
		}
		if m.Run != "" && m.Run == from.LastRun && from.LastRunState == RunRunning {
			continue
		}
		if left -= m.size() + messageBytes; len(taken) == most || left < 0 {
			break
		}
		taken = append(taken, m)
	}
	if len(taken) == 0 {
		return nil
	}
	if err := copySummary(tx, from.SessionID, to.SessionID, taken[len(taken)-1].Number); err != nil {
		return err
	}
	for i := len(taken) - 1; i >= 0; i-- {
		if err := to.take(tx, taken[i]); err != nil {
			return err
		}
	}
	to.Provider, to.Used, to.Context = from.Provider, from.Used, from.Context
	return nil
}

// take appends a message as it is, but for its number. The entry is not written.
func (e *Entry) take(tx store.Tx, m Message) error {
	e.Last++
	m.Number, m.Damaged = e.Last, false
	e.caption(m)
	if err := noteText(tx, e.SessionID, m.Number); err != nil {
		return err
	}
	return history.Put(tx, messageKey(e.SessionID, m.Number), m)
}

// freeKey returns the key of a copy: key-fork, key-fork-2 and so on.
func freeKey(tx store.Tx, of Key) (Key, error) {
	for n := 1; n <= 1000; n++ {
		key := of + "-fork"
		if n > 1 {
			key = Key(fmt.Sprintf("%s-%d", key, n))
		}
		if len(key) > MaxKey {
			break
		}
		switch _, err := Get(tx, key); {
		case wit.CodeOf(err) == wit.CodeNotFound:
			return key, nil
		case err != nil:
			return "", err
		}
	}
	return "", wit.Errorf(wit.CodeConflict, "session %s has too many copies or too long a key: name the new one", of)
}
