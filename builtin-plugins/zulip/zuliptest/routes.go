package zuliptest

import "net/http"

// mux has the calls by their names.
func (s *Server) mux() http.Handler {
	m := http.NewServeMux()
	for pattern, route := range map[string]struct {
		name string
		h    handler
	}{
		"GET /api/v1/users/me":                       {"me", s.me},
		"GET /api/v1/users":                          {"users", s.listUsers},
		"GET /api/v1/streams":                        {"streams", s.listChannels},
		"POST /api/v1/register":                      {"register", s.register},
		"GET /api/v1/events":                         {"events", s.events},
		"DELETE /api/v1/events":                      {"deregister", s.deregister},
		"GET /api/v1/messages":                       {"messages", s.listMessages},
		"POST /api/v1/messages":                      {"send", s.send},
		"GET /api/v1/messages/{id}":                  {"message", s.message},
		"PATCH /api/v1/messages/{id}":                {"edit", s.edit},
		"DELETE /api/v1/messages/{id}":               {"delete", s.remove},
		"POST /api/v1/messages/{id}/reactions":       {"react", s.react},
		"DELETE /api/v1/messages/{id}/reactions":     {"unreact", s.unreact},
		"POST /api/v1/typing":                        {"typing", s.typing},
		"POST /api/v1/user_uploads":                  {"upload", s.upload},
		"GET /api/v1/user_uploads/{realm}/{path...}": {"file", s.temporary},
	} {
		m.HandleFunc(pattern, s.guarded(route.name, route.h))
	}
	m.HandleFunc("GET /user_uploads/temporary/{token}/{name}", s.download)
	m.HandleFunc("GET /static/generated/emoji/emoji_api.test.json", emojiList)
	m.HandleFunc("GET /api/v1/server_settings", s.settings)
	m.HandleFunc("/api/", func(w http.ResponseWriter, _ *http.Request) {
		writeError(w, &apiError{status: 404, code: "BAD_REQUEST", msg: "Not found"})
	})
	return m
}

// settings are what anybody may know ("Get server settings").
func (s *Server) settings(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, 200, fields{"result": "success", "msg": "", "zulip_version": "11.2", "zulip_feature_level": s.cfg.FeatureLevel, "authentication_methods": fields{"password": true}})
}

// me is who the login is ("Get own user").
func (s *Server) me(c *call) (fields, error) {
	return fields{"user_id": c.user.ID, "full_name": c.user.Name, "email": c.user.Email, "is_bot": c.user.Bot, "is_active": true, "role": 400}, nil
}

func (s *Server) listUsers(*call) (fields, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []fields{}
	for _, u := range s.users {
		list = append(list, fields{"user_id": u.ID, "full_name": u.Name, "email": u.Email, "is_bot": u.Bot, "is_active": true})
	}
	return fields{"members": list}, nil
}

func (s *Server) listChannels(*call) (fields, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []fields{}
	for _, c := range s.channels {
		list = append(list, fields{"stream_id": c.ID, "name": c.Name, "invite_only": false})
	}
	return fields{"streams": list}, nil
}

// deregister throws a queue away ("Delete an event queue").
func (s *Server) deregister(c *call) (fields, error) {
	s.lose(c.params["queue_id"])
	return nil, nil
}
