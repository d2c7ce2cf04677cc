package feishu

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/known"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// A reaction's event does not say in which chat its message is, so that is asked. What is still to be asked is a part of
// the state, so that a restart loses no reaction.

// placeTimer fires when the places of reactions are to be asked again.
const placeTimer = "place"

// locate asks where the messages are whose reactions wait.
func locate(a *answer) {
	for _, w := range a.State.waiting {
		a.get(toMessage, w.event, "/im/v1/messages/"+form.Escape(w.message))
	}
}

// maxWaiting bounds the reactions whose place is not known yet.
const maxWaiting = 50

// waiting is a reaction whose place is not known yet.
type waiting struct {
	event, message, person, emoji string
	time                          int64
}

func readWaiting(v json.Value) (list []waiting) {
	for w := range v.Items() {
		list = append(list, waiting{
			event: w.Get("event").Text(), message: w.Get("message").Text(), person: w.Get("person").Text(), emoji: w.Get("emoji").Text(), time: w.Get("time").Int(),
		})
	}
	return list
}

func waitingJSON(list []waiting) wit.JSON {
	out := json.Array{}
	for _, w := range list {
		o := json.Sparse{Object: json.Object{}.Text("event", w.event).Text("message", w.message).Text("person", w.person)}
		o.AddText("emoji", w.emoji)
		o.AddInt("time", w.time)
		out = out.Add(o.JSON())
	}
	return out.JSON()
}

// reacted takes that somebody has reacted to a message, or has taken that back ("Message reaction added", "Message reaction
// removed"). An emoji that is taken back is "".
func reacted(e *event) {
	w := waiting{event: e.id, message: e.body.Get("message_id").Text(), person: e.body.Get("user_id", "open_id").Text(), time: e.body.Get("action_time").Int()}
	if e.body.Get("operator_type").Text() != "user" || w.message == "" || w.person == "" || max(len(w.event), len(w.message), len(w.person)) > known.MaxID {
		return
	}
	if e.isNew() {
		w.emoji = emojiOf(texts.Clip(e.body.Get("reaction_type", "emoji_type").Text(), known.MaxID))
	}
	if slices.ContainsFunc(e.State.waiting, func(o waiting) bool { return o.event == w.event }) {
		return
	}
	if len(e.State.waiting) == maxWaiting {
		e.State.waiting = e.State.waiting[1:]
	}
	e.State.waiting = append(slices.Clone(e.State.waiting), w)
	e.get(toMessage, w.event, "/im/v1/messages/"+form.Escape(w.message))
}

// isNew reports whether a reaction's event tells of one that was added: those of one that was removed have the same fields.
func (e *event) isNew() bool { return e.kind == "im.message.reaction.created_v1" }

// located takes where the message of a reaction is ("Obtain the content of the specified message").
func located(a *answer, event string, r result) {
	i := slices.IndexFunc(a.State.waiting, func(w waiting) bool { return w.event == event })
	if i < 0 {
		return
	}
	w := a.State.waiting[i]
	if err := r.err(); err != nil && err.Retryable {
		a.Timer(placeTimer, account.SoonRetry)
		return
	}
	a.State.waiting = slices.Delete(slices.Clone(a.State.waiting), i, i+1)
	for m := range r.Value.Get("data", "items").Items() {
		chat := m.Get("chat_id").Text()
		if chat == "" {
			break
		}
		a.Message(&wit.Message{
			ID: w.event, Kind: wit.MessageKindReaction, Conversation: a.place(chat), Sender: a.person(w.person), Text: w.emoji, Target: &w.message, Time: w.time,
		})
		break
	}
}

// React sets the bot's reaction to a message, or takes it back when the emoji is "" ("Add message reaction", "Delete message
// reaction").
func (Feishu) React(host *sdk.Host, reaction *wit.ChannelReaction) (*wit.Sent, error) {
	c, err := openChat(host, reaction.Config, reaction.To)
	if err != nil {
		return nil, err
	}
	path := "/im/v1/messages/" + form.Escape(reaction.ID) + "/reactions"
	if reaction.Emoji == "" {
		return c.done(reaction.ID, c.unreact(path))
	}
	kind := emojiType(reaction.Emoji)
	if kind == "" {
		return nil, wit.NewError(wit.CodeInvalid, "Feishu has no reaction "+texts.Clip(reaction.Emoji, 16)+": choose one such as 👍 ❤ 🎉 or the name of one of Feishu's, such as DONE")
	}
	body := json.Object{}.Raw("reaction_type", json.Object{}.Text("emoji_type", kind).JSON())
	return c.done(reaction.ID, c.call("POST", path, body))
}

// unreact takes back all reactions of the bot to a message.
func (c *chat) unreact(path string) result {
	r := c.call("GET", path+"?page_size=50", nil)
	for item := range r.Value.Get("data", "items").Items() {
		if id := item.Get("reaction_id").Text(); id != "" && item.Get("operator", "operator_type").Text() == "app" && item.Get("operator", "operator_id").Text() == c.settings.app {
			if r = c.call("DELETE", path+"/"+form.Escape(id), nil); !r.ok() && !r.gone() {
				return r
			}
		}
	}
	return r
}

// emojiNames are Feishu's types of the emoji that people use most, each behind the other ("Emojis introduction").
var emojiNames = strings.Fields(`
THUMBSUP 👍 ThumbsDown 👎 OK 👌 HEART ❤ HEARTBROKEN 💔 CLAP 👏 APPLAUSE 👏 PRAY 🙏 THANKS 🙏 MUSCLE 💪 FISTBUMP 👊 JIAYI ➕ DONE ✅
CheckMark ✅ CrossMark ❌ PARTY 🎉 Fire 🔥 ROSE 🌹 TROPHY 🏆 BEER 🍻 CAKE 🎂 GIFT 🎁 Coffee ☕ SMILE 😊 LAUGH 😄 LOL 😂 BLUSH ☺ WINK 😉
LOVE 😍 KISS 😘 THINKING 🤔 WAVE 👋 HUG 🤗 CRY 😢 SOB 😭 ANGRY 😡 FROWN ☹ SHOCKED 😱 WOW 😮 SLEEP 😴 SWEAT 😅 FACEPALM 🤦 SALUTE 🫡
EATING 🍉 POOP 💩 Hundred 💯 Alarm ⏰ Lightning ⚡ EYES 👀 GLANCE 👀 BOMB 💣 Trumpet 📣 Pin 📌 RAINBOW 🌈 Sun ☀ Music 🎵 Typing ⌨`)

// emojiOf is the emoji of a type; one that is not known stays one, between colons.
func emojiOf(kind string) string {
	for i := 0; i+1 < len(emojiNames); i += 2 {
		if emojiNames[i] == kind {
			return emojiNames[i+1]
		}
	}
	if kind == "" {
		return ""
	}
	return ":" + kind + ":"
}

// variants are what may follow an emoji and changes only how it looks.
var variants = strings.NewReplacer("\uFE0F", "", "\U0001F3FB", "", "\U0001F3FC", "", "\U0001F3FD", "", "\U0001F3FE", "", "\U0001F3FF", "")

// emojiType is Feishu's type of an emoji, or one that is named already; "" for what is not known.
func emojiType(emoji string) string {
	if named := strings.Trim(emoji, ":"); named != "" && strings.Trim(named, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == "" {
		return named
	}
	plain := variants.Replace(emoji)
	for i := 0; i+1 < len(emojiNames); i += 2 {
		if emojiNames[i+1] == plain {
			return emojiNames[i]
		}
	}
	return ""
}
