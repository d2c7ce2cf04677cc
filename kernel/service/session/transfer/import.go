package transfer

import (
	"context"
	"encoding/json"

	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

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
	// More says that other pieces follow: nobody sees the conversation before the last one has come.
	More bool `json:"more,omitempty"`
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
	OK        bool        `json:"ok"`
	Key       session.Key `json:"key"`
	SessionID string      `json:"sessionId"`
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
	key, err := s.sessions.Settings().ParseKey(p.Key, "")
	if err == nil {
		err = s.sessions.Settings().Answers(key, "")
	}
	if err != nil {
		return ImportResult{}, err
	}
	if !session.ValidID(p.SessionID) {
		return ImportResult{}, wit.Errorf(wit.CodeInvalid, "invalid sessions.import params: %.40q cannot be a session id", p.SessionID)
	}
	piece := session.Piece{SessionID: p.SessionID, Label: p.Label, Updated: p.UpdatedAt, After: p.After, More: p.More}
	for _, m := range p.Messages {
		piece.Messages = append(piece.Messages, m.message())
	}
	var got session.Adopted
	if err := s.store.Update(ctx, func(tx store.Tx) (err error) {
		got, err = s.sessions.Adopt(tx, key, piece)
		return err
	}); err != nil {
		return ImportResult{}, err
	}
	if got.Taken > 0 {
		s.sessions.Changed(key, "import")
	}
	return ImportResult{
		OK: true, Key: key, SessionID: p.SessionID, Taken: got.Taken, Messages: got.Messages, Earlier: got.Earlier, Continued: got.Continued,
	}, nil
}

// message is as it is kept here.
func (i ImportedMessage) message() session.Message {
	m := session.Message{
		Role: wit.Role(i.Role), ToolCallID: i.ToolCallID, Tool: i.Tool, Failed: i.Failed, Provider: i.Provider, Model: i.Model, Time: i.Timestamp,
	}
	if i.Text != "" {
		m.Parts = []wit.Part{session.TextPart(i.Text)}
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
