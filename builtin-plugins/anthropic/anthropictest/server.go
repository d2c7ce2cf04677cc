package anthropictest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
)

// versions are those of the API that clients name: the one that is documented, and the one that the library for Node names.
var versions = []string{"2023-06-01", "2026-10-21"}

// maxBody is what the API takes, in bytes.
const maxBody = 32 << 20

// Server is the API. Make one with New.
type Server struct {
	key string

	mu       sync.Mutex
	answers  []Answer
	requests []Request
	models   []Model
	page     int
	kept     map[string]bool // beginnings of requests in the cache
}

// Request is one that the server got.
type Request struct {
	Path   string
	Header http.Header
	Body   []byte
	// Refused is why it was refused; empty when it was answered, with a fault or without.
	Refused string
}

// New returns a server that takes a key, as x-api-key or as a bearer's token. It has Models, and no answers.
func New(key string) *Server {
	return &Server{key: key, models: Models(), page: 1000, kept: map[string]bool{}}
}

// Play adds answers, one for each request that is not refused. Without one the API is overloaded.
func (s *Server) Play(answers ...Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = append(s.answers, answers...)
}

// Requests returns the requests so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Serve has the server know other models, so many on a page of its list at most.
func (s *Server) Serve(page int, models ...Model) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.page, s.models = page, models
}

// Forget empties the cache.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.kept)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return // who asked has gone
	}
	q := Request{Path: r.URL.RequestURI(), Header: r.Header.Clone(), Body: body}
	answer, e := s.answer(r, body)
	if e != nil {
		q.Refused = e.message
	}
	n := s.note(q)
	w.Header().Set("request-id", "req_"+strconv.Itoa(n))
	if e != nil {
		e.write(w)
		return
	}
	answer(w, r)
}

func (s *Server) note(q Request) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, q)
	return len(s.requests)
}

// answer finds out what a request is answered with.
func (s *Server) answer(r *http.Request, body []byte) (http.HandlerFunc, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(body) > maxBody:
		return nil, &apiError{413, "request_too_large", "Request exceeds the maximum size"}
	case r.Header.Get("x-api-key") != s.key && r.Header.Get("Authorization") != "Bearer "+s.key:
		return nil, &apiError{401, "authentication_error", "invalid x-api-key"}
	case !slices.Contains(versions, r.Header.Get("anthropic-version")):
		return nil, invalid("anthropic-version: header is required")
	case r.Method == http.MethodGet && r.URL.Path == "/v1/models":
		return s.list(r), nil
	case r.Method != http.MethodPost || r.URL.Path != "/v1/messages":
		return nil, &apiError{404, "not_found_error", "Not found"}
	}
	var q request
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&q); err != nil {
		return nil, invalid("The request body is not valid JSON: " + err.Error())
	}
	model, e := s.check(&q, r.Header.Values("anthropic-beta"))
	if e != nil {
		return nil, e
	}
	if len(s.answers) == 0 {
		return nil, &apiError{529, "overloaded_error", "Overloaded"}
	}
	a := s.answers[0]
	s.answers = s.answers[1:]
	if a.Status == 0 {
		return a.play(&q, model, s.cached(&q)), nil
	}
	return a.refuse, nil
}

// apiError is what the API says of a failure.
type apiError struct {
	status        int
	kind, message string
}

func invalid(message string) *apiError { return &apiError{400, "invalid_request_error", message} }

func (e *apiError) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.status)
	_, _ = w.Write(e.body())
}

func (e *apiError) body() []byte {
	text, _ := json.Marshal(map[string]any{"type": "error", "error": map[string]any{"type": e.kind, "message": e.message}, "request_id": "req_0"})
	return text // of texts alone, which is always possible
}
