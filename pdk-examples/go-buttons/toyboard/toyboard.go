// Package toyboard is a message board for tests. It posts what people say and which buttons they press to a webhook, with
// `Authorization: Bearer TOKEN`, and takes calls with the same:
//
//	{"id": "8", "from": "u1", "text": "hello"}             somebody says something
//	{"id": "9", "from": "u1", "text": "V", "pressedAt": "3"} somebody presses the button with the value V at message 3
//
//	POST /messages {"to": "u1", "text": "Sure?", "key": "a1", "buttons": [{"label": "Yes", "value": "V"}]}
//	→ 3                            its number; a second post with this key answers the same and does nothing
//	POST /messages/3 {"text": "Sure? Yes.", "buttons": []} changes it; without a text that stays as it is
//	POST /people {}
//	→ [{"id": "u1", "name": "Ann"}]
package toyboard

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Token is the bot's and the board's.
const Token = "toy-token"

// Button is one that people can press.
type Button struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// Message is one of the bot's.
type Message struct {
	To      string   `json:"to"`
	Text    string   `json:"text"`
	Key     string   `json:"key"`
	Buttons []Button `json:"buttons"`
}

// Person is somebody on the board.
type Person struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Server is the board, and an http.Handler. Make it with New; it may be used concurrently.
type Server struct {
	// Client reaches the webhook; nil is http.DefaultClient.
	Client *http.Client

	people []Person

	mu       sync.Mutex
	posts    int // to the webhook
	messages []Message
	changed  chan struct{}
}

// New returns a board with people and without messages.
func New(people ...Person) *Server { return &Server{people: people, changed: make(chan struct{})} }

// Say posts what somebody says to the bot's webhook, again and again until it is taken or ctx ends.
func (s *Server) Say(ctx context.Context, webhook, from, text string) error {
	return s.post(ctx, webhook, map[string]string{"from": from, "text": text})
}

// Press posts that somebody presses the button with a value at a message, as Say does.
func (s *Server) Press(ctx context.Context, webhook, from, value string, at int) error {
	return s.post(ctx, webhook, map[string]string{"from": from, "text": value, "pressedAt": strconv.Itoa(at)})
}

func (s *Server) post(ctx context.Context, webhook string, what map[string]string) error {
	s.mu.Lock()
	s.posts++
	what["id"] = strconv.Itoa(s.posts)
	s.mu.Unlock()
	body, err := json.Marshal(what)
	if err != nil {
		return err
	}
	for {
		status, err := s.try(ctx, webhook, string(body))
		if err == nil && status == http.StatusOK {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("the webhook answered %d, %w", status, err)
		}
	}
}

func (s *Server) try(ctx context.Context, webhook, body string) (status int, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, webhook, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Authorization", "Bearer "+Token)
	client := s.Client
	if client == nil {
		client = http.DefaultClient
	}
	response, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

// Wait returns the first message of the bot that is wanted, and its number, or none when ctx ends before there is one.
func (s *Server) Wait(ctx context.Context, wanted func(Message) bool) (m Message, number int) {
	for {
		s.mu.Lock()
		i := slices.IndexFunc(s.messages, wanted)
		if i >= 0 {
			m = s.messages[i]
		}
		changed := s.changed
		s.mu.Unlock()
		if i >= 0 {
			return m, i + 1
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Message{}, 0
		}
	}
}

// ServeHTTP answers the bot.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	number, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/messages/"))
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case r.Header.Get("Authorization") != "Bearer "+Token:
		http.Error(w, "wrong token", http.StatusUnauthorized)
	case r.URL.Path == "/people":
		_ = json.NewEncoder(w).Encode(s.people)
	case r.URL.Path == "/messages":
		s.add(w, r)
	case number > 0 && number <= len(s.messages):
		s.change(w, r, &s.messages[number-1])
	default:
		http.NotFound(w, r)
	}
}

func (s *Server) add(w http.ResponseWriter, r *http.Request) {
	var m Message
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil || m.To == "" || m.Key == "" {
		http.Error(w, "say to, text and key", http.StatusBadRequest)
		return
	}
	i := slices.IndexFunc(s.messages, func(old Message) bool { return old.Key == m.Key })
	if i < 0 {
		i = len(s.messages)
		s.messages = append(s.messages, m)
		s.tell()
	}
	fmt.Fprint(w, i+1)
}

func (s *Server) change(w http.ResponseWriter, r *http.Request, m *Message) {
	m.Buttons = nil
	if err := json.NewDecoder(r.Body).Decode(m); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.tell()
	fmt.Fprint(w, "true")
}

// tell wakes who waits. The lock is held.
func (s *Server) tell() {
	close(s.changed)
	s.changed = make(chan struct{})
}
