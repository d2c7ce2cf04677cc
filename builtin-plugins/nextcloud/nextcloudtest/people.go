package nextcloudtest

import (
	"slices"
	"strconv"
	"strings"
)

// With returns somebody's conversation with another one, which is made if it is not there.
func (u *User) With(other *User) *Room {
	u.world.mu.Lock()
	defer u.world.mu.Unlock()
	return u.world.oneToOne(u.ID, other.ID)
}

// NewGroup makes a group with others in it.
func (u *User) NewGroup(name string, others ...*User) *Room {
	w := u.world
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.newRoom(2, name, []string{u.ID})
	for _, other := range others {
		w.invite(r, u, other)
	}
	return r
}

// Invite puts somebody into a group: what was said before counts as read.
func (u *User) Invite(r *Room, other *User) {
	u.world.mu.Lock()
	defer u.world.mu.Unlock()
	u.world.invite(r, u, other)
}

func (w *World) invite(r *Room, by, other *User) {
	last := int64(0)
	if n := len(r.messages); n > 0 {
		last = r.messages[n-1].ID
	}
	r.members[other.ID] = last
	w.add(r, &Message{Kind: "users", Sender: by.ID, Type: "system", System: "user_added", Text: "{actor} added {user}", Parameters: fields{"user": fields{"type": "user", "id": other.ID, "name": other.Name}}})
}

// Remove puts somebody out of a group.
func (u *User) Remove(r *Room, other *User) {
	u.world.mu.Lock()
	defer u.world.mu.Unlock()
	delete(r.members, other.ID)
	u.world.happened.Raise()
}

// Say has somebody write to a conversation; to names the message that it answers, 0 for none.
func (u *User) Say(r *Room, text string, to int64) int64 {
	return u.Post(r, Message{Kind: "users", Sender: u.ID, Text: text, Parent: to})
}

// Begin has somebody begin a thread.
func (u *User) Begin(r *Room, text string) int64 {
	u.world.mu.Lock()
	defer u.world.mu.Unlock()
	m := Message{Kind: "users", Sender: u.ID, Text: text}
	id := u.world.add(r, &m)
	m.Thread = id
	return id
}

// Post has somebody write something of any kind.
func (u *User) Post(r *Room, m Message) int64 {
	u.world.mu.Lock()
	defer u.world.mu.Unlock()
	if m.Sender == "" {
		m.Kind, m.Sender = "users", u.ID
	}
	return u.world.add(r, &m)
}

// Share has somebody share a file.
func (u *User) Share(r *Room, caption, kind string, f File) int64 {
	u.world.mu.Lock()
	defer u.world.mu.Unlock()
	return u.world.shareFile(r, &Message{Kind: "users", Sender: u.ID, Text: caption, Type: kind}, f)
}

// Edit has somebody change a message, Delete take it back, React set an emoji.
func (u *User) Edit(r *Room, id int64, text string) {
	u.world.with(r, id, func(m *Message) { u.world.change(r, m, text) })
}

// Delete takes a message back.
func (u *User) Delete(r *Room, id int64) {
	u.world.with(r, id, func(m *Message) { u.world.drop(r, m) })
}

// React sets an emoji at a message.
func (u *User) React(r *Room, id int64, emoji string) {
	u.world.with(r, id, func(m *Message) { u.world.mark(r, m, u.ID, emoji) })
}

// Unreact takes somebody's emoji at a message back.
func (u *User) Unreact(r *Room, id int64) {
	u.world.with(r, id, func(m *Message) {
		for emoji, people := range m.reactions {
			if slices.Contains(people, u.ID) {
				u.world.unmark(r, m, u.ID, emoji)
			}
		}
	})
}

func (w *World) with(r *Room, id int64, do func(m *Message)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if m := r.find(strconv.FormatInt(id, 10)); m != nil {
		do(m)
	}
}

// SetReadOnly closes a conversation for what is new.
func (w *World) SetReadOnly(r *Room) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r.readOnly = true
}

// own checks that a path is among the caller's own files.
func own(c *call) (string, error) {
	if c.PathValue("user") != c.user.ID {
		return "", refuse(404, "")
	}
	return c.user.ID + "/" + c.PathValue("path"), nil
}

func (s *Server) download(c *call) (any, error) {
	path, err := own(c)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.files[path]
	if !ok {
		return nil, refuse(404, "")
	}
	return f, nil
}

// upload puts a file; its folder has to be there.
func (s *Server) upload(c *call) (any, error) {
	path, err := own(c)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	folder, name := path[:strings.LastIndexByte(path, '/')], path[strings.LastIndexByte(path, '/')+1:]
	if _, there := s.files[folder+"/"]; !there {
		return nil, refuse(409, "")
	}
	s.files[path] = File{name, c.Header.Get("Content-Type"), c.body}
	return made{}, nil
}

func (s *Server) mkcol(c *call) (any, error) {
	path, err := own(c)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.files[path+"/"]; there {
		return nil, refuse(405, "")
	}
	s.files[path+"/"] = File{}
	return made{}, nil
}
