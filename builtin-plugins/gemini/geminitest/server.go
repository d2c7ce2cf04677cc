// Package geminitest is a Gemini API server for tests: models.list and models.get, generateContent and streamGenerateContent
// (as server-sent events, and as a list without alt=sse), embedContent and batchEmbedContents, below /v1beta.
//
// It is as strict as the API is documented and known to be: a field that it does not know, a schema with words of JSON
// Schema that the API has none for, calls and results that do not alternate, an empty part, a thinking level for a model
// that has budgets, a signature that is missing, or stands on another part than it came with, are refused with the API's
// own errors. What it answers is a script; the client libraries of the vendor accept it, see .ci/gemini.
package geminitest

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
)

// Key is the key that is accepted.
const Key = "AIza-geminitest"

// Server is the API. It is an http.Handler, and safe for concurrent use.
type Server struct {
	models []Model

	mu       sync.Mutex
	script   []Reply
	requests []Request
	issued   map[string]string // signatures to the parts that they came with
	changed  chan struct{}     // closed at the next change
	mostPage int
}

// Request is one that the server got and took for good.
type Request struct {
	Model string
	// Body is as it came, and Parsed what it says.
	Body   []byte
	Parsed GenerateRequest
}

// New returns a server that plays these replies, one for each good request to generate, and 500 after the last one.
func New(replies ...Reply) *Server {
	return &Server{models: catalog, script: replies, issued: map[string]string{}, changed: make(chan struct{})}
}

// Script adds replies.
func (s *Server) Script(replies ...Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = append(s.script, replies...)
}

// Requests returns the good requests to generate so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Changed returns a channel that is closed with the next request to generate.
func (s *Server) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.URL.Path, "/v1beta/")
	if !ok {
		http.NotFound(w, r)
		return
	}
	if problem := authorize(r); problem != nil {
		problem.write(w)
		return
	}
	name, method, _ := strings.Cut(path, ":")
	switch {
	case r.Method == http.MethodGet && name == "models" && method == "":
		s.list(w, r)
	case r.Method == http.MethodGet && method == "":
		s.get(w, name)
	case r.Method != http.MethodPost:
		http.NotFound(w, r)
	case s.model(name) == nil:
		notFound(name).write(w)
	case method == "streamGenerateContent" || method == "generateContent":
		s.generate(w, r, *s.model(name), method)
	case method == "batchEmbedContents":
		embedAll(w, r)
	default:
		http.NotFound(w, r)
	}
}

// authorize looks at the key.
func authorize(r *http.Request) *apiError {
	key := r.Header.Get("x-goog-api-key")
	if key == "" {
		key = r.URL.Query().Get("key")
	}
	switch key {
	case Key:
		return nil
	case "":
		return &apiError{Code: 403, Status: "PERMISSION_DENIED", Message: "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API."}
	}
	const message = "API key not valid. Please pass a valid API key."
	return &apiError{Code: 400, Status: "INVALID_ARGUMENT", Message: message, Details: []any{
		map[string]any{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com", "metadata": map[string]string{"service": "generativelanguage.googleapis.com"}},
		map[string]any{"@type": "type.googleapis.com/google.rpc.LocalizedMessage", "locale": "en-US", "message": message},
	}}
}

// apiError is an error in Google's form.
type apiError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Status  string `json:"status"`
	Details []any  `json:"details,omitempty"`
}

func invalid(message string) *apiError {
	return &apiError{Code: 400, Status: "INVALID_ARGUMENT", Message: message}
}

func notFound(name string) *apiError {
	return &apiError{Code: 404, Status: "NOT_FOUND", Message: name + " is not found for API version v1beta, or is not supported for generateContent. Call ListModels to see the list of available models and their supported methods."}
}

func (e *apiError) write(w http.ResponseWriter) { writeJSON(w, e.Code, map[string]any{"error": e}) }

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // a client that has gone gets nothing
}
