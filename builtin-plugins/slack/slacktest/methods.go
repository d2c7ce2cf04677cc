package slacktest

import (
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// handler answers a method, while the server's lock is held.
type handler func(*Server, url.Values) (answer, error)

// methods by name.
var methods = map[string]handler{
	"auth.test":                    authTest,
	"chat.postMessage":             postMessage,
	"chat.update":                  updateMessage,
	"chat.delete":                  deleteMessage,
	"reactions.add":                addReaction,
	"reactions.remove":             removeReaction,
	"reactions.get":                getReactions,
	"conversations.open":           openConversation,
	"conversations.info":           conversationInfo,
	"conversations.list":           listConversations,
	"conversations.history":        history,
	"conversations.replies":        replies,
	"users.info":                   userInfo,
	"users.list":                   listUsers,
	"files.getUploadURLExternal":   uploadURL,
	"files.completeUploadExternal": completeUpload,
	"files.info":                   fileInfo,
	"files.delete":                 deleteFile,
	"assistant.threads.setStatus":  setStatus,
}

func authTest(s *Server, _ url.Values) (answer, error) {
	return answer{"url": "https://test.slack.com/", "team": "Test", "user": s.cfg.Bot.Name, "team_id": teamID, "user_id": s.cfg.Bot.ID, "bot_id": botID}, nil
}

// target finds the channel that a call is about; a person's id is their direct conversation.
func (s *Server) target(id string) (Channel, error) {
	if _, ok := s.world.users[id]; ok {
		return s.world.im(id), nil
	}
	c, ok := s.world.channels[id]
	if !ok {
		return c, refuse("channel_not_found")
	}
	return c, nil
}

// maxText is how long a text may be, in characters (chat.postMessage, msg_too_long), and maxChanged one that takes the place of another, in
// bytes: chat.update speaks of 4,000 characters, and counts bytes, as people have found.
const (
	maxText    = 40_000
	maxChanged = 4_000
)

// postMessage posts for the bot (chat.postMessage).
func postMessage(s *Server, form url.Values) (answer, error) {
	c, err := s.target(form.Get("channel"))
	thread := form.Get("thread_ts")
	switch {
	case err != nil:
		return nil, err
	case c.Archived:
		return nil, refuse("is_archived")
	case c.Outside:
		return nil, refuse("not_in_channel")
	case strings.TrimSpace(form.Get("text")) == "" && form.Get("blocks") == "":
		return nil, refuse("no_text")
	case len([]rune(form.Get("text"))) > maxText:
		return nil, refuse("msg_too_long")
	case thread != "" && s.world.find(c.ID, thread) == nil:
		return nil, refuse("thread_not_found")
	}
	blocks, err := readBlocks(form)
	if err != nil {
		return nil, err
	}
	if wait := time.Until(s.world.posted[c.ID].Add(s.cfg.ChannelInterval)); s.cfg.ChannelInterval > 0 && wait > 0 {
		return nil, &refusal{"ratelimited", int(wait/time.Second) + 1}
	}
	s.world.posted[c.ID] = time.Now()
	m := &Message{Type: "message", User: s.cfg.Bot.ID, BotID: botID, Text: form.Get("text"), TS: s.world.ts(), ThreadTS: thread, Channel: c.ID,
		Blocks: blocks, Metadata: json.RawMessage(form.Get("metadata")), Plain: form.Get("mrkdwn") == "false"}
	s.world.sent = append(s.world.sent, m)
	s.add(c, m)
	return answer{"channel": c.ID, "ts": m.TS, "message": m}, nil
}

// readBlocks checks blocks as far as they matter here (Section block, Actions block, Button element).
func readBlocks(form url.Values) (json.RawMessage, error) {
	text := form.Get("blocks")
	if text == "" || text == "[]" {
		return nil, nil
	}
	var blocks []struct {
		Type     string
		Text     struct{ Type, Text string }
		Elements []Button
	}
	if json.Unmarshal([]byte(text), &blocks) != nil || len(blocks) > 50 {
		return nil, refuse("invalid_blocks_format")
	}
	for _, b := range blocks {
		wrong := b.Type == "section" && (b.Text.Text == "" || len([]rune(b.Text.Text)) > 3000) || b.Type == "actions" && (len(b.Elements) == 0 || len(b.Elements) > 25)
		for _, e := range b.Elements {
			wrong = wrong || e.ActionID == "" || e.Text.Text == "" || len([]rune(e.Text.Text)) > 75 || len(e.Value) > 2000 || !slices.Contains([]string{"", "primary", "danger"}, e.Style)
		}
		if wrong {
			return nil, refuse("invalid_blocks")
		}
	}
	return json.RawMessage(text), nil
}

// own finds a message of the bot's that a call is about.
func (s *Server) own(form url.Values, cant string) (*Message, error) {
	c, err := s.target(form.Get("channel"))
	if err != nil {
		return nil, err
	}
	m := s.world.find(c.ID, form.Get("ts"))
	switch {
	case m == nil:
		return nil, refuse("message_not_found")
	case m.User != s.cfg.Bot.ID:
		return nil, refuse(cant)
	}
	return m, nil
}

// updateMessage changes a message (chat.update): without blocks those that it has stay.
func updateMessage(s *Server, form url.Values) (answer, error) {
	m, err := s.own(form, "cant_update_message")
	if err != nil {
		return nil, err
	}
	blocks, err := readBlocks(form)
	if err != nil {
		return nil, err
	}
	if len(form.Get("text")) > maxChanged {
		return nil, refuse("msg_too_long")
	}
	before := *m
	if form.Has("blocks") {
		m.Blocks = blocks
	}
	if form.Has("text") {
		m.Text = form.Get("text")
	}
	m.Plain, m.Edited = form.Get("mrkdwn") == "false", &Edited{s.cfg.Bot.ID, s.world.ts()}
	s.tellChange(m, &before)
	return answer{"channel": m.Channel, "ts": m.TS, "text": m.Text}, nil
}

func deleteMessage(s *Server, form url.Values) (answer, error) {
	m, err := s.own(form, "cant_delete_message")
	if err != nil {
		return nil, err
	}
	s.world.remove(m.Channel, m.TS)
	s.tellDeletion(m)
	return answer{"channel": m.Channel, "ts": m.TS}, nil
}

// reacted finds a message that a call about reactions is about, and the emoji's place among its reactions.
func (s *Server) reacted(form url.Values) (*Message, int, error) {
	c, err := s.target(form.Get("channel"))
	if err != nil {
		return nil, 0, err
	}
	m := s.world.find(c.ID, form.Get("timestamp"))
	if m == nil {
		return nil, 0, refuse("message_not_found")
	}
	return m, slices.IndexFunc(m.Reactions, func(r Reaction) bool { return r.Name == form.Get("name") }), nil
}

func addReaction(s *Server, form url.Values) (answer, error) {
	m, i, err := s.reacted(form)
	switch name := form.Get("name"); {
	case err != nil:
		return nil, err
	case name == "" || strings.ContainsAny(name, ": "):
		return nil, refuse("invalid_name")
	case i >= 0 && slices.Contains(m.Reactions[i].Users, s.cfg.Bot.ID):
		return nil, refuse("already_reacted")
	}
	m.react(form.Get("name"), s.cfg.Bot.ID, true)
	return answer{}, nil
}

func removeReaction(s *Server, form url.Values) (answer, error) {
	m, i, err := s.reacted(form)
	switch {
	case err != nil:
		return nil, err
	case i < 0 || !slices.Contains(m.Reactions[i].Users, s.cfg.Bot.ID):
		return nil, refuse("no_reaction")
	}
	m.react(form.Get("name"), s.cfg.Bot.ID, false)
	return answer{}, nil
}

func getReactions(s *Server, form url.Values) (answer, error) {
	m, _, err := s.reacted(form)
	if err != nil {
		return nil, err
	}
	return answer{"type": "message", "channel": m.Channel, "message": m}, nil
}

// react sets somebody's emoji, or takes it back.
func (m *Message) react(name, user string, on bool) {
	i := slices.IndexFunc(m.Reactions, func(r Reaction) bool { return r.Name == name })
	if i < 0 {
		m.Reactions, i = append(m.Reactions, Reaction{Name: name}), len(m.Reactions)
	}
	r := &m.Reactions[i]
	if r.Users = slices.DeleteFunc(slices.Clone(r.Users), func(u string) bool { return u == user }); on {
		r.Users = append(r.Users, user)
	}
	if r.Count = len(r.Users); r.Count == 0 {
		m.Reactions = slices.Delete(m.Reactions, i, i+1)
	}
}

func openConversation(s *Server, form url.Values) (answer, error) {
	u, ok := s.world.users[form.Get("users")]
	switch {
	case !ok:
		return nil, refuse("user_not_found")
	case u.IsBot:
		return nil, refuse("cannot_dm_bot")
	}
	return answer{"channel": s.world.im(u.ID)}, nil
}

func conversationInfo(s *Server, form url.Values) (answer, error) {
	c, err := s.target(form.Get("channel"))
	if err != nil {
		return nil, err
	}
	return answer{"channel": c}, nil
}

// page returns a part of a list, and what leads to the next one (Pagination).
func page[T any](list []T, form url.Values, field string) answer {
	from, _ := strconv.Atoi(form.Get("cursor"))
	limit, _ := strconv.Atoi(form.Get("limit"))
	if limit <= 0 {
		limit = 100
	}
	from = min(max(from, 0), len(list))
	to, next := min(from+limit, len(list)), ""
	if to < len(list) {
		next = strconv.Itoa(to)
	}
	return answer{field: list[from:to], "has_more": next != "", "response_metadata": answer{"next_cursor": next}}
}

func listConversations(s *Server, form url.Values) (answer, error) {
	list := []Channel{}
	for _, c := range s.world.channels {
		kind := map[string]string{"channel": "public_channel", "group": "private_channel", "mpim": "mpim", "im": "im"}[c.Kind]
		if strings.Contains(","+form.Get("types")+",", ","+kind+",") && !(c.Archived && form.Get("exclude_archived") == "true") {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b Channel) int { return strings.Compare(a.ID, b.ID) })
	return page(list, form, "channels"), nil
}

// history lists a channel's messages, the newest first, without those that stand in threads only (conversations.history).
func history(s *Server, form url.Values) (answer, error) {
	c, err := s.target(form.Get("channel"))
	switch {
	case err != nil:
		return nil, err
	case c.Outside:
		return nil, refuse("not_in_channel")
	}
	list := []*Message{}
	for _, m := range slices.Backward(s.world.messages[c.ID]) {
		if (m.ThreadTS == "" || m.ThreadTS == m.TS) && within(m.TS, form) {
			list = append(list, m)
		}
	}
	return page(list, form, "messages"), nil
}

// within reports whether a time is between oldest and latest.
func within(ts string, form url.Values) bool {
	oldest, latest := form.Get("oldest"), form.Get("latest")
	if form.Get("inclusive") == "true" && (ts == oldest || ts == latest) {
		return true
	}
	return (oldest == "" || ts > oldest) && (latest == "" || ts < latest)
}

// replies lists a thread, the message that it began with first (conversations.replies).
func replies(s *Server, form url.Values) (answer, error) {
	c, err := s.target(form.Get("channel"))
	if err != nil {
		return nil, err
	}
	list := []*Message{}
	for _, m := range s.world.messages[c.ID] {
		if m.TS == form.Get("ts") || m.ThreadTS == form.Get("ts") && within(m.TS, form) {
			list = append(list, m)
		}
	}
	if len(list) == 0 {
		return nil, refuse("thread_not_found")
	}
	return page(list, form, "messages"), nil
}

func userInfo(s *Server, form url.Values) (answer, error) {
	u, ok := s.world.users[form.Get("user")]
	if !ok {
		return nil, refuse("user_not_found")
	}
	return answer{"user": u}, nil
}

func listUsers(s *Server, form url.Values) (answer, error) {
	list := []User{}
	for _, u := range s.world.users {
		list = append(list, u)
	}
	slices.SortFunc(list, func(a, b User) int { return strings.Compare(a.ID, b.ID) })
	return page(list, form, "members"), nil
}

// setStatus shows that the bot is at work, in a thread (assistant.threads.setStatus).
func setStatus(s *Server, form url.Values) (answer, error) {
	c, err := s.target(form.Get("channel_id"))
	switch {
	case err != nil:
		return nil, err
	case s.world.find(c.ID, form.Get("thread_ts")) == nil:
		return nil, refuse("invalid_thread_ts")
	}
	return answer{}, nil
}
