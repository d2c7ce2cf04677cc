package botapitest

import (
	"net/http"
	"regexp"
	"strings"
	"time"
)

// handler answers a method: with its result, or with an *apiError.
type handler func(*Server, *http.Request, params) (any, error)

// methods by name in lower case, as the service takes them.
var methods = map[string]handler{
	"getme":                  getMe,
	"getupdates":             getUpdates,
	"setwebhook":             setWebhook,
	"deletewebhook":          deleteWebhook,
	"getwebhookinfo":         getWebhookInfo,
	"sendmessage":            sendMessage,
	"sendphoto":              sendFile("photo"),
	"senddocument":           sendFile("document"),
	"sendaudio":              sendFile("audio"),
	"sendvoice":              sendFile("voice"),
	"sendvideo":              sendFile("video"),
	"sendanimation":          sendFile("animation"),
	"sendlocation":           sendLocation,
	"sendpoll":               sendPoll,
	"editmessagetext":        editMessageText,
	"editmessagereplymarkup": editMessageReplyMarkup,
	"deletemessage":          deleteMessage,
	"sendchataction":         sendChatAction,
	"sendmessagedraft":       sendMessageDraft,
	"setmessagereaction":     setMessageReaction,
	"getfile":                getFile,
	"getchat":                getChat,
	"answercallbackquery":    answerCallbackQuery,
	"setmycommands":          setMyCommands,
	"deletemycommands":       deleteMyCommands,
	"getmycommands":          getMyCommands,
}

// getMe answers with the bot as a User that tells what it may do.
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

// editMessageText refuses messages of others, and a text that changes nothing.
func editMessageText(s *Server, _ *http.Request, p params) (any, error) {
	text, entities, err := formatted(p, "text", "entities", maxText)
	if err != nil {
		return nil, err
	}
	if err := nonEmpty(p, text); err != nil {
		return nil, err
	}
	c := s.Chats
	c.mu.Lock()
	defer c.mu.Unlock()
	m, err := c.own(p, "edit")
	if err != nil {
		return nil, err
	}
	if m.From == nil || m.From.ID != c.bot.ID {
		return nil, badRequest("message can't be edited")
	}
	if m.Text == "" {
		return nil, badRequest("there is no text in the message to edit")
	}
	buttons, err := keyboard(p)
	if err != nil {
		return nil, err
	}
	if m.Text == text && sameEntities(m.Entities, entities) && string(m.ReplyMarkup) == string(buttons) {
		return nil, errNotModified()
	}
	m.Text, m.Entities, m.ReplyMarkup, m.EditDate = text, entities, buttons, time.Now().Unix()
	return *m, nil
}

// deleteMessage deletes anybody's message: the bot is an administrator everywhere.
func deleteMessage(s *Server, _ *http.Request, p params) (any, error) {
	c := s.Chats
	c.mu.Lock()
	defer c.mu.Unlock()
	m, err := c.own(p, "delete")
	if err != nil {
		return nil, err
	}
	c.world.remove(m.Chat.ID, m.MessageID)
	return true, nil
}

// chatActions are the actions that a bot can show (sendChatAction, action).
var chatActions = map[string]bool{
	"typing": true, "upload_photo": true, "record_video": true, "upload_video": true, "record_voice": true,
	"upload_voice": true, "upload_document": true, "choose_sticker": true, "find_location": true,
	"record_video_note": true, "upload_video_note": true,
}

// sendChatAction shows nothing, but checks the action.
func sendChatAction(s *Server, _ *http.Request, p params) (any, error) {
	c := s.Chats
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := c.world.target(p.text("chat_id")); err != nil {
		return nil, err
	}
	if !chatActions[p.text("action")] {
		return nil, badRequest("wrong parameter action in request")
	}
	return true, nil
}

// sendMessageDraft shows a text in a private chat, which is no message; the next one with its id takes its place.
func sendMessageDraft(s *Server, _ *http.Request, p params) (any, error) {
	text, _, err := formatted(p, "text", "entities", maxText)
	if err != nil {
		return nil, err
	}
	c := s.Chats
	c.mu.Lock()
	defer c.mu.Unlock()
	chat, err := c.world.target(p.text("chat_id"))
	if err != nil {
		return nil, err
	}
	if chat.Type != "private" {
		return nil, badRequest("TEXTDRAFT_PEER_INVALID")
	}
	if id := p.text("draft_id"); id == "" || id == "0" {
		return nil, badRequest("RANDOM_ID_INVALID")
	}
	s.Journal.addDraft(Draft{Chat: chat.ID, ID: p.text("draft_id"), Text: text})
	return true, nil
}

// A bot may only use the emoji that Telegram offers as reactions; these are some of them.
var reactionEmoji = "👍👎❤🔥🥰👏😁🤔🤯😱🤬😢🎉🤩🤮💩🙏👌🕊🤡🥱🥴😍🐳🌚🌭💯🤣⚡🍌🏆💔🤨😐🍓🍾💋😈😴😭🤓👻👀🎃🙈😇😨🤝✍🤗🫡🎅🎄☃💅🤪🗿🆒💘🙉🦄😘💊🙊😎👾🤷😡"

// setMessageReaction keeps no reactions: the bot does not see its own.
func setMessageReaction(s *Server, _ *http.Request, p params) (any, error) {
	var list []Reaction
	if _, err := p.json("reaction", &list); err != nil {
		return nil, err
	}
	c := s.Chats
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := c.own(p, "react"); err != nil {
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

// answerCallbackQuery acknowledges a pressed button, once.
func answerCallbackQuery(s *Server, _ *http.Request, p params) (any, error) {
	c := s.Chats
	c.mu.Lock()
	defer c.mu.Unlock()
	id := p.text("callback_query_id")
	if !c.world.queries[id] {
		return nil, badRequest("query is too old and response timeout expired or query ID is invalid")
	}
	delete(c.world.queries, id)
	return true, nil
}

// getChat answers for chats that the bot was put out of as well.
func getChat(s *Server, _ *http.Request, p params) (any, error) {
	c := s.Chats
	c.mu.Lock()
	defer c.mu.Unlock()
	chat, known := c.world.lookup(p.text("chat_id"))
	if !known {
		return nil, badRequest("chat not found")
	}
	return chat, nil
}

// setMyCommands sets the bot's menu for a scope (BotCommand: 1 to 32 lower-case letters, digits and underscores, with a description
// of 1 to 256 characters; at most 100).
func setMyCommands(s *Server, _ *http.Request, p params) (any, error) {
	var list []Command
	if given, err := p.json("commands", &list); err != nil || !given {
		return nil, badRequest("can't parse commands JSON object")
	}
	scope, err := commandScope(p)
	if err != nil {
		return nil, err
	}
	if len(list) > 100 {
		return nil, badRequest("BOT_COMMANDS_TOO_MUCH")
	}
	for _, c := range list {
		if !commandName.MatchString(c.Command) {
			return nil, badRequest("BOT_COMMAND_INVALID")
		}
		if c.Description == "" || len(c.Description) > 256 {
			return nil, badRequest("BOT_COMMAND_DESCRIPTION_INVALID")
		}
	}
	s.Journal.setCommands(scope, list)
	return true, nil
}

var commandName = regexp.MustCompile(`^[a-z0-9_]{1,32}$`)

// deleteMyCommands takes a scope's menu away.
func deleteMyCommands(s *Server, _ *http.Request, p params) (any, error) {
	scope, err := commandScope(p)
	if err != nil {
		return nil, err
	}
	s.Journal.setCommands(scope, nil)
	return true, nil
}

// getMyCommands answers with the menu that was set for a scope.
func getMyCommands(s *Server, _ *http.Request, p params) (any, error) {
	scope, err := commandScope(p)
	if err != nil {
		return nil, err
	}
	return append([]Command{}, s.Menu(scope)...), nil
}

// commandScope reads whom a menu is for (BotCommandScope); of those there are, the ones of whole kinds of chats.
func commandScope(p params) (string, error) {
	scope := struct{ Type string }{"default"}
	if _, err := p.json("scope", &scope); err != nil {
		return "", badRequest("can't parse BotCommandScope")
	}
	switch scope.Type {
	case "default", "all_private_chats", "all_group_chats", "all_chat_administrators":
		return scope.Type, nil
	}
	return "", badRequest("can't parse BotCommandScope: unsupported type specified")
}
