package botapitest

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits in UTF-16 code units (sendMessage, text; sendPhoto, caption).
const (
	maxText    = 4096
	maxCaption = 1024
)

// formatted reads a text parameter with its parse mode or its entities.
func formatted(p params, name, entitiesName string, limit int) (string, []Entity, error) {
	text, entities, err := parseText(p.text(name), p.text("parse_mode"))
	if errors.Is(err, errParseMode) {
		return "", nil, badRequest(err.Error())
	}
	if err != nil {
		return "", nil, badRequest("can't parse entities: " + err.Error())
	}
	if p.text("parse_mode") == "" {
		if _, err := p.json(entitiesName, &entities); err != nil {
			return "", nil, err
		}
	}
	text, entities = trim(text, entities)
	if utf16Len(text) > limit {
		if limit == maxText {
			return "", nil, badRequest("message is too long")
		}
		return "", nil, badRequest("message caption is too long")
	}
	if entities == nil {
		entities = detect(text)
	}
	return text, entities, nil
}

// nonEmpty refuses a text of which nothing can be seen, as given or once it was parsed.
func nonEmpty(p params, text string) error {
	switch {
	case strings.TrimSpace(p.text("text")) == "":
		return badRequest("message text is empty")
	case strings.TrimFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.In(r, unicode.Cc, unicode.Cf) }) == "":
		return badRequest("text must be non-empty")
	}
	return nil
}

// sendMessage sends a text.
func sendMessage(s *Server, _ *http.Request, p params) (any, error) {
	text, entities, err := formatted(p, "text", "entities", maxText)
	if err != nil {
		return nil, err
	}
	if err := nonEmpty(p, text); err != nil {
		return nil, err
	}
	return s.Chats.send("sendMessage", p, func(m *Message) error {
		m.Text, m.Entities = text, entities
		return nil
	})
}

// sendLocation sends a point on the map.
func sendLocation(s *Server, _ *http.Request, p params) (any, error) {
	var at Location
	_, errLat := p.json("latitude", &at.Latitude)
	_, errLong := p.json("longitude", &at.Longitude)
	if errLat != nil || errLong != nil || !p.has("latitude") || !p.has("longitude") {
		return nil, badRequest("latitude is empty")
	}
	return s.Chats.send("sendLocation", p, func(m *Message) error {
		m.Location = &at
		return nil
	})
}

// sendPoll asks a question (sendPoll: 1 to 300 characters, and 2 to 12 options of 1 to 100; anonymous unless it says otherwise, which it
// may not in channels).
func sendPoll(s *Server, _ *http.Request, p params) (any, error) {
	poll := Poll{Question: p.text("question"), Anonymous: !p.has("is_anonymous") || p.bool("is_anonymous"), Type: "regular", Multiple: p.bool("allows_multiple_answers")}
	if given, err := p.json("options", &poll.Options); err != nil || !given {
		return nil, badRequest("can't parse options JSON object")
	}
	switch n := utf8.RuneCountInString(poll.Question); {
	case n == 0:
		return nil, badRequest("poll question must be non-empty")
	case n > 300:
		return nil, badRequest("poll question length must not exceed 300")
	case len(poll.Options) < 2:
		return nil, badRequest("poll must have at least 2 option")
	case len(poll.Options) > 12:
		return nil, badRequest("poll can't have more than 12 options")
	}
	for _, o := range poll.Options {
		switch n := utf8.RuneCountInString(o.Text); {
		case n == 0:
			return nil, badRequest("poll option must be non-empty")
		case n > 100:
			return nil, badRequest("poll options length must not exceed 100")
		}
	}
	return s.Chats.send("sendPoll", p, func(m *Message) error {
		if m.Chat.Type == "channel" && !poll.Anonymous {
			return badRequest("non-anonymous polls can't be sent to channel chats")
		}
		poll.ID = strconv.FormatInt(m.Chat.ID, 10) + strconv.Itoa(len(s.Chats.world.messages[m.Chat.ID]))
		m.Poll = &poll
		return nil
	})
}

// send puts a message of the bot into a chat; fill adds what it consists of.
func (c *Chats) send(method string, p params, fill func(*Message) error) (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	chat, err := c.world.target(p.text("chat_id"))
	if err != nil {
		return nil, err
	}
	m := &Message{From: &c.bot, Chat: chat, Date: time.Now().Unix()}
	if chat.Type == "channel" {
		m.From, m.SenderChat = nil, &chat
	}
	if m.ReplyMarkup, err = keyboard(p); err != nil {
		return nil, err
	}
	if err := c.reply(m, p); err != nil {
		return nil, err
	}
	if err := c.thread(m, p); err != nil {
		return nil, err
	}
	if err := fill(m); err != nil {
		return nil, err
	}
	if err := c.limits.take(chat.ID, time.Now()); err != nil {
		return nil, err
	}
	m.MessageID = c.world.nextID(chat)
	c.world.messages[chat.ID] = append(c.world.messages[chat.ID], m)
	c.journal.addSent(Sent{Method: method, Message: *m, Silent: p.bool("disable_notification"), At: time.Now()})
	return *m, nil
}

// thread fills in the topic of a message that has its chat: the one that is named, or that of the message which it
// answers.
func (c *Chats) thread(m *Message, p params) error {
	thread := p.id("message_thread_id")
	switch {
	case thread != 0 && (!m.Chat.IsForum || thread == 1):
		return badRequest("message thread not found")
	case thread == 0 && m.Chat.IsForum && m.ReplyToMessage != nil:
		thread = m.ReplyToMessage.MessageThreadID
	}
	if why := c.world.topics[topic{m.Chat.ID, thread}]; why != "" {
		return badRequest(why)
	}
	m.MessageThreadID, m.IsTopicMessage = thread, thread != 0
	return nil
}

// reply fills in which message m answers.
func (c *Chats) reply(m *Message, p params) error {
	var to struct {
		MessageID int64  `json:"message_id"`
		Quote     string `json:"quote"`
		Allow     bool   `json:"allow_sending_without_reply"`
	}
	given, err := p.json("reply_parameters", &to)
	if err != nil {
		return badRequest("can't parse reply parameters JSON object")
	}
	if !given {
		to.MessageID, to.Allow = p.id("reply_to_message_id"), p.bool("allow_sending_without_reply")
	}
	if to.MessageID == 0 {
		return nil
	}
	original := c.world.find(m.Chat.ID, to.MessageID)
	if original == nil {
		if to.Allow {
			return nil
		}
		return badRequest("message to be replied not found")
	}
	m.ReplyToMessage = withoutReply(original)
	if to.Quote != "" {
		if !strings.Contains(original.Text, to.Quote) {
			return badRequest("QUOTE_TEXT_INVALID")
		}
		m.Quote = &Quote{Text: to.Quote, IsManual: true}
	}
	return nil
}

// own finds a message for a method that changes it.
func (c *Chats) own(p params, what string) (*Message, error) {
	chat, err := c.world.target(p.text("chat_id"))
	if err != nil {
		return nil, err
	}
	m := c.world.find(chat.ID, p.id("message_id"))
	if m == nil {
		return nil, badRequest("message to " + what + " not found")
	}
	return m, nil
}
