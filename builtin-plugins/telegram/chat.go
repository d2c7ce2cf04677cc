package telegram

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/wit"
)

// chat makes the calls of one operation on a chat, such as sending a message or editing one. What one call finds out
// about the chat holds for those after it.
type chat struct {
	host      *sdk.Host
	settings  settings
	id        string
	moved     bool // id is the supergroup's that the chat turned out to be
	topicGone bool // somebody has deleted the topic that is meant
}

func newChat(host *sdk.Host, config wit.JSON, to wit.Conversation) (*chat, error) {
	settings, err := readSettings(config)
	if err != nil {
		return nil, err
	}
	if to.ID == "" {
		return nil, wit.NewError(wit.CodeInvalid, "the message has no chat to go to")
	}
	return &chat{host: host, settings: settings, id: to.ID}, nil
}

// call calls a method that takes a chat_id. A group that has become a supergroup is followed to its new id
// (ResponseParameters, migrate_to_chat_id), which the chat then has. What was meant for a topic that somebody has
// deleted goes to the group itself.
func (c *chat) call(method string, params params) result {
	for { // each of the two can happen once
		if c.moved {
			params.replyTo = "" // a supergroup counts its messages anew
		}
		if c.topicGone {
			params.topic = ""
		}
		request := c.settings.request(method, method, nil)
		params.fill(&request, c.id)
		response, err := c.host.HTTP(&request)
		if err != nil {
			return result{failure: wit.AsError(err)}
		}
		r := decode(response)
		switch {
		case r.migratedTo != "" && !c.moved:
			c.id, c.moved = r.migratedTo, true
		case r.lostTopic() && params.topic != "":
			c.host.Warn("telegram: topic " + params.topic + " of chat " + c.id + " is gone; the message goes to the chat itself")
			c.topicGone = true
		default:
			return r
		}
	}
}

// callWithText calls with a text in Telegram's HTML and, if Telegram does not accept that, as it is: a text
// without formatting is better than none. So is the text as the model wrote it where nothing but formatting is in it.
func (c *chat) callWithText(method, field, text string, params params) result {
	if !isVisible(text) {
		return c.call(method, params)
	}
	html := toHTML(text)
	if c.settings.plain || !isVisible(withoutTags(html)) {
		return c.call(method, params.text(field, text))
	}
	r := c.call(method, params.text(field, html).text("parse_mode", "HTML"))
	if !r.dislikesFormatting() {
		return r
	}
	c.host.Warn("telegram: a text is sent without formatting: " + r.description)
	return c.call(method, params.text(field, text))
}

// sent is the answer of an operation on the chat: the ids of the messages, and where the chat has moved to.
func (c *chat) sent(to wit.Conversation, ids ...string) *wit.Sent {
	sent := &wit.Sent{IDs: ids}
	if c.moved {
		to.ID = c.id
		sent.Moved = &to
	}
	return sent
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
