package botapitest

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
)

// apiError is an answer other than ok.
type apiError struct {
	Code        int
	Description string
	RetryAfter  int
	MigrateTo   int64
}

// Error is the description that Telegram would send.
func (e *apiError) Error() string { return e.Description }

// badRequest is the answer to a call that cannot be carried out; programs tell why from its words alone.
func badRequest(what string) *apiError {
	return &apiError{Code: 400, Description: "Bad Request: " + what}
}

// envelope is what every answer is wrapped in ("Making requests").
type envelope struct {
	OK          bool        `json:"ok"`
	Result      any         `json:"result,omitempty"`
	ErrorCode   int         `json:"error_code,omitempty"`
	Description string      `json:"description,omitempty"`
	Parameters  *parameters `json:"parameters,omitempty"`
}

// parameters say what to do about an error (ResponseParameters).
type parameters struct {
	RetryAfter      int   `json:"retry_after,omitempty"`
	MigrateToChatID int64 `json:"migrate_to_chat_id,omitempty"`
}

// ServeHTTP answers /bot<token>/<method> and /file/bot<token>/<path>.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	file := strings.HasPrefix(path, "file/")
	path = strings.TrimPrefix(path, "file/")
	token, rest, ok := strings.Cut(strings.TrimPrefix(path, "bot"), "/")
	switch {
	case !strings.HasPrefix(path, "bot") || !ok:
		writeError(w, &apiError{Code: 404, Description: "Not Found"})
	case token != s.cfg.Token:
		writeError(w, &apiError{Code: 401, Description: "Unauthorized"})
	case file:
		s.serveFile(w, r, rest)
	default:
		s.serveMethod(w, r, strings.ToLower(rest))
	}
}

// serveMethod handles a call, unless a fault takes its place.
func (s *Server) serveMethod(w http.ResponseWriter, r *http.Request, method string) {
	p, err := readParams(w, r)
	if err != nil {
		writeError(w, err)
		return
	}
	handle, known := methods[method]
	if !known {
		writeError(w, &apiError{Code: 404, Description: "Not Found: method not found"})
		return
	}
	fault := s.fault(method, p)
	if fault != nil && !fault.CutAfter {
		s.Journal.addCall(method, p, nil, fault)
		fault.play(w, r)
		return
	}
	result, err := handle(s, r, p)
	s.Journal.addCall(method, p, err, fault)
	switch {
	case fault != nil:
		panic(http.ErrAbortHandler)
	case err != nil:
		writeError(w, err)
	default:
		writeJSON(w, 200, envelope{OK: true, Result: result})
	}
}

// serveFile answers with a file that getFile has told the path of.
func (s *Server) serveFile(w http.ResponseWriter, r *http.Request, path string) {
	if fault := s.fault("file", params{}); fault != nil {
		fault.play(w, r)
		return
	}
	s.Chats.mu.Lock()
	data, known := s.Chats.files.at(path)
	s.Chats.mu.Unlock()
	if !known {
		writeError(w, &apiError{Code: 404, Description: "Not Found"})
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(data)
}

// writeError answers with an error; one that is no *apiError is the server's fault.
func writeError(w http.ResponseWriter, err error) {
	e := (*apiError)(nil)
	if !errors.As(err, &e) {
		e = &apiError{Code: 500, Description: "Internal Server Error: " + err.Error()}
	}
	out := envelope{ErrorCode: e.Code, Description: e.Description}
	if e.RetryAfter > 0 || e.MigrateTo != 0 {
		out.Parameters = &parameters{RetryAfter: e.RetryAfter, MigrateToChatID: e.MigrateTo}
	}
	writeJSON(w, e.Code, out)
}

// writeJSON answers with v as JSON.
func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = 500, []byte(`{"ok":false,"error_code":500,"description":"Internal Server Error"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
