package zuliptest

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// apiError is an answer that is an error ("Error handling").
type apiError struct {
	status     int
	code, msg  string
	retryAfter float64
	more       map[string]any
}

func (e *apiError) Error() string { return e.code + ": " + e.msg }

func bad(msg string) error { return &apiError{status: 400, code: "BAD_REQUEST", msg: msg} }

// call is a request that is being handled.
type call struct {
	*http.Request
	server *Server
	name   string
	user   *User
	params map[string]string
	lost   bool // the queue is to be thrown away
}

// handler answers a call with fields of a success, or an error.
type handler func(c *call) (fields, error)

// fields are those of an answer.
type fields map[string]any

// maxUpload bounds a request, in bytes.
const maxUpload = 30 << 20

// guarded is a call that needs a login: an email and an API key.
func (s *Server) guarded(name string, h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := &call{Request: r, server: s, name: name, params: map[string]string{}}
		r.Body = http.MaxBytesReader(w, r.Body, maxUpload)
		if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
			_ = r.ParseMultipartForm(maxUpload)
		} else {
			_ = r.ParseForm()
		}
		if r.Method == http.MethodDelete { // parameters are taken from its body too, which Go does not
			body, _ := io.ReadAll(r.Body)
			more, _ := url.ParseQuery(string(body))
			for name := range more {
				r.Form.Set(name, more.Get(name))
			}
		}
		for name := range r.Form {
			c.params[name] = r.Form.Get(name)
		}
		email, key, given := r.BasicAuth()
		c.user = s.byLogin(email, key)
		s.serve(w, c, func(c *call) (fields, error) {
			switch {
			case !given:
				return nil, &apiError{status: 401, code: "UNAUTHORIZED", msg: "Missing authorization header for basic auth"}
			case c.user == nil:
				return nil, &apiError{status: 401, code: "INVALID_API_KEY", msg: "Invalid API key"}
			}
			return h(c)
		})
	}
}

// serve handles a call, unless a fault takes its place.
func (s *Server) serve(w http.ResponseWriter, c *call, h handler) {
	entry := Call{Name: c.name, Method: c.Method, Path: c.URL.Path, Params: c.params}
	if c.user != nil {
		entry.User = c.user.ID
	}
	fault := s.fault(c.name, c.URL.Path)
	if fault.plays() {
		entry.Status = fault.Status
		s.note(entry)
		fault.play(w, c.Request)
		return
	}
	c.lost = fault != nil && fault.Lost
	out, err := h(c)
	if fault != nil && fault.CutAfter {
		s.note(entry)
		panic(http.ErrAbortHandler)
	}
	entry.Status = 200
	if e := (*apiError)(nil); errors.As(err, &e) {
		entry.Status = e.status
	}
	s.note(entry)
	if err != nil {
		writeError(w, err)
		return
	}
	body := fields{"result": "success", "msg": ""}
	for name, v := range out {
		body[name] = v
	}
	writeJSON(w, 200, body)
}

// writeError answers with an error; one that is no *apiError is the server's fault.
func writeError(w http.ResponseWriter, err error) {
	e := (*apiError)(nil)
	if !errors.As(err, &e) {
		e = &apiError{status: 500, code: "INTERNAL_SERVER_ERROR", msg: "Internal server error"}
	}
	body := fields{"result": "error", "msg": e.msg, "code": e.code}
	for name, v := range e.more {
		body[name] = v
	}
	if e.retryAfter > 0 {
		body["retry-after"] = e.retryAfter
		w.Header().Set("Retry-After", strconv.FormatFloat(e.retryAfter, 'f', -1, 64))
	}
	writeJSON(w, e.status, body)
}

// writeJSON answers with v as JSON.
func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = 500, []byte(`{"result":"error","msg":"Internal server error","code":"INTERNAL_SERVER_ERROR"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// number is a parameter that has to be a whole number.
func (c *call) number(name string) (int64, error) {
	text, given := c.params[name]
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case !given:
		return 0, &apiError{status: 400, code: "REQUEST_VARIABLE_MISSING", msg: "Missing '" + name + "' argument", more: fields{"var_name": name}}
	case err != nil:
		return 0, bad(name + " is not an integer")
	}
	return n, nil
}

// read reads a parameter that is JSON.
func (c *call) read(name string, into any) error {
	text, given := c.params[name]
	if given && json.Unmarshal([]byte(text), into) != nil {
		return &apiError{status: 400, code: "REQUEST_VARIABLE_INVALID", msg: "Argument \"" + name + "\" is not valid JSON."}
	}
	return nil
}
