package feishu

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/known"
	"github.com/carapace-gateway/carapace/sdk/go/channel/menu"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// called takes what Feishu's call brings; the kernel has checked its signature and opened it. Each call is one event, of the
// form 2.0 ("Event overview"), or somebody's choice at a card ("Card callback communication"), which wants an answer in JSON.
func called(a *answer, call *wit.WebhookRequest) {
	a.Out.Reply = &wit.WebhookReply{Status: 200, Text: new("{}"), Headers: []wit.Header{{Name: "Content-Type", Value: "application/json"}}}
	if call.Text != nil {
		take(a, *call.Text)
	}
}

// take takes an event, in whichever way it came.
func take(a *answer, text string) {
	v, err := json.ParseText(text)
	if err != nil {
		a.Host.Warn("feishu: an event was not JSON and is passed over")
		return
	}
	head := v.Get("header")
	if app := head.Get("app_id").Text(); app != "" && a.Settings.app != "" && app != a.Settings.app {
		a.Host.Warn("feishu: an event for another app than appId is passed over: give that app an account of its own")
		return
	}
	e := event{answer: a, id: head.Get("event_id").Text(), kind: head.Get("event_type").Text(), time: head.Get("create_time").Int(), body: v.Get("event")}
	if e.id == "" || len(e.id) > maxID {
		return
	}
	if take := events[e.kind]; take != nil {
		take(&e)
	}
}

// maxID bounds an id, in bytes, so that there is room for what stands before it.
const maxID = 512

// event is one that a call brings.
type event struct {
	*answer
	id   string
	kind string
	time int64
	body json.Value
}

// events are the kinds that come to something.
var events = map[string]func(*event){
	"im.message.receive_v1":          received,
	"im.message.updated_v1":          updated,
	"im.message.recalled_v1":         recalled,
	"im.message.message_read_v1":     read,
	"im.message.reaction.created_v1": reacted,
	"im.message.reaction.deleted_v1": reacted,
	"im.chat.member.bot.added_v1":    added,
	"im.chat.member.bot.deleted_v1":  removed,
	"im.chat.updated_v1":             renamed,
	"application.bot.menu_v6":        picked,
	"card.action.trigger":            chosen,
}

// recalled takes that somebody has taken a message back ("Recall message"). Who, is not told.
func recalled(e *event) {
	message, chat := e.body.Get("message_id").Text(), e.body.Get("chat_id").Text()
	if message == "" || chat == "" {
		return
	}
	where := e.place(chat)
	m := wit.Message{ID: e.id, Kind: wit.MessageKindDeleted, Conversation: where, Target: &message, Time: e.body.Get("recall_time").Int()}
	if where.Kind == wit.ConversationKindDirect {
		m.Sender = e.person(where.ID)
	}
	e.Message(&m)
}

// read takes that somebody has read what the bot has sent, which is told of direct chats ("Message read").
func read(e *event) {
	who := e.body.Get("reader", "reader_id", "open_id").Text()
	if who == "" {
		return
	}
	for id := range e.body.Get("message_id_list").Items() {
		if text := id.Text(); len(e.Out.Receipts) < wit.ChannelAnswerReceiptsMax {
			e.Out.Receipts = append(e.Out.Receipts, wit.Receipt{
				Kind: wit.ReceiptKindRead, Conversation: wit.Conversation{Kind: wit.ConversationKindDirect, ID: who}, ID: &text,
			})
		}
	}
}

// added takes that somebody has put the bot into a group ("Bot added to group").
func added(e *event) {
	chat, who := e.body.Get("chat_id").Text(), e.body.Get("operator_id", "open_id").Text()
	if chat == "" {
		return
	}
	if name := e.body.Get("name").Text(); name != "" {
		e.State.chats = e.State.chats.With(known.Entry{ID: chat, Name: name})
	}
	e.Message(&wit.Message{
		ID: e.id, Kind: wit.MessageKindService, Conversation: e.group(chat), Sender: e.person(who), Text: "[the bot was added to the group]", Time: e.time,
	})
}

// removed takes that the bot is no longer in a group ("Bot removed from group").
func removed(e *event) {
	if chat := e.body.Get("chat_id").Text(); chat != "" {
		self := wit.Person{ID: e.State.me.id, Name: account.Optional(e.State.me.name), Bot: true}
		e.Out.Receipts = append(e.Out.Receipts, wit.Receipt{Kind: wit.ReceiptKindLeft, Conversation: e.group(chat), Sender: &self})
	}
}

// renamed takes that a group has another name ("Group configuration changed").
func renamed(e *event) {
	chat, name := e.body.Get("chat_id").Text(), e.body.Get("after_change", "name").Text()
	if was, seen := e.State.chats.Find(chat); seen && name != "" && was.Person == "" {
		e.State.chats = e.State.chats.With(known.Entry{ID: chat, Name: name})
	}
}

// chosen takes what somebody chose at a card ("Card callback communication").
func chosen(e *event) {
	who, message := e.body.Get("operator", "open_id").Text(), e.body.Get("context", "open_message_id").Text()
	value, chat := e.body.Get("action", "value", choiceField).Text(), e.body.Get("context", "open_chat_id").Text()
	if who == "" || message == "" || value == "" || chat == "" {
		return
	}
	where := e.place
	if e.body.Get("action", "value", withField).Text() == who {
		where = func(chat string) wit.Conversation { return e.direct(chat, who) }
	}
	e.Message(&wit.Message{
		ID: e.id, Kind: wit.MessageKindAction, Conversation: where(chat), Sender: e.person(who), Text: value, Target: &message, Time: e.time / microseconds(e.time),
	})
}

// picked takes that somebody picked an entry of the bot's menu, which is in direct chats alone ("Bot menu"): its event id is said, as
// a command where the gateway has one of that name.
func picked(e *event) {
	who, said := e.body.Get("operator", "operator_id", "open_id").Text(), strings.TrimSpace(e.body.Get("event_key").Text())
	if who == "" || len(who) > maxID || said == "" {
		return
	}
	if slices.ContainsFunc(menu.Default(), func(c menu.Command) bool { return c.Name == said }) {
		said = "/" + said
	}
	e.State.people = e.State.people.Seen(who)
	sender := e.person(who)
	e.Message(&wit.Message{
		ID: e.id, Kind: wit.MessageKindText, Conversation: wit.Conversation{Kind: wit.ConversationKindDirect, ID: who, Name: sender.Name},
		Sender: sender, Text: said, Mentioned: true, Time: e.time,
	})
}

// microseconds is by how much a time is finer than milliseconds: those of callbacks are in microseconds.
func microseconds(time int64) int64 {
	if time > 1e14 { // in milliseconds that is the year 5138
		return 1000
	}
	return 1
}
