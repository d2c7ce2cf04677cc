// Package irctest is an IRC server for tests. It speaks as RFC 2812 and IRCv3's extensions have it: registration with
// capabilities, SASL by SCRAM and PLAIN, rooms with keys, bans and invitations, messages that are said back with their labels, and a history
// (draft/chathistory). What it offers can be narrowed, so that it stands for an old server too.
//
// Clients connect as to any server; tests also speak as people who need no connection, see what was said, and have things go
// wrong: connections that break before or after something was taken, answers that come late, floods.
package irctest

import (
	"crypto/tls"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/change"
)

// Name is the server's.
const Name = "irc.test"

// Config says what a server has.
type Config struct {
	// Capabilities that it offers; nil are all that it knows, and an empty list none, as an old server.
	Capabilities []string
	// Password that it asks everybody for.
	Password string
	// Accounts are the passwords of those who can log in.
	Accounts map[string]string
	// Forged makes it one that does not know the passwords, as somebody in its place.
	Forged bool
	// TLS makes it encrypted.
	TLS *tls.Config
	// Flood is how many lines a client may have said that were not worked off, at ten a second, before it is put out; 0 is no end.
	Flood int
}

// All are the capabilities that the server knows.
func All() []string {
	return []string{"sasl=PLAIN,SCRAM-SHA-256", "message-tags", "server-time", "account-tag", "batch", "labeled-response", "echo-message", "chghost", "cap-notify", "draft/chathistory"}
}

// Message is one that was said.
type Message struct {
	From, To, Text string
	Command        string            // PRIVMSG, NOTICE or TAGMSG
	Tags           map[string]string // of the client's own
	ID             string
	Time           time.Time
}

// Server is one on a port of this machine. It may be used concurrently.
type Server struct {
	change.Signal

	config   Config
	listener net.Listener

	mu        sync.Mutex
	clients   map[string]*client // those that are registered, by folded nick
	conns     map[*client]bool
	people    map[string]string // nicks that tests speak as, by folded nick, with the account
	rooms     map[string]*room
	messages  []Message
	last      int
	faults    faults
	logins    int
	mechanism string // of the last login
	opened    int
	now       func() time.Time
	onTaken   func() // is told of each message of a client's that is taken, while mu is held
}

// Listen starts a server on a free port, or on an address such as one that a server had before.
func Listen(config Config, address ...string) (*Server, error) {
	at := "127.0.0.1:0"
	if len(address) > 0 {
		at = address[0]
	}
	l, err := net.Listen("tcp", at)
	if err != nil {
		return nil, err
	}
	s := &Server{
		config: config, listener: l, clients: map[string]*client{}, conns: map[*client]bool{},
		people: map[string]string{}, rooms: map[string]*room{}, now: time.Now, onTaken: func() {},
	}
	go s.accept()
	return s, nil
}

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		if s.config.TLS != nil {
			conn = tls.Server(conn, s.config.TLS)
		}
		go s.serve(conn)
	}
}

// Addr is where it is, as host:port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URL is where it is.
func (s *Server) URL() string {
	if s.config.TLS != nil {
		return "tls://" + s.Addr()
	}
	return "tcp://" + s.Addr()
}

// Close ends the server and its connections.
func (s *Server) Close() {
	_ = s.listener.Close()
	s.Break()
}

// update changes the server, and tells who waits.
func (s *Server) update(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn()
	s.Raise()
}

// offers reports whether the server has a capability.
func (s *Server) offers(name string) bool {
	for _, c := range s.capabilities() {
		if bare, _, _ := strings.Cut(c, "="); bare == name {
			return true
		}
	}
	return false
}

func (s *Server) capabilities() []string {
	if s.config.Capabilities != nil {
		return s.config.Capabilities
	}
	list := All()
	if len(s.config.Accounts) == 0 {
		list = list[1:]
	}
	return list
}

// mechanisms are those of SASL's that it offers; one that does not say which has PLAIN.
func (s *Server) mechanisms() []string {
	for _, capability := range s.capabilities() {
		if list, ok := strings.CutPrefix(capability, "sasl="); ok {
			return strings.Split(list, ",")
		}
	}
	return []string{"PLAIN"}
}

// lower folds a name as CASEMAPPING=rfc1459 has it.
func lower(name string) string {
	return strings.NewReplacer("[", "{", "]", "}", `\`, "|", "~", "^").Replace(strings.ToLower(name))
}
