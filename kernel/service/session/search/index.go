package search

import (
	"cmp"
	"context"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// One transaction of the index reads so many messages, about so many bytes of them, and notes so many histories: others wait for it.
const (
	batchMessages  = 24
	batchBytes     = 64 << 10
	batchHistories = 500
)

// budget is what a transaction may still read.
type budget struct{ messages, bytes int }

func (b budget) spent() bool { return b.messages <= 0 || b.bytes <= 0 }

// progress is how far the histories are noted that were there before the index was.
type progress struct {
	After string `json:"after,omitempty"`
	Done  bool   `json:"done,omitempty"`
}

// noted has one record.
const (
	noted = store.Table[progress]("sessions.texts")
	all   = "all"
)

// catchUp indexes what is not, batch after batch. Between two it leaves the store to others for as long as the batch took.
func (s *Service) catchUp(ctx context.Context) error {
	for {
		began := time.Now()
		done, err := s.step(ctx)
		if err != nil || done {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Since(began)):
		}
	}
}

// step is one batch. It reports whether nothing is left.
func (s *Service) step(ctx context.Context) (done bool, err error) {
	waits := false
	if err := s.store.View(ctx, func(tx store.Tx) error {
		waits, err = s.waits(tx)
		return err
	}); err != nil || !waits {
		return err == nil, err
	}
	return false, s.store.Update(ctx, s.batch)
}

// waits reports whether anything is not in the index, or was in one that has been emptied.
func (s *Service) waits(tx store.Tx) (bool, error) {
	p, err := howFar(tx)
	if err != nil {
		return false, err
	}
	if indexed, err := store.Indexed(tx); err != nil || !indexed {
		return p != progress{}, err
	}
	if !p.Done {
		return true, nil
	}
	id, _, err := session.Unread(tx)
	return id != "", err
}

func howFar(tx store.Tx) (progress, error) {
	p, err := noted.Get(tx, all)
	if store.Damaged(err) || wit.CodeOf(err) == wit.CodeNotFound {
		return progress{}, nil
	}
	return p, err
}

// batch notes some of the old histories, or indexes some messages. Where there can be no index it forgets how far that
// got, so that all are noted again when there can be one.
func (s *Service) batch(tx store.Tx) error {
	if indexed, err := store.Indexed(tx); err != nil || !indexed {
		return cmp.Or(err, noted.Delete(tx, all))
	}
	p, err := howFar(tx)
	if err != nil {
		return err
	}
	if !p.Done {
		return note(tx, p)
	}
	for left := (budget{batchMessages, batchBytes}); !left.spent(); {
		id, number, err := session.Unread(tx)
		if err != nil || id == "" {
			return err
		}
		if err := s.index(tx, id, number, &left); err != nil {
			return err
		}
	}
	return nil
}

func note(tx store.Tx, p progress) error {
	list, err := session.Histories(tx, p.After, batchHistories)
	if err != nil {
		return err
	}
	for _, id := range list {
		if err := session.NoteTexts(tx, id); err != nil {
			return err
		}
		p.After = id
	}
	p.Done = len(list) < batchHistories
	return noted.Put(tx, all, p)
}

// index takes messages of a history into the index, from behind a number on, as many as are left to read.
func (s *Service) index(tx store.Tx, id string, number uint64, left *budget) error {
	key, err := session.KeyOf(tx, id)
	if wit.CodeOf(err) == wit.CodeNotFound {
		return session.Read(tx, id, number, true)
	}
	var channel string
	if err == nil {
		channel, err = channelOf(tx, key)
	}
	if err != nil {
		return err
	}
	for m, err := range s.sessions.History(tx, id, number) {
		if err != nil {
			return err
		}
		if left.spent() {
			return session.Read(tx, id, number, false)
		}
		number = m.Number
		left.messages--
		if m.Damaged || m.Role != wit.RoleUser && m.Role != wit.RoleAssistant {
			continue
		}
		text := m.Text()
		left.bytes -= len(text)
		if err := tx.Index(session.Texts, document(key, id, channel, m, text)); err != nil {
			return err
		}
	}
	return session.Read(tx, id, number, true)
}

// channelOf is the channel on which a session began, "" for one that there is no more.
func channelOf(tx store.Tx, key session.Key) (string, error) {
	e, err := session.Get(tx, key)
	if wit.CodeOf(err) == wit.CodeNotFound || store.Damaged(err) {
		return "", nil
	}
	return e.Origin.Channel, err
}

// document is a message as the index has it. What a search may ask for beside words is a tag.
func document(key session.Key, id, channel string, m session.Message, text string) store.Doc {
	d := store.Doc{Key: session.TextKey(id, m.Number), Time: m.Time, Text: text}
	if m.Origin != nil && m.Origin.Channel != "" {
		channel = m.Origin.Channel
	}
	d.Tags = []string{bySession(key), byAgent(key.Agent()), byRole(string(m.Role))}
	if channel != "" {
		d.Tags = append(d.Tags, byChannel(channel))
	}
	return d
}

func bySession(key session.Key) string { return "session " + string(key) }
func byAgent(id string) string         { return "agent " + id }
func byRole(role string) string        { return "role " + role }
func byChannel(id string) string       { return "channel " + id }
