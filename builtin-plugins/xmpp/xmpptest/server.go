// Package xmpptest is an XMPP server for tests. It speaks as RFC 6120 has it: STARTTLS, SASL by SCRAM and PLAIN and a resource; streams that are
// managed and resumed (XEP-0198), an archive (XEP-0313), rooms (XEP-0045), places for files (XEP-0363), and pings.
//
// Clients connect as to any server; tests also speak as people who need no connection, see what was said, and have things go
// wrong: connections that break before or after something was taken, what people say that comes twice or late.
package xmpptest

import (
	"crypto/tls"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/change"
)

// The names of the server: of its accounts, its rooms, and its places for files.
const (
	Domain = "xmpp.test"
	Rooms  = "rooms.xmpp.test"
	Upload = "upload.xmpp.test"
)

const (
	nsClient = "jabber:client"
	nsStream = "http://etherx.jabber.org/streams"
	nsTLS    = "urn:ietf:params:xml:ns:xmpp-tls"
	nsSASL   = "urn:ietf:params:xml:ns:xmpp-sasl"
	nsBind   = "urn:ietf:params:xml:ns:xmpp-bind"
	nsErrors = "urn:ietf:params:xml:ns:xmpp-stanzas"
	nsManage = "urn:xmpp:sm:3"
	nsMAM    = "urn:xmpp:mam:2"
	nsRSM    = "http://jabber.org/protocol/rsm"
	nsSID    = "urn:xmpp:sid:0"
	nsDelay  = "urn:xmpp:delay"
	nsMUC    = "http://jabber.org/protocol/muc"
	nsUser   = "http://jabber.org/protocol/muc#user"
	nsInfo   = "http://jabber.org/protocol/disco#info"
	nsItems  = "http://jabber.org/protocol/disco#items"
	nsUpload = "urn:xmpp:http:upload:0"
)

// Config says what a server has.
type Config struct {
	// Accounts are the passwords, by name.
	Accounts map[string]string
	// TLS has streams go on encrypted before a login; with Direct they are from the beginning.
	TLS    *tls.Config
	Direct bool
	// Mechanisms of SASL's, nil for all that it knows.
	Mechanisms []string
	// Forged makes it one that does not know the passwords, as somebody in its place.
	Forged bool
	// NoManagement and NoArchive make it one that lacks those.
	NoManagement, NoArchive bool
}

func (c *Config) mechanisms() []string {
	if c.Mechanisms == nil {
		return []string{"SCRAM-SHA-1", "SCRAM-SHA-256", "PLAIN"}
	}
	return c.Mechanisms
}

// Message is one that was said.
type Message struct {
	From, To string // addresses; of what was said in a room, with the nick
	Text     string
	Kind     string // chat, groupchat …
	Stanza   *Element
	ID       string // of the sender
	Time     time.Time
}

// Server is one on a port of this machine. It may be used concurrently.
type Server struct {
	change.Signal

	config   Config
	listener net.Listener
	files    net.Listener

	mu        sync.Mutex
	sessions  map[string]*session // by address with resource
	managed   map[string]*session // those that can be resumed, by id
	streams   map[*stream]bool
	people    map[string]bool // whom tests speak as, by address
	rooms     map[string]*room
	archives  map[string][]*archived // by account
	stored    map[string][]byte      // files, by path
	messages  []Message
	last      int
	logins    int
	mechanism string // of the last login
	opened    int
	resumed   int
	faults    faults
	onTaken   func() // is told of each message of a client's that is taken, while mu is held
}

// Listen starts a server on a free port.
func Listen(config Config) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	files, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	s := &Server{
		config: config, listener: l, files: files, sessions: map[string]*session{}, managed: map[string]*session{},
		streams: map[*stream]bool{}, people: map[string]bool{}, rooms: map[string]*room{}, archives: map[string][]*archived{}, stored: map[string][]byte{},
		onTaken: func() {},
	}
	go s.accept()
	go func() { _ = http.Serve(files, http.HandlerFunc(s.serveFile)) }()
	return s, nil
}

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		if s.config.Direct {
			conn = tls.Server(conn, s.config.TLS)
		}
		go s.serve(conn)
	}
}

// Addr is where it is, as host:port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URL is where it is.
func (s *Server) URL() string {
	if s.config.Direct {
		return "tls://" + s.Addr()
	}
	return "tcp://" + s.Addr()
}

// Files is where files are.
func (s *Server) Files() string { return "http://" + s.files.Addr().String() }

// Close ends the server and its connections.
func (s *Server) Close() {
	_ = s.listener.Close()
	_ = s.files.Close()
	s.Break()
}

// update changes the server, and tells who waits.
func (s *Server) update(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn()
	s.Raise()
}

// number is one that was not there yet.
func (s *Server) number() string {
	s.last++
	return strconv.Itoa(s.last)
}

func bare(jid string) string {
	jid, _, _ = strings.Cut(jid, "/")
	return strings.ToLower(jid)
}

func resource(jid string) string {
	_, r, _ := strings.Cut(jid, "/")
	return r
}

func domain(jid string) string {
	jid = bare(jid)
	return jid[strings.IndexByte(jid, '@')+1:]
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
