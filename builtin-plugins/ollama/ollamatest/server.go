package ollamatest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Server is the server. Make one with New.
type Server struct {
	mu       sync.Mutex
	key      string
	answers  []Answer
	requests []Request
	models   []Model
	offers   map[string]Pull
}

// Request is one that the server got.
type Request struct {
	Path    string
	Body    []byte
	Refused string // why; empty when it was answered
}

// Model is one that the server has.
type Model struct {
	Name, Size string
	Context    int
	// Can are completion, tools, vision, thinking, embedding.
	Can []string
}

// Models are a few of those that there are, of each kind one.
func Models() []Model {
	return []Model{
		{"qwen3:8b", "8.2B", 40960, []string{"completion", "tools", "thinking"}},
		{"gemma3:4b", "4.3B", 131072, []string{"completion", "vision"}},
		{"llava:latest", "7B", 4096, []string{"completion", "vision", "tools"}},
		{"nomic-embed-text:latest", "137M", 2048, []string{"embedding"}},
	}
}

// New returns a server with Models, and no answers.
func New() *Server { return &Server{models: Models()} }

// Ask has the server ask for a key, as ollama.com does.
func (s *Server) Ask(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.key = key
}

// Play adds answers, one for each chat that is not refused. Without one the server is busy.
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

// fault is what the server says of a failure.
type fault struct {
	status  int
	message string
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // who asked has gone
	}
	answer, f := s.answer(r, body)
	q := Request{Path: r.URL.Path, Body: body}
	if f != nil {
		q.Refused = f.message
	}
	s.mu.Lock()
	s.requests = append(s.requests, q)
	s.mu.Unlock()
	if f != nil {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(f.status)
		_ = json.NewEncoder(w).Encode(map[string]any{"error": f.message})
		return
	}
	answer(w, r)
}

// answer finds out what a request is answered with.
func (s *Server) answer(r *http.Request, body []byte) (http.HandlerFunc, *fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key != "" && r.Header.Get("Authorization") != "Bearer "+s.key {
		return nil, &fault{401, "unauthorized"}
	}
	if r.Method+" "+r.URL.Path == "GET /api/tags" {
		return reply(map[string]any{"models": s.tags()}), nil
	}
	var q request
	if err := json.Unmarshal(body, &q); r.Method != http.MethodPost || err != nil {
		return nil, &fault{400, fmt.Sprint("invalid request: ", err)}
	}
	if r.URL.Path == "/api/pull" {
		return s.pull(q.Model)
	}
	i := slices.IndexFunc(s.models, func(m Model) bool { return m.Name == q.Model || m.Name == q.Model+":latest" })
	if i < 0 {
		return nil, &fault{404, fmt.Sprintf("model %q not found, try pulling it first", q.Model)}
	}
	switch m := &s.models[i]; r.URL.Path {
	case "/api/show":
		return reply(m.show()), nil
	case "/api/embed":
		return embed(&q, m)
	case "/api/chat":
		if f := q.check(m); f != nil {
			return nil, f
		}
		if len(s.answers) == 0 {
			return nil, &fault{503, "server busy, please try again.  maximum pending requests exceeded"}
		}
		a := s.answers[0]
		s.answers = s.answers[1:]
		if a.Status != 0 {
			return nil, &fault{a.Status, a.Error}
		}
		return a.play(&q), nil
	}
	return nil, &fault{404, "404 page not found"}
}

func reply(value any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_ = json.NewEncoder(w).Encode(value)
	}
}

func (s *Server) tags() []any {
	list := []any{}
	for _, m := range s.models {
		list = append(list, map[string]any{
			"name": m.Name, "model": m.Name, "modified_at": time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), "size": 1 << 32, "digest": "sha256:0",
			"details": map[string]any{"format": "gguf", "family": "f", "parameter_size": m.Size, "quantization_level": "Q4_K_M"},
		})
	}
	return list
}

func (m *Model) show() map[string]any {
	return map[string]any{
		"details": map[string]any{"format": "gguf", "family": "f", "parameter_size": m.Size, "quantization_level": "Q4_K_M"}, "capabilities": m.Can,
		"model_info": map[string]any{"general.architecture": "f", "f.context_length": m.Context, "f.embedding_length": 4096},
	}
}

// request is what of a request is looked at.
type request struct {
	Model    string
	Stream   *bool
	Messages []struct {
		Role, Content, Thinking string
		Images                  [][]byte
		ToolName                string `json:"tool_name"`
		ToolCalls               []struct {
			ID       string
			Function struct {
				Name      string
				Arguments map[string]any
			}
		} `json:"tool_calls"`
	}
	Tools []struct {
		Function struct {
			Name       string
			Parameters struct {
				Type       string
				Properties map[string]struct{}
			}
		}
	}
	Think   any
	Format  json.RawMessage
	Input   json.RawMessage
	Options map[string]any
}

// check refuses what a model cannot.
func (q *request) check(m *Model) *fault {
	can := func(what string) bool { return slices.Contains(m.Can, what) }
	text, levelled := q.Think.(string)
	switch {
	case !can("completion"):
		return &fault{400, fmt.Sprintf("%q does not support chat", q.Model)}
	case len(q.Tools) > 0 && !can("tools"):
		return &fault{400, "registry.ollama.ai/library/" + q.Model + " does not support tools"}
	case (q.Think == true || levelled) && !can("thinking"):
		return &fault{400, fmt.Sprintf("%q does not support thinking", q.Model)}
	case levelled && !slices.Contains([]string{"low", "medium", "high", "max"}, text):
		return &fault{400, fmt.Sprintf("invalid think value: %q (must be \"high\", \"medium\", \"low\", \"max\", true, or false)", text)}
	case levelled && !strings.Contains(q.Model, "gpt-oss") && !strings.Contains(q.Model, "qwen3.8"): // as servers before March 2026 do
		return &fault{400, fmt.Sprintf("think value %q is not supported for this model", text)}
	}
	for _, message := range q.Messages {
		if len(message.Images) > 0 && !can("vision") {
			return &fault{500, "Failed to create new sequence: failed to process inputs: this model is missing data required for image input"}
		}
	}
	return nil
}

// embed makes a vector of each text: its length.
func embed(q *request, m *Model) (http.HandlerFunc, *fault) {
	if !slices.Contains(m.Can, "embedding") {
		return nil, &fault{501, "this model does not support embeddings"}
	}
	var texts []string
	if json.Unmarshal(q.Input, &texts) != nil {
		texts = []string{string(q.Input)}
	}
	vectors, read := [][]float32{}, 0
	for _, t := range texts {
		vectors, read = append(vectors, []float32{float32(len(t)), 0.5}), read+len(t)
	}
	return reply(map[string]any{"model": q.Model, "embeddings": vectors, "total_duration": 1, "load_duration": 1, "prompt_eval_count": read}), nil
}
