package session

import (
	"cmp"
	"context"
	"encoding/json"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// LoadParams name a session by its key or by the id of a history, also of an earlier one.
type LoadParams struct {
	Key       string `json:"key,omitempty" rpc:"min=1"`
	SessionID string `json:"sessionId,omitempty" rpc:"min=1"`
	AgentID   string `json:"agentId,omitempty" rpc:"min=1"`
	// IncludeMessages is true when left out. Limit is how many of the newest there are, 200 when left out.
	IncludeMessages *bool `json:"includeMessages"`
	Limit           int   `json:"limit,omitempty" rpc:"min=1,max=1000"`
}

// LoadResult is a session with the end of its history.
type LoadResult struct {
	OK        bool   `json:"ok"`
	Key       Key    `json:"key"`
	SessionID string `json:"sessionId"`
	// MessageCount counts all messages of the history.
	MessageCount uint64 `json:"messageCount"`
	// Entry is null for an earlier history.
	Entry    *Row     `json:"entry"`
	Messages []Loaded `json:"messages"`
}

// Loaded is a message in short.
type Loaded struct {
	ID      string `json:"id"`
	Role    string `json:"role"`
	Content string `json:"content"`
	// Ts is in Unix milliseconds.
	Ts int64 `json:"ts"`
}

// loadBytes is about how much text an answer has.
const loadBytes = 4 << 20

func (m methods) load(ctx context.Context, p LoadParams) (LoadResult, error) {
	res := LoadResult{Messages: []Loaded{}}
	key, err := m.find(ctx, ResolveParams{Key: p.Key, SessionID: p.SessionID, AgentID: p.AgentID})
	if err != nil {
		return res, err
	}
	err = m.sessions.store.View(ctx, func(tx store.Tx) error {
		e, err := m.sessions.Lookup(tx, key)
		if err != nil {
			return err
		}
		res.Key, res.SessionID = key, cmp.Or(p.SessionID, e.SessionID)
		left := loadBytes
		messages, err := m.sessions.Newest(tx, res.SessionID, 0, cmp.Or(p.Limit, 200), func(one Message) bool {
			res.MessageCount = max(res.MessageCount, one.Number)
			left -= one.size()
			return (p.IncludeMessages == nil || *p.IncludeMessages) && left > 0
		})
		for _, one := range messages {
			res.Messages = append(res.Messages, Loaded{MessageID(res.SessionID, one.Number), string(one.Role), one.Text(), one.Time})
		}
		return err
	})
	if err != nil {
		return res, err
	}
	row, err := m.sessions.Describe(ctx, key, m.ports.Models.Defaults(ctx))
	if row.SessionID == res.SessionID {
		res.Entry = &row
	}
	res.OK = err == nil
	return res, err
}

// ForkParams name a session by its key or by the id of its history. The copy is called NewKey, or as the session with
// -fork behind it.
type ForkParams struct {
	// SessionKey is Key, as clients of protocol 4 write it.
	SessionKey string `json:"sessionKey,omitempty" rpc:"min=1"`
	Key        string `json:"key,omitempty" rpc:"min=1"`
	SessionID  string `json:"sessionId,omitempty" rpc:"min=1"`
	AgentID    string `json:"agentId,omitempty" rpc:"min=1"`
	// EntryID is a message's id: the copy ends before it if a person has said it, and with it otherwise.
	EntryID string `json:"entryId,omitempty" rpc:"min=1"`
	NewKey  string `json:"newKey,omitempty" rpc:"min=1"`
	// TargetKey is NewKey.
	TargetKey string `json:"targetKey,omitempty" rpc:"min=1"`
	// CopyHistory is true when left out. Limit is how many of the newest messages are copied, 5,000 when left out.
	CopyHistory *bool `json:"copyHistory"`
	Limit       int   `json:"limit,omitempty" rpc:"min=1,max=5000"`
}

// ForkResult is the copy.
type ForkResult struct {
	OK        bool `json:"ok"`
	SourceKey Key  `json:"sourceKey"`
	// SessionKey is Key, as clients of protocol 4 read it.
	SessionKey Key `json:"sessionKey"`
	Key        Key `json:"key"`
	Entry      Row `json:"entry"`
	// EditorText is what was said in the message that the copy ends before.
	EditorText string `json:"editorText,omitempty"`
}

func (m methods) fork(ctx context.Context, p ForkParams) (ForkResult, error) {
	res := ForkResult{}
	source, err := m.find(ctx, ResolveParams{Key: cmp.Or(p.SessionKey, p.Key), SessionID: p.SessionID, AgentID: p.AgentID})
	if err != nil {
		return res, err
	}
	c := Creation{Parent: source, Copy: p.CopyHistory == nil || *p.CopyHistory, Most: p.Limit}
	if err := m.sessions.store.View(ctx, func(tx store.Tx) error {
		if p.EntryID != "" {
			if c.Upto, res.EditorText, err = m.sessions.forkPoint(tx, source, p.EntryID); err != nil {
				return err
			}
			c.Copy = c.Copy && c.Upto > 0
		}
		if name := cmp.Or(p.NewKey, p.TargetKey); name != "" {
			c.Key, err = m.sessions.Settings().ParseKey(name, source.Agent())
		} else {
			c.Key, err = freeKey(tx, source)
		}
		return err
	}); err != nil {
		return res, err
	}
	if _, err := m.sessions.Create(ctx, c); err != nil {
		return res, err
	}
	res.OK, res.SourceKey, res.SessionKey, res.Key = true, source, c.Key, c.Key
	res.Entry, err = m.sessions.Describe(ctx, c.Key, m.ports.Models.Defaults(ctx))
	return res, err
}

// forkPoint is the number of the last message of a copy that is made at a message, and the text that is left to say.
func (s *Service) forkPoint(tx store.Tx, key Key, messageID string) (upto uint64, text string, err error) {
	e, err := s.Lookup(tx, key)
	if err != nil {
		return 0, "", err
	}
	id, number, ok := ParseMessageID(messageID)
	if !ok || id != e.SessionID || number == 0 {
		return 0, "", wit.Errorf(wit.CodeNotFound, "session %s has no message %.80q: read it again", key, messageID)
	}
	found, err := s.After(tx, id, number-1, 1)
	switch {
	case err != nil:
		return 0, "", err
	case len(found) == 0 || found[0].Number != number:
		return 0, "", wit.Errorf(wit.CodeNotFound, "session %s has no message %.80q: read it again", key, messageID)
	case found[0].Role != wit.RoleUser:
		return number, "", nil
	}
	return number - 1, found[0].Text(), nil
}

// RenameParams give a session another label.
type RenameParams struct {
	Key     string `json:"key" rpc:"required,min=1"`
	AgentID string `json:"agentId,omitempty" rpc:"min=1"`
	// Label, or Name, is the new one, of at most 512 bytes; no other session may have it.
	Label string `json:"label,omitempty" rpc:"min=1,max=512"`
	Name  string `json:"name,omitempty" rpc:"min=1,max=512"`
}

func (m methods) rename(ctx context.Context, p RenameParams) (ResetResult, error) {
	label := cmp.Or(p.Label, p.Name)
	if label == "" {
		return ResetResult{}, wit.NewError(wit.CodeInvalid, "invalid sessions.rename params: must have required property 'label'")
	}
	key, err := m.find(ctx, ResolveParams{Key: p.Key, AgentID: p.AgentID})
	if err != nil {
		return ResetResult{}, err
	}
	raw, err := json.Marshal(label)
	if err != nil {
		return ResetResult{}, wit.Errorf(wit.CodeInternal, "sessions.rename: %w", err)
	}
	done, err := m.patch(ctx, PatchParams{Key: string(key), Change: Change{Label: raw}})
	return ResetResult{done.OK, done.Key, done.Entry}, err
}
