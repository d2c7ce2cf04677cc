package transfer

import (
	"context"
	"encoding/json"

	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// exportBytes is how much text one page of an export holds, more or less.
const exportBytes = 256 << 10

// ExportParams asks for a page of a history: of a session's present one, or of any by its session id.
type ExportParams struct {
	Key     string `json:"key,omitempty" rpc:"min=1"`
	AgentID string `json:"agentId,omitempty" rpc:"min=1"`
	// SessionID names a history, the present one of a session or an earlier one, instead of a key.
	SessionID string `json:"sessionId,omitempty"`
	// Cursor comes from the page before; empty starts.
	Cursor string `json:"cursor,omitempty"`
	// Limit is the most lines of a page; 500 when left out, at most 1,000.
	Limit int `json:"limit,omitempty" rpc:"min=1"`
}

// ExportResult is a page of JSON lines: the first of all describes the session, each other one is a
// message. Cursor asks for the next page and is empty on the last.
type ExportResult struct {
	Key       session.Key `json:"key"`
	SessionID string      `json:"sessionId"`
	Lines     []string    `json:"lines"`
	Cursor    string      `json:"cursor,omitempty"`
}

// Head is the first line of an export: the session.
type Head struct {
	Type      string      `json:"type"`
	Version   int         `json:"version"`
	Key       session.Key `json:"key"`
	SessionID string      `json:"sessionId"`
	Label     string      `json:"label,omitempty"`
	Messages  uint64      `json:"messages,omitempty"`
	Updated   int64       `json:"updated,omitempty"`
}

// Line is each other one: a message.
type Line struct {
	Type string `json:"type"`
	session.Message
}

func (s *Service) export(ctx context.Context, p ExportParams) (ExportResult, error) {
	res := ExportResult{Lines: []string{}}
	limit := 500
	if p.Limit > 0 {
		limit = min(p.Limit, 1000)
	}
	err := s.store.View(ctx, func(tx store.Tx) error {
		head, after, err := s.exportFrom(tx, p)
		if err != nil {
			return err
		}
		res.Key, res.SessionID = head.Key, head.SessionID
		size := 0
		add := func(v any) error {
			b, err := json.Marshal(v)
			if err != nil {
				return wit.Errorf(wit.CodeInternal, "sessions.export: %w", err)
			}
			size += len(b)
			res.Lines = append(res.Lines, string(b))
			return nil
		}
		if p.Cursor == "" {
			if err := add(head); err != nil {
				return err
			}
		}
		for m, err := range s.sessions.History(tx, head.SessionID, after) {
			if err != nil {
				return err
			}
			if len(res.Lines) >= limit || size >= exportBytes {
				res.Cursor = session.MessageID(head.SessionID, m.Number-1)
				return nil
			}
			if err := add(Line{"message", m.WithoutOpaque()}); err != nil {
				return err
			}
		}
		return nil
	})
	return res, err
}

// exportFrom finds the history and the number of the last message that was given out already.
func (s *Service) exportFrom(tx store.Tx, p ExportParams) (head Head, after uint64, err error) {
	head = Head{Type: "session", Version: 1, SessionID: p.SessionID}
	if p.Cursor != "" {
		var ok bool
		if head.SessionID, after, ok = session.ParseMessageID(p.Cursor); !ok {
			return head, 0, wit.Errorf(wit.CodeInvalid, "invalid sessions.export params: %.40q is not a cursor", p.Cursor)
		}
	}
	if head.SessionID != "" {
		if head.Key, err = session.KeyOf(tx, head.SessionID); err == nil {
			err = s.sessions.Settings().Meant(head.Key, p.AgentID)
		}
		if err != nil {
			return head, 0, err
		}
	} else if head.Key, err = s.sessions.Settings().ParseKey(p.Key, p.AgentID); err != nil {
		return head, 0, err
	}
	e, err := s.sessions.Lookup(tx, head.Key)
	switch {
	case wit.CodeOf(err) == wit.CodeNotFound && head.SessionID != "":
		return head, after, nil
	case err != nil:
		return head, 0, err
	case head.SessionID == "":
		head.SessionID = e.SessionID
	}
	if head.SessionID == e.SessionID {
		head.Label, head.Messages, head.Updated = e.Label, e.Last, e.Updated
	}
	return head, after, nil
}
