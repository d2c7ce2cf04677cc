package googlechattest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
)

// apiError is an answer other than ok (google.rpc.Status).
type apiError struct {
	status        int
	code, message string
}

func invalid(message string) *apiError {
	return &apiError{http.StatusBadRequest, "INVALID_ARGUMENT", message}
}

func missing(what string) *apiError {
	return &apiError{http.StatusNotFound, "NOT_FOUND", what + " not found."}
}

// refuse answers with an error.
func refuse(w http.ResponseWriter, e *apiError) {
	web.JSON(w, e.status, map[string]any{"error": map[string]any{"code": e.status, "message": e.message, "status": e.code}})
}

// ServeHTTP answers for the login, the keys and the API.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, api := strings.CutPrefix(r.URL.Path, "/v1/")
	switch {
	case r.URL.Path == "/token" && r.Method == http.MethodPost:
		s.token(w, r)
		return
	case r.URL.Path == "/keys":
		publicKeys(w)
		return
	case !api:
		http.NotFound(w, r)
		return
	case !s.known(r):
		refuse(w, &apiError{http.StatusUnauthorized, "UNAUTHENTICATED", "Request had invalid authentication credentials."})
		return
	}
	call, m := callOf(r.Method, path), message{}
	if call == "create" || call == "patch" {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil || json.Unmarshal(body, &m) != nil {
			refuse(w, invalid("Invalid JSON payload received."))
			return
		}
		m.raw = body
	}
	where := ""
	if len(m.Cards) > 0 {
		where = "card"
	}
	fault := s.Fault(call, where)
	if fault.Before(w, r, injected) {
		return
	}
	out, e := s.handle(w, r, call, path, &m)
	fault.After()
	switch {
	case e != nil:
		refuse(w, e)
	case out != nil:
		web.JSON(w, http.StatusOK, out)
	}
}

// callOf is what a call is.
func callOf(method, path string) string {
	switch {
	case method == http.MethodGet && path == "spaces":
		return "list"
	case method == http.MethodGet && path == "spaces:findDirectMessage":
		return "find"
	case method == http.MethodGet && strings.HasPrefix(path, "media/"):
		return "media"
	case method == http.MethodGet && strings.Contains(path, "/messages/"):
		return "get"
	case method == http.MethodPost && strings.HasSuffix(path, "/messages"):
		return "create"
	case method == http.MethodPatch:
		return "patch"
	case method == http.MethodDelete:
		return "delete"
	}
	return ""
}

// handle does what a call asks for. Without an answer it has been given.
func (s *Server) handle(w http.ResponseWriter, r *http.Request, call, path string, m *message) (any, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.Raise()
	q := r.URL.Query()
	switch call {
	case "list":
		return map[string]any{"spaces": []any{}}, nil
	case "find":
		if id := s.met[q.Get("name")]; id != "" {
			return map[string]any{"name": id, "spaceType": "DIRECT_MESSAGE"}, nil
		}
		return nil, missing("Direct message")
	case "media":
		f, ok := s.files[strings.TrimPrefix(path, "media/")]
		if !ok || q.Get("alt") != "media" {
			return nil, missing("Media")
		}
		w.Header().Set("Content-Type", f.mime)
		_, _ = w.Write(f.data)
		return nil, nil
	case "create":
		return s.create(s.spaces[strings.TrimSuffix(path, "/messages")], q.Get("requestId"), q.Get("messageReplyOption"), m)
	case "get":
		return s.get(path)
	case "patch":
		return s.patch(path, q.Get("updateMask"), m)
	case "delete":
		return s.remove(path)
	}
	return nil, missing("Method")
}
