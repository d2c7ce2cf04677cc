package archive

import (
	"context"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Line is a conversation with a person in the archive, in an export; MessageLine one of its messages.
type Line struct {
	Type    string      `json:"type"`
	Archive ArchiveInfo `json:"archive"`
}

// MessageLine is a message of a conversation in the archive.
type MessageLine struct {
	Type      string          `json:"type"`
	SessionID string          `json:"sessionId"`
	Message   session.Message `json:"message"`
}

// Lines yields what the archive has of a person, until yield fails: their own conversations. Errors: yield's; the store's; a file
// that cannot be read is named by its line alone.
func (s *Service) Lines(ctx context.Context, p message.Party, yield func(any) error) error {
	found, err := s.of(ctx, p)
	if err != nil {
		return err
	}
	for _, row := range found {
		if err := yield(Line{"archive", row.Value}); err != nil {
			return err
		}
		_, messages, err := s.readArchive(row.Value)
		if err != nil {
			continue
		}
		for _, m := range messages {
			if err := yield(MessageLine{"archived", row.Value.SessionID, m.WithoutOpaque()}); err != nil {
				return err
			}
		}
	}
	return nil
}

// Forget deletes a person's own conversations from the archive, and returns how many. Errors: the store's; CodeUnavailable where a
// file cannot be deleted.
func (s *Service) Forget(ctx context.Context, p message.Party) (n int, err error) {
	found, err := s.of(ctx, p)
	if err != nil {
		return 0, err
	}
	for _, row := range found {
		// The file first: what the table does not name nobody would find again.
		if err := s.folder.Remove(row.Value.File); err != nil {
			return n, err
		}
		if err := s.store.Update(ctx, func(tx store.Tx) error { return files.Delete(tx, row.Key) }); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// of are a person's own conversations: those of their sessions, and those of which the file says that they began them.
func (s *Service) of(ctx context.Context, p message.Party) (found []store.Row[ArchiveInfo], err error) {
	var all []store.Row[ArchiveInfo]
	if err := s.store.View(ctx, func(tx store.Tx) error {
		all = nil
		for row, err := range files.Scan(tx, store.Range{}) {
			if s.skips.Skip(err) {
				continue
			}
			if err != nil {
				return err
			}
			all = append(all, row)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	for _, row := range all {
		if slices.Contains(p.Keys, string(row.Value.Key)) {
			found = append(found, row)
			continue
		}
		h, _, err := s.readArchive(row.Value)
		if err != nil && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if c := h.Entry.Origin.Conversation; err == nil && p.Said(&h.Entry.Origin) && (c == nil || c.Kind == wit.ConversationKindDirect || c.Kind == "") {
			found = append(found, row)
		}
	}
	return found, nil
}
