package slacktest

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// answer is what a method answers with, beside ok.
type answer map[string]any

// refusal is Slack's word for why a call is refused. With a time it is a 429.
type refusal struct {
	word       string
	retryAfter int
}

func (r *refusal) Error() string { return r.word }

func refuse(word string) error { return &refusal{word: word} }

// maxBody is how large a call may be.
const maxBody = 64 << 20

// ServeHTTP answers the Web API, the websocket, uploads and downloads of files.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	method, isMethod := strings.CutPrefix(r.URL.Path, "/api/")
	switch {
	case isMethod:
		s.serveMethod(w, r, method)
	case r.URL.Path == "/link/":
		s.serveSocket(w, r)
	case strings.HasPrefix(r.URL.Path, "/upload/v1/"):
		s.serveUpload(w, r, strings.TrimPrefix(r.URL.Path, "/upload/v1/"))
	case strings.HasPrefix(r.URL.Path, "/files-pri/"):
		s.serveFile(w, r)
	default:
		http.NotFound(w, r)
	}
}

// serveMethod handles a call, unless a fault takes its place.
func (s *Server) serveMethod(w http.ResponseWriter, r *http.Request, method string) {
	form, err := readForm(r)
	if err != nil {
		writeJSON(w, 200, answer{"ok": false, "error": "invalid_form_data"})
		return
	}
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if token == "" {
		token = form.Get("token")
	}
	form.Del("token")
	call := Call{Method: method, Form: form}
	fault := s.fault(method, form)
	if fault != nil && !fault.CutAfter {
		call.Error, call.Failed = fault.Error, true
		s.note(call)
		fault.play(w, r)
		return
	}
	out, err := s.handle(method, token, form)
	refused := (*refusal)(nil)
	if errors.As(err, &refused) {
		call.Error = refused.word
	}
	call.Failed = fault != nil
	s.note(call)
	switch {
	case fault != nil:
		fault.play(w, r)
	case refused != nil && refused.retryAfter > 0:
		w.Header().Set("Retry-After", strconv.Itoa(refused.retryAfter))
		writeJSON(w, http.StatusTooManyRequests, answer{"ok": false, "error": refused.word})
	case refused != nil:
		writeJSON(w, 200, answer{"ok": false, "error": refused.word})
	default:
		out["ok"] = true
		writeJSON(w, 200, out)
	}
}

// handle checks the token ("Token types") and handles a call.
func (s *Server) handle(method, token string, form url.Values) (answer, error) {
	if method == "apps.connections.open" {
		switch token {
		case s.cfg.AppToken:
			return s.connectionsOpen()
		case s.cfg.BotToken:
			return nil, refuse("not_allowed_token_type")
		}
		return nil, refuse("invalid_auth")
	}
	handler, known := methods[method]
	switch {
	case !known:
		return nil, refuse("unknown_method")
	case token == "":
		return nil, refuse("not_authed")
	case token != s.cfg.BotToken:
		return nil, refuse("invalid_auth")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return handler(s, form)
}

// readForm reads the parameters: of a form, of multipart, or of JSON, whose values that are not texts stay JSON.
func readForm(r *http.Request) (url.Values, error) {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		if err := r.ParseMultipartForm(maxBody); err != nil && !errors.Is(err, http.ErrNotMultipart) {
			return nil, err
		}
		return r.Form, nil
	}
	form := r.URL.Query()
	b, err := io.ReadAll(r.Body)
	if err != nil || len(b) == 0 { // clients say JSON of nothing too
		return form, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(b, &fields); err != nil {
		return nil, err
	}
	for name, v := range fields {
		text := ""
		if json.Unmarshal(v, &text) != nil {
			text = string(v)
		}
		form.Set(name, text)
	}
	return form, nil
}

// writeJSON answers with v as JSON.
func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = 500, []byte(`{"ok":false,"error":"internal_error"}`)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
