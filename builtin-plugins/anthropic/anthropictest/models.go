package anthropictest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
)

// Model is one that the server has.
type Model struct {
	ID, Name        string
	Context, Output int
	// Thinking are the types of thinking that it takes: adaptive, enabled, disabled.
	Thinking []string
	// Bound: it refuses thinking before which something has changed.
	Bound bool
	// Samples: it takes a temperature. Forced: it may be told which tool to call. Formats: it keeps to a schema.
	Samples, Forced, Formats bool
}

// Models are a few of those that there are, of each kind one, as their overviews and migration guides describe them.
func Models() []Model {
	return []Model{
		{ID: "claude-opus-5-5", Name: "Claude Opus 5.5", Context: 1_000_000, Output: 128_000, Thinking: []string{"adaptive"}, Bound: true, Formats: true},
		{ID: "claude-sonnet-5-5", Name: "Claude Sonnet 5.5", Context: 1_000_000, Output: 128_000, Thinking: []string{"adaptive", "disabled"}, Bound: true, Forced: true, Formats: true},
		{ID: "claude-opus-4-6", Name: "Claude Opus 4.6", Context: 1_000_000, Output: 128_000, Thinking: []string{"adaptive", "enabled", "disabled"}, Samples: true, Forced: true, Formats: true},
		{ID: "claude-haiku-4-5-20251001", Name: "Claude Haiku 4.5", Context: 200_000, Output: 64_000, Thinking: []string{"enabled", "disabled"}, Samples: true, Forced: true, Formats: true},
		{ID: "claude-3-5-haiku-20241022", Name: "Claude Haiku 3.5", Context: 200_000, Output: 8192, Samples: true, Forced: true},
	}
}

// list answers with a page of the models.
func (s *Server) list(r *http.Request) http.HandlerFunc {
	limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if err != nil || limit < 1 {
		limit = 20
	}
	from := 0
	if after := r.URL.Query().Get("after_id"); after != "" {
		from = 1 + slices.IndexFunc(s.models, func(m Model) bool { return m.ID == after })
	}
	left := s.models[from:]
	page := left[:min(len(left), limit, s.page)]
	data := make([]any, 0, len(page))
	for _, m := range page {
		can := func(yes bool) any { return map[string]any{"supported": yes} }
		data = append(data, map[string]any{
			"type": "model", "id": m.ID, "display_name": m.Name, "created_at": "2026-01-01T00:00:00Z", "lifecycle": "active",
			"max_input_tokens": m.Context, "max_tokens": m.Output,
			"capabilities": map[string]any{"image_input": can(true), "pdf_input": can(true), "thinking": can(len(m.Thinking) > 0), "structured_outputs": can(m.Formats)},
		})
	}
	body := map[string]any{"data": data, "has_more": len(left) > len(page), "first_id": nil, "last_id": nil}
	if len(page) > 0 {
		body["first_id"], body["last_id"] = page[0].ID, page[len(page)-1].ID
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(body)
	}
}
