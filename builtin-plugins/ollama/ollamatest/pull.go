package ollamatest

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
)

// Pull is what there is to be fetched under a name.
type Pull struct {
	// Size is of the model, in bytes, and Steps in how many pieces it comes. Digest is the beginning of its digest.
	Size, Steps int64
	Digest      string
	// Pause, if given, is waited for before each piece.
	Pause <-chan struct{}
	// Error comes after so many pieces; or, with Hang, nothing until the client goes; or, with Cut, the connection breaks.
	After     int64
	Error     string
	Hang, Cut bool
}

// Offer says what is fetched under a name with its tag. Other names are of nothing.
func (s *Server) Offer(name string, p Pull) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.offers == nil {
		s.offers = map[string]Pull{}
	}
	s.offers[name] = p
}

// pull fetches a model, which is there after it. The caller holds mu.
func (s *Server) pull(name string) (http.HandlerFunc, *fault) {
	if name == "" || strings.ContainsAny(name, " ?") {
		return nil, &fault{400, "invalid model name"}
	}
	if !strings.Contains(name, ":") {
		name += ":latest"
	}
	p, ok := s.offers[name]
	digest := cmp.Or(p.Digest, "6a0746a1ec1a")
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		send(w, fields{"status": "pulling manifest"})
		if !ok {
			send(w, fields{"error": "pull model manifest: file does not exist"})
			return
		}
		for i := range p.Steps {
			if i == p.After && (p.Error != "" || p.Hang || p.Cut) {
				(&Answer{Error: p.Error, Hang: p.Hang, Cut: p.Cut}).breaks(w, r)
				return
			}
			if p.Pause != nil {
				<-p.Pause
			}
			if !send(w, fields{"status": "pulling " + digest, "digest": "sha256:" + digest, "total": p.Size, "completed": p.Size * (i + 1) / p.Steps}) {
				return
			}
		}
		s.mu.Lock()
		if !slices.ContainsFunc(s.models, func(m Model) bool { return m.Name == name }) {
			s.models = append(s.models, Model{name, "3B", 8192, []string{"completion", "tools"}})
		}
		s.mu.Unlock()
		for _, step := range []string{"verifying sha256 digest", "writing manifest", "success"} {
			send(w, fields{"status": step})
		}
	}, nil
}
