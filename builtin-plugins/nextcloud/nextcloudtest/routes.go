package nextcloudtest

import (
	"net/http"
	"strings"
)

// mux has the calls by their names.
func (s *Server) mux() http.Handler {
	m := http.NewServeMux()
	for pattern, route := range map[string]struct {
		name string
		h    handler
	}{
		"GET /cloud/user":                                  {"user", s.whoami},
		"GET /cloud/capabilities":                          {"capabilities", s.capabilities},
		"GET /core/autocomplete/get":                       {"autocomplete", s.autocomplete},
		"GET /apps/spreed/api/v4/room":                     {"rooms", s.listRooms},
		"POST /apps/spreed/api/v4/room":                    {"create", s.create},
		"GET /apps/spreed/api/v1/chat/{token}":             {"chat", s.chat},
		"POST /apps/spreed/api/v1/chat/{token}":            {"say", s.say},
		"POST /apps/spreed/api/v1/chat/{token}/read":       {"read", s.read},
		"PUT /apps/spreed/api/v1/chat/{token}/{id}":        {"edit", s.edit},
		"DELETE /apps/spreed/api/v1/chat/{token}/{id}":     {"delete", s.remove},
		"GET /apps/spreed/api/v1/reaction/{token}/{id}":    {"reactions", s.reactions},
		"POST /apps/spreed/api/v1/reaction/{token}/{id}":   {"react", s.react},
		"DELETE /apps/spreed/api/v1/reaction/{token}/{id}": {"unreact", s.unreact},
		"POST /apps/spreed/api/v1/poll/{token}":            {"poll", s.ask},
		"GET /apps/spreed/api/v1/poll/{token}/{id}":        {"result", s.result},
		"POST /apps/files_sharing/api/v1/shares":           {"share", s.share},
	} {
		method, path, _ := strings.Cut(pattern, " ")
		m.HandleFunc(method+" /ocs/v2.php"+path, s.guarded(route.name, true, route.h))
		if strings.HasPrefix(path, "/cloud/") { // which programs of others ask by version 1
			m.HandleFunc(method+" /ocs/v1.php"+path, s.guarded(route.name, true, route.h))
		}
	}
	m.HandleFunc("GET /remote.php/dav/files/{user}/{path...}", s.guarded("download", false, s.download))
	m.HandleFunc("PUT /remote.php/dav/files/{user}/{path...}", s.guarded("upload", false, s.upload))
	m.HandleFunc("MKCOL /remote.php/dav/files/{user}/{path...}", s.guarded("mkcol", false, s.mkcol))
	m.HandleFunc("/ocs/", func(w http.ResponseWriter, _ *http.Request) { writeOCS(w, 404, "Invalid query", nil) })
	return m
}

// whoami is whose the login is ("User metadata").
func (s *Server) whoami(c *call) (any, error) {
	return fields{"id": c.user.ID, "displayname": c.user.Name, "enabled": true}, nil
}

func (s *Server) capabilities(*call) (any, error) {
	known := fields{"core": fields{"pollinterval": 60}}
	if !s.cfg.WithoutTalk {
		known["spreed"] = fields{"version": "22.0.3", "features": []string{"chat-v2", "chat-reference-id", "edit-messages"}, "config": fields{"chat": fields{"max-length": s.cfg.MaxLength}}}
	}
	return fields{"version": fields{"major": 32, "minor": 0, "micro": 3, "string": "32.0.3", "edition": "", "extendedSupport": false}, "capabilities": known}, nil
}

// autocomplete finds people by a part of their names or ids.
func (s *Server) autocomplete(c *call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []fields{}
	for _, u := range s.users {
		if strings.Contains(strings.ToLower(u.Name+" "+u.ID), strings.ToLower(c.params["search"])) {
			list = append(list, fields{"id": u.ID, "label": u.Name, "source": "users"})
		}
	}
	return list, nil
}
