package ntfytest

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// apiError is an answer other than ok.
type apiError struct {
	status, code int
	text         string
}

func (e *apiError) answer(w http.ResponseWriter) {
	body, _ := json.Marshal(map[string]any{"code": e.code, "http": e.status, "error": e.text, "link": "https://ntfy.sh/docs/publish/"}) // texts and numbers
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.status)
	_, _ = w.Write(append(body, '\n'))
}

var (
	notFound     = &apiError{404, 40401, "page not found"}
	unauthorized = &apiError{401, 40101, "unauthorized"}
	forbidden    = &apiError{403, 40301, "forbidden"}
)

// reserved are the names that topics cannot have.
var reserved = []string{"docs", "static", "file", "app", "metrics", "account", "settings", "signup", "login", "reset-password", "v1"}

var topicName = regexp.MustCompile(`^[-_A-Za-z0-9]{1,64}$`)

// params reads a request's parameters: headers, with X- or without, or the query ("List of all parameters").
func params(r *http.Request) func(names ...string) string {
	query := r.URL.Query()
	return func(names ...string) string {
		for _, name := range names {
			for _, header := range []string{"X-" + name, name} {
				if v := strings.TrimSpace(r.Header.Get(header)); v != "" {
					return v
				}
			}
		}
		for _, name := range names {
			for _, key := range []string{name, "x-" + name} {
				if v := strings.TrimSpace(query.Get(key)); v != "" {
					return v
				}
			}
		}
		return ""
	}
}

func isTrue(v string) bool {
	return v == "1" || strings.EqualFold(v, "yes") || strings.EqualFold(v, "true")
}

// ServeHTTP answers requests. One that a fault is for is noted where it is handled, too.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind := kindOf(r)
	fault := s.Fault(kind)
	if fault.Before(w, r, injected) {
		s.note(r, fault.Status)
		return
	}
	if fault != nil && fault.CutAfter {
		w = &deaf{ResponseWriter: w}
	}
	err := s.handle(w, r)
	status := http.StatusOK
	if err != nil {
		status = err.status
	}
	s.note(r, status)
	fault.After()
	if err != nil {
		err.answer(w)
	}
}

// deaf swallows an answer.
type deaf struct{ http.ResponseWriter }

func (*deaf) WriteHeader(int)             {}
func (*deaf) Write(b []byte) (int, error) { return len(b), nil }

func (s *Server) note(r *http.Request, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, Request{r.Method, r.URL.Path, r.URL.RawQuery, status})
}

// kindOf says what a request is for.
func kindOf(r *http.Request) string {
	switch last := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]; {
	case strings.HasPrefix(r.URL.Path, "/file/"):
		return "file"
	case last == "ws":
		return "ws"
	case r.Method == http.MethodGet && r.URL.Query().Get("since") == "none":
		return "check"
	case r.Method == http.MethodGet:
		return "poll"
	}
	return "publish"
}

// handle does what a request asks for.
func (s *Server) handle(w http.ResponseWriter, r *http.Request) *apiError {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case r.URL.Path == "/v1/health":
		_, _ = w.Write([]byte(`{"healthy":true}` + "\n"))
		return nil
	case parts[0] == "file" && len(parts) == 2:
		return s.serveFile(w, parts[1])
	case r.URL.Path == "/" && (r.Method == http.MethodPost || r.Method == http.MethodPut):
		return s.publishJSON(w, r)
	}
	topics := strings.Split(parts[0], ",")
	for _, topic := range topics {
		if !topicName.MatchString(topic) {
			return notFound
		}
		if slices.Contains(reserved, topic) {
			return &apiError{400, 40010, "invalid request: topic name is not allowed"}
		}
	}
	writes := r.Method != http.MethodGet
	if err := s.authorize(r, topics, writes); err != nil {
		return err
	}
	switch {
	case !writes && len(parts) == 2 && (parts[1] == "json" || parts[1] == "ws"):
		return s.subscribe(w, r, topics, parts[1])
	case writes && len(topics) == 1:
		return s.change(w, r, parts)
	}
	return notFound
}

// authorize checks a login ("Authentication"). One that is wrong is refused also where none is needed.
func (s *Server) authorize(r *http.Request, topics []string, writes bool) *apiError {
	s.mu.Lock()
	defer s.mu.Unlock()
	login := r.Header.Get("Authorization")
	_, password, basic := r.BasicAuth()
	good := s.cfg.Token != "" && (login == "Bearer "+s.cfg.Token || basic && password == s.cfg.Token)
	switch {
	case good:
		return nil
	case login != "":
		return unauthorized
	case s.cfg.Token == "":
		return nil
	}
	for _, topic := range topics {
		if !writes || !slices.Contains(s.cfg.Public, topic) {
			return forbidden
		}
	}
	return nil
}

func (s *Server) serveFile(w http.ResponseWriter, id string) *apiError {
	s.mu.Lock()
	data, ok := s.files[id]
	s.mu.Unlock()
	if !ok {
		return notFound
	}
	_, _ = w.Write(data)
	return nil
}
