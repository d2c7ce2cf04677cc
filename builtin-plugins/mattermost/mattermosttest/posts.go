package mattermosttest

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

func itoa(n int) string { return strconv.Itoa(n) }

// createPost makes a post. One that was sent before is answered with what became of it (pending_post_id).
func (s *Server) createPost(r *request) (any, error) {
	var p Post
	if err := r.read(&p); err != nil {
		return nil, err
	}
	c, err := s.readable(r.user, p.ChannelID)
	if err != nil {
		return nil, errPermissions // the server says no more of a channel that somebody may not post in
	}
	if known := s.world.pending[p.PendingPostID]; p.PendingPostID != "" && known.until.After(time.Now()) {
		return status{201, s.world.shown(s.world.posts[known.post])}, nil
	}
	if err := s.check(r.user, c, &p); err != nil {
		return nil, err
	}
	sent := &Post{UserID: r.user, ChannelID: c.ID, RootID: p.RootID, Message: p.Message, Props: p.Props, FileIDs: p.FileIDs}
	if sent.Props == nil {
		sent.Props = map[string]any{}
	}
	if s.world.users[r.user].IsBot {
		sent.Props["from_bot"] = "true"
	}
	s.add(sent)
	if p.PendingPostID != "" && s.cfg.Remembers > 0 {
		s.world.pending[p.PendingPostID] = pending{sent.ID, time.Now().Add(s.cfg.Remembers)}
	}
	out := s.world.shown(sent)
	out.PendingPostID = p.PendingPostID
	return status{201, out}, nil
}

// actionID is how the id of a button is written.
var actionID = regexp.MustCompile(`^[A-Za-z0-9]+$`)

// check says why a post is refused.
func (s *Server) check(user string, c *Channel, p *Post) error {
	if c.DeleteAt != 0 {
		return refuse(400, "api.post.create_post.can_not_post_to_deleted.error", "Can not post to deleted channel.")
	}
	if p.RootID != "" {
		if root := s.world.posts[p.RootID]; root == nil || root.ChannelID != c.ID || root.RootID != "" || root.DeleteAt != 0 {
			return refuse(400, "api.post.create_post.root_id.app_error", "Invalid RootId parameter.")
		}
	}
	if utf8.RuneCountInString(p.Message) > s.cfg.MaxPost {
		return refuse(400, "model.post.is_valid.message_length.app_error", "Post Message property is longer than the maximum permitted length.")
	}
	if len(p.FileIDs) > 10 {
		return refuse(400, "model.post.is_valid.file_ids.app_error", "Invalid file ids.")
	}
	for _, id := range p.FileIDs {
		if f := s.world.files[id]; f == nil || f.UserID != user || f.PostID != "" {
			return refuse(400, "api.post.create_post.attach_files.error", "Could not attach a file.")
		}
	}
	for _, row := range p.Buttons() {
		for _, b := range row {
			if !actionID.MatchString(b.ID) || b.Name == "" || b.Integration.URL == "" {
				return refuse(400, "model.post.is_valid.props.app_error", "Invalid props.")
			}
		}
	}
	return nil
}

// mine is a post of somebody's own.
func (s *Server) mine(r *request) (*Post, error) {
	p := s.world.posts[r.PathValue("id")]
	switch {
	case p == nil || p.DeleteAt != 0:
		return nil, errNoPost
	case p.UserID != r.user:
		return nil, errPermissions
	}
	return p, nil
}

func (s *Server) post(r *request) (any, error) {
	p := s.world.posts[r.PathValue("id")]
	if p == nil || p.DeleteAt != 0 {
		return nil, errNoPost
	}
	if _, err := s.readable(r.user, p.ChannelID); err != nil {
		return nil, err
	}
	return s.world.shown(p), nil
}

func (s *Server) patchPost(r *request) (any, error) {
	p, err := s.mine(r)
	if err != nil {
		return nil, err
	}
	var patch struct {
		Message *string
		Props   *map[string]any
	}
	if err := r.read(&patch); err != nil {
		return nil, err
	}
	if patch.Message != nil && utf8.RuneCountInString(*patch.Message) > s.cfg.MaxPost {
		return nil, refuse(400, "model.post.is_valid.message_length.app_error", "Post Message property is longer than the maximum permitted length.")
	}
	if patch.Props != nil {
		p.Props = *patch.Props
	}
	s.change(p, patch.Message)
	return s.world.shown(p), nil
}

// change replaces a post's text, where there is one, and tells of it.
func (s *Server) change(p *Post, message *string) {
	p.UpdateAt = s.world.now()
	if message != nil && *message != p.Message {
		p.Message, p.EditAt = *message, p.UpdateAt
	}
	s.tell(p.ChannelID, "post_edited", map[string]any{"post": text(s.world.shown(p))})
}

func (s *Server) deletePost(r *request) (any, error) {
	p, err := s.mine(r)
	if err != nil {
		return nil, err
	}
	s.remove(p, r.user)
	return statusOK, nil
}

func (s *Server) remove(p *Post, by string) {
	shown := s.world.shown(p)
	p.DeleteAt = s.world.now()
	p.UpdateAt = p.DeleteAt
	s.tell(p.ChannelID, "post_deleted", map[string]any{"post": text(shown), "delete_by": by})
}

// posts lists a channel's posts, the newest first: those that changed since a time, also deleted ones and at most a thousand; those behind
// one; or a page.
func (s *Server) posts(r *request) (any, error) {
	c, err := s.readable(r.user, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	all := s.world.order[c.ID]
	if since, _ := strconv.ParseInt(q.Get("since"), 10, 64); since > 0 {
		all = slices.DeleteFunc(slices.Clone(all), func(p *Post) bool { return p.UpdateAt <= since })
		return s.list(all[:min(len(all), 1000)], "", ""), nil
	}
	all = slices.DeleteFunc(slices.Clone(all), func(p *Post) bool { return p.DeleteAt != 0 })
	page, _ := strconv.Atoi(q.Get("page"))
	size, err := strconv.Atoi(q.Get("per_page"))
	if err != nil || size <= 0 {
		size = 60
	}
	size = min(size, 200)
	from, to := max(0, len(all)-(page+1)*size), max(0, len(all)-page*size)
	if after := q.Get("after"); after != "" {
		at := slices.IndexFunc(all, func(p *Post) bool { return p.ID == after })
		if at < 0 {
			return nil, errNoPost
		}
		from, to = min(at+1+page*size, len(all)), min(at+1+(page+1)*size, len(all))
	}
	before, behind := "", ""
	if from > 0 && from <= len(all) {
		before = all[from-1].ID
	}
	if to < len(all) {
		behind = all[to].ID
	}
	return s.list(all[from:to], before, behind), nil
}

// list is a list of posts (PostList), with the roots of their threads.
func (s *Server) list(posts []*Post, before, behind string) map[string]any {
	order, all := []string{}, map[string]*Post{}
	for _, p := range posts {
		order, all[p.ID] = append(order, p.ID), s.world.shown(p)
		if root := s.world.posts[p.RootID]; root != nil && all[root.ID] == nil {
			all[root.ID] = s.world.shown(root)
		}
	}
	slices.Reverse(order)
	return map[string]any{"order": order, "posts": all, "prev_post_id": before, "next_post_id": behind, "has_next": false}
}

func (s *Server) reactionsOf(r *request) (any, error) {
	if s.world.posts[r.PathValue("id")] == nil {
		return nil, errNoPost
	}
	return append([]Reaction{}, s.world.reactions[r.PathValue("id")]...), nil
}

func (s *Server) react(r *request) (any, error) {
	var made Reaction
	if err := r.read(&made); err != nil {
		return nil, err
	}
	if made.UserID != r.user {
		return nil, errPermissions
	}
	p := s.world.posts[made.PostID]
	if p == nil || p.DeleteAt != 0 {
		return nil, errNoPost
	}
	return status{201, s.setEmoji(p, made.UserID, made.EmojiName)}, nil
}

func (s *Server) unreact(r *request) (any, error) {
	p := s.world.posts[r.PathValue("post")]
	if p == nil {
		return nil, errNoPost
	}
	if r.named() != r.user {
		return nil, errPermissions
	}
	s.takeEmoji(p, r.user, r.PathValue("name"))
	return statusOK, nil
}

func (s *Server) setEmoji(p *Post, user, name string) Reaction {
	for _, known := range s.world.reactions[p.ID] {
		if known.UserID == user && known.EmojiName == name {
			return known
		}
	}
	made := Reaction{UserID: user, PostID: p.ID, EmojiName: name, CreateAt: s.world.now(), ChannelID: p.ChannelID}
	s.world.reactions[p.ID] = append(s.world.reactions[p.ID], made)
	p.UpdateAt = made.CreateAt
	s.tell(p.ChannelID, "reaction_added", map[string]any{"reaction": text(made)})
	return made
}

func (s *Server) takeEmoji(p *Post, user, name string) {
	s.world.reactions[p.ID] = slices.DeleteFunc(s.world.reactions[p.ID], func(r Reaction) bool { return r.UserID == user && r.EmojiName == name })
	p.UpdateAt = s.world.now()
	s.tell(p.ChannelID, "reaction_removed", map[string]any{"reaction": text(Reaction{UserID: user, PostID: p.ID, EmojiName: name, ChannelID: p.ChannelID})})
}

// Button is one at a post ("Message buttons").
type Button struct {
	ID          string
	Name        string
	Style       string
	Integration struct {
		URL     string
		Context map[string]any
	}
}

// Buttons are those of a post, row by row.
func (p *Post) Buttons() (rows [][]Button) {
	var attachments []struct{ Actions []Button }
	b, _ := json.Marshal(p.Props["attachments"])
	_ = json.Unmarshal(b, &attachments)
	for _, a := range attachments {
		rows = append(rows, a.Actions)
	}
	return rows
}

// tellPosted tells of a new post: who it is by, where it is, and whom it notifies.
func (s *Server) tellPosted(c *Channel, p *Post) {
	data := map[string]any{"channel_type": c.Type, "channel_name": c.Name, "channel_display_name": c.DisplayName, "team_id": c.TeamID, "set_online": true,
		"sender_name": "@" + s.world.users[p.UserID].Username, "post": text(s.world.shown(p))}
	if c.Type == "D" {
		data["channel_display_name"] = data["sender_name"]
	}
	notified := map[string]bool{}
	words := strings.Fields(strings.ToLower(p.Message))
	for _, u := range s.world.users {
		addressed := c.Type == "D" && strings.Contains(c.Name, u.ID)
		for _, word := range words {
			word = strings.Trim(word, ",.:;!?()")
			addressed = addressed || word == "@"+u.Username || word == "@channel" || word == "@all" || word == "@here"
		}
		if addressed && u.ID != p.UserID {
			notified[u.ID] = true
		}
	}
	if len(notified) > 0 {
		data["mentions"] = text(slices.Sorted(maps.Keys(notified)))
	}
	s.tell(c.ID, "posted", data)
}

// tellTyping tells that somebody writes.
func (s *Server) tellTyping(user, channel, parent string) {
	s.tell(channel, "typing", map[string]any{"parent_id": parent, "user_id": user})
}

// String is a post for tests' messages.
func (p Post) String() string {
	return fmt.Sprintf("%s by %s in %s/%s: %q", p.ID, p.UserID, p.ChannelID, p.RootID, p.Message)
}
