package botapi

import (
	"maps"
	"slices"
	"time"
	"unicode/utf16"
)

// Call is one call that the bot made, with its parameters; files are "file:<name>".
type Call struct {
	Method string            `json:"method"`
	Params map[string]string `json:"params"`
	// Code of the error that answered it, 0 for none; Fault names an injected one.
	Code  int       `json:"code,omitempty"`
	Fault string    `json:"fault,omitempty"`
	At    time.Time `json:"at"`
}

// Sent is a message of the bot that reached a chat, as it was at that moment.
type Sent struct {
	Method  string    `json:"method"`
	Message Message   `json:"message"`
	Silent  bool      `json:"silent,omitempty"`
	At      time.Time `json:"at"`
}

// Calls returns the calls that were handled so far.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Sent returns the messages that the bot sent so far, in order. Edits and deletions do not change it.
func (s *Server) Sent() []Sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sent)
}

// Messages returns what a chat shows now.
func (s *Server) Messages(chat int64) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []Message{}
	for _, m := range s.world.messages[chat] {
		out = append(out, *m)
	}
	return out
}

// Pending returns how many updates the bot has not confirmed.
func (s *Server) Pending() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue.waiting)
}

// Repeated returns how many updates polls have returned more than once, counting each repetition.
func (s *Server) Repeated() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queue.repeated
}

// Polling reports whether a getUpdates is waiting.
func (s *Server) Polling() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.poll != nil
}

// Commands returns the menu that the bot set.
func (s *Server) Commands() []Command {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.commands)
}

// AddChat makes a chat known to the bot.
func (s *Server) AddChat(chat Chat) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.chats[chat.ID] = chat
}

// AddFile keeps a file that a message may carry, and returns it.
func (s *Server) AddFile(f File, data []byte) File {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.world.addFile(f, data)
}

// DM queues a private message of a user and returns it.
func (s *Server) DM(user User, text string) Message {
	return s.Say(Message{From: &user, Chat: Chat{ID: user.ID, Type: "private", FirstName: user.FirstName, Username: user.Username}, Text: text})
}

// Say queues a message: its id and date are filled in where they are 0, and its entities (commands,
// mentions, links) where there are none. ReplyToMessage needs only a MessageID. The chat becomes known.
func (s *Server) Say(m Message) Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.chats[m.Chat.ID] = m.Chat
	if m.MessageID == 0 {
		m.MessageID = s.world.nextID(m.Chat)
	}
	if m.Date == 0 {
		m.Date = time.Now().Unix()
	}
	if m.Entities == nil {
		m.Entities = detect(m.Text)
	}
	if m.CaptionEntities == nil {
		m.CaptionEntities = detect(m.Caption)
	}
	if m.ReplyToMessage != nil {
		if original := s.world.find(m.Chat.ID, m.ReplyToMessage.MessageID); original != nil {
			m.ReplyToMessage = withoutReply(original)
		}
	}
	s.world.messages[m.Chat.ID] = append(s.world.messages[m.Chat.ID], &m)
	kind := "message"
	if m.Chat.Type == "channel" {
		kind = "channel_post"
	}
	s.push(kind, m)
	return m
}

// Edit changes the text of a message that a user sent.
func (s *Server) Edit(chat, id int64, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.world.find(chat, id)
	if m == nil {
		return
	}
	m.Text, m.Entities, m.EditDate = text, detect(text), time.Now().Unix()
	kind := "edited_message"
	if m.Chat.Type == "channel" {
		kind = "edited_channel_post"
	}
	s.push(kind, *m)
}

// React sets a user's reactions to a message; none takes them back.
func (s *Server) React(chat, id int64, user User, old, new []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.push("message_reaction", MessageReaction{
		Chat: s.world.chats[chat], MessageID: id, User: &user, Date: time.Now().Unix(),
		OldReaction: reactions(old), NewReaction: reactions(new),
	})
}

func reactions(emoji []string) []Reaction {
	out := []Reaction{}
	for _, e := range emoji {
		out = append(out, Reaction{Type: "emoji", Emoji: e})
	}
	return out
}

// Press presses a button with data under a message.
func (s *Server) Press(chat, id int64, user User, data string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	query := CallbackQuery{ID: "query" + itoa(s.queue.next), From: user, Message: s.world.find(chat, id), ChatInstance: itoa(chat), Data: data}
	s.world.queries[query.ID] = true
	s.push("callback_query", query)
}

// Inject queues an update of any kind with v as its body.
func (s *Server) Inject(kind string, v any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.push(kind, v)
}

// Redeliver makes the next poll begin with the last n confirmed updates.
func (s *Server) Redeliver(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue.again = n
	if len(s.queue.past) > 0 {
		s.touch()
	}
}

// Block makes a user block the bot, or with an empty reason let it in again. The reason is what comes
// after "Forbidden: ", such as "bot was blocked by the user".
func (s *Server) Block(chat int64, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.blocked[chat] = reason
}

// Migrate turns a group into a supergroup with another id.
func (s *Server) Migrate(from, to int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	chat := s.world.chats[from]
	chat.ID, chat.Type = to, "supergroup"
	s.world.chats[to] = chat
	s.world.migrated[from] = to
}

// Stats counts the calls by method.
func (s *Server) Stats() map[string]int {
	out := map[string]int{}
	for _, c := range s.Calls() {
		out[c.Method]++
	}
	return maps.Clone(out)
}

func withoutReply(m *Message) *Message {
	out := *m
	out.ReplyToMessage = nil
	return &out
}

func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		n += max(1, utf16.RuneLen(r))
	}
	return n
}
