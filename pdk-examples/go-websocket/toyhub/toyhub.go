// Package toyhub is a chat server for tests, which a bot is connected to by a WebSocket. Its words are JSON texts:
//
//	bot:    {"token": "toy-token", "after": 7}            the first ones: who it is, and what it has seen
//	server: {"welcome": true}                             then the messages behind that, each once
//	server: {"number": 8, "room": "r1", "from": "ann", "text": "hello"}   without a room to the bot alone
//	bot:    {"seen": 8}
//	bot:    {"to": "r1", "text": "hi", "key": "k1"}
//	server: {"key": "k1", "number": 1}                    a second post with this key answers the same and does nothing
//
// A wrong token ends the connection with the code 4001.
package toyhub

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"

	"github.com/coder/websocket"
)

// Token is the bot's.
const Token = "toy-token"

// Message is what somebody has said; Number counts them from 1.
type Message struct {
	Number int    `json:"number"`
	Room   string `json:"room,omitempty"`
	From   string `json:"from"`
	Text   string `json:"text"`
}

// Post is what the bot has said.
type Post struct{ To, Text, Key string }

// Counts is what the server has seen of the bot so far.
type Counts struct {
	Opened int // connections with the right token
	Said   int // messages of people
	Seen   int // of which the bot has said that it has seen them, in order and for the first time
	Amiss  int // that it has said so of another one than the next
	Posts  int // messages of the bot
	Again  int // that it has posted one once more
}

// Server is the hub, and an http.Handler. Make it with New; it may be used concurrently. What is set in it is set before.
type Server struct {
	// OnSeen and OnPost, where they are set, are told of what is new, in order, and may not call the server.
	OnSeen func(number int)
	OnPost func(Post)

	mu      sync.Mutex
	counts  Counts
	log     []Message
	posted  map[string]int // numbers by keys
	posts   []Post
	ends    int // that the connections before have been ended
	closed  bool
	changed chan struct{}
}

// New returns a server with nobody there.
func New() *Server { return &Server{posted: map[string]int{}, changed: make(chan struct{})} }

// Say has a person say something in a room, or to the bot alone where that is empty, and returns its number.
func (s *Server) Say(room, from, text string) (number int) {
	s.update(func() {
		s.counts.Said++
		number = s.counts.Said
		s.log = append(s.log, Message{number, room, from, text})
	})
	return number
}

// Counts returns what it has seen so far.
func (s *Server) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

// Posts are all messages of the bot, in order.
func (s *Server) Posts() []Post {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Post(nil), s.posts...)
}

// Wait waits until the counts are ok; false says that ctx has ended first.
func (s *Server) Wait(ctx context.Context, ok func(Counts) bool) bool {
	return s.wait(ctx, func() bool { return ok(s.counts) })
}

// Break ends the connections that there are.
func (s *Server) Break() { s.update(func() { s.ends++ }) }

// Close ends the connections that there are and lets nobody in any more.
func (s *Server) Close() { s.update(func() { s.closed = true }) }

func (s *Server) update(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn()
	close(s.changed)
	s.changed = make(chan struct{})
}

// wait waits until ok, which is asked with the lock held, or until ctx ends.
func (s *Server) wait(ctx context.Context, ok func() bool) bool {
	for {
		s.mu.Lock()
		done, changed := ok(), s.changed
		s.mu.Unlock()
		if done {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// ServeHTTP lets a bot in.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // it has been answered
	}
	defer conn.CloseNow()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	var hello struct {
		Token string
		After int
	}
	if !receive(ctx, conn, &hello) {
		return
	}
	if hello.Token != Token {
		_ = conn.Close(4001, "who are you?")
		return
	}
	ends := 0
	s.update(func() {
		ends = s.ends
		s.counts.Opened++
		for n := s.counts.Seen + 1; n <= min(hello.After, len(s.log)); n++ { // it could not say so any more
			s.see(n)
		}
	})
	receipts := make(chan receipt, 64)
	go func() {
		defer cancel()
		s.listen(ctx, conn, receipts)
	}()
	go func() {
		defer cancel()
		s.wait(ctx, func() bool { return s.closed || s.ends > ends })
	}()
	s.talk(ctx, conn, hello.After, receipts)
}

// receipt is the server's for a post.
type receipt struct {
	Key    string `json:"key"`
	Number int    `json:"number"`
}

// talk writes the welcome, the messages behind one, and the receipts, until ctx or the connection ends.
func (s *Server) talk(ctx context.Context, conn *websocket.Conn, after int, receipts <-chan receipt) {
	if !send(ctx, conn, map[string]bool{"welcome": true}) {
		return
	}
	for {
		s.mu.Lock()
		fresh, changed := s.log[min(after, len(s.log)):], s.changed
		s.mu.Unlock()
		for _, m := range fresh {
			if !send(ctx, conn, m) {
				return
			}
			after = m.Number
		}
		for len(receipts) > 0 {
			if !send(ctx, conn, <-receipts) {
				return
			}
		}
		select {
		case r := <-receipts:
			if !send(ctx, conn, r) {
				return
			}
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// listen reads what the bot says until ctx or the connection ends.
func (s *Server) listen(ctx context.Context, conn *websocket.Conn, receipts chan<- receipt) {
	for {
		var words struct {
			Seen          *int
			To, Text, Key string
		}
		if !receive(ctx, conn, &words) {
			return
		}
		if words.Seen != nil {
			s.update(func() { s.see(*words.Seen) })
			continue
		}
		select {
		case receipts <- receipt{words.Key, s.post(Post{words.To, words.Text, words.Key})}:
		case <-ctx.Done():
			return
		}
	}
}

// see takes note that the bot has seen a message. mu is held.
func (s *Server) see(number int) {
	if number != s.counts.Seen+1 {
		s.counts.Amiss++
		return
	}
	s.counts.Seen++
	if s.OnSeen != nil {
		s.OnSeen(number)
	}
}

// post takes a message of the bot's and returns its number.
func (s *Server) post(p Post) (number int) {
	s.update(func() {
		if number = s.posted[p.Key]; number != 0 {
			s.counts.Again++
			return
		}
		s.counts.Posts++
		number = s.counts.Posts
		s.posted[p.Key] = number
		s.posts = append(s.posts, p)
		if s.OnPost != nil {
			s.OnPost(p)
		}
	})
	return number
}

func send(ctx context.Context, conn *websocket.Conn, words any) bool {
	b, err := json.Marshal(words)
	return err == nil && conn.Write(ctx, websocket.MessageText, b) == nil
}

func receive(ctx context.Context, conn *websocket.Conn, words any) bool {
	_, b, err := conn.Read(ctx)
	return err == nil && json.Unmarshal(b, words) == nil
}
