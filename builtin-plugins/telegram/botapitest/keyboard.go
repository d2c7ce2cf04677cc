package botapitest

import (
	"encoding/json"
	"net/http"
	"time"
)

// Button is one of an inline keyboard's. A bot can give it other things to do than CallbackData; the server knows none.
type Button struct {
	Text         string `json:"text"`
	CallbackData string `json:"callback_data"`
	Style        string `json:"style,omitempty"`
}

// maxData bounds callback_data in bytes (InlineKeyboardButton).
const maxData = 64

// styles are those that a button can have (InlineKeyboardButton, style).
var styles = map[string]bool{"": true, "danger": true, "success": true, "primary": true}

// keyboard reads the inline keyboard of a call (InlineKeyboardMarkup); nil for none.
func keyboard(p params) (json.RawMessage, error) {
	var markup struct {
		Rows [][]Button `json:"inline_keyboard"`
	}
	given, err := p.json("reply_markup", &markup)
	switch {
	case err != nil:
		return nil, badRequest("can't parse reply keyboard markup JSON object")
	case !given || len(markup.Rows) == 0:
		return nil, nil
	}
	for _, row := range markup.Rows {
		for _, b := range row {
			switch {
			case b.Text == "":
				return nil, badRequest("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
			case b.CallbackData == "" || len(b.CallbackData) > maxData:
				return nil, badRequest("BUTTON_DATA_INVALID")
			case !styles[b.Style]:
				return nil, badRequest("can't parse inline keyboard button: invalid button style specified")
			}
		}
	}
	return json.RawMessage(p.text("reply_markup")), nil
}

// Buttons are those below a message, row by row.
func (m *Message) Buttons() (rows [][]Button) {
	var markup struct {
		Rows [][]Button `json:"inline_keyboard"`
	}
	_ = json.Unmarshal(m.ReplyMarkup, &markup) // it was read when it came
	return markup.Rows
}

// Button returns the button of a message with a label.
func (m *Message) Button(label string) (Button, bool) {
	for _, row := range m.Buttons() {
		for _, b := range row {
			if b.Text == label {
				return b, true
			}
		}
	}
	return Button{}, false
}

// editMessageReplyMarkup changes the buttons of a message of the bot, and nothing else.
func editMessageReplyMarkup(s *Server, _ *http.Request, p params) (any, error) {
	buttons, err := keyboard(p)
	if err != nil {
		return nil, err
	}
	c := s.Chats
	c.mu.Lock()
	defer c.mu.Unlock()
	m, err := c.own(p, "edit")
	switch {
	case err != nil:
		return nil, err
	case m.From == nil || m.From.ID != c.bot.ID:
		return nil, badRequest("message can't be edited")
	case string(m.ReplyMarkup) == string(buttons):
		return nil, errNotModified()
	}
	m.ReplyMarkup, m.EditDate = buttons, time.Now().Unix()
	return *m, nil
}

// errNotModified refuses an edit that changes nothing.
func errNotModified() error {
	return badRequest("message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message")
}
