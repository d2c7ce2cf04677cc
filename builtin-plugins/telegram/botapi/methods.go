package botapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"
)

type handler func(*Server, *http.Request, params) (any, error)

// methods by name in lower case, as the service takes them.
var methods = map[string]handler{
	"getme":               getMe,
	"getupdates":          getUpdates,
	"setwebhook":          setWebhook,
	"deletewebhook":       deleteWebhook,
	"getwebhookinfo":      getWebhookInfo,
	"sendmessage":         sendMessage,
	"sendphoto":           sendFile("photo"),
	"senddocument":        sendFile("document"),
	"sendaudio":           sendFile("audio"),
	"sendvoice":           sendFile("voice"),
	"sendvideo":           sendFile("video"),
	"sendanimation":       sendFile("animation"),
	"sendlocation":        sendLocation,
	"editmessagetext":     editMessageText,
	"deletemessage":       deleteMessage,
	"sendchataction":      sendChatAction,
	"setmessagereaction":  setMessageReaction,
	"getfile":             getFile,
	"getchat":             getChat,
	"answercallbackquery": answerCallbackQuery,
	"setmycommands":       setMyCommands,
	"getmycommands":       getMyCommands,
}

func getMe(s *Server, _ *http.Request, _ params) (any, error) {
	return struct {
		User
		CanJoinGroups   bool `json:"can_join_groups"`
		CanReadAll      bool `json:"can_read_all_group_messages"`
		SupportsInline  bool `json:"supports_inline_queries"`
		HasMainWebApp   bool `json:"has_main_web_app"`
		CanConnectToBiz bool `json:"can_connect_to_business"`
	}{User: s.cfg.Bot, CanJoinGroups: true}, nil
}

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

func sendMessage(s *Server, _ *http.Request, p params) (any, error) {
	text, entities, err := formatted(p, "text", "entities", maxText)
	if err != nil {
		return nil, err
	}
	if text == "" {
		return nil, badRequest("message text is empty")
	}
	return s.send("sendMessage", p, func(m *Message) error {
		m.Text, m.Entities = text, entities
		return nil
	})
}

func sendLocation(s *Server, _ *http.Request, p params) (any, error) {
	var at Location
	_, errLat := p.json("latitude", &at.Latitude)
	_, errLong := p.json("longitude", &at.Longitude)
	if errLat != nil || errLong != nil || !p.has("latitude") || !p.has("longitude") {
		return nil, badRequest("latitude is empty")
	}
	return s.send("sendLocation", p, func(m *Message) error {
		m.Location = &at
		return nil
	})
}

// send puts a message of the bot into a chat; fill adds what it consists of.
func (s *Server) send(method string, p params, fill func(*Message) error) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	chat, err := s.world.target(p.text("chat_id"))
	if err != nil {
		return nil, err
	}
	m := &Message{From: &s.cfg.Bot, Chat: chat, Date: time.Now().Unix()}
	if chat.Type == "channel" {
		m.From, m.SenderChat = nil, &chat
	}
	if thread := p.id("message_thread_id"); thread != 0 {
		if !chat.IsForum || thread == 1 {
			return nil, badRequest("message thread not found")
		}
		m.MessageThreadID, m.IsTopicMessage = thread, true
	}
	if markup := p.text("reply_markup"); markup != "" {
		if !json.Valid([]byte(markup)) {
			return nil, badRequest("can't parse reply keyboard markup JSON object")
		}
		m.ReplyMarkup = json.RawMessage(markup)
	}
	if err := s.reply(m, p); err != nil {
		return nil, err
	}
	if err := fill(m); err != nil {
		return nil, err
	}
	if err := s.limits.take(s.cfg, chat.ID, time.Now()); err != nil {
		return nil, err
	}
	m.MessageID = s.world.nextID(chat)
	s.world.messages[chat.ID] = append(s.world.messages[chat.ID], m)
	s.sent = append(s.sent, Sent{Method: method, Message: *m, Silent: p.bool("disable_notification"), At: time.Now()})
	return *m, nil
}

// reply fills in which message m answers.
func (s *Server) reply(m *Message, p params) error {
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
	original := s.world.find(m.Chat.ID, to.MessageID)
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
func (s *Server) own(p params, what string) (*Message, error) {
	chat, err := s.world.target(p.text("chat_id"))
	if err != nil {
		return nil, err
	}
	m := s.world.find(chat.ID, p.id("message_id"))
	if m == nil {
		return nil, badRequest("message to " + what + " not found")
	}
	return m, nil
}

func editMessageText(s *Server, _ *http.Request, p params) (any, error) {
	text, entities, err := formatted(p, "text", "entities", maxText)
	if err != nil {
		return nil, err
	}
	if text == "" {
		return nil, badRequest("message text is empty")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.own(p, "edit")
	if err != nil {
		return nil, err
	}
	if m.From == nil || m.From.ID != s.cfg.Bot.ID {
		return nil, badRequest("message can't be edited")
	}
	if m.Text == "" {
		return nil, badRequest("there is no text in the message to edit")
	}
	if m.Text == text && sameEntities(m.Entities, entities) && string(m.ReplyMarkup) == p.text("reply_markup") {
		return nil, badRequest("message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message")
	}
	m.Text, m.Entities, m.EditDate = text, entities, time.Now().Unix()
	return *m, nil
}

func deleteMessage(s *Server, _ *http.Request, p params) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.own(p, "delete")
	if err != nil {
		return nil, err
	}
	s.world.remove(m.Chat.ID, m.MessageID)
	return true, nil
}

var chatActions = map[string]bool{
	"typing": true, "upload_photo": true, "record_video": true, "upload_video": true, "record_voice": true,
	"upload_voice": true, "upload_document": true, "choose_sticker": true, "find_location": true,
	"record_video_note": true, "upload_video_note": true,
}

func sendChatAction(s *Server, _ *http.Request, p params) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.world.target(p.text("chat_id")); err != nil {
		return nil, err
	}
	if !chatActions[p.text("action")] {
		return nil, badRequest("wrong parameter action in request")
	}
	return true, nil
}

// A bot may only use the emoji that Telegram offers as reactions; these are some of them.
var reactionEmoji = "👍👎❤🔥🥰👏😁🤔🤯😱🤬😢🎉🤩🤮💩🙏👌🕊🤡🥱🥴😍🐳🌚🌭💯🤣⚡🍌🏆💔🤨😐🍓🍾💋😈😴😭🤓👻👀🎃🙈😇😨🤝✍🤗🫡🎅🎄☃💅🤪🗿🆒💘🙉🦄😘💊🙊😎👾🤷😡"

func setMessageReaction(s *Server, _ *http.Request, p params) (any, error) {
	var list []Reaction
	if _, err := p.json("reaction", &list); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.own(p, "react"); err != nil {
		return nil, err
	}
	for _, r := range list {
		if r.Type != "emoji" || r.Emoji == "" || !strings.Contains(reactionEmoji, r.Emoji) {
			return nil, badRequest("REACTION_INVALID")
		}
	}
	if len(list) > 1 {
		return nil, badRequest("REACTIONS_TOO_MANY")
	}
	return true, nil
}

func answerCallbackQuery(s *Server, _ *http.Request, p params) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := p.text("callback_query_id")
	if !s.world.queries[id] {
		return nil, badRequest("query is too old and response timeout expired or query ID is invalid")
	}
	delete(s.world.queries, id)
	return true, nil
}

func getChat(s *Server, _ *http.Request, p params) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	chat, known := s.world.lookup(p.text("chat_id"))
	if !known {
		return nil, badRequest("chat not found")
	}
	return chat, nil
}

func setMyCommands(s *Server, _ *http.Request, p params) (any, error) {
	var list []Command
	if given, err := p.json("commands", &list); err != nil || !given {
		return nil, badRequest("can't parse commands JSON object")
	}
	for _, c := range list {
		if c.Command == "" || len(c.Command) > 32 || strings.ToLower(c.Command) != c.Command {
			return nil, badRequest("BOT_COMMAND_INVALID")
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commands = list
	return true, nil
}

func getMyCommands(s *Server, _ *http.Request, _ params) (any, error) {
	return append([]Command{}, s.Commands()...), nil
}
