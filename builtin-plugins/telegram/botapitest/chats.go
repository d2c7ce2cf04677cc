package botapitest

import (
	"slices"
	"sync"
	"time"
)

// Chats is what the bot can see, and what a test does there as other people. What happens in a chat is
// queued as an update while the chats are locked, so updates have the order of the messages.
type Chats struct {
	bot     User
	updates *Updates
	journal *Journal

	mu     sync.Mutex
	world  world
	files  files
	limits limiter
}

func newChats(cfg Config, updates *Updates, journal *Journal) *Chats {
	return &Chats{
		bot: cfg.Bot, updates: updates, journal: journal, world: newWorld(), files: files{byID: map[string]stored{}},
		limits: limiter{interval: cfg.ChatInterval, rate: cfg.GlobalRate, last: map[int64]time.Time{}},
	}
}

// Messages returns what a chat shows now.
func (c *Chats) Messages(chat int64) []Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := []Message{}
	for _, m := range c.world.messages[chat] {
		out = append(out, *m)
	}
	return out
}

// AddChat makes a chat known to the bot.
func (c *Chats) AddChat(chat Chat) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.world.chats[chat.ID] = chat
}

// AddFile keeps a file that a message may carry, and returns it.
func (c *Chats) AddFile(f File, data []byte) File {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.files.add(f, data)
}

// DM queues a private message of a user and returns it.
func (c *Chats) DM(user User, text string) Message {
	return c.Say(Message{From: &user, Chat: Chat{ID: user.ID, Type: "private", FirstName: user.FirstName, Username: user.Username}, Text: text})
}

// Say queues a message: its id and date are filled in where they are 0, and its entities (commands,
// mentions, links) where there are none. ReplyToMessage needs only a MessageID. The chat becomes known.
func (c *Chats) Say(m Message) Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.world.chats[m.Chat.ID] = m.Chat
	if m.MessageID == 0 {
		m.MessageID = c.world.nextID(m.Chat)
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
		if original := c.world.find(m.Chat.ID, m.ReplyToMessage.MessageID); original != nil {
			m.ReplyToMessage = withoutReply(original)
		}
	}
	c.world.messages[m.Chat.ID] = append(c.world.messages[m.Chat.ID], &m)
	kind := "message"
	if m.Chat.Type == "channel" {
		kind = "channel_post"
	}
	c.updates.Inject(kind, m)
	return m
}

// Edit changes the text of a message that a user sent.
func (c *Chats) Edit(chat, id int64, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.world.find(chat, id)
	if m == nil {
		return
	}
	m.Text, m.Entities, m.EditDate = text, detect(text), time.Now().Unix()
	kind := "edited_message"
	if m.Chat.Type == "channel" {
		kind = "edited_channel_post"
	}
	c.updates.Inject(kind, *m)
}

// React sets a user's reactions to a message; none takes them back.
func (c *Chats) React(chat, id int64, user User, old, new []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.updates.Inject("message_reaction", MessageReaction{
		Chat: c.world.chats[chat], MessageID: id, User: &user, Date: time.Now().Unix(),
		OldReaction: reactions(old), NewReaction: reactions(new),
	})
}

// reactions writes emoji as the API does.
func reactions(emoji []string) []Reaction {
	out := []Reaction{}
	for _, e := range emoji {
		out = append(out, Reaction{Type: "emoji", Emoji: e})
	}
	return out
}

// Press presses a button with data under a message.
func (c *Chats) Press(chat, id int64, user User, data string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	query := CallbackQuery{ID: "query" + itoa(c.updates.nextID()), From: user, Message: c.world.find(chat, id), ChatInstance: itoa(chat), Data: data}
	c.world.queries[query.ID] = true
	c.updates.Inject("callback_query", query)
}

// Vote says what a user has chosen in a poll, none to take a vote back.
func (c *Chats) Vote(chat, id int64, user User, options ...int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	chosen := append([]int{}, options...)
	c.updates.Inject("poll_answer", PollAnswer{PollID: c.world.find(chat, id).Poll.ID, User: user, OptionIDs: chosen})
}

// Block makes a user block the bot, or with an empty reason let it in again. The reason is what comes
// after "Forbidden: ", such as "bot was blocked by the user".
func (c *Chats) Block(chat int64, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.world.blocked[chat] = reason
}

// CloseTopic closes a forum's topic to the bot, which is no administrator; 0 is General.
func (c *Chats) CloseTopic(chat, thread int64) { c.loseTopic(topic{chat, thread}, "TOPIC_CLOSED") }

// DeleteTopic deletes a forum's topic and its messages.
func (c *Chats) DeleteTopic(chat, thread int64) {
	c.loseTopic(topic{chat, thread}, "message thread not found")
	c.mu.Lock()
	defer c.mu.Unlock()
	c.world.messages[chat] = slices.DeleteFunc(c.world.messages[chat], func(m *Message) bool { return m.MessageThreadID == thread })
}

func (c *Chats) loseTopic(t topic, why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.world.topics[t] = why
}

// Upgrade turns a group into a supergroup with another id, without a word. The bot hears of it when it sends.
func (c *Chats) Upgrade(from, to int64) (group, supergroup Chat) {
	c.mu.Lock()
	defer c.mu.Unlock()
	group = c.world.chats[from]
	supergroup = group
	supergroup.ID, supergroup.Type = to, "supergroup"
	c.world.chats[to] = supergroup
	c.world.migrated[from] = to
	return group, supergroup
}

// Migrate is Upgrade, and both chats say so, as the service has them do (Message, migrate_to_chat_id and
// migrate_from_chat_id).
func (c *Chats) Migrate(from, to int64) {
	group, supergroup := c.Upgrade(from, to)
	anonymous := User{ID: 1087968824, IsBot: true, FirstName: "Group", Username: "GroupAnonymousBot"}
	c.Say(Message{From: &anonymous, SenderChat: &group, Chat: group, MigrateToChatID: to})
	c.Say(Message{From: &anonymous, SenderChat: &supergroup, Chat: supergroup, MigrateFromID: from})
}

// withoutReply is how a message shows inside another one: replies do not nest (Message, reply_to_message).
func withoutReply(m *Message) *Message {
	out := *m
	out.ReplyToMessage = nil
	return &out
}
