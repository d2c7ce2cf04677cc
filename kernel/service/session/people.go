package session

import (
	"context"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// maxParty bounds how many rooms, keys and files are named of a person.
const maxParty = 10_000

// People are what the sessions know of persons on channels. A person's own sessions are direct conversations that they began, but
// no main one; in others single messages are theirs.
type People struct {
	Sessions *Service
	Runs     Runs
}

// Meet fills in which rooms, sessions and files are a person's. Errors: the store's.
func (s People) Meet(ctx context.Context, p *message.Party) error {
	entries, err := s.Sessions.about(ctx, *p)
	if err != nil {
		return err
	}
	for _, e := range entries {
		own := s.Sessions.owned(e, *p)
		if own {
			p.Keys = append(p.Keys, string(e.Key))
			for _, o := range []*message.Origin{&e.Origin, e.Route} {
				if o != nil && o.Channel == p.Channel && o.Conversation != nil && o.Conversation.Kind != wit.ConversationKindGroup && o.Conversation.Kind != wit.ConversationKindChannel {
					p.Rooms = append(p.Rooms, o.Conversation.ID)
				}
			}
		}
		if err := s.Sessions.told(ctx, e, func(_ string, m Message) error {
			if p.Said(m.Origin) && len(p.Names) < maxParty {
				p.Names = append(p.Names, message.Who(*m.Origin.Sender))
			}
			for _, part := range m.Parts {
				if part.Media != nil && (own || p.Said(m.Origin)) && len(p.Media) < maxParty {
					p.Media = append(p.Media, *part.Media)
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	for _, list := range []*[]string{&p.Keys, &p.Rooms, &p.Media, &p.Names} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return nil
}

// SessionLine is a person's own session in an export, MessageLine a message: of such a session, or theirs in another one.
type SessionLine struct {
	Type  string `json:"type"`
	Entry Entry  `json:"entry"`
}

// MessageLine is a message of an export.
type MessageLine struct {
	Type       string  `json:"type"`
	SessionKey Key     `json:"sessionKey"`
	SessionID  string  `json:"sessionId"`
	Message    Message `json:"message"`
}

// Lines yields what is known of a person, until yield fails. Errors: yield's; the store's.
func (s People) Lines(ctx context.Context, p message.Party, yield func(any) error) error {
	entries, err := s.Sessions.about(ctx, p)
	if err != nil {
		return err
	}
	for _, e := range entries {
		own := s.Sessions.owned(e, p)
		if own {
			if err := yield(SessionLine{"session", e}); err != nil {
				return err
			}
		}
		if err := s.Sessions.told(ctx, e, func(id string, m Message) error {
			if !own && !p.Said(m.Origin) {
				return nil
			}
			return yield(MessageLine{"message", e.Key, id, m.WithoutOpaque()})
		}); err != nil {
			return err
		}
	}
	return nil
}

// Forget deletes a person's own sessions, whose runs are aborted first, and blanks their messages in others. It returns how many
// sessions and messages that were; done again it goes on where a crash has cut it. Errors: CodeConflict where a session is too
// busy; the store's.
func (s People) Forget(ctx context.Context, p message.Party) (n int, err error) {
	entries, err := s.Sessions.about(ctx, p)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		did := 0
		if s.Sessions.owned(e, p) {
			did = 1
			err = Quiet(ctx, s.Runs, e.Key, true, func() error {
				return s.Sessions.store.Update(ctx, func(tx store.Tx) error {
					return ignoreNotFound(s.Sessions.Remove(tx, e.Key, true))
				})
			})
		} else {
			did, err = s.Sessions.blank(ctx, e, p)
		}
		if err != nil {
			return n, err
		}
		if n += did; did > 0 {
			s.Sessions.Changed(e.Key, "delete")
		}
	}
	return n, s.Sessions.Sweep(ctx)
}

// about are the sessions in which a person may have said something.
func (s *Service) about(ctx context.Context, p message.Party) (list []Entry, err error) {
	err = s.store.View(ctx, func(tx store.Tx) error {
		list = list[:0]
		for row, err := range entries.Scan(tx, store.Range{}) {
			if s.skips.Skip(err) {
				continue
			}
			if err != nil {
				return err
			}
			e := row.Value
			if e.Origin.Channel == p.Channel || e.Route != nil && e.Route.Channel == p.Channel || s.Settings().IsMain(e.Key) {
				list = append(list, e)
			}
		}
		return nil
	})
	return list, err
}

// owned reports whether a session is a person's own.
func (s *Service) owned(e Entry, p message.Party) bool {
	return p.Said(&e.Origin) && kindOf(e) != "group" && !s.Settings().IsMain(e.Key) && (e.Origin.Conversation == nil || e.Origin.Conversation.Kind == wit.ConversationKindDirect || e.Origin.Conversation.Kind == "")
}

// histories are the ids of a session's histories: the present one and the earlier ones.
func (s *Service) histories(tx store.Tx, e Entry) ([]string, error) {
	list := []string{e.SessionID}
	for row, err := range archives.Scan(tx, store.Range{Prefix: string(e.Key) + "\x00"}) {
		if s.skips.Skip(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, row.Value.SessionID)
	}
	return list, nil
}

// told calls see with each message of a session's histories, which are one View.
func (s *Service) told(ctx context.Context, e Entry, see func(id string, m Message) error) error {
	return s.store.View(ctx, func(tx store.Tx) error {
		list, err := s.histories(tx, e)
		if err != nil {
			return err
		}
		for _, id := range list {
			for m, err := range s.History(tx, id, 0) {
				if err == nil {
					err = see(id, m)
				}
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// blank takes what a person has said out of the histories of a session: their messages, what answers them, and what others'
// messages repeat of them.
func (s *Service) blank(ctx context.Context, e Entry, p message.Party) (n int, err error) {
	type place struct {
		id string
		m  Message
	}
	var theirs []place
	answers := map[string]bool{} // the runs that answer them
	if err := s.told(ctx, e, func(id string, m Message) error {
		gone := Message{Number: m.Number, Role: m.Role, Time: m.Time, Run: m.Run, Aside: m.Aside, Parts: []wit.Part{TextPart(message.Forgotten)}}
		switch text := m.Text(); {
		case p.Said(m.Origin):
			answers[m.Run] = m.Run != ""
			theirs = append(theirs, place{id, gone})
		case answers[m.Run] && m.Role != wit.RoleUser:
			gone.ToolCallID, gone.Tool = m.ToolCallID, m.Tool
			if text != message.Forgotten || len(m.ToolCalls) > 0 {
				theirs = append(theirs, place{id, gone})
			}
		case p.Unquote(text) != text:
			m.Parts = []wit.Part{TextPart(p.Unquote(text))}
			theirs = append(theirs, place{id, m})
		}
		return nil
	}); err != nil {
		return 0, err
	}
	for part := range slices.Chunk(theirs, sweepBatch) {
		if err := s.store.Update(ctx, func(tx store.Tx) error {
			for _, one := range part {
				if err := blankOne(tx, one.id, one.m); err != nil {
					return err
				}
			}
			return s.untitle(tx, e.Key)
		}); err != nil {
			return n, err
		}
		n += len(part)
	}
	return n, nil
}

// blankOne replaces a message, takes it out of the index, and the summary away that may tell of it. Histories that are kept in
// memory are read anew.
func blankOne(tx store.Tx, id string, m Message) error {
	key := messageKey(id, m.Number)
	if err := history.Put(tx, key, m); err != nil {
		return err
	}
	if err := tx.Unindex(Texts, key); err != nil {
		return err
	}
	if err := summaries.Delete(tx, id); err != nil {
		return err
	}
	if err := NoteTexts(tx, id); err != nil {
		return err
	}
	return trash.Delete(tx, id) // it is not there: its version is what counts
}

// untitle takes the lines off an entry and its branches that were cut from their messages, and who has begun it.
func (s *Service) untitle(tx store.Tx, key Key) error {
	e, err := Get(tx, key)
	if err != nil {
		return ignoreNotFound(err)
	}
	var branches []store.Row[Archive]
	for row, err := range archives.Scan(tx, store.Range{Prefix: string(key) + "\x00"}) {
		if s.skips.Skip(err) || err == nil && row.Value.Branch == nil {
			continue
		}
		if err != nil {
			return err
		}
		branches = append(branches, row)
	}
	for _, row := range branches {
		row.Value.Branch.Title, row.Value.Branch.Preview = "", ""
		if err := archives.Put(tx, row.Key, row.Value); err != nil {
			return err
		}
	}
	e.Title, e.Preview, e.Origin.Sender = "", "", nil
	if e.Route != nil {
		route := *e.Route
		route.Sender = nil
		e.Route = &route
	}
	return write(tx, &e)
}
