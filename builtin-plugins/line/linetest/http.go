package linetest

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
)

// apiError is an answer other than ok ("Error responses").
type apiError struct {
	status int
	text   string
}

func invalid(text string) *apiError { return &apiError{http.StatusBadRequest, text} }

func refuse(w http.ResponseWriter, e *apiError) {
	web.JSON(w, e.status, object{"message": e.text})
}

// object is JSON.
type object = map[string]any

// handler handles a call with the lock held. Without an answer it has given one.
type handler func(w http.ResponseWriter, r *http.Request) (object, *apiError)

func (s *Server) routes() {
	s.mux = http.NewServeMux()
	for pattern, route := range map[string]struct {
		edge   string
		handle handler
	}{
		"POST /oauth2/v3/token":                   {"token", s.token},
		"GET /v2/bot/info":                        {"info", s.info},
		"POST /v2/bot/message/push":               {"push", s.push},
		"POST /v2/bot/message/reply":              {"reply", s.reply},
		"POST /v2/bot/message/validate/reply":     {"validate", s.validate},
		"GET /v2/bot/message/quota":               {"quota", s.quota},
		"GET /v2/bot/message/quota/consumption":   {"consumption", s.consumption},
		"GET /v2/bot/message/{id}/content":        {"content", s.content},
		"POST /v2/bot/chat/loading/start":         {"loading", s.load},
		"GET /v2/bot/profile/{user}":              {"profile", s.profile},
		"GET /v2/bot/group/{group}/member/{user}": {"profile", s.profile},
		"GET /v2/bot/room/{group}/member/{user}":  {"profile", s.profile},
		"GET /v2/bot/group/{group}/summary":       {"summary", s.summary},
	} {
		s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, route.edge, route.handle) })
	}
}

// ServeHTTP answers the calls of the API that there are.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// serve handles a call, unless a fault takes its place.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, edge string, handle handler) {
	if edge != "token" && r.Header.Get("Authorization") != "Bearer "+Token {
		refuse(w, &apiError{http.StatusUnauthorized, "Authentication failed. Confirm that the access token in the authorization header is valid."})
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
	case err != nil && out != nil:
		out["message"] = err.text
		web.JSON(w, err.status, out)
	case err != nil:
		refuse(w, err)
	case out != nil:
		web.JSON(w, http.StatusOK, out)
	}
}

// read reads a call's body.
func read(r *http.Request, into any) *apiError {
	if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 2<<20)).Decode(into); err != nil {
		return invalid("The request body could not be parsed as JSON: " + err.Error())
	}
	return nil
}

// token gives out a token ("Issue stateless channel access token").
func (s *Server) token(_ http.ResponseWriter, r *http.Request) (object, *apiError) {
	if r.PostFormValue("grant_type") != "client_credentials" || r.PostFormValue("client_id") != s.cfg.ChannelID || r.PostFormValue("client_secret") != s.cfg.ChannelSecret {
		return object{"error": "invalid_client", "error_description": "invalid client"}, invalid("")
	}
	return object{"token_type": "Bearer", "access_token": Token, "expires_in": 900}, nil
}

// info says who the account is ("Get bot info").
func (s *Server) info(http.ResponseWriter, *http.Request) (object, *apiError) {
	return object{"userId": s.cfg.Bot, "basicId": "@216ru", "displayName": "Carapace", "chatMode": "bot", "markAsReadMode": "auto"}, nil
}

// profile says what somebody is called ("Get profile").
func (s *Server) profile(_ http.ResponseWriter, r *http.Request) (object, *apiError) {
	name, ok := s.people[r.PathValue("user")]
	if group := r.PathValue("group"); !ok || group != "" && s.groups[group] == "" {
		return nil, &apiError{http.StatusNotFound, "Not found"}
	}
	return object{"userId": r.PathValue("user"), "displayName": name}, nil
}

// summary says what a group is called ("Get group chat summary").
func (s *Server) summary(_ http.ResponseWriter, r *http.Request) (object, *apiError) {
	name, ok := s.groups[r.PathValue("group")]
	if !ok {
		return nil, &apiError{http.StatusNotFound, "Not found"}
	}
	return object{"groupId": r.PathValue("group"), "groupName": name}, nil
}

// quota says how many messages can be pushed in a month ("Get the target limit for sending messages this month").
func (s *Server) quota(http.ResponseWriter, *http.Request) (object, *apiError) {
	if s.cfg.Quota == 0 {
		return object{"type": "none"}, nil
	}
	return object{"type": "limited", "value": s.cfg.Quota}, nil
}

// consumption says how many were ("Get number of messages sent this month").
func (s *Server) consumption(http.ResponseWriter, *http.Request) (object, *apiError) {
	return object{"totalUsage": s.pushed}, nil
}

// content answers with the file of a message ("Get content").
func (s *Server) content(w http.ResponseWriter, r *http.Request) (object, *apiError) {
	data, ok := s.files[r.PathValue("id")]
	if !ok {
		return nil, &apiError{http.StatusNotFound, "Not found"}
	}
	w.Header().Set("Content-Type", http.DetectContentType(data))
	_, _ = w.Write(data)
	return nil, nil
}

// load shows that an answer is being written ("Display a loading animation").
func (s *Server) load(_ http.ResponseWriter, r *http.Request) (object, *apiError) {
	var body struct {
		Chat    string `json:"chatId"`
		Seconds int    `json:"loadingSeconds"`
	}
	if err := read(r, &body); err != nil {
		return nil, err
	}
	if s.people[body.Chat] == "" || body.Seconds%5 != 0 || body.Seconds < 5 || body.Seconds > 60 {
		return nil, invalid("The property chatId or loadingSeconds is invalid")
	}
	s.loading = append(s.loading, body.Chat)
	return object{}, nil
}

// Loading are the people who were shown that an answer is being written.
func (s *Server) Loading() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.loading...)
}

// next is an id that was not given out yet.
func (s *Server) next(kind string) string {
	s.count++
	return kind + strconv.Itoa(s.count)
}
