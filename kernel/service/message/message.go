// Package message is the vocabulary of what comes in and what goes out: the records that the services
// hand to each other, so that none of them translates another's.
//
// One message goes through four shapes. wit.Message is what a channel's plugin reports. inbox accepts it as
// an Inbound, which run keeps in its queue. agent appends it to the history (session.Message) and shows
// the history to a model as wit.ChatTurn. The answer leaves as an Outbound, which delivery keeps until it is
// sent.
//
// The package holds data, what names it, and what cuts a text of it to be shown. Values belong to who has them and are not
// changed once handed on.
package message

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/carapace-gateway/carapace/wit"
)

// Account names one account of a channel.
type Account struct {
	Channel string `json:"channel"`
	// ID is the account's name in the settings.
	ID string `json:"account"`
}

// String returns channel/account.
func (a Account) String() string { return a.Channel + "/" + a.ID }

// Key is one for each conversation of an account, whatever its platform's ids look like: 64 hex digits.
func (a Account) Key(conversation string) string {
	sum := sha256.Sum256([]byte(a.Channel + "\x00" + a.ID + "\x00" + conversation))
	return hex.EncodeToString(sum[:])
}

// Origin says where something was said, and by whom. The zero value is the gateway itself.
type Origin struct {
	Channel      string            `json:"channel,omitempty"`
	Account      string            `json:"account,omitempty"`
	Conversation *wit.Conversation `json:"conversation,omitempty"`
	Sender       *wit.Person       `json:"sender,omitempty"`
	MessageID    string            `json:"messageId,omitempty"`
}

// At is the account through which it was said.
func (o *Origin) At() Account { return Account{o.Channel, o.Account} }

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
	// Home is the id that the conversation had first, where its platform has given it another since: what is known
	// of it is found by that.
	Home string `json:"home,omitempty"`
	// HomeThread is the same of a thread that has moved, which may have been in another conversation.
	HomeThread string `json:"homeThread,omitempty"`
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

// Move says that a platform has given a conversation another id, or a thread of one.
type Move struct {
	Account Account `json:"account"`
	From    string  `json:"from"`
	// Thread is the old id of a thread that has moved alone.
	Thread *string          `json:"thread,omitempty"`
	To     wit.Conversation `json:"to"`
}

// Is reports whether a conversation is the one that has moved, under its old id.
func (m *Move) Is(channel, account string, c *wit.Conversation) bool {
	return c != nil && c.ID == m.From && channel == m.Account.Channel && account == m.Account.ID &&
		(m.Thread == nil || c.Thread != nil && *c.Thread == *m.Thread)
}

// Apply gives a conversation that has moved its new id. A thread of it stays what it is, unless that has moved alone.
func (m *Move) Apply(c *wit.Conversation) {
	if c.ID, c.Kind = m.To.ID, m.To.Kind; m.To.Name != nil {
		c.Name = m.To.Name
	}
	if m.Thread != nil {
		c.Thread = m.To.Thread
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

// Speech says what a message is to somebody who wants answers spoken.
type Speech string

// What a message is; others are never spoken.
const (
	SpeechAnswer Speech = "answer" // to something that was written
	SpeechReply  Speech = "reply"  // to a voice message
	SpeechChosen Speech = "chosen" // whatever was said, in a conversation that is to be spoken
)

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
	// Choices are what people can choose at it: buttons, or numbers in the text where the platform has none.
	Choices []Choice `json:"choices,omitempty"`
	// Closes is the ID of an earlier message of the same conversation whose choices are over. This one's text is put below
	// that one's, or said by itself where the platform cannot change a message.
	Closes string `json:"closes,omitempty"`
	// Speech says whether its text may be sent as a voice note too.
	Speech Speech `json:"speech,omitempty"`
	// SessionKey, RunID and Agent say what it belongs to and who says it.
	SessionKey string `json:"sessionKey,omitempty"`
	RunID      string `json:"runId,omitempty"`
	Agent      string `json:"agent,omitempty"`
	// CreatedAt is in Unix milliseconds; now when 0.
	CreatedAt int64 `json:"createdAt"`
}

// Choice is one thing that people can choose at a message.
type Choice struct {
	Label string `json:"label"`
	// Value is what a button brings back: within the contract's bound, and nothing that people could guess.
	Value string `json:"value"`
	// Number is what it is called where it stands in the text.
	Number int             `json:"number"`
	Style  wit.ActionStyle `json:"style,omitempty"`
}

// Shown is how a message with choices has been sent.
type Shown struct {
	// Numbered says that the choices are numbers in its text.
	Numbered bool
	// IDs are the platform's, of those of its pieces that have arrived.
	IDs []string
}
