package feishutest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
)

// apiError is an answer other than ok ("Server-side error codes").
type apiError struct {
	status, code int
	text         string
}

func (e *apiError) Error() string { return e.text }

// invalid is the answer to a call that cannot be carried out.
func invalid(code int, text string) *apiError { return &apiError{http.StatusBadRequest, code, text} }

func refuse(w http.ResponseWriter, e *apiError) {
	web.JSON(w, e.status, map[string]any{"code": e.code, "msg": e.text, "error": map[string]any{"log_id": "2026"}})
}

// object is JSON.
type object = map[string]any

// handler handles a call with the lock held. Without an answer it has given one.
type handler func(w http.ResponseWriter, r *http.Request) (object, *apiError)

func (s *Server) routes() {
	s.mux = http.NewServeMux()
	s.mux.HandleFunc("GET /ws", s.serveSocket)
	for pattern, route := range map[string]struct {
		edge   string
		handle handler
	}{
		"POST /open-apis/auth/v3/tenant_access_token/internal":       {"token", s.token},
		"POST /callback/ws/endpoint":                                 {"endpoint", s.endpoint},
		"GET /open-apis/bot/v3/info":                                 {"bot", s.bot},
		"POST /open-apis/im/v1/messages":                             {"send", s.send},
		"POST /open-apis/im/v1/messages/{id}/reply":                  {"send", s.reply},
		"PUT /open-apis/im/v1/messages/{id}":                         {"edit", s.edit},
		"PATCH /open-apis/im/v1/messages/{id}":                       {"patch", s.patch},
		"DELETE /open-apis/im/v1/messages/{id}":                      {"delete", s.remove},
		"GET /open-apis/im/v1/messages/{id}":                         {"get", s.get},
		"POST /open-apis/im/v1/messages/{id}/reactions":              {"react", s.react},
		"GET /open-apis/im/v1/messages/{id}/reactions":               {"reactions", s.reactions},
		"DELETE /open-apis/im/v1/messages/{id}/reactions/{reaction}": {"unreact", s.unreact},
		"GET /open-apis/im/v1/messages/{id}/resources/{key}":         {"resource", s.resource},
		"POST /open-apis/im/v1/images":                               {"image", s.image},
		"POST /open-apis/im/v1/files":                                {"file", s.upload},
		"GET /open-apis/im/v1/chats":                                 {"chats", s.listChats},
		"GET /open-apis/im/v1/chats/{id}":                            {"chat", s.chat},
		"GET /open-apis/contact/v3/users/{id}":                       {"user", s.user},
	} {
		s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, route.edge, route.handle) })
	}
}

// ServeHTTP answers the calls of the platform that there are.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// serve handles a call, unless a fault takes its place.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, edge string, handle handler) {
	if edge != "token" && edge != "endpoint" && r.Header.Get("Authorization") != "Bearer "+Token {
		refuse(w, invalid(99991663, "Invalid access token for authorization. Please make a request with token attached."))
		return
	}
	fault := s.Fault(edge)
	if fault.Before(w, r, injected) {
		return
	}
	s.mu.Lock()
	out, err := handle(w, r)
	s.Raise()
	s.mu.Unlock()
	fault.After()
	switch {
	case err != nil:
		refuse(w, err)
	case out != nil:
		out["code"], out["msg"] = 0, "success"
		web.JSON(w, http.StatusOK, out)
	}
}

// read reads a call's body.
func read(r *http.Request, into any) *apiError {
	if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<20)).Decode(into); err != nil {
		return invalid(9499, "Bad Request: "+err.Error())
	}
	return nil
}

// token gives out the app's token ("Get custom app's tenant_access_token").
func (s *Server) token(_ http.ResponseWriter, r *http.Request) (object, *apiError) {
	var body struct {
		ID     string `json:"app_id"`
		Secret string `json:"app_secret"`
	}
	if err := read(r, &body); err != nil {
		return nil, err
	}
	s.asked++
	switch {
	case body.ID != s.cfg.AppID:
		return nil, &apiError{http.StatusOK, 10003, "invalid param"}
	case body.Secret != s.cfg.AppSecret:
		return nil, &apiError{http.StatusOK, 10014, "app secret invalid"}
	}
	return object{"tenant_access_token": Token, "expire": 7200}, nil
}

// bot says who the bot is ("Obtain bot info").
func (s *Server) bot(http.ResponseWriter, *http.Request) (object, *apiError) {
	return object{"bot": object{"activate_status": 2, "app_name": "Carapace", "open_id": s.cfg.Bot}}, nil
}

// chat describes a group ("Obtain group information").
func (s *Server) chat(_ http.ResponseWriter, r *http.Request) (object, *apiError) {
	c := s.chats[r.PathValue("id")]
	if c == nil {
		return nil, invalid(232006, "Your request specifies a chat_id which is invalid.")
	}
	return object{"data": object{"name": c.Name, "chat_mode": "group"}}, nil
}

// listChats lists the bot's groups ("Obtain the list of groups"), two on a page so that pages are seen to be read.
func (s *Server) listChats(_ http.ResponseWriter, r *http.Request) (object, *apiError) {
	var items []any
	from, _ := strconv.Atoi(r.FormValue("page_token"))
	for i := range s.count {
		if c := s.chats[fmt.Sprint("oc_", i+1)]; c != nil && c.Person == "" {
			items = append(items, object{"chat_id": c.ID, "name": c.Name})
		}
	}
	page := items[min(from, len(items)):min(from+2, len(items))]
	return object{"data": object{"items": page, "has_more": from+2 < len(items), "page_token": strconv.Itoa(from + 2)}}, nil
}

// user says what somebody is called ("Obtain the information of a single user").
func (s *Server) user(_ http.ResponseWriter, r *http.Request) (object, *apiError) {
	name, ok := s.people[r.PathValue("id")]
	if !ok {
		return nil, invalid(41012, "user id not exist")
	}
	return object{"data": object{"user": object{"open_id": r.PathValue("id"), "name": name}}}, nil
}

// next is an id that was not given out yet.
func (s *Server) next(kind string) string {
	s.count++
	return strings.ToLower(kind) + "_" + strconv.Itoa(s.count)
}
