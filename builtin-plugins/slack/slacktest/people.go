package slacktest

import (
	"encoding/json"
	"net/url"
	"strings"
	"time"
)

// add puts a message into a channel and tells the app of it, while the lock is held.
func (s *Server) add(c Channel, m *Message) {
	if root := s.world.find(c.ID, m.ThreadTS); root != nil {
		m.ParentUserID, root.ThreadTS = root.User, root.TS
	}
	s.world.messages[c.ID] = append(s.world.messages[c.ID], m)
	s.tell(answerOf(m, answer{"channel": c.ID, "channel_type": c.Kind, "event_ts": m.TS}))
	s.Raise()
}

// answerOf is a message with more fields.
func answerOf(m *Message, more answer) answer {
	b, _ := json.Marshal(m)
	out := answer{}
	_ = json.Unmarshal(b, &out)
	for name, v := range more {
		out[name] = v
	}
	return out
}

// DM has somebody write to the bot and returns the message. Who is not known yet has their id as a name.
func (s *Server) DM(user, text string) Message {
	s.mu.Lock()
	if _, known := s.world.users[user]; !known {
		s.world.users[user] = User{ID: user, Name: user, RealName: user}
	}
	c := s.world.im(user)
	s.mu.Unlock()
	return s.Say(c.ID, Message{User: user, Text: text})
}

// Say has somebody post a message into a channel and returns it with its ts. In a channel a message that names the bot comes
// as app_mention too (app_mention event).
func (s *Server) Say(channel string, m Message) Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.world.channels[channel]
	m.Type, m.TS, m.Channel = "message", s.world.ts(), channel
	for i := range m.Files {
		f := &m.Files[i]
		f.ID = s.world.id("F")
		if f.Data != nil {
			f.Size, f.URLPrivateDownload = len(f.Data), s.address(f)
		}
		kept := *f
		s.world.files[f.ID] = &kept
		if m.Subtype == "" {
			m.Subtype = "file_share"
		}
	}
	said := m
	s.add(c, &said)
	if c.Kind != "im" && strings.Contains(m.Text, "<@"+s.cfg.Bot.ID+">") {
		mention := answerOf(&said, answer{"type": "app_mention", "channel": channel, "event_ts": m.TS})
		delete(mention, "subtype")
		s.tell(mention)
	}
	return said
}

// Edit has the author change a message.
func (s *Server) Edit(channel, ts, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.world.find(channel, ts)
	before := *m
	m.Text, m.Edited = text, &Edited{m.User, s.world.ts()}
	s.tellChange(m, &before)
}

// Unfurl has Slack add a preview to a message, of which it tells as of a change.
func (s *Server) Unfurl(channel, ts string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.world.find(channel, ts)
	s.tellChange(m, m)
}

// Delete has the author take a message back.
func (s *Server) Delete(channel, ts string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.world.find(channel, ts)
	s.world.remove(channel, ts)
	s.tellDeletion(m)
}

func (s *Server) tellChange(m, before *Message) {
	c := s.world.channels[m.Channel]
	s.tell(answer{"type": "message", "subtype": "message_changed", "hidden": true, "channel": c.ID, "channel_type": c.Kind, "ts": s.world.ts(),
		"event_ts": s.world.ts(), "message": answerOf(m, nil), "previous_message": answerOf(before, nil)})
	s.Raise()
}

func (s *Server) tellDeletion(m *Message) {
	c := s.world.channels[m.Channel]
	s.tell(answer{"type": "message", "subtype": "message_deleted", "hidden": true, "channel": c.ID, "channel_type": c.Kind, "ts": s.world.ts(),
		"event_ts": s.world.ts(), "deleted_ts": m.TS, "previous_message": answerOf(m, nil)})
	s.Raise()
}

// React has somebody set an emoji at a message, by its name, or take it back.
func (s *Server) React(channel, ts, user, name string, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kind := "reaction_added"
	if !on {
		kind = "reaction_removed"
	}
	m := s.world.find(channel, ts)
	m.react(name, user, on)
	s.tell(answer{"type": kind, "user": user, "reaction": name, "item_user": m.User, "event_ts": s.world.ts(),
		"item": answer{"type": "message", "channel": channel, "ts": ts}})
}

// Event tells the app of anything else; type has to be among the fields.
func (s *Server) Event(fields map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if fields["event_ts"] == nil {
		fields["event_ts"] = s.world.ts()
	}
	s.tell(fields)
}

// tell queues an event for the app (Events API, callback fields), while the lock is held.
func (s *Server) tell(event answer) {
	id := s.world.id("Ev")
	s.post.put(s, "events_api", answer{"token": "unused", "team_id": teamID, "api_app_id": appID, "event": event, "type": "event_callback",
		"event_id": id, "event_time": time.Now().Unix(), "authorizations": []answer{{"team_id": teamID, "user_id": s.cfg.Bot.ID, "is_bot": true}}})
}

// Press has somebody press a button at a message (block_actions payload).
func (s *Server) Press(channel, ts, user string, b Button) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, c := s.world.find(channel, ts), s.world.channels[channel]
	s.post.put(s, "interactive", answer{"type": "block_actions", "api_app_id": appID, "token": "unused", "trigger_id": s.world.id("1."),
		"user": answer{"id": user, "username": user, "team_id": teamID}, "team": answer{"id": teamID, "domain": "test"},
		"container": answer{"type": "message", "message_ts": ts, "channel_id": channel, "is_ephemeral": false},
		"channel":   answer{"id": channel, "name": c.Name}, "message": answerOf(m, nil),
		"actions": []answer{{"type": "button", "action_id": b.ActionID, "block_id": "b", "value": b.Value, "action_ts": s.world.ts(),
			"text": answer{"type": "plain_text", "text": b.Text.Text}}}})
}

// Command has somebody give a slash command.
func (s *Server) Command(channel, user, command, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.post.put(s, "slash_commands", answer{"token": "unused", "team_id": teamID, "team_domain": "test", "api_app_id": appID, "channel_id": channel,
		"channel_name": s.world.channels[channel].Name, "user_id": user, "user_name": s.world.users[user].Name, "command": command, "text": text,
		"trigger_id": s.world.id("13345224609.738474920."), "is_enterprise_install": "false"})
}

// formOf is how a payload is posted that is no event ("Handling user interaction", "slash commands").
func formOf(kind string, payload answer) url.Values {
	if kind == "interactive" {
		b, _ := json.Marshal(payload)
		return url.Values{"payload": {string(b)}}
	}
	form := url.Values{}
	for name, v := range payload {
		text, _ := v.(string)
		form.Set(name, text)
	}
	return form
}
