package telegram

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// readButton reads that somebody has pressed a button (CallbackQuery): the data behind it, and the message that it is at.
// Of an old message Telegram tells no more than where it is.
func readButton(v json.Value, now int64, id string) *inbound {
	data := v.Get("data").Text()
	above := readPost(v.Get("message"))
	if data == "" || above.id == "" {
		return nil // a button of a game, or of a message that came by inline mode
	}
	return &inbound{message: wit.Message{
		ID: id, Kind: wit.MessageKindAction, Conversation: conversation(above.chat, above.thread),
		Sender: *readPerson(v.Get("from")).wit(), Text: data, Target: new(messageID(above.chat, above.id)), Time: now,
	}}
}

// maxButtons keeps the acknowledgements of buttons well within the requests that one answer may make. One
// that is left out costs a progress bar, which Telegram's programs show until they give up waiting.
const maxButtons = 5

// acknowledgeButton tells Telegram that the press of a button was seen (answerCallbackQuery). That it was too late is
// no trouble: nobody waits for it then.
func acknowledgeButton(a *answer, u update) {
	if len(a.Out.Requests) < maxButtons {
		a.requestOneOf(requestButton, u.ownID(), "answerCallbackQuery", json.Object{}.Text("callback_query_id", u.button))
	}
}

// withButtons returns p for a message with buttons below it (InlineKeyboardMarkup), if there are any.
func (p params) withButtons(rows []wit.ActionRow) params {
	if len(rows) == 0 {
		return p
	}
	keyboard := json.Array{}
	for _, row := range rows {
		buttons := json.Array{}
		for _, action := range row.Actions {
			button := json.Object{}.Text("text", action.Label).Text("callback_data", action.Value)
			if action.Style != wit.ActionStylePlain && action.Style != "" {
				button = button.Text("style", string(action.Style)) // primary and danger are Telegram's words too
			}
			buttons = buttons.Add(button.JSON())
		}
		keyboard = keyboard.Add(buttons.JSON())
	}
	return p.json("reply_markup", string(json.Object{}.Raw("inline_keyboard", keyboard.JSON()).JSON()))
}
