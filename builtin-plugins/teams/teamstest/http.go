package teamstest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
)

// apiError is an answer other than ok (Bot Connector API, "Errors").
type apiError struct {
	status        int
	code, message string
}

func bad(message string) *apiError { return &apiError{http.StatusBadRequest, "BadSyntax", message} }

// refuse answers with an error.
func refuse(w http.ResponseWriter, e *apiError) {
	web.JSON(w, e.status, map[string]any{"error": map[string]any{"code": e.code, "message": e.message}})
}

// ServeHTTP answers for the login, the keys, the connector and the files.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.EscapedPath(), "/"), "/")
	switch {
	case len(parts) == 4 && parts[1] == "oauth2" && parts[3] == "token" && r.Method == http.MethodPost:
		s.token(w, r, parts[0])
	case r.URL.Path == "/openid":
		s.metadata(w)
	case r.URL.Path == "/openid/keys":
		s.keys(w)
	case len(parts) == 3 && parts[1] == "files":
		s.file(w, r, parts[2])
	case len(parts) == 6 && parts[2] == "attachments" && parts[4] == "views":
		s.file(w, r, parts[3])
	case len(parts) >= 3 && parts[0] == "teams" && parts[1] == "v3":
		s.connector(w, r, parts[2:])
	default:
		refuse(w, &apiError{http.StatusNotFound, "NotFound", "no such address"})
	}
}

// connector answers for /v3/conversations.
func (s *Server) connector(w http.ResponseWriter, r *http.Request, parts []string) {
	if !s.known(r) {
		web.JSON(w, http.StatusUnauthorized, map[string]any{"message": "Authorization has been denied for this request."})
		return
	}
	for i := range parts {
		if part, err := url.PathUnescape(parts[i]); err == nil {
			parts[i] = part
		}
	}
	call := map[string]string{"GET": "list", "POST": "create"}[r.Method]
	if len(parts) >= 3 && parts[2] == "activities" {
		call = map[string]string{"POST": "post", "PUT": "edit", "DELETE": "delete"}[r.Method]
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4<<20))
	if err != nil || parts[0] != "conversations" || call == "" {
		refuse(w, &apiError{http.StatusNotFound, "NotFound", "no such operation"})
		return
	}
	var a activity
	if len(body) > 0 && json.Unmarshal(body, &a) != nil {
		refuse(w, bad("Invalid JSON"))
		return
	}
	a.raw = body
	if call == "create" && a.Activity != nil {
		a.Activity.raw = body
	}
	fault := s.Fault(call, a.words()...)
	if fault.Before(w, r, injected) {
		return
	}
	status, out, e := s.handle(call, parts, &a)
	fault.After()
	switch {
	case e != nil:
		refuse(w, e)
	case out == nil:
		w.WriteHeader(status)
	default:
		web.JSON(w, status, out)
	}
}

// handle does what a call asks for.
func (s *Server) handle(call string, parts []string, a *activity) (status int, out any, e *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.Raise()
	switch call {
	case "list": // Teams has no such list
		return 0, nil, &apiError{http.StatusMethodNotAllowed, "BadArgument", "Unsupported operation"}
	case "create":
		return s.create(a)
	}
	where, about := parts[1], ""
	if len(parts) > 3 {
		about = parts[3]
	}
	base, thread, _ := strings.Cut(where, ";messageid=")
	c := s.chats[base]
	if c == nil {
		return 0, nil, &apiError{http.StatusNotFound, "ConversationNotFound", "Conversation not found."}
	}
	switch call {
	case "edit":
		return s.edit(where, about, a)
	case "delete":
		return s.remove(where, about)
	}
	id, e := s.take(c, thread, about, a)
	return http.StatusCreated, map[string]any{"id": id}, e
}
