package discordtest

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"
)

// DM has somebody write to the bot directly.
func (w *world) DM(u User, text string) Message {
	return w.Say(Message{Author: &u, ChannelID: w.DirectChat(u).ID, Content: text})
}

// Write has somebody write in a channel.
func (w *world) Write(u User, channel, text string) Message {
	return w.Say(Message{Author: &u, ChannelID: channel, Content: text})
}

// Reply has somebody answer a message.
func (w *world) Reply(u User, to Message, text string) Message {
	return w.Say(Message{Author: &u, ChannelID: to.ChannelID, Content: text, Type: 19,
		MessageReference: &Reference{MessageID: to.ID, ChannelID: to.ChannelID}})
}

var mention = regexp.MustCompile(`<@(&?)!?(\d+)>`)

// Say has a message said: what it leaves out is filled in, such as its id and whom it mentions.
func (w *world) Say(m Message) Message {
	w.mu.Lock()
	defer w.mu.Unlock()
	return *w.say(m)
}

// say adds a message to its channel and tells the bot.
func (w *world) say(m Message) *Message {
	c := w.channels[m.ChannelID]
	if c == nil {
		panic("discordtest: there is no channel " + m.ChannelID)
	}
	m.ID, m.Timestamp = w.id(), stamp(time.Now())
	w.complete(&m, c)
	w.messages[c.ID] = append(w.messages[c.ID], &m)
	w.gateway.dispatch("MESSAGE_CREATE", m, intentOf(c, intentMessages, intentDirect))
	return &m
}

// complete fills in what a message leaves out.
func (w *world) complete(m *Message, c *Channel) {
	if m.Author != nil && m.WebhookID == "" {
		w.users[m.Author.ID] = *m.Author
	}
	m.GuildID, m.ChannelType = c.GuildID, &c.Type
	if c.GuildID != "" && m.Member == nil {
		m.Member = &Member{Roles: []string{}, JoinedAt: m.Timestamp}
	}
	m.Mentions, m.MentionRoles = []User{}, []string{}
	for _, found := range mention.FindAllStringSubmatch(m.Content, -1) {
		if u, known := w.users[found[2]]; found[1] == "" && known {
			m.Mentions = append(m.Mentions, u)
		} else if found[1] != "" {
			m.MentionRoles = append(m.MentionRoles, found[2])
		}
	}
	if r := m.MessageReference; r != nil && r.Type == 0 {
		if original := w.find(r.ChannelID, r.MessageID); original != nil {
			quoted := *original
			quoted.ReferencedMessage = nil
			m.ReferencedMessage = &quoted
		}
	}
	if m.Attachments == nil {
		m.Attachments = []Attachment{}
	}
	if m.Embeds == nil {
		m.Embeds = []Embed{}
	}
}

// Edit has a message's text changed by whoever wrote it.
func (w *world) Edit(m Message, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := stamp(time.Now())
	if own := w.find(m.ChannelID, m.ID); own != nil {
		own.Content, own.EditedTimestamp = text, &now
		w.gateway.dispatch("MESSAGE_UPDATE", *own, intentOf(w.channels[m.ChannelID], intentMessages, intentDirect))
	}
}

// Delete has a message deleted.
func (w *world) Delete(m Message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.remove(m.ChannelID, m.ID)
}

func (w *world) remove(channel, id string) {
	w.messages[channel] = slices.DeleteFunc(w.messages[channel], func(m *Message) bool { return m.ID == id })
	c := w.channels[channel]
	event := map[string]any{"id": id, "channel_id": channel}
	if c != nil && c.GuildID != "" {
		event["guild_id"] = c.GuildID
	}
	w.gateway.dispatch("MESSAGE_DELETE", event, intentOf(c, intentMessages, intentDirect))
}

// React has somebody set an emoji at a message, or take it back.
func (w *world) React(u User, m Message, emoji string, add bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	name := "MESSAGE_REACTION_REMOVE"
	if add {
		name = "MESSAGE_REACTION_ADD"
	}
	c := w.channels[m.ChannelID]
	event := map[string]any{"user_id": u.ID, "channel_id": m.ChannelID, "message_id": m.ID, "emoji": Emoji{Name: emoji}, "burst": false, "type": 0}
	if c.GuildID != "" {
		event["guild_id"] = c.GuildID
		if add {
			event["member"] = Member{User: &u, Roles: []string{}, JoinedAt: stamp(time.Now())}
		}
	}
	w.gateway.dispatch(name, event, intentOf(c, intentReactions, intentDirectReactions))
}

// Vote has somebody choose an answer of a poll, which are counted from 1, or take that back.
func (w *world) Vote(u User, m Message, answer int, add bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	name := "MESSAGE_POLL_VOTE_REMOVE"
	if add {
		name = "MESSAGE_POLL_VOTE_ADD"
	}
	c := w.channels[m.ChannelID]
	event := map[string]any{"user_id": u.ID, "channel_id": m.ChannelID, "message_id": m.ID, "answer_id": answer}
	if c.GuildID != "" {
		event["guild_id"] = c.GuildID
	}
	w.gateway.dispatch(name, event, intentOf(c, intentPolls, intentDirectPolls))
}

// EndPoll ends a poll: a message tells its result, as whoever asked it.
func (w *world) EndPoll(m Message, result ...Field) Message {
	return w.Say(Message{Author: m.Author, ChannelID: m.ChannelID, Type: 46, Embeds: []Embed{{Type: "poll_result", Fields: result}},
		MessageReference: &Reference{MessageID: m.ID, ChannelID: m.ChannelID}})
}

// Type has somebody type in a channel.
func (w *world) Type(u User, channel string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.channels[channel]
	event := map[string]any{"user_id": u.ID, "channel_id": channel, "timestamp": time.Now().Unix()}
	if c.GuildID != "" {
		event["guild_id"], event["member"] = c.GuildID, Member{User: &u, Roles: []string{}, JoinedAt: stamp(time.Now())}
	}
	w.gateway.dispatch("TYPING_START", event, intentOf(c, intentTyping, intentDirectTyping))
}

// Press has somebody press a button of a message. It returns the interaction's id.
func (w *world) Press(u User, m Message, customID string) string {
	return w.interact(u, m.ChannelID, 3, map[string]any{"custom_id": customID, "component_type": 2}, &m)
}

// Command has somebody give a command of the bot, with a text. It returns the interaction's id.
func (w *world) Command(u User, channel, name, text string) string {
	data := map[string]any{"id": "1", "name": name, "type": 1}
	if text != "" {
		data["options"] = []map[string]any{{"name": "text", "type": 3, "value": text}}
	}
	return w.interact(u, channel, 2, data, nil)
}

// interact tells the bot of an interaction (Interaction Structure).
func (w *world) interact(u User, channel string, kind int, data map[string]any, at *Message) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	c, id := w.channels[channel], w.id()
	token := "interaction-" + id
	w.tokens[token] = true
	event := map[string]any{
		"id": id, "application_id": ApplicationID, "type": kind, "data": data, "channel_id": channel, "channel": *c, "token": token, "version": 1,
	}
	if c.GuildID != "" {
		event["guild_id"], event["member"] = c.GuildID, Member{User: &u, Roles: []string{}, JoinedAt: stamp(time.Now())}
	} else {
		event["user"] = u
	}
	if at != nil {
		event["message"] = *at
	}
	w.gateway.dispatch("INTERACTION_CREATE", event, 0)
	return id
}

// Acknowledged reports whether the bot has answered an interaction.
func (w *world) Acknowledged(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	waiting, known := w.tokens["interaction-"+id]
	return known && !waiting
}

// AddFile puts a file where attachments are, and returns what a message has of it.
func (w *world) AddFile(base, name, mime string, data []byte) Attachment {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.addFile(base, name, mime, data)
}

func (w *world) addFile(base, name, mime string, data []byte) Attachment {
	id := w.id()
	path := "/attachments/" + id + "/" + strings.ReplaceAll(name, " ", "_")
	w.files[path] = data
	return Attachment{ID: id, Filename: name, ContentType: mime, Size: len(data), URL: base + path + "?ex=1&is=2&hm=3", ProxyURL: base + path}
}

// Forward has somebody hand a message on to a channel.
func (w *world) Forward(u User, m Message, channel string) Message {
	snapshot, err := json.Marshal(map[string]any{
		"type": m.Type, "content": m.Content, "attachments": m.Attachments, "embeds": m.Embeds, "timestamp": m.Timestamp,
		"edited_timestamp": nil, "flags": 0, "mentions": m.Mentions, "mention_roles": m.MentionRoles,
	})
	if err != nil {
		panic(err)
	}
	return w.Say(Message{Author: &u, ChannelID: channel, Flags: 1 << 14,
		MessageReference: &Reference{Type: 1, MessageID: m.ID, ChannelID: m.ChannelID, GuildID: m.GuildID},
		MessageSnapshots: []Snapshot{{Message: snapshot}}})
}
