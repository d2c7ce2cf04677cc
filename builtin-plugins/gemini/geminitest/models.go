package geminitest

import (
	"net/http"
	"strconv"
)

// Model is one of the list.
type Model struct {
	Name             string   `json:"name"`
	Version          string   `json:"version"`
	DisplayName      string   `json:"displayName"`
	InputTokenLimit  int      `json:"inputTokenLimit"`
	OutputTokenLimit int      `json:"outputTokenLimit"`
	Methods          []string `json:"supportedGenerationMethods"`
	Thinking         bool     `json:"thinking,omitempty"`

	paints bool // which the list does not say
}

// catalog are some of the models that there are, of each kind that differs.
var catalog = []Model{
	answering("gemini-2.0-flash", "Gemini 2.0 Flash", 8192, false),
	answering("gemini-2.5-flash", "Gemini 2.5 Flash", 65536, true),
	answering("gemini-2.5-pro", "Gemini 2.5 Pro", 65536, true),
	answering("gemini-2.5-flash-preview-tts", "Gemini 2.5 Flash Preview TTS", 16384, false),
	answering("gemini-3-pro-preview", "Gemini 3 Pro Preview", 65536, true),
	answering("gemini-3-flash-preview", "Gemini 3 Flash Preview", 65536, true),
	answering("gemini-flash-latest", "Gemini Flash Latest", 65536, true),
	answering("gemma-3-27b-it", "Gemma 3 27B", 8192, false),
	painting("gemini-2.5-flash-image", "Nano Banana", 32768, false),
	painting("gemini-3-pro-image-preview", "Nano Banana Pro", 32768, true),
	{Name: "models/gemini-embedding-001", Version: "001", DisplayName: "Gemini Embedding 001", InputTokenLimit: 2048, OutputTokenLimit: 1, Methods: []string{"embedContent", "countTextTokens"}},
}

func answering(id, name string, output int, thinking bool) Model {
	return Model{Name: "models/" + id, Version: "001", DisplayName: name, InputTokenLimit: 1 << 20, OutputTokenLimit: output, Methods: []string{"generateContent", "countTokens"}, Thinking: thinking}
}

// painting is a model that makes pictures.
func painting(id, name string, output int, thinking bool) Model {
	m := answering(id, name, output, thinking)
	m.paints = true
	return m
}

// model returns a model by its resource name, nil for none.
func (s *Server) model(name string) *Model {
	for i := range s.models {
		if s.models[i].Name == name {
			return &s.models[i]
		}
	}
	return nil
}

// list writes a page of the list: 50 models, or pageSize.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	size, from := 50, 0
	if asked, err := strconv.Atoi(r.URL.Query().Get("pageSize")); err == nil && asked > 0 {
		size = min(asked, s.pageLimit())
	}
	if token := r.URL.Query().Get("pageToken"); token != "" {
		at, err := strconv.Atoi(token)
		if err != nil || at < 0 || at > len(s.models) {
			invalid("Page token is invalid.").write(w)
			return
		}
		from = at
	}
	to := min(from+size, len(s.models))
	page := map[string]any{"models": s.models[from:to]}
	if to < len(s.models) {
		page["nextPageToken"] = strconv.Itoa(to)
	}
	writeJSON(w, http.StatusOK, page)
}

// PageLimit makes pages no longer than this, as the API may at any time.
func (s *Server) PageLimit(most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mostPage = most
}

func (s *Server) pageLimit() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mostPage > 0 {
		return s.mostPage
	}
	return 1000
}

func (s *Server) get(w http.ResponseWriter, name string) {
	if m := s.model(name); m != nil {
		writeJSON(w, http.StatusOK, m)
		return
	}
	notFound(name).write(w)
}
