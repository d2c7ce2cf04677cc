package signal

import (
	"cmp"
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// handleFrame takes one event of the stream: an envelope, or why one could not be read.
func handleFrame(a *answer, frame *wit.Frame) {
	if frame.Text == nil {
		return
	}
	v, err := json.ParseText(*frame.Text)
	if err != nil {
		a.Host.Warn("signal: an event was not JSON and is passed over")
		return
	}
	if account := v.Get("account").Text(); account != "" && account != a.Settings.account {
		return // of another account of the same daemon
	}
	if e := v.Get("exception"); e.Exists() {
		a.Host.Warn("signal: a message from " + cmp.Or(v.Get("envelope", "sourceNumber").Text(), v.Get("envelope", "source").Text()) +
			" could not be read: " + e.Get("type").Text() + ": " + e.Get("message").Text())
	}
	read(a, v.Get("envelope"))
}

// maxID bounds what somebody is known by, in bytes, well within the kernel's bound of a message's id.
const maxID = 512

// envelope is who sent what an event has, and when.
type envelope struct {
	number, id, name string
	who              string // what the kernel knows them by
	time             int64  // milliseconds, which name the message too
}

// read takes an envelope. It has one of several contents.
func read(a *answer, v json.Value) {
	e := envelope{
		number: v.Get("sourceNumber").Text(), id: v.Get("sourceUuid").Text(), name: v.Get("sourceName").Text(), time: v.Get("timestamp").Int(),
	}
	if e.number == "" && e.id == "" || len(e.number)+len(e.id) > maxID {
		return
	}
	if e.isSelf(a) {
		e.who = a.Settings.account
		a.selfSent(e, v.Get("syncMessage", "sentMessage"))
		return
	}
	var moved string
	if e.who, moved = a.State.named(e.number, e.id); moved != "" {
		a.Out.Moved = append(a.Out.Moved, wit.Move{From: moved, To: e.direct()})
	}
	switch edit := v.Get("editMessage"); {
	case v.Get("dataMessage").Exists():
		a.deliver(e, v.Get("dataMessage"), "")
	case edit.Exists():
		a.deliver(e, edit.Get("dataMessage"), messageID(e.author(), edit.Get("targetSentTimestamp").Text()))
	case v.Get("typingMessage").Exists():
		a.typing(e, v.Get("typingMessage"))
	case v.Get("receiptMessage").Exists():
		a.receipts(e, v.Get("receiptMessage"))
	case v.Get("callMessage", "offerMessage").Exists():
		m := e.message(e.direct())
		m.Kind, m.Text = wit.MessageKindService, "[called, which cannot be answered here]"
		a.Out.Messages = append(a.Out.Messages, m)
	}
}

// isSelf reports whether another device of the account has sent it.
func (e envelope) isSelf(a *answer) bool {
	return e.number != "" && e.number == a.Settings.account || e.id != "" && e.id == a.State.me
}

// selfSent takes what the owner has written on another device of the account. It is said to somebody else, and nothing to be
// answered, but for what they write to themselves, if they want that.
func (a *answer) selfSent(e envelope, v json.Value) {
	to := cmp.Or(v.Get("destinationNumber").Text(), v.Get("destinationUuid").Text())
	if !a.Settings.notes || v.Get("groupInfo").Exists() || to == "" || to != a.Settings.account && to != a.State.me {
		return
	}
	if edit := v.Get("editMessage"); edit.Exists() {
		a.deliver(e, edit.Get("dataMessage"), messageID(e.author(), edit.Get("targetSentTimestamp").Text()))
		return
	}
	a.deliver(e, v, "")
}

// typing says that somebody writes.
func (a *answer) typing(e envelope, v json.Value) {
	if v.Get("action").Text() != "STARTED" {
		return
	}
	here := e.direct()
	if group := v.Get("groupId").Text(); group != "" {
		here = wit.Conversation{Kind: wit.ConversationKindGroup, ID: group}
	}
	a.Out.Receipts = append(a.Out.Receipts, wit.Receipt{Kind: wit.ReceiptKindTyping, Conversation: here, Sender: e.person()})
}

// receipts says which of the account's messages have arrived, or were read.
func (a *answer) receipts(e envelope, v json.Value) {
	kind := wit.ReceiptKindDelivered
	if v.Get("isRead").Bool() || v.Get("isViewed").Bool() {
		kind = wit.ReceiptKindRead
	}
	for time := range v.Get("timestamps").Items() {
		if len(a.Out.Receipts) < wit.ChannelAnswerReceiptsMax {
			a.Out.Receipts = append(a.Out.Receipts, wit.Receipt{
				Kind: kind, Conversation: e.direct(), Sender: e.person(), ID: new(messageID(a.self(), time.Text())),
			})
		}
	}
}

// self is the author of the account's own messages.
func (a *answer) self() string { return cmp.Or(a.State.me, a.Settings.account) }

// author is the first part of the ids of what somebody has written.
func (e envelope) author() string { return cmp.Or(e.id, e.number) }

func (e envelope) person() *wit.Person { return &wit.Person{ID: e.who, Name: account.Optional(e.name)} }

// direct is the conversation with somebody.
func (e envelope) direct() wit.Conversation {
	return wit.Conversation{Kind: wit.ConversationKindDirect, ID: e.who, Name: account.Optional(e.name)}
}

// message begins a message that was said in a conversation.
func (e envelope) message(where wit.Conversation) wit.Message {
	return wit.Message{
		ID: messageID(e.author(), strconv.FormatInt(e.time, 10)), Kind: wit.MessageKindText, Conversation: where, Sender: *e.person(), Time: e.time,
	}
}

// messageID is a message's id for the kernel.
func messageID(author, time string) string { return author + ":" + time }
