package line

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// called takes what LINE's call brings; the kernel has checked its signature. A call has several events, or none, when somebody tries
// the address ("Webhook event objects").
func called(a *answer, call *wit.WebhookRequest) {
	a.Out.Reply = &wit.WebhookReply{Status: 200}
	if call.Text == nil {
		return
	}
	v, err := json.ParseText(*call.Text)
	if err != nil {
		a.Host.Warn("line: a call was not JSON and is passed over")
		return
	}
	if to := v.Get("destination").Text(); to != "" && a.State.me.id != "" && to != a.State.me.id {
		a.Host.Warn("line: a call for another account is passed over: give that one an account of its own, with its own webhook URL")
		return
	}
	for body := range v.Get("events").Items() {
		if len(a.Out.Messages) >= wit.ChannelAnswerMessagesMax || len(a.Out.Receipts) >= wit.ChannelAnswerReceiptsMax {
			a.Host.Warn("line: a call had more events than can be taken at once; the rest is left out")
			return
		}
		e := event{answer: a, body: body, id: body.Get("webhookEventId").Text(), time: body.Get("timestamp").Int(), place: readPlace(body.Get("source"))}
		take := events[body.Get("type").Text()]
		if take == nil || e.id == "" || e.place.id == "" || max(len(e.id), len(e.place.id), len(e.place.person)) > maxID || body.Get("mode").Text() == "standby" {
			continue // standby: another program answers there ("Channel state")
		}
		take(&e)
	}
}

// maxID bounds an id, in bytes, so that there is room for what stands before it.
const maxID = 512

// event is one of a call. It has an id that stays the same when it comes again ("Webhook redelivery").
type event struct {
	*answer
	body  json.Value
	id    string
	time  int64
	place place
}

// events are the kinds that come to something.
var events = map[string]func(*event){
	"message":      received,
	"postback":     chosen,
	"unsend":       unsent,
	"follow":       followed,
	"unfollow":     left,
	"join":         joined,
	"leave":        left,
	"memberJoined": members(wit.ReceiptKindJoined, "joined"),
	"memberLeft":   members(wit.ReceiptKindLeft, "left"),
}

// message begins a message of the event.
func (e *event) message(kind wit.MessageKind, text string) *wit.Message {
	return &wit.Message{
		ID: e.id, Kind: kind, Conversation: e.conversation(e.place), Sender: e.person(e.place, e.place.person), Text: text, Time: e.time,
		Mentioned: e.place.kind == "user",
	}
}

// answerable remembers the event's reply token. Those of events that come again may be used up.
func (e *event) answerable() {
	if !e.body.Get("deliveryContext", "isRedelivery").Bool() {
		e.State.tokens = e.State.tokens.with(key{of: e.place.id, token: e.body.Get("replyToken").Text(), at: e.time})
	}
}

// unsent takes that somebody has taken a message back ("Unsend event").
func unsent(e *event) {
	if id := e.body.Get("unsend", "messageId").Text(); id != "" {
		m := e.message(wit.MessageKindDeleted, "")
		m.Target = &id
		e.Message(m)
	}
}

// choicePrefix begins the data of the account's own buttons.
const choicePrefix = "choice:"

// chosen takes what somebody chose of a message, or of a menu that the owner has made ("Postback event").
func chosen(e *event) {
	data := e.body.Get("postback", "data").Text()
	if data == "" {
		return
	}
	e.answerable()
	if len(data) > len(choicePrefix) && data[:len(choicePrefix)] == choicePrefix {
		e.Message(e.message(wit.MessageKindAction, data[len(choicePrefix):]))
		return
	}
	m := e.message(wit.MessageKindText, "[chose of the menu: "+data+"]")
	m.Mentioned = true
	e.Message(m)
}

// followed takes that somebody has added the account as a friend ("Follow event").
func followed(e *event) {
	e.answerable()
	e.Message(e.message(wit.MessageKindService, "[added the account as a friend]"))
}

// joined takes that the account was added to a group ("Join event"), by whom is not told.
func joined(e *event) {
	e.answerable()
	e.Message(e.message(wit.MessageKindService, "[the account was added to the group]"))
}

// left takes that somebody has blocked the account, or that it was removed from a group ("Unfollow event", "Leave event").
func left(e *event) {
	who := wit.Person{ID: e.place.id}
	if e.place.kind != "user" {
		who = wit.Person{ID: e.State.me.id, Bot: true}
	}
	e.Out.Receipts = append(e.Out.Receipts, wit.Receipt{Kind: wit.ReceiptKindLeft, Conversation: e.conversation(e.place), Sender: &who})
}

// members takes that people have come or gone ("Member joined event", "Member left event").
func members(kind wit.ReceiptKind, field string) func(*event) {
	return func(e *event) {
		for member := range e.body.Get(field, "members").Items() {
			if id := member.Get("userId").Text(); id != "" && len(e.Out.Receipts) < wit.ChannelAnswerReceiptsMax {
				who := e.person(e.place, id)
				e.Out.Receipts = append(e.Out.Receipts, wit.Receipt{Kind: kind, Conversation: e.conversation(e.place), Sender: &who})
			}
		}
	}
}
