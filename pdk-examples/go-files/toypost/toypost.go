// Package toypost is a messenger for tests whose messages bring files, answer others and are handed on. It posts what people send
// to a webhook, with `Authorization: Bearer TOKEN`, and takes calls with the same:
//
//	{"id": "8", "from": "ann", "text": "look", "file": {"path": "/files/1", "type": "image/png", "name": "dot.png", "size": 70, "width": 1, "height": 1}}
//	{"id": "9", "from": "ann", "file": {"path": "/files/2", "type": "audio/ogg", "seconds": 3, "voice": true}}
//	{"id": "10", "from": "ann", "text": "is it?", "answers": {"id": "3", "from": "bob", "text": "the sun is cold"}}
//	{"id": "11", "from": "ann", "text": "the sun is cold", "forwarded": {"from": "bob", "at": 1700000000}}
//
//	GET /files/1           → the file
//	POST /messages         a form with to, text, key, answers where it answers a message, and its files, each as file
//	→ 1                    its number; a second post with this key answers the same and does nothing
package toypost

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Token is the bot's and the messenger's.
const Token = "toy-token"

// File is one that somebody sends.
type File struct {
	Path    string `json:"path"`
	Type    string `json:"type"`
	Name    string `json:"name,omitempty"`
	Size    int    `json:"size"`
	Seconds int    `json:"seconds,omitempty"`
	Voice   bool   `json:"voice,omitempty"`
	Width   int    `json:"width,omitempty"`
	Height  int    `json:"height,omitempty"`
}

// Said is what somebody has said before.
type Said struct {
	ID   string `json:"id,omitempty"`
	From string `json:"from"`
	Text string `json:"text,omitempty"`
	At   int64  `json:"at,omitempty"` // in seconds
}

// Message is somebody's to the bot.
type Message struct {
	ID        string `json:"id"`
	From      string `json:"from"`
	Text      string `json:"text,omitempty"`
	File      *File  `json:"file,omitempty"`
	Answers   *Said  `json:"answers,omitempty"`
	Forwarded *Said  `json:"forwarded,omitempty"`
}

// Post is a message of the bot's.
type Post struct {
	To, Text, Answers string
	Files             []string // what is in them
}

// Server is the messenger, and an http.Handler. Make it with New; it may be used concurrently.
type Server struct {
	mu      sync.Mutex
	files   []string
	posts   []Post
	numbers map[string]int // of posts, by key
	changed chan struct{}
}

// New returns a messenger with which nothing was sent.
func New() *Server { return &Server{numbers: map[string]int{}, changed: make(chan struct{})} }

// Keep keeps a file and returns its path.
func (s *Server) Keep(data string) (path string) {
	s.update(func() {
		s.files = append(s.files, data)
		path = "/files/" + strconv.Itoa(len(s.files))
	})
	return path
}

// Send posts a message to the bot's webhook, again and again until it is taken or ctx ends.
func Send(ctx context.Context, client *http.Client, webhook string, m Message) error {
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	for {
		status, err := try(ctx, client, webhook, body)
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

func try(ctx context.Context, client *http.Client, webhook string, body []byte) (status int, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, webhook, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Authorization", "Bearer "+Token)
	response, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

// Posts returns what the bot has sent, once that are n, or when ctx ends.
func (s *Server) Posts(ctx context.Context, n int) []Post {
	for {
		s.mu.Lock()
		posts, changed := append([]Post(nil), s.posts...), s.changed
		s.mu.Unlock()
		if len(posts) >= n {
			return posts
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return posts
		}
	}
}

func (s *Server) update(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn()
	close(s.changed)
	s.changed = make(chan struct{})
}

// ServeHTTP answers the bot.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Header.Get("Authorization") != "Bearer "+Token:
		http.Error(w, "wrong token", http.StatusUnauthorized)
	case r.URL.Path == "/messages" && r.Method == http.MethodPost:
		s.post(w, r)
	default:
		s.file(w, r)
	}
}

func (s *Server) file(w http.ResponseWriter, r *http.Request) {
	var number int
	_, _ = fmt.Sscanf(r.URL.Path, "/files/%d", &number) // 0 where it is another path
	s.mu.Lock()
	defer s.mu.Unlock()
	if number < 1 || number > len(s.files) {
		http.NotFound(w, r)
		return
	}
	_, _ = io.WriteString(w, s.files[number-1])
}

func (s *Server) post(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseMultipartForm(1 << 20); err != nil || r.FormValue("to") == "" || r.FormValue("key") == "" {
		http.Error(w, "say to, text and key in a form", http.StatusBadRequest)
		return
	}
	post, key := Post{To: r.FormValue("to"), Text: r.FormValue("text"), Answers: r.FormValue("answers")}, r.FormValue("key")
	for _, header := range r.MultipartForm.File["file"] {
		file, _ := header.Open() // it is in memory
		data, _ := io.ReadAll(file)
		post.Files = append(post.Files, string(data))
	}
	s.update(func() {
		if s.numbers[key] == 0 {
			s.posts = append(s.posts, post)
			s.numbers[key] = len(s.posts)
		}
		fmt.Fprint(w, s.numbers[key])
	})
}
