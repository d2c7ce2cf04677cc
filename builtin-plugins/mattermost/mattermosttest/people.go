package mattermosttest

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// AddUser makes somebody known to the server. Their token is "token-" and their id.
func (s *Server) AddUser(u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.users[u.ID] = u
	s.world.tokens["token-"+u.ID] = u.ID
}

// AddChannel makes a channel, or replaces one. It is of the team unless it is direct or of a group.
func (s *Server) AddChannel(c Channel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.Type == "" {
		c.Type = "O"
	}
	if c.Type == "O" || c.Type == "P" {
		c.TeamID = teamID
	}
	s.world.channels[c.ID] = &c
}

// Revoke makes the bot's token another one.
func (s *Server) Revoke(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.world.tokens, s.cfg.Token)
	s.cfg.Token = token
	s.world.tokens[token] = s.cfg.Bot.ID
}

// DirectChannel is the channel of the bot and somebody.
func (s *Server) DirectChannel(user string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.world.direct(user, s.cfg.Bot.ID).ID
}

// DM has somebody write to the bot and returns the post. Who is not known yet is called as their id.
func (s *Server) DM(user, message string) Post {
	s.mu.Lock()
	if _, known := s.world.users[user]; !known {
		s.world.users[user] = User{ID: user, Username: user}
	}
	s.mu.Unlock()
	return s.Say(Post{UserID: user, ChannelID: s.DirectChannel(user), Message: message})
}

// Say has somebody make a post and returns it with its id.
func (s *Server) Say(p Post) Post {
	s.mu.Lock()
	defer s.mu.Unlock()
	said := p
	s.add(&said)
	return said
}

// Edit has its author change a post.
func (s *Server) Edit(id, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.change(s.world.posts[id], &message)
}

// Pin has somebody pin a post, of which the server tells as of a change.
func (s *Server) Pin(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.posts[id].IsPinned = true
	s.change(s.world.posts[id], nil)
}

// Delete has its author take a post back.
func (s *Server) Delete(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(s.world.posts[id], s.world.posts[id].UserID)
}

// React has somebody set an emoji at a post, by its name, or take it back.
func (s *Server) React(id, user, name string, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if on {
		s.setEmoji(s.world.posts[id], user, name)
	} else {
		s.takeEmoji(s.world.posts[id], user, name)
	}
}

// Type has somebody write something in a channel, or a thread of it, that is not posted yet.
func (s *Server) Type(user, channel, root string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tellTyping(user, channel, root)
}

// Join has somebody come into a channel, or leave it.
func (s *Server) Join(user, channel string, in bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := "user_added"
	if !in {
		name = "user_removed"
	}
	s.tell(channel, name, map[string]any{"user_id": user, "team_id": teamID})
}

// Rename gives a channel another name.
func (s *Server) Rename(channel, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.channels[channel].DisplayName = name
	s.tell(channel, "channel_updated", map[string]any{"channel": text(s.world.channels[channel])})
}

// Posts returns what a channel shows, in order; of a direct one, by whom it is with.
func (s *Server) Posts(channel string) (list []Post) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, user := s.world.users[channel]; user {
		channel = s.world.direct(channel, s.cfg.Bot.ID).ID
	}
	for _, p := range s.world.order[channel] {
		if p.DeleteAt == 0 {
			list = append(list, *p)
		}
	}
	return list
}

// FromBot returns the bot's posts in a channel.
func (s *Server) FromBot(channel string) (list []Post) {
	for _, p := range s.Posts(channel) {
		if p.UserID == s.cfg.Bot.ID {
			list = append(list, p)
		}
	}
	return list
}

// Reactions returns the names of the emoji that somebody has set at a post.
func (s *Server) Reactions(id, user string) (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.world.reactions[id] {
		if r.UserID == user {
			names = append(names, r.EmojiName)
		}
	}
	return names
}

// Press has somebody press a button at a post, and returns the status of the answer of who made it.
func (s *Server) Press(ctx context.Context, p Post, user string, b Button) (status int, err error) {
	s.mu.Lock()
	c, trigger := s.world.channels[p.ChannelID], s.world.id("trigger")
	body, _ := json.Marshal(map[string]any{"user_id": user, "user_name": s.world.users[user].Username, "channel_id": c.ID, "channel_name": c.Name,
		"team_id": c.TeamID, "team_domain": "test", "post_id": p.ID, "trigger_id": trigger, "type": "button", "data_source": "", "context": b.Integration.Context})
	s.mu.Unlock()
	return post(ctx, b.Integration.URL, "application/json", body)
}

// Command has somebody give a slash command, whose token and address its owner has set, and returns the status of the answer.
func (s *Server) Command(ctx context.Context, address, token, user, channel, command, said string) (status int, err error) {
	s.mu.Lock()
	c := s.world.channels[channel]
	form := url.Values{"channel_id": {c.ID}, "channel_name": {c.Name}, "command": {command}, "response_url": {s.Root() + "/hooks/commands/x"}, "team_domain": {"test"},
		"team_id": {teamID}, "text": {said}, "token": {token}, "trigger_id": {s.world.id("trigger")}, "user_id": {user}, "user_name": {s.world.users[user].Username}}
	s.mu.Unlock()
	return post(ctx, address, "application/x-www-form-urlencoded", []byte(form.Encode()))
}

func post(ctx context.Context, address, kind string, body []byte) (status int, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", kind)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	if kind := answer.Header.Get("Content-Type"); answer.StatusCode == 200 && !strings.HasPrefix(kind, "application/json") {
		return 0, refuse(400, "api.post.do_action.action_integration.app_error", "the answer is "+kind)
	}
	return answer.StatusCode, nil
}
