package telegram

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/wit"
)

// chat makes the calls of one operation on a chat, such as sending a message or editing one.
type chat struct {
	host     *sdk.Host
	settings settings
	id       string
}

func newChat(host *sdk.Host, config wit.JSON, to wit.Conversation) (*chat, error) {
	settings, err := readSettings(config)
	if err != nil {
		return nil, err
	}
	if to.ID == "" {
		return nil, wit.NewError(wit.CodeInvalid, "the message has no chat to go to")
	}
	return &chat{host, settings, to.ID}, nil
}

// call calls a method that takes a chat_id. A group that has become a supergroup is followed to its new id
// (ResponseParameters, migrate_to_chat_id), which the chat then has.
func (c *chat) call(method string, params params) result {
	for range 2 {
		request := c.settings.request(method, method, nil)
		params.fill(&request, c.id)
		response, err := c.host.HTTP(&request)
		if err != nil {
			return result{failure: wit.AsError(err)}
		}
		r := decode(response)
		if r.ok || r.migratedTo == "" || r.migratedTo == c.id {
			return r
		}
		c.id = r.migratedTo
	}
	return result{failure: wit.NewError(wit.CodeNotFound, "the chat has moved twice")}
}

// callWithText calls with a text in Telegram's HTML and, if Telegram does not accept that, as it is: a text
// without formatting is better than none.
func (c *chat) callWithText(method, field, text string, params params) result {
	if text == "" {
		return c.call(method, params)
	}
	if !c.settings.plain {
		r := c.call(method, params.text(field, toHTML(text)).text("parse_mode", "HTML"))
		if r.ok || r.code != 400 || !r.says("can't parse entities") {
			return r
		}
		c.host.Warn("telegram: a text is sent without formatting: " + r.description)
	}
	return c.call(method, params.text(field, text))
}

// message returns the parameter that names a message of this chat. The error is invalid.
func (c *chat) message(id string) (params, error) {
	chat, message := splitID(id)
	if !isNumber(message) || chat != "" && chat != c.id {
		return params{}, wit.NewError(wit.CodeInvalid, id+" is not a message of chat "+c.id)
	}
	return params{}.json("message_id", message), nil
}

// topic returns the parameter that names a topic of this chat. The error is invalid.
func (c *chat) topic(thread *string) (params, error) {
	if thread == nil || *thread == "" || *thread == generalTopic {
		return params{}, nil
	}
	if !isNumber(*thread) {
		return params{}, wit.NewError(wit.CodeInvalid, "a topic's id is a number, not "+*thread)
	}
	return params{topic: *thread}, nil
}

// generalTopic is the topic that every forum has. Telegram does not find it by its id: it is meant when no
// topic is named.
const generalTopic = "1"
