package teams

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// maxID bounds an id, in bytes, as the kernel does; a message's has two of Teams.
const maxID = 500

// called takes an activity; the kernel has checked its token. What is of another bot or another channel of the Bot Framework is
// passed over.
func called(a *answer, call *wit.WebhookRequest) {
	a.Out.Reply = &wit.WebhookReply{Status: 200}
	if call.Text == nil {
		return
	}
	v, err := json.ParseText(*call.Text)
	if err != nil {
		a.Host.Warn("teams: a call was not JSON and is passed over")
		return
	}
	where, id := v.Get("conversation", "id").Text(), v.Get("id").Text()
	if v.Get("channelId").Text() != "msteams" || where == "" || max(len(where), len(id), len(v.Get("replyToId").Text()), len(v.Get("from", "id").Text())) > maxID {
		return
	}
	if to := v.Get("recipient", "id").Text(); to == a.Settings.me() && a.State.name == "" && len(v.Get("recipient", "name").Text()) < maxID {
		a.State.name = v.Get("recipient", "name").Text()
	}
	base, _ := divided(where)
	a.State.heard(base, v.Get("serviceUrl").Text())
	take(a, v)
}

// take takes what an activity of a type brings (Bot Connector API, "Activity object").
func take(a *answer, v json.Value) {
	switch v.Get("type").Text() {
	case "message":
		if value := v.Get("value", actionField); value.Exists() {
			a.chosen(v, value.Text())
			return
		}
		if data := v.Get("value"); data.Get(pollField).Exists() {
			a.voted(v, data)
			return
		}
		a.Message(a.message(v))
	case "messageUpdate":
		a.changed(v, wit.MessageKindEdited)
	case "messageDelete":
		a.changed(v, wit.MessageKindDeleted)
	case "messageReaction":
		a.reacted(v)
	case "conversationUpdate":
		a.members(v)
	case "typing":
		a.receipt(wit.ReceiptKindTyping, v, v.Get("from"))
	case "invoke":
		a.invoked(v)
	}
}

// base is a message with what all activities have.
func (a *answer) base(v json.Value, kind wit.MessageKind) *wit.Message {
	return &wit.Message{
		ID: messageID(v.Get("conversation", "id").Text(), v.Get("id").Text()), Kind: kind, Conversation: conversation(v),
		Sender: a.person(v.Get("from")), Time: moment(v.Get("timestamp").Text(), a.Now),
	}
}

// person is somebody of Teams.
func (a *answer) person(v json.Value) wit.Person {
	id := v.Get("id").Text()
	return wit.Person{ID: id, Name: account.Optional(v.Get("name").Text()), Username: account.Optional(v.Get("userPrincipalName").Text()), Bot: id == a.Settings.me()}
}

// changed takes that a message has another text now, or none (Conversation events, "Message update", "Message delete"). The
// activity has the message's id, so what happens to it gets one by the time.
func (a *answer) changed(v json.Value, kind wit.MessageKind) {
	m := a.message(v)
	if m == nil {
		return
	}
	m.Target = new(m.ID)
	m.ID += "#" + string(kind) + stamp(v)
	m.Kind, m.ReplyTo = kind, nil
	if kind == wit.MessageKindDeleted {
		m.Text, m.Attachments = "", nil
	}
	a.Message(m)
}

// stamp tells changes of a message apart.
func stamp(v json.Value) string {
	if t := v.Get("timestamp").Text(); len(t) < 64 {
		return t
	}
	return ""
}

// reacted takes reactions to a message, each as a message of its own (Conversation events, "Message reaction events").
func (a *answer) reacted(v json.Value) {
	target := messageID(v.Get("conversation", "id").Text(), v.Get("replyToId").Text())
	n := 0
	add := func(list json.Value, emoji func(kind string) string) {
		for r := range list.Items() {
			m := a.base(v, wit.MessageKindReaction)
			if n++; n > maxReactions || m.Sender.ID == "" || v.Get("replyToId").Text() == "" {
				return
			}
			m.ID += "#reaction" + stamp(v) + "/" + strconv.Itoa(n)
			m.Text, m.Target = emoji(r.Get("type").Text()), &target
			m.Mentioned = m.Conversation.Kind == wit.ConversationKindDirect
			a.Message(m)
		}
	}
	add(v.Get("reactionsRemoved"), func(string) string { return "" })
	add(v.Get("reactionsAdded"), emojiOf)
}

// maxReactions bounds what one activity tells.
const maxReactions = 20

// emojiOf is the emoji of a reaction: six have names, the others the emoji's code points before an underscore.
func emojiOf(kind string) string {
	switch kind {
	case "like":
		return "👍"
	case "heart":
		return "❤️"
	case "laugh":
		return "😆"
	case "surprised":
		return "😮"
	case "sad":
		return "😢"
	case "angry":
		return "😡"
	}
	out := []rune{}
	digits := ""
	for _, c := range kind + "_" {
		if c != '_' && c != '-' {
			digits += string(c)
			continue
		}
		point, err := strconv.ParseUint(digits, 16, 21)
		if err != nil || point < 0x23 {
			break
		}
		out, digits = append(out, rune(point)), ""
	}
	if len(out) == 0 {
		return kind
	}
	return string(out)
}

// members takes who has come and gone (Conversation events, "Members added"). That the bot itself was added is the first that is
// heard of a conversation; there is nothing to be said yet.
func (a *answer) members(v json.Value) {
	for m := range v.Get("membersAdded").Items() {
		a.receipt(wit.ReceiptKindJoined, v, m)
	}
	for m := range v.Get("membersRemoved").Items() {
		a.receipt(wit.ReceiptKindLeft, v, m)
	}
}

// receipt says that somebody types, has come, or has gone.
func (a *answer) receipt(kind wit.ReceiptKind, v, who json.Value) {
	p := a.person(who)
	if p.ID != "" && len(p.ID) <= maxID && len(a.Out.Receipts) < wit.ChannelAnswerReceiptsMax {
		a.Out.Receipts = append(a.Out.Receipts, wit.Receipt{Kind: kind, Conversation: conversation(v), Sender: &p})
	}
}

// invoked takes what waits for its answer: an action of a card, or what somebody says to a file that is offered.
func (a *answer) invoked(v json.Value) {
	switch v.Get("name").Text() {
	case "adaptiveCard/action":
		// Universal actions, "Response format": without an answer of this form the card shows an error.
		text := string(json.Object{}.Int("statusCode", 200).Text("type", "application/vnd.microsoft.activity.message").Text("value", "OK").JSON())
		a.Out.Reply.Text, a.Out.Reply.Headers = &text, []wit.Header{{Name: "Content-Type", Value: "application/json"}}
		data := v.Get("value", "action", "data")
		if value := data.Get(actionField); value.Exists() {
			a.chosen(v, value.Text())
		} else if data.Get(pollField).Exists() {
			a.voted(v, data)
		}
	case "fileConsent/invoke":
		a.consented(v)
	}
}

// chosen takes that somebody has chosen one of the actions of a message.
func (a *answer) chosen(v json.Value, value string) {
	if v.Get("replyToId").Text() == "" || value == "" {
		return
	}
	m := a.base(v, wit.MessageKindAction)
	m.Text, m.Mentioned = value, true
	m.Target = new(messageID(v.Get("conversation", "id").Text(), v.Get("replyToId").Text()))
	a.Message(m)
}
