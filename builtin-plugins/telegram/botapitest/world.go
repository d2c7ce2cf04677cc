package botapitest

import (
	"slices"
	"strconv"
	"strings"
)

// world is the chats and their messages. Chats has the lock.
type world struct {
	chats    map[int64]Chat
	messages map[int64][]*Message
	blocked  map[int64]string // chat → why the bot may not write there
	migrated map[int64]int64
	topics   map[topic]string // those that were closed or deleted → the words by which a send is refused
	queries  map[string]bool  // callback queries that were not answered
	nextOwn  int64            // message ids of private chats and groups come from one counter
}

// topic is one of a forum's; General has the number 0.
type topic struct{ chat, thread int64 }

func newWorld() world {
	return world{
		chats:    map[int64]Chat{},
		messages: map[int64][]*Message{},
		blocked:  map[int64]string{},
		migrated: map[int64]int64{},
		topics:   map[topic]string{},
		queries:  map[string]bool{},
	}
}

// nextID returns the next message id of a chat. Supergroups and channels count for themselves.
func (w *world) nextID(chat Chat) int64 {
	if chat.Type == "supergroup" || chat.Type == "channel" {
		if list := w.messages[chat.ID]; len(list) > 0 {
			return list[len(list)-1].MessageID + 1
		}
		return 1
	}
	w.nextOwn++
	return w.nextOwn
}

// find returns a message of a chat, nil when there is none.
func (w *world) find(chat, id int64) *Message {
	for _, m := range w.messages[chat] {
		if m.MessageID == id {
			return m
		}
	}
	return nil
}

// remove deletes a message and reports whether it was there.
func (w *world) remove(chat, id int64) bool {
	before := len(w.messages[chat])
	w.messages[chat] = slices.DeleteFunc(w.messages[chat], func(m *Message) bool { return m.MessageID == id })
	return len(w.messages[chat]) < before
}

// target resolves a chat_id parameter: a number or @username of a chat that the bot may write to.
func (w *world) target(chatID string) (Chat, error) {
	if chatID == "" {
		return Chat{}, badRequest("chat_id is empty")
	}
	chat, known := w.lookup(chatID)
	if !known {
		return Chat{}, badRequest("chat not found")
	}
	if to := w.migrated[chat.ID]; to != 0 {
		e := badRequest("group chat was upgraded to a supergroup chat")
		e.MigrateTo = to
		return Chat{}, e
	}
	if why := w.blocked[chat.ID]; why != "" {
		return Chat{}, &apiError{Code: 403, Description: "Forbidden: " + why}
	}
	return chat, nil
}

// lookup is target for a chat that the bot may only look at.
func (w *world) lookup(chatID string) (Chat, bool) {
	if name, ok := strings.CutPrefix(chatID, "@"); ok {
		for _, chat := range w.chats {
			if chat.Type != "private" && name != "" && strings.EqualFold(chat.Username, name) {
				return chat, true
			}
		}
		return Chat{}, false
	}
	id, err := strconv.ParseInt(strings.TrimSpace(chatID), 10, 64)
	if err != nil {
		return Chat{}, false
	}
	chat, known := w.chats[id]
	return chat, known
}

// itoa writes an id.
func itoa(n int64) string { return strconv.FormatInt(n, 10) }
