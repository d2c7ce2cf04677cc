package nextcloudtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/fault"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
)

// Config sets up a Server. The zero value is one without faults.
type Config struct {
	// MaxLength is how long a message may be, in characters; 32,000 when 0.
	MaxLength int
	// WithoutTalk is a server on which the app is not installed.
	WithoutTalk bool
	// Chaos may name a fault for a call that is about to be handled; nil is none. It is called with the call's name and may be
	// called concurrently.
	Chaos func(call string) *Fault
}

// Server is a Nextcloud. It is an http.Handler. Its parts are embedded, so that a test says everything to the Server: s.Register,
// s.Fail, s.Calls.
type Server struct {
	*web.Host
	*World
	fault.Faults[string]

	cfg    Config
	routes http.Handler

	calls struct {
		sync.Mutex
		list []Call
	}
}

// Call is one call that a client made.
type Call struct {
	// Name is the call's in routes.go; Method and Path are those of the request.
	Name, Method, Path string
	// Params are its parameters, of the query or the form.
	Params map[string]string
	// User is whose login it had.
	User string
	// Status of the answer; 0 for one that was cut off.
	Status int
}

// New returns a Server that is not listening yet. Close it.
func New(cfg Config) *Server {
	if cfg.MaxLength == 0 {
		cfg.MaxLength = 32_000
	}
	s := &Server{cfg: cfg}
	s.Host = web.New(s)
	s.Chaos = cfg.Chaos
	s.World = newWorld(&s.Signal)
	s.routes = s.mux()
	return s
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.routes.ServeHTTP(w, r) }

// Calls returns the calls of this name so far; "" is all.
func (s *Server) Calls(name string) []Call {
	s.calls.Lock()
	defer s.calls.Unlock()
	return slices.DeleteFunc(slices.Clone(s.calls.list), func(c Call) bool { return name != "" && c.Name != name })
}

// note adds a call that was answered.
func (s *Server) note(c Call) {
	s.calls.Lock()
	s.calls.list = append(s.calls.list, c)
	s.calls.Unlock()
	s.Raise()
}

// apiError is an answer that is an error.
type apiError struct {
	status int
	words  string
	data   any
}

func (e *apiError) Error() string { return e.words }

func refuse(status int, words string) error { return &apiError{status: status, words: words} }

// wrong is a refusal that says in its data what is wrong.
func wrong(status int, what string) error {
	return &apiError{status, "", fields{"error": what}}
}

// errNothing is the answer that there is nothing new.
var errNothing = refuse(304, "")

// call is a request that is being handled.
type call struct {
	*http.Request
	w      http.ResponseWriter
	user   *User
	params map[string]string
	body   []byte
}

// number is a parameter that is a whole number, 0 where it is not given.
func (c *call) number(name string) int64 {
	n, _ := strconv.ParseInt(c.params[name], 10, 64)
	return n
}

// fields are those of an answer.
type fields map[string]any

// handler answers a call with its data, or an error. A made answer has the status 201.
type handler func(c *call) (data any, err error)

type made struct{ data any }

// maxUpload bounds a request, in bytes.
const maxUpload = 60 << 20

// guarded is a call that needs a login, and of the OCS API the header that says so.
func (s *Server) guarded(name string, isOCS bool, h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := &call{Request: r, w: w, params: map[string]string{}}
		r.Body = http.MaxBytesReader(w, r.Body, maxUpload)
		if isOCS {
			if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
				c.readJSON(r.Body)
			}
			_ = r.ParseForm()
			for name := range r.Form {
				c.params[name] = r.Form.Get(name)
			}
		} else {
			c.body = web.Body(r.Body)
		}
		user, password, _ := r.BasicAuth()
		c.user = s.byLogin(user, password)
		entry := Call{Name: name, Method: r.Method, Path: r.URL.Path, Params: c.params, User: user}
		defer func() { s.note(entry) }()
		fault := s.Fault(name)
		if fault.Before(w, r, injected) {
			entry.Status = fault.Status
			return
		}
		data, err := s.handle(c, isOCS, h)
		fault.After()
		entry.Status = s.answer(w, isOCS, data, err)
	}
}

// readJSON reads parameters that come as JSON, as programs of others say them.
func (c *call) readJSON(body io.Reader) {
	var given map[string]any
	decoder := json.NewDecoder(body)
	decoder.UseNumber()
	if decoder.Decode(&given) != nil {
		return
	}
	for name, value := range given {
		if value != nil {
			c.params[name] = fmt.Sprint(value)
		}
	}
}

func (s *Server) handle(c *call, isOCS bool, h handler) (any, error) {
	switch {
	case c.user == nil:
		return nil, refuse(401, "Current user is not logged in")
	case isOCS && c.Header.Get("OCS-APIRequest") != "true":
		return nil, refuse(412, "CSRF check failed")
	}
	return h(c)
}

// answer writes what came of a call, and returns the status.
func (s *Server) answer(w http.ResponseWriter, isOCS bool, data any, err error) int {
	status, words := 200, "OK"
	if m, is := data.(made); is {
		status, data = 201, m.data
	}
	if e := (*apiError)(nil); errors.As(err, &e) {
		status, words, data = e.status, e.words, e.data
	}
	switch file, isFile := data.(File); {
	case status == 304:
		w.WriteHeader(304)
	case err == nil && isFile:
		w.Header().Set("Content-Type", file.Type)
		_, _ = w.Write(file.Data)
	case !isOCS:
		w.WriteHeader(status)
	default:
		writeOCS(w, status, words, data)
	}
	return status
}

// writeOCS answers as the OCS API does, version 2.
func writeOCS(w http.ResponseWriter, status int, words string, data any) {
	word := "ok"
	if status >= 300 {
		word = "failure"
		if data == nil {
			data = []any{}
		}
	}
	body, err := json.Marshal(fields{"ocs": fields{"meta": fields{"status": word, "statuscode": status, "message": words}, "data": data}})
	if err != nil {
		status, body = 500, nil
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
