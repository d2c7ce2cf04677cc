// Package toysage is a language model for tests that thinks before it calls a tool, and wants its thoughts back, which only
// it can read, with the tool's result:
//
//	POST /chat {"model": "sage", "tools": ["roll"], "turns": [{"role": "user", "text": "use roll"}]}     Authorization: Bearer KEY
//	→ {"thinking": "I have to call roll."}
//	  {"call": {"id": "call-1", "name": "roll", "args": {}}}
//	  {"reasoning": "9f86d0…"}
//	  {"stop": "call", "read": 2, "written": 1}
//
//	POST /chat {… "turns": […, {"role": "assistant", "call": "call-1", "reasoning": "9f86d0…"}, {"role": "tool", "text": "4"}]}
//	→ {"text": "roll "}
//	  {"text": "says 4"}
//	  {"stop": "end", "read": 3, "written": 2}
//
// A turn with a call and without its reasoning is answered with 400. Who does not say "use" is told what he said. Its models
// come in pages, and one of them makes vectors: of a text how many bytes and how many words it has.
//
//	GET /models?page=1 → {"models": ["sage"], "next": 2}
//	POST /vectors {"texts": ["good morning"]} → {"vectors": [[12, 2]], "read": 2}
package toysage

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
)

// Key is the one that the server knows.
const Key = "toy-key"

// Server is the model, and an http.Handler. Make it with New; it may be used concurrently.
type Server struct {
	mux http.ServeMux

	mu      sync.Mutex
	asked   int // how often it was asked to go on after a tool
	hold    bool
	changed chan struct{}
}

// New returns a server.
func New() *Server {
	s := &Server{changed: make(chan struct{})}
	s.mux.HandleFunc("POST /chat", s.chat)
	s.mux.HandleFunc("GET /models", models)
	s.mux.HandleFunc("POST /vectors", vectors)
	return s
}

// Hold has it say nothing to the results of tools, until it is called with false.
func (s *Server) Hold(hold bool) { s.update(func() { s.hold = hold }) }

// Asked returns how often it was given a tool's result, and what closes when that changes.
func (s *Server) Asked() (times int, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked, s.changed
}

func (s *Server) update(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn()
	close(s.changed)
	s.changed = make(chan struct{})
}

// ServeHTTP answers who has the key.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+Key {
		http.Error(w, "wrong key", http.StatusUnauthorized)
		return
	}
	s.mux.ServeHTTP(w, r)
}

type turn struct{ Role, Text, Call, Reasoning string }

func (s *Server) chat(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		Model string
		Tools []string
		Turns []turn
	}
	if !decode(w, r, &ask) {
		return
	}
	if ask.Model != "sage" || len(ask.Turns) == 0 {
		http.Error(w, "there is only sage, and somebody has to say something", http.StatusBadRequest)
		return
	}
	for _, t := range ask.Turns {
		if t.Call != "" && t.Reasoning != sealed(t.Call) {
			http.Error(w, "the reasoning before "+t.Call+" is missing", http.StatusBadRequest)
			return
		}
	}
	last := ask.Turns[len(ask.Turns)-1]
	if last.Role == "tool" {
		s.update(func() { s.asked++ })
		s.release(r)
	}
	out := json.NewEncoder(w) // a line for each value
	name, use := strings.CutPrefix(last.Text, "use ")
	if last.Role == "user" && use {
		call := fmt.Sprint("call-", len(ask.Turns))
		_ = out.Encode(map[string]string{"thinking": "I have to call " + name + "."})
		_ = out.Encode(map[string]any{"call": map[string]any{"id": call, "name": name, "args": map[string]any{}}})
		_ = out.Encode(map[string]string{"reasoning": sealed(call)})
		_ = out.Encode(map[string]any{"stop": "call", "read": 2, "written": 1})
		return
	}
	_ = out.Encode(map[string]string{"text": "it says "})
	_ = out.Encode(map[string]string{"text": last.Text})
	_ = out.Encode(map[string]any{"stop": "end", "read": 3, "written": 2})
}

// sealed is what it has thought before a call.
func sealed(call string) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte("what I thought before "+call)))
}

// release waits until answers are not held back, or who has asked has gone.
func (s *Server) release(r *http.Request) {
	for {
		s.mu.Lock()
		hold, changed := s.hold, s.changed
		s.mu.Unlock()
		if !hold {
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

func models(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("page") == "2" {
		fmt.Fprint(w, `{"models":["measure"]}`)
		return
	}
	fmt.Fprint(w, `{"models":["sage"],"next":2}`)
}

func vectors(w http.ResponseWriter, r *http.Request) {
	var ask struct{ Texts []string }
	if !decode(w, r, &ask) {
		return
	}
	list, read := [][]int{}, 0
	for _, text := range ask.Texts {
		words := len(strings.Fields(text))
		list, read = append(list, []int{len(text), words}), read+words
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"vectors": list, "read": read})
}

func decode(w http.ResponseWriter, r *http.Request, v any) bool {
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
	return err == nil
}
