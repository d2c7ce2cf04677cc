package chat

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// MessageGetParams name a message of a conversation by the id that its history gives it.
type MessageGetParams struct {
	SessionKey string `json:"sessionKey" rpc:"required,min=1"`
	AgentID    string `json:"agentId,omitempty" rpc:"min=1"`
	MessageID  string `json:"messageId" rpc:"required,min=1,max=512"`
	// MaxChars cuts each text; whole when left out.
	MaxChars int `json:"maxChars,omitempty" rpc:"min=1,max=2000000"`
}

// MessageGetResult is the message, or why there is none to be had.
type MessageGetResult struct {
	OK      bool     `json:"ok"`
	Message *Message `json:"message,omitempty"`
	// UnavailableReason is not_found for what is not in the conversation, or not any more, and oversized for what is more than 6 MiB.
	UnavailableReason string `json:"unavailableReason,omitempty" rpc:"enum=not_found|oversized|not_visible"`
}

// message returns one message, whose texts a page of the history may have cut.
func (s *Service) message(ctx context.Context, p MessageGetParams) (MessageGetResult, error) {
	key, err := s.key("chat.message.get", p.SessionKey, p.AgentID)
	if err != nil {
		return MessageGetResult{}, err
	}
	var found *Message
	err = s.store.View(ctx, func(tx store.Tx) (err error) {
		found, err = s.find(tx, key, p)
		return err
	})
	switch {
	case err != nil:
		return MessageGetResult{}, err
	case found == nil:
		return MessageGetResult{UnavailableReason: "not_found"}, nil
	case found.size() > historyBytes:
		return MessageGetResult{UnavailableReason: "oversized"}, nil
	}
	return MessageGetResult{OK: true, Message: found}, nil
}

// find is nil where there is no such message. An id of another conversation finds nothing in this one.
func (s *Service) find(tx store.Tx, key session.Key, p MessageGetParams) (*Message, error) {
	e, err := s.sessions.Lookup(tx, key)
	if wit.CodeOf(err) == wit.CodeNotFound {
		return nil, nil
	}
	id, number, ok := session.ParseMessageID(p.MessageID)
	if err != nil || !ok || id != e.SessionID || number == 0 || number > e.Last {
		return nil, err
	}
	list, err := s.sessions.After(tx, id, number-1, 1)
	if err != nil || len(list) == 0 || list[0].Number != number {
		return nil, err
	}
	m := shown(s.links, id, list[0], p.MaxChars)
	return &m, nil
}
