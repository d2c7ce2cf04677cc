// Package toychat is a chat server for tests. People write to one bot, which signs its requests with
// `Authorization: Bearer TOKEN`; another token is answered with 401.
//
//	GET /messages?after=7      the messages to the bot behind number 7; waits 10 seconds for one
//	→ [{"number": 8, "from": "ann", "text": "hello"}]
//
//	POST /messages {"to": "ann", "text": "hello yourself", "key": "a1"}
//	→ 9                        its number; a second post with this key answers the same and does nothing
package toychat

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Token is the bot's.
const Token = "toy-token"

// Server is the chat, and an http.Handler. Make it with New; it may be used concurrently.
type Server struct {
	mu      sync.Mutex
	log     []entry
	numbers map[string]int // of posts, by key
	changed chan struct{}
}

// entry is a message to the bot, with From, or one of the bot's, with To.
type entry struct {
	Number int    `json:"number"`
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
	Text   string `json:"text"`
	Key    string `json:"key,omitempty"`
}

// New returns a server on which nothing has been said.
func New() *Server { return &Server{numbers: map[string]int{}, changed: make(chan struct{})} }

// Say makes a person write to the bot.
func (s *Server) Say(from, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(entry{From: from, Text: text})
}

// Posts returns the texts that the bot has sent to a person. It waits until there are n of them or ctx
// ends.
func (s *Server) Posts(ctx context.Context, to string, n int) []string {
	for {
		s.mu.Lock()
		var texts []string
		for _, e := range s.log {
			if e.To == to {
				texts = append(texts, e.Text)
			}
		}
		changed := s.changed
		s.mu.Unlock()
		if len(texts) >= n {
			return texts
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return texts
		}
	}
}

func (s *Server) add(e entry) int {
	e.Number = len(s.log) + 1
	s.log = append(s.log, e)
	close(s.changed)
	s.changed = make(chan struct{})
	return e.Number
}

// ServeHTTP answers the bot.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Header.Get("Authorization") != "Bearer "+Token:
		http.Error(w, "wrong token", http.StatusUnauthorized)
	case r.URL.Path == "/messages" && r.Method == http.MethodGet:
		s.poll(w, r)
	case r.URL.Path == "/messages" && r.Method == http.MethodPost:
		s.post(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (s *Server) poll(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.Atoi(r.URL.Query().Get("after"))
	if err != nil {
		http.Error(w, "after is no number", http.StatusBadRequest)
		return
	}
	timeout := time.After(10 * time.Second)
	for {
		list, changed := s.behind(after)
		if len(list) == 0 {
			select {
			case <-changed:
				continue
			case <-r.Context().Done():
			case <-timeout:
			}
		}
		_ = json.NewEncoder(w).Encode(list)
		return
	}
}

// behind returns the messages to the bot after a number, and what is closed when there are more.
func (s *Server) behind(after int) (list []entry, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list = []entry{}
	for _, e := range s.log {
		if e.From != "" && e.Number > after {
			list = append(list, e)
		}
	}
	return list, s.changed
}

func (s *Server) post(w http.ResponseWriter, r *http.Request) {
	var e entry
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&e)
	if err != nil || e.To == "" || e.Text == "" || e.Key == "" {
		http.Error(w, "say {\"to\":…,\"text\":…,\"key\":…}", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	number, repeated := s.numbers[e.Key]
	if !repeated {
		number = s.add(entry{To: e.To, Text: e.Text, Key: e.Key})
		s.numbers[e.Key] = number
	}
	fmt.Fprint(w, number)
}
