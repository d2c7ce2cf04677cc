package mattermosttest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// User is somebody on the server (User objects).
type User struct {
	ID        string `json:"id"`
	Username  string `json:"username"`
	Nickname  string `json:"nickname"`
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
	IsBot     bool   `json:"is_bot"`
	DeleteAt  int64  `json:"delete_at"`
	CreateAt  int64  `json:"create_at"`
	UpdateAt  int64  `json:"update_at"`
	Roles     string `json:"roles"`
	Locale    string `json:"locale"`
}

// Channel is a channel (Channel objects). Type is O (open), P (private), D (direct) or G (a group of people).
type Channel struct {
	ID          string `json:"id"`
	Type        string `json:"type"`
	Name        string `json:"name"`
	DisplayName string `json:"display_name"`
	TeamID      string `json:"team_id"`
	LastPostAt  int64  `json:"last_post_at"`
	DeleteAt    int64  `json:"delete_at"`
	CreateAt    int64  `json:"create_at"`
	UpdateAt    int64  `json:"update_at"`

	// Outside says that the bot is not a member.
	Outside bool `json:"-"`
}

// Post is what somebody has posted (Post objects).
type Post struct {
	ID            string         `json:"id"`
	CreateAt      int64          `json:"create_at"`
	UpdateAt      int64          `json:"update_at"`
	EditAt        int64          `json:"edit_at"`
	DeleteAt      int64          `json:"delete_at"`
	IsPinned      bool           `json:"is_pinned"`
	UserID        string         `json:"user_id"`
	ChannelID     string         `json:"channel_id"`
	RootID        string         `json:"root_id"`
	OriginalID    string         `json:"original_id"`
	Message       string         `json:"message"`
	Type          string         `json:"type"`
	Props         map[string]any `json:"props"`
	Hashtags      string         `json:"hashtags"`
	FileIDs       []string       `json:"file_ids,omitempty"`
	PendingPostID string         `json:"pending_post_id"`
	Metadata      *Metadata      `json:"metadata,omitempty"`
}

// Metadata is what the server adds to a post that is read (PostMetadata objects).
type Metadata struct {
	Embeds    []map[string]any `json:"embeds,omitempty"`
	Files     []File           `json:"files,omitempty"`
	Reactions []Reaction       `json:"reactions,omitempty"`
}

// File is a file (FileInfo objects).
type File struct {
	ID        string `json:"id"`
	UserID    string `json:"user_id"`
	PostID    string `json:"post_id,omitempty"`
	ChannelID string `json:"channel_id,omitempty"`
	CreateAt  int64  `json:"create_at"`
	UpdateAt  int64  `json:"update_at"`
	DeleteAt  int64  `json:"delete_at"`
	Name      string `json:"name"`
	Extension string `json:"extension"`
	Size      int    `json:"size"`
	MimeType  string `json:"mime_type"`
	Width     int    `json:"width,omitempty"`
	Height    int    `json:"height,omitempty"`

	// Data is its content.
	Data []byte `json:"-"`
}

// Reaction is an emoji that somebody has set (Reaction objects).
type Reaction struct {
	UserID    string `json:"user_id"`
	PostID    string `json:"post_id"`
	EmojiName string `json:"emoji_name"`
	CreateAt  int64  `json:"create_at"`
	ChannelID string `json:"channel_id"`
}

// world is the people, the channels and what is in them. Server has the lock.
type world struct {
	users     map[string]User
	tokens    map[string]string // to ids of users
	channels  map[string]*Channel
	posts     map[string]*Post
	order     map[string][]*Post // by channel
	made      []*Post            // by the bot, in order
	files     map[string]*File
	reactions map[string][]Reaction // by post
	pending   map[string]pending
	last      int64
	ids       int
}

// pending is a post by what its sender calls it, for who sends it again.
type pending struct {
	post  string
	until time.Time
}

func newWorld() world {
	return world{
		users: map[string]User{}, tokens: map[string]string{}, channels: map[string]*Channel{}, posts: map[string]*Post{}, order: map[string][]*Post{},
		files: map[string]*File{}, reactions: map[string][]Reaction{}, pending: map[string]pending{},
	}
}

// now is a time that nothing has yet, in milliseconds since 1970.
func (w *world) now() int64 {
	w.last = max(time.Now().UnixMilli(), w.last+1)
	return w.last
}

// id returns an id that nothing has yet.
func (w *world) id(kind string) string {
	w.ids++
	return fmt.Sprintf("%s%0*d", kind, 26-len(kind), w.ids)
}

// direct returns the direct channel of two people, which it makes where there is none.
func (w *world) direct(one, other string) *Channel {
	pair := []string{one, other}
	slices.Sort(pair)
	name := strings.Join(pair, "__")
	for _, c := range w.channels {
		if c.Name == name {
			return c
		}
	}
	c := &Channel{ID: w.id("direct"), Type: "D", Name: name, CreateAt: w.now()}
	w.channels[c.ID] = c
	return c
}

// isIn reports whether somebody is a member of a channel.
func (s *Server) isIn(user string, c *Channel) bool {
	switch {
	case c == nil:
		return false
	case c.Type == "D":
		return strings.Contains(c.Name, user)
	}
	return user != s.cfg.Bot.ID || !c.Outside
}

// add puts a post into its channel, and tells of it.
func (s *Server) add(p *Post) {
	w := &s.world
	p.ID, p.CreateAt = w.id("post"), w.now()
	p.UpdateAt = p.CreateAt
	if p.Props == nil {
		p.Props = map[string]any{}
	}
	c := w.channels[p.ChannelID]
	c.LastPostAt = p.CreateAt
	w.posts[p.ID] = p
	w.order[c.ID] = append(w.order[c.ID], p)
	for _, id := range p.FileIDs {
		w.files[id].PostID, w.files[id].ChannelID = p.ID, c.ID
	}
	if p.UserID == s.cfg.Bot.ID {
		w.made = append(w.made, p)
	}
	s.tellPosted(c, p)
}

// shown is a post as it is read.
func (w *world) shown(p *Post) *Post {
	out := *p
	out.PendingPostID = ""
	m := Metadata{Reactions: slices.Clone(w.reactions[p.ID])}
	if p.Metadata != nil {
		m.Embeds = p.Metadata.Embeds
	}
	for _, id := range p.FileIDs {
		if f := w.files[id]; f != nil {
			m.Files = append(m.Files, *f)
		}
	}
	out.Metadata = &m
	return &out
}
