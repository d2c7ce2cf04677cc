package session

import (
	"context"
	"encoding/json"
	"time"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// imports has how many messages of a history came from elsewhere, by its session id.
const imports = store.Table[uint64]("sessions.imported")

// ImportParams are a piece of a history that another gateway has kept. A history of many messages comes piece by piece.
type ImportParams struct {
	Key string `json:"key" rpc:"required,min=1"`
	// SessionID is the history's, by which it is known when it comes again.
	SessionID string `json:"sessionId" rpc:"required,min=1,max=64"`
	Label     string `json:"label,omitempty" rpc:"max=512"`
	// UpdatedAt is when the session was used last, in Unix milliseconds.
	UpdatedAt int64 `json:"updatedAt,omitempty" rpc:"min=0"`
	// After is how many messages of it came before this piece.
	After    uint64            `json:"after,omitempty" rpc:"min=0"`
	Messages []ImportedMessage `json:"messages" rpc:"required,max=1000"`
}

// ImportedMessage is a message of such a history.
type ImportedMessage struct {
	Role string `json:"role" rpc:"required,enum=user|assistant|tool|system"`
	Text string `json:"text,omitempty"`
	// Timestamp is in Unix milliseconds.
	Timestamp int64          `json:"timestamp,omitempty" rpc:"min=0"`
	ToolCalls []ImportedCall `json:"toolCalls,omitempty"`
	// ToolCallID, Tool and Failed are of a tool's result.
	ToolCallID string `json:"toolCallId,omitempty"`
	Tool       string `json:"tool,omitempty"`
	Failed     bool   `json:"failed,omitempty"`
	Provider   string `json:"provider,omitempty"`
	Model      string `json:"model,omitempty"`
}

// ImportedCall is a call of a tool.
type ImportedCall struct {
	ID   string `json:"id" rpc:"required"`
	Name string `json:"name" rpc:"required"`
	// Args are a JSON object.
	Args json.RawMessage `json:"args"`
}

// ImportResult says how much of the history there is.
type ImportResult struct {
	OK        bool   `json:"ok"`
	Key       Key    `json:"key"`
	SessionID string `json:"sessionId"`
	// Taken is how many messages this piece has added, Messages how many came from elsewhere so far.
	Taken    int    `json:"taken"`
	Messages uint64 `json:"messages"`
	// Earlier says that another conversation has the key: this one is an earlier history of it, to be read by its session id.
	Earlier bool `json:"earlier,omitempty"`
	// Continued says that the conversation goes on here already, so that nothing is added to it.
	Continued bool `json:"continued,omitempty"`
}

// importHistory takes a piece once: one that comes again adds nothing. Errors: CodeInvalid for an agent that there is not;
// CodeTooLarge; CodeConflict for a session id that another session has.
func (s *Service) importHistory(ctx context.Context, p ImportParams) (ImportResult, error) {
	key, err := s.Settings().ParseKey(p.Key, "")
	if err == nil {
		err = s.Settings().Answers(key, "")
	}
	if err != nil {
		return ImportResult{}, err
	}
	if !validID(p.SessionID) {
		return ImportResult{}, wit.Errorf(wit.CodeInvalid, "invalid sessions.import params: %.40q cannot be a session id", p.SessionID)
	}
	res := ImportResult{OK: true, Key: key, SessionID: p.SessionID}
	if err := s.store.Update(ctx, func(tx store.Tx) error { return s.take(tx, key, p, &res) }); err != nil {
		return ImportResult{}, err
	}
	if res.Taken > 0 {
		s.Changed(key, "import")
	}
	return res, nil
}

func (s *Service) take(tx store.Tx, key Key, p ImportParams, res *ImportResult) error {
	res.Taken, res.Continued = 0, false
	e, err := s.receiving(tx, key, p)
	if err != nil {
		return err
	}
	done, err := imports.Get(tx, p.SessionID)
	if err = ignoreNotFound(err); err != nil {
		return err
	}
	res.Messages, res.Earlier = done, e.Key == ""
	last, err := s.lastNumber(tx, p.SessionID)
	if err != nil {
		return err
	}
	res.Continued = last != done
	if res.Continued || p.After != done {
		return nil
	}
	e.SessionID, e.Last = p.SessionID, last
	for _, one := range p.Messages {
		m := one.message()
		if size := m.size(); size > maxMessage {
			return wit.Errorf(wit.CodeTooLarge, "message %d of %s has %d bytes: at most %d fit", e.Last+1, p.SessionID, size, maxMessage)
		}
		if err := e.take(tx, m); err != nil {
			return err
		}
	}
	res.Taken, res.Messages = len(p.Messages), e.Last
	if err := imports.Put(tx, p.SessionID, e.Last); err != nil {
		return err
	}
	if res.Earlier {
		return archives.Put(tx, archiveKey(key, p.SessionID), Archive{SessionID: p.SessionID, Messages: e.Last, Ended: p.UpdatedAt})
	}
	if p.UpdatedAt > 0 {
		e.Updated = min(p.UpdatedAt, time.Now().UnixMilli())
	}
	return write(tx, &e)
}

// receiving is the session that has, or is to have, the history; one without a key where it is an earlier one.
func (s *Service) receiving(tx store.Tx, key Key, p ImportParams) (Entry, error) {
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
		return Entry{}, nil
	}
	if err := ids.Insert(tx, p.SessionID, key); err != nil || there {
		return Entry{}, err // the key has a conversation of its own
	}
	e = Entry{Key: key, SessionID: p.SessionID, Created: time.Now().UnixMilli()}
	if len(p.Messages) > 0 && p.Messages[0].Timestamp > 0 {
		e.Created = min(p.Messages[0].Timestamp, e.Created)
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

// message is as it is kept here.
func (i ImportedMessage) message() Message {
	m := Message{
		Role: wit.Role(i.Role), ToolCallID: i.ToolCallID, Tool: i.Tool, Failed: i.Failed, Provider: i.Provider, Model: i.Model, Time: i.Timestamp,
	}
	if i.Text != "" {
		m.Parts = []wit.Part{TextPart(i.Text)}
	}
	for _, c := range i.ToolCalls {
		args := wit.JSON(c.Args)
		if len(args) == 0 || !json.Valid(args) {
			args = wit.JSON("{}")
		}
		m.ToolCalls = append(m.ToolCalls, wit.ToolCall{ID: c.ID, Name: c.Name, Args: args})
	}
	return m
}
