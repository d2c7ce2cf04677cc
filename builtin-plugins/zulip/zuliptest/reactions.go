package zuliptest

import (
	"net/http"
	"slices"
)

// emoji are those that the server has, by their names.
func emoji() map[string]string {
	return map[string]string{"+1": "1f44d", "thumbs_up": "1f44d", "heart": "2764", "eyes": "1f440", "flag_germany": "1f1e9-1f1ea", "check": "2705"}
}

// emojiList is the list that anybody can read (server_emoji_data_url).
func emojiList(w http.ResponseWriter, _ *http.Request) {
	names := map[string][]string{}
	for name, code := range emoji() {
		names[code] = append(names[code], name)
	}
	for _, list := range names {
		slices.Sort(list)
	}
	writeJSON(w, 200, fields{"code_to_names": names})
}

// react sets an emoji ("Add an emoji reaction").
func (s *Server) react(c *call) (fields, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.target(c)
	if err != nil {
		return nil, err
	}
	name := c.params["emoji_name"]
	code, known := emoji()[name]
	switch {
	case !known:
		return nil, bad("Emoji '" + name + "' does not exist")
	case c.params["emoji_code"] != "" && c.params["emoji_code"] != code:
		return nil, bad("Invalid emoji name.")
	}
	r := Reaction{c.user.ID, name, code, "unicode_emoji"}
	if slices.ContainsFunc(m.Reactions, func(o Reaction) bool { return o.User == r.User && o.Code == r.Code }) {
		return nil, &apiError{status: 400, code: "REACTION_ALREADY_EXISTS", msg: "Reaction already exists."}
	}
	s.addReaction(m, r)
	return nil, nil
}

// addReaction sets an emoji at a message.
func (w *World) addReaction(m *Message, r Reaction) {
	m.Reactions = append(m.Reactions, r)
	w.tellReaction(m, r, "add")
}

func (w *World) tellReaction(m *Message, r Reaction, op string) {
	u := w.users[r.User]
	for _, to := range w.audience(m) {
		w.tell(to, "reaction", func(*queue) fields {
			return fields{
				"op": op, "message_id": m.ID, "user_id": r.User, "user": fields{"user_id": r.User, "email": u.Email, "full_name": u.Name},
				"emoji_name": r.Name, "emoji_code": r.Code, "reaction_type": r.ReactionOf,
			}
		})
	}
}

// unreact takes an emoji back ("Remove an emoji reaction").
func (s *Server) unreact(c *call) (fields, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.target(c)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(m.Reactions, func(r Reaction) bool { return r.User == c.user.ID && r.Name == c.params["emoji_name"] })
	if i < 0 {
		return nil, &apiError{status: 400, code: "REACTION_DOES_NOT_EXIST", msg: "Reaction doesn't exist."}
	}
	s.tellReaction(m, m.Reactions[i], "remove")
	m.Reactions = slices.Delete(m.Reactions, i, i+1)
	return nil, nil
}
