package telegram

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/wit"
)

// chat makes the calls of one operation on a chat, such as sending a message or editing one. What one call finds out
// about the chat holds for those after it.
type chat struct {
	host     *sdk.Host
	settings settings
	id       string
	movedTo  string // the id of the supergroup that the chat has become, "" where it is what it was
	lost     string // what became of the topic that is meant, "" for nothing
	told     bool   // a text has said what became of it
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

// call calls a method that takes a chat_id. It does not follow a group that has become a supergroup, but notes its new
// id: there, numbers of messages mean others. A reply to what is not there is sent as no reply.
func (c *chat) call(method string, params params) result {
	if c.lost != "" {
		params = params.outside()
	}
	request := c.settings.request(method, method, nil)
	params.fill(&request, c.id)
	response, err := c.host.HTTP(&request)
	if err != nil {
		return result{Reply: reply.Failed(wit.AsError(err))}
	}
	r := decode(response)
	c.movedTo = r.migratedTo
	if r.lostReply() && params.replyTo != "" {
		params.replyTo = ""
		return c.call(method, params)
	}
	return r
}

// leaves reports whether a call is to be made again outside of its topic, since somebody has closed or deleted that. A
// reply counts as a call in the topic of what it answers.
func (c *chat) leaves(r result, p params) bool {
	lost := r.lostTopic()
	if lost == "" || c.lost != "" || p.topic == "" && p.replyTo == "" {
		return false
	}
	c.host.Warn("telegram: topic " + p.topic + " of chat " + c.id + " is " + lost + "; the message goes to the chat itself")
	c.lost = lost
	return true
}

// callWithText calls with a text. What was meant for a topic that was closed or deleted goes to the group itself, and for a
// closed one the first text says so.
func (c *chat) callWithText(method, field string, text words, params params) result {
	r := c.callFormatted(method, field, text.with(c.word(), ""), params)
	if c.leaves(r, params) {
		r = c.callFormatted(method, field, text.with(c.word(), ""), params)
	}
	c.told = c.told || c.lost != "" && r.ok
	return r
}

// word is what stands before a text that was meant for a topic which people can still see. It fits between maxCaption and
// Telegram's bound.
func (c *chat) word() string {
	if c.lost != topicClosed || c.told {
		return ""
	}
	return "[for a closed topic]\n\n"
}

// callFormatted calls with a text in Telegram's HTML and, if Telegram does not accept that, without marks: a text
// without formatting is better than none.
func (c *chat) callFormatted(method, field string, text words, params params) result {
	if !isVisible(text.plain) {
		return c.call(method, params)
	}
	if c.settings.plain || text.html == "" {
		return c.call(method, params.text(field, text.plain))
	}
	r := c.call(method, params.text(field, text.html).text("parse_mode", "HTML"))
	if !r.dislikesFormatting() {
		return r
	}
	c.host.Warn("telegram: a text is sent without formatting: " + r.description)
	return c.call(method, params.text(field, text.plain))
}

// moved is the answer of an operation on a group that has become a supergroup: nothing was done, and where it is to be
// done again.
func (c *chat) moved(to wit.Conversation) *wit.Sent {
	to.ID = c.movedTo
	return &wit.Sent{Moved: &to}
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
