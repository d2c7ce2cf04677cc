package mattermosttest

import (
	"slices"
	"strings"
)

// named is the id in a path, where me is who asks.
func (r *request) named() string {
	if id := r.PathValue("id"); id != "me" {
		return id
	}
	return r.user
}

func (s *Server) user(r *request) (any, error) {
	u, ok := s.world.users[r.named()]
	if !ok {
		return nil, errNoUser
	}
	return u, nil
}

// sorted are all people, by name.
func (s *Server) sorted() (list []User) {
	for _, u := range s.world.users {
		list = append(list, u)
	}
	slices.SortFunc(list, func(a, b User) int { return strings.Compare(a.Username, b.Username) })
	return list
}

func (s *Server) users(*request) (any, error) { return s.sorted(), nil }

func (s *Server) usersByIDs(r *request) (any, error) {
	var ids []string
	if err := r.read(&ids); err != nil {
		return nil, err
	}
	list := []User{}
	for _, id := range ids {
		if u, ok := s.world.users[id]; ok {
			list = append(list, u)
		}
	}
	return list, nil
}

func (s *Server) searchUsers(r *request) (any, error) {
	var search struct{ Term string }
	if err := r.read(&search); err != nil {
		return nil, err
	}
	if search.Term == "" {
		return nil, refuse(400, "api.context.invalid_body_param.app_error", "Invalid or missing term in request body.")
	}
	list := []User{}
	for _, u := range s.sorted() {
		for _, name := range []string{u.Username, u.Nickname, u.FirstName, u.LastName, u.FirstName + " " + u.LastName} {
			if strings.HasPrefix(strings.ToLower(name), strings.ToLower(search.Term)) {
				list = append(list, u)
				break
			}
		}
	}
	return list, nil
}

func (s *Server) channelsOf(r *request) (any, error) {
	list := []Channel{}
	for _, c := range s.world.channels {
		if s.isIn(r.named(), c) && c.DeleteAt == 0 {
			list = append(list, *c)
		}
	}
	slices.SortFunc(list, func(a, b Channel) int { return strings.Compare(a.DisplayName+a.ID, b.DisplayName+b.ID) })
	return list, nil
}

// readable is a channel that somebody may read.
func (s *Server) readable(user, id string) (*Channel, error) {
	c := s.world.channels[id]
	switch {
	case c == nil:
		return nil, errNoChannel
	case !s.isIn(user, c):
		return nil, errPermissions
	}
	return c, nil
}

func (s *Server) channel(r *request) (any, error) { return s.readable(r.user, r.PathValue("id")) }

func (s *Server) openDirect(r *request) (any, error) {
	var ids []string
	if err := r.read(&ids); err != nil {
		return nil, err
	}
	if len(ids) != 2 || !slices.Contains(ids, r.user) {
		return nil, errPermissions
	}
	for _, id := range ids {
		if _, ok := s.world.users[id]; !ok {
			return nil, refuse(400, "api.channel.create_direct_channel.invalid_user.app_error", "Invalid user ID.")
		}
	}
	return status{201, s.world.direct(ids[0], ids[1])}, nil
}

func (s *Server) typing(r *request) (any, error) {
	var where struct {
		Channel string `json:"channel_id"`
		Parent  string `json:"parent_id"`
	}
	if err := r.read(&where); err != nil {
		return nil, err
	}
	if _, err := s.readable(r.user, where.Channel); err != nil {
		return nil, err
	}
	s.tellTyping(r.user, where.Channel, where.Parent)
	return statusOK, nil
}
