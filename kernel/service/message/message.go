// Package message is the vocabulary of what comes in and what goes out: the records that the services
// hand to each other, so that none of them translates another's.
//
// One message goes through four shapes. wit.Message is what a channel's plugin reports. inbox accepts it as
// an Inbound, which run keeps in its queue. agent appends it to the history (session.Message) and shows
// the history to a model as wit.ChatTurn. The answer leaves as an Outbound, which delivery keeps until it is
// sent.
//
// The package holds data, and what cuts a text of it to be shown. Values belong to who has them and are not
// changed once handed on.
package message

import "github.com/carapace-gateway/carapace/wit"

// Account names one account of a channel.
type Account struct {
	Channel string `json:"channel"`
	// ID is the account's name in the settings.
	ID string `json:"account"`
}

// String returns channel/account.
func (a Account) String() string { return a.Channel + "/" + a.ID }

// Origin says where something was said, and by whom. The zero value is the gateway itself.
type Origin struct {
	Channel      string            `json:"channel,omitempty"`
	Account      string            `json:"account,omitempty"`
	Conversation *wit.Conversation `json:"conversation,omitempty"`
	Sender       *wit.Person       `json:"sender,omitempty"`
	MessageID    string            `json:"messageId,omitempty"`
}

// Room returns the origin without its sender and message: where an answer goes that nobody's message asked
// for. It is nil for an origin that has no conversation.
func (o *Origin) Room() *Origin {
	if o == nil || o.Conversation == nil {
		return nil
	}
	return &Origin{Channel: o.Channel, Account: o.Account, Conversation: o.Conversation}
}

// Inbound is a message from an authorised sender, to be answered.
type Inbound struct {
	// ID is unique over all channels: the same message twice has the same ID.
	ID      string  `json:"id"`
	Account Account `json:"account"`
	// Message is what the channel reported. Its id is the platform's.
	Message wit.Message `json:"message"`
	// History is what was said in the group since the last answer, oldest first.
	History []Remark `json:"history,omitempty"`
	// ReceivedAt is in Unix milliseconds.
	ReceivedAt int64 `json:"receivedAt"`
}

// Origin returns where the message was said, and by whom.
func (m *Inbound) Origin() Origin {
	return Origin{
		Channel: m.Account.Channel, Account: m.Account.ID, MessageID: m.Message.ID,
		Conversation: &m.Message.Conversation, Sender: &m.Message.Sender,
	}
}

// Remark is what was said in a group and not meant for the agent.
type Remark struct {
	ID     string     `json:"id"`
	Sender wit.Person `json:"sender"`
	Text   string     `json:"text"`
	// Time is when the platform says that it was said, in Unix milliseconds.
	Time int64 `json:"time"`
}

// Outbound is a message to be delivered.
type Outbound struct {
	// ID is the idempotency key: however often it is enqueued, it is one message for as long as its outcome
	// is kept.
	ID          string           `json:"id"`
	Channel     string           `json:"channel"`
	Account     string           `json:"account"`
	To          wit.Conversation `json:"to"`
	Text        string           `json:"text,omitempty"`
	Attachments []wit.Attachment `json:"attachments,omitempty"`
	// ReplyTo is the platform's id of the message that it answers, empty for none.
	ReplyTo string `json:"replyTo,omitempty"`
	Silent  bool   `json:"silent,omitempty"`
	// SessionKey, RunID and Agent say what it belongs to and who says it.
	SessionKey string `json:"sessionKey,omitempty"`
	RunID      string `json:"runId,omitempty"`
	Agent      string `json:"agent,omitempty"`
	// CreatedAt is in Unix milliseconds; now when 0.
	CreatedAt int64 `json:"createdAt"`
}
