package session

import (
	"context"
	"reflect"
)

// SubscribeResult confirms a subscription.
type SubscribeResult struct {
	Subscribed bool `json:"subscribed"`
	// List is there when the parameters select anything.
	List *ListResult `json:"list,omitempty"`
}

// subscribe answers clients that ask to hear sessions.changed. Every connection that may read hears it
// anyway, so there is nothing to remember and nothing to take back.
func (m methods) subscribe(ctx context.Context, p ListParams) (SubscribeResult, error) {
	if reflect.ValueOf(p).IsZero() {
		return SubscribeResult{Subscribed: true}, nil
	}
	list, err := m.list(ctx, p)
	return SubscribeResult{true, &list}, err
}

// MessagesParams names the session whose messages are to be heard.
type MessagesParams struct {
	Key     string `json:"key" rpc:"required,min=1"`
	AgentID string `json:"agentId,omitempty" rpc:"min=1"`
	// IncludeApprovals is accepted: approvals are told by their own events.
	IncludeApprovals bool `json:"includeApprovals,omitempty"`
}

// MessagesResult confirms it, under the session's full key.
type MessagesResult struct {
	Subscribed bool `json:"subscribed"`
	Key        Key  `json:"key"`
}

// subscribeMessages answers clients that ask to hear session.message of one session, which every connection that
// may read hears of all of them. The session need not be there yet.
func (m methods) subscribeMessages(_ context.Context, p MessagesParams) (MessagesResult, error) {
	key, err := m.sessions.Settings().Find(p.Key, p.AgentID)
	return MessagesResult{err == nil, key}, err
}

// unsubscribeMessages answers clients that have heard enough. They go on hearing: who does not want to know passes over it.
func (m methods) unsubscribeMessages(_ context.Context, p MessagesParams) (MessagesResult, error) {
	key, err := m.sessions.Settings().Find(p.Key, p.AgentID)
	return MessagesResult{false, key}, err
}
