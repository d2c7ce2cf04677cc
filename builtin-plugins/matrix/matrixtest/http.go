package matrixtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
)

// apiError is an answer other than 200 ("Standard error response").
type apiError struct {
	status      int
	code, words string
	retryAfter  int64
	softLogout  bool
}

func (e *apiError) Error() string { return e.code + ": " + e.words }

func forbidden(words string) error { return &apiError{status: 403, code: "M_FORBIDDEN", words: words} }
func notFound(words string) error  { return &apiError{status: 404, code: "M_NOT_FOUND", words: words} }
func badRequest(code, words string) error {
	return &apiError{status: 400, code: code, words: words}
}

// call is a request that is being handled.
type call struct {
	*http.Request
	server *Server
	name   string
	user   *User // whose token it has, nil for a call that needs none
	device string
	body   []byte
	rewind int64
}

// read reads the body as JSON.
func (c *call) read(into any) error {
	if len(bytes.TrimSpace(c.body)) == 0 {
		return nil
	}
	if json.Unmarshal(c.body, into) != nil {
		return badRequest("M_NOT_JSON", "Content not JSON.")
	}
	return nil
}

// handler answers a call with what becomes JSON, or an error.
type handler func(c *call) (any, error)

// maxBody bounds a request that is no file.
const maxBody = 1 << 20

// open is a call that needs no token, answered one that does.
func (s *Server) open(name string, h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.serve(w, &call{Request: r, server: s, name: name}, h)
	}
}

func (s *Server) guarded(name string, h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := &call{Request: r, server: s, name: name}
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if token == "" {
			token = r.URL.Query().Get("access_token")
		}
		c.user, c.device = s.byToken(token)
		s.serve(w, c, func(c *call) (any, error) {
			switch {
			case token == "":
				return nil, &apiError{status: 401, code: "M_MISSING_TOKEN", words: "Missing access token"}
			case c.user == nil:
				return nil, &apiError{status: 401, code: "M_UNKNOWN_TOKEN", words: "Invalid access token passed."}
			}
			return h(c)
		})
	}
}

// serve handles a call, unless a fault takes its place.
func (s *Server) serve(w http.ResponseWriter, c *call, h handler) {
	entry := Call{Name: c.name, Method: c.Method, Path: c.URL.RequestURI(), At: time.Now()}
	if c.user != nil {
		entry.User = c.user.ID
	}
	if c.name != "upload" {
		c.body = web.Body(http.MaxBytesReader(w, c.Body, maxBody))
		entry.Body = string(c.body)
	}
	fault := s.fault(c.name, c.URL.Path)
	if fault.plays() {
		entry.Status = fault.Status
		s.Journal.add(entry)
		fault.play(w, c.Request)
		return
	}
	if fault != nil {
		c.rewind = fault.Rewind
	}
	out, err := h(c)
	if fault != nil && fault.CutAfter {
		s.Journal.add(entry)
		panic(http.ErrAbortHandler)
	}
	entry.Status = 200
	if e := (*apiError)(nil); errors.As(err, &e) {
		entry.Status = e.status
	}
	s.Journal.add(entry)
	switch body := out.(type) {
	case *file:
		w.Header().Set("Content-Type", body.kind)
		_, _ = w.Write(body.data)
	default:
		if err != nil {
			writeError(w, err)
			return
		}
		writeJSON(w, 200, out)
	}
}

// writeError answers with an error; one that is no *apiError is the server's fault.
func writeError(w http.ResponseWriter, err error) {
	e := (*apiError)(nil)
	if !errors.As(err, &e) {
		e = &apiError{status: 500, code: "M_UNKNOWN", words: "Internal server error"}
	}
	body := map[string]any{"errcode": e.code, "error": e.words}
	if e.retryAfter > 0 {
		body["retry_after_ms"] = e.retryAfter
	}
	if e.softLogout {
		body["soft_logout"] = true
	}
	writeJSON(w, e.status, body)
}

// writeJSON answers with v as JSON.
func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = 500, []byte(`{"errcode":"M_UNKNOWN","error":"Internal server error"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
