package twiliotest

import (
	"net/http"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
)

// apiError is an answer other than ok ("Twilio's response").
type apiError struct {
	status, code int
	text         string
}

func (e *apiError) answer(w http.ResponseWriter) {
	web.JSON(w, e.status, map[string]any{"code": e.code, "message": e.text, "more_info": "https://www.twilio.com/docs/errors", "status": e.status})
}

// ServeHTTP answers …/Messages.json, …/Messages/{sid}.json, …/Messages/{sid}/Media.json and …/Messages/{sid}/Media/{sid}.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rest, ok := strings.CutPrefix(r.URL.Path, s.path("/Messages"))
	user, password, _ := r.BasicAuth()
	s.mu.Lock()
	good := user == s.cfg.AccountSID && password == s.cfg.AuthToken || s.cfg.KeySID != "" && user == s.cfg.KeySID && password == s.cfg.KeySecret
	s.mu.Unlock()
	switch {
	case !good:
		(&apiError{401, 20003, "Authenticate"}).answer(w)
		return
	case !ok:
		(&apiError{404, 20404, "The requested resource " + r.URL.Path + " was not found"}).answer(w)
		return
	}
	kind := "list"
	switch {
	case r.Method == http.MethodPost:
		kind = "create"
	case strings.Contains(rest, "/Media"):
		kind = "media"
	}
	if err := r.ParseForm(); err != nil {
		(&apiError{400, 20001, err.Error()}).answer(w)
		return
	}
	fault := s.Fault(kind)
	if fault.Before(w, r, injected) {
		return
	}
	s.mu.Lock()
	s.requests = append(s.requests, Request{kind, r.URL.RawQuery, user})
	do := s.handle(r, kind, rest)
	s.Raise()
	s.mu.Unlock()
	fault.After()
	do(w)
}

// handle does what a request asks for, and returns how it is answered. The lock is held.
func (s *Server) handle(r *http.Request, kind, rest string) func(http.ResponseWriter) {
	if kind == "create" && rest == ".json" {
		v, err := s.create(r.PostForm)
		if err != nil {
			return err.answer
		}
		return func(w http.ResponseWriter) { web.JSON(w, http.StatusCreated, v) }
	}
	if kind == "list" && rest == ".json" {
		v := s.list(r.URL.Query())
		return func(w http.ResponseWriter) { web.JSON(w, http.StatusOK, v) }
	}
	parts := strings.Split(strings.TrimSuffix(strings.TrimPrefix(rest, "/"), ".json"), "/")
	for i := range s.messages {
		m := &s.messages[i]
		if m.SID != parts[0] || kind == "create" {
			continue
		}
		switch len(parts) {
		case 1:
			v := s.resource(m)
			return func(w http.ResponseWriter) { web.JSON(w, http.StatusOK, v) }
		case 2:
			v := s.mediaList(m)
			return func(w http.ResponseWriter) { web.JSON(w, http.StatusOK, v) }
		case 3:
			if f, ok := s.files[parts[2]]; ok {
				return func(w http.ResponseWriter) {
					w.Header().Set("Content-Type", f.mime)
					_, _ = w.Write(f.data)
				}
			}
		}
	}
	return (&apiError{404, 20404, "The requested resource was not found"}).answer
}

// mediaList is what a message has for files (Media subresource).
func (s *Server) mediaList(m *Message) map[string]any {
	list := []any{}
	for _, id := range m.Media {
		list = append(list, map[string]any{
			"sid": id, "parent_sid": m.SID, "account_sid": s.cfg.AccountSID, "content_type": s.files[id].mime, "uri": s.path("/Messages/" + m.SID + "/Media/" + id + ".json"),
		})
	}
	return map[string]any{"media_list": list, "page": 0, "page_size": 50, "next_page_uri": nil}
}
