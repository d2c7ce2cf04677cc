package googlechat

import (
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// maxID bounds an id, in bytes.
const maxID = 900

// called takes an event (Receive and respond to interaction events); the kernel has checked its token. It is answered without a
// message: those go by the API.
func called(a *answer, call *wit.WebhookRequest) {
	a.Out.Reply = &wit.WebhookReply{Status: 200, Headers: []wit.Header{{Name: "Content-Type", Value: "application/json"}}, Text: new("{}")}
	if call.Text == nil {
		return
	}
	v, err := json.ParseText(*call.Text)
	if err != nil {
		a.Host.Warn("googlechat: a call was not JSON and is passed over")
		return
	}
	if v.Get("chat").Exists() {
		a.Host.Warn("googlechat: an event has the form of a Google Workspace add-on: build the app as a Chat app, without the box for add-ons")
		return
	}
	where := v.Get("space", "name").Text()
	if where == "" || max(len(where), len(v.Get("message", "name").Text()), len(v.Get("user", "name").Text()), len(v.Get("message", "thread", "name").Text())) > maxID {
		return
	}
	switch v.Get("type").Text() {
	case "MESSAGE":
		a.Message(message(v, a.Settings))
	case "ADDED_TO_SPACE":
		a.receipt(wit.ReceiptKindJoined, v)
		a.Message(message(v, a.Settings)) // where it was added by being named
	case "REMOVED_FROM_SPACE":
		a.receipt(wit.ReceiptKindLeft, v)
	case "CARD_CLICKED":
		a.Message(chosen(v))
	}
}

// receipt says that the app has come, or gone.
func (a *answer) receipt(kind wit.ReceiptKind, v json.Value) {
	a.Out.Receipts = append(a.Out.Receipts, wit.Receipt{Kind: kind, Conversation: conversation(v)})
}

// conversation is where something was said. Threads of a direct message are not shown as such.
func conversation(v json.Value) wit.Conversation {
	space := v.Get("space")
	c := wit.Conversation{Kind: wit.ConversationKindGroup, ID: space.Get("name").Text(), Name: account.Optional(space.Get("displayName").Text())}
	if kind := space.Get("spaceType").Text(); kind == "DIRECT_MESSAGE" || kind == "" && space.Get("type").Text() == "DM" {
		c.Kind, c.Name = wit.ConversationKindDirect, account.Optional(v.Get("user", "displayName").Text())
		return c
	}
	if space.Get("spaceThreadingState").Text() != "UNTHREADED_MESSAGES" {
		c.Thread = account.Optional(v.Get("message", "thread", "name").Text())
	}
	return c
}

// person is somebody of Google Chat.
func person(v json.Value) wit.Person {
	return wit.Person{
		ID: v.Get("name").Text(), Name: account.Optional(v.Get("displayName").Text()), Username: account.Optional(v.Get("email").Text()), Bot: v.Get("type").Text() == "BOT",
	}
}

// moment is a time as events have it, in milliseconds since 1970; 0 where there is none.
func moment(text string) int64 {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return 0
	}
	return t.UnixMilli()
}

// chosen takes that somebody has chosen one of the actions of a message (Collect information, "action").
func chosen(v json.Value) *wit.Message {
	value, message := "", v.Get("message", "name").Text()
	for p := range v.Get("action", "parameters").Items() {
		if p.Get("key").Text() == actionField {
			value = p.Get("value").Text()
		}
	}
	if value == "" {
		value = v.Get("common", "parameters", actionField).Text()
	}
	if value == "" || message == "" || v.Get("user", "name").Text() == "" {
		return nil
	}
	at := v.Get("eventTime").Text()
	return &wit.Message{
		ID: message + "#" + v.Get("user", "name").Text() + at[:min(len(at), 64)], Kind: wit.MessageKindAction, Conversation: conversation(v), Sender: person(v.Get("user")),
		Text: value, Target: &message, Mentioned: true, Time: moment(at),
	}
}
