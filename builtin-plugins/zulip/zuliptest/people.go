package zuliptest

import (
	"slices"
	"time"
)

// What people do. Each of these takes effect at once, and is told to the queues of those who see it.

// Direct has somebody write to one other or to several, and returns the message's id.
func (u *User) Direct(text string, to ...*User) int64 {
	w := u.world
	w.mu.Lock()
	defer w.mu.Unlock()
	m := &Message{Sender: u.ID, Content: text, People: []int64{u.ID}}
	for _, other := range to {
		m.People = append(m.People, other.ID)
	}
	w.add(m, "", "")
	return m.ID
}

// Say has somebody write to a topic of a channel.
func (u *User) Say(c *Channel, topic, text string) int64 {
	w := u.world
	w.mu.Lock()
	defer w.mu.Unlock()
	m := &Message{Sender: u.ID, Content: text, Channel: c.ID, Topic: topic}
	w.add(m, "", "")
	return m.ID
}

// Edit has somebody change a message.
func (u *User) Edit(id int64, text string) {
	u.world.with(id, func(m *Message) { u.world.change(m, u.ID, text) })
}

// Delete has somebody take a message back.
func (u *User) Delete(id int64) { u.world.with(id, u.world.drop) }

// React has somebody set an emoji, by its name and code; one without a code is the organization's own.
func (u *User) React(id int64, name, code string) {
	kind := "unicode_emoji"
	if code == "" {
		kind, code = "realm_emoji", "3"
	}
	u.world.with(id, func(m *Message) { u.world.addReaction(m, Reaction{u.ID, name, code, kind}) })
}

// Widget has somebody do something to the widget of a message, such as a vote in a poll, in the widget's own JSON ("submessage").
func (u *User) Widget(id int64, content string) {
	u.world.with(id, func(m *Message) {
		for _, to := range u.world.audience(m) {
			u.world.tell(to, "submessage", func(*queue) fields {
				return fields{"msg_type": "widget", "message_id": m.ID, "submessage_id": 1, "sender_id": u.ID, "content": content}
			})
		}
	})
}

// Unreact has somebody take all of their emoji back.
func (u *User) Unreact(id int64) {
	u.world.with(id, func(m *Message) {
		for _, r := range m.Reactions {
			if r.User == u.ID {
				u.world.tellReaction(m, r, "remove")
			}
		}
		m.Reactions = slices.DeleteFunc(m.Reactions, func(r Reaction) bool { return r.User == u.ID })
	})
}

// Type shows that somebody writes directly, or to a topic.
func (u *User) Type(c *Channel, topic string, to ...*User) {
	w := u.world
	w.mu.Lock()
	defer w.mu.Unlock()
	m := &Message{Sender: u.ID, Topic: topic, People: []int64{u.ID}}
	if c != nil {
		m.Channel = c.ID
	}
	for _, other := range to {
		m.People = append(m.People, other.ID)
	}
	w.types(m, "start")
}

// MoveTopic puts all messages of a message's topic into another topic, and into another channel unless that is nil.
func (u *User) MoveTopic(id int64, c *Channel, topic string) { u.move(id, c, topic, "change_all") }

// Move puts a message into another topic, and into another channel unless that is nil.
func (u *User) Move(id int64, c *Channel, topic string) { u.move(id, c, topic, "change_one") }

func (u *User) move(id int64, c *Channel, topic, mode string) {
	w := u.world
	w.with(id, func(m *Message) {
		moved := []*Message{m}
		if mode == "change_all" {
			moved = w.inTopic(m.Channel, m.Topic)
		}
		ids := []int64{}
		for _, other := range moved {
			ids = append(ids, other.ID)
		}
		e := fields{
			"user_id": u.ID, "rendering_only": false, "message_id": m.ID, "message_ids": ids, "flags": []string{}, "edit_timestamp": time.Now().Unix(),
			"stream_id": m.Channel, "stream_name": w.channels[m.Channel].Name, "propagate_mode": mode, "orig_subject": m.Topic, "subject": topic,
		}
		for _, other := range moved {
			other.Topic = topic
			if c != nil {
				e["new_stream_id"], other.Channel = c.ID, c.ID
			}
		}
		for _, to := range w.audience(m) {
			w.tell(to, "update_message", func(*queue) fields {
				own := fields{}
				for name, v := range e {
					own[name] = v
				}
				return own
			})
		}
	})
}

// Preview tells what the server tells when it has looked at the links of a message: nothing that somebody did.
func (u *User) Preview(id int64) {
	w := u.world
	w.with(id, func(m *Message) {
		for _, to := range w.audience(m) {
			w.tell(to, "update_message", func(*queue) fields {
				return fields{"user_id": nil, "rendering_only": true, "message_id": m.ID, "message_ids": []int64{m.ID}, "flags": []string{}, "content": m.Content, "rendered_content": m.Content}
			})
		}
	})
}

// with does something with a message.
// inTopic are the messages of a topic.
func (w *World) inTopic(channel int64, topic string) (list []*Message) {
	for _, m := range w.messages {
		if m.Channel == channel && m.Topic == topic {
			list = append(list, m)
		}
	}
	return list
}

func (w *World) with(id int64, do func(m *Message)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if m := w.find(id, 0); m != nil {
		do(m)
	}
}
