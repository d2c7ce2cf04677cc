// Package toyxmpp is an XMPP server for tests, with as much of RFC 6120 and 6121 as go-xmpp needs: one account, which has to go
// on encrypted before it may log in, messages to it, which wait while it is away, and pings (XEP-0199).
package toyxmpp

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"net"
	"sync"
)

// The account.
const (
	JID      = "bot@toy.example"
	Password = "toy & password"
)

// Server is one on a port of this machine. It may be used concurrently.
type Server struct {
	listener net.Listener
	config   *tls.Config

	mu      sync.Mutex
	changed chan struct{}
	conns   []net.Conn
	in      net.Conn // the account's; nil while it is away
	next    int
	waiting []string // messages to it
	said    []string // by it, as "to text"
	hold    bool
	held    []string // answers to pings that are kept back
}

// Listen starts a server with a certificate.
func Listen(config *tls.Config) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{listener: l, config: config, changed: make(chan struct{})}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
	return s, nil
}

// URL is where it is.
func (s *Server) URL() string { return "tcp://" + s.listener.Addr().String() }

// Close ends the server and its connections.
func (s *Server) Close() {
	_ = s.listener.Close()
	s.Break()
}

// Break ends the connections.
func (s *Server) Break() {
	s.update(func() {
		for _, conn := range s.conns {
			_ = conn.Close()
		}
		s.conns, s.in, s.held = nil, nil, nil
	})
}

// Hold keeps answers to pings back, until it is called with false.
func (s *Server) Hold(hold bool) {
	s.update(func() {
		s.hold = hold
		for _, answer := range s.held {
			s.write(answer)
		}
		s.held = nil
	})
}

// Say has a person say something to the account, now or when it is back.
func (s *Server) Say(from, text string) {
	s.update(func() {
		s.next++
		message := fmt.Sprintf("<message from='%s/phone' to='%s' type='chat' id='m%d'><body>%s</body></message>", from, JID, s.next, text)
		if s.in == nil {
			s.waiting = append(s.waiting, message)
		}
		s.write(message)
	})
}

// Said returns what the account has said, as "to text", whether it is there, and what closes when that changes.
func (s *Server) Said() (said []string, in bool, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.said...), s.in != nil, s.changed
}

func (s *Server) update(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn()
	close(s.changed)
	s.changed = make(chan struct{})
}

// write sends the account something; mu is held.
func (s *Server) write(text string) {
	if s.in != nil {
		fmt.Fprint(s.in, text)
	}
}

// element is what a client says.
type element struct {
	XMLName xml.Name
	To      string    `xml:"to,attr"`
	ID      string    `xml:"id,attr"`
	Text    string    `xml:",chardata"`
	Body    string    `xml:"body"`
	Bind    *struct{} `xml:"bind"`
}

// serve speaks one stream after the other: in plain text, encrypted, and after the login.
func (s *Server) serve(plain net.Conn) {
	defer plain.Close()
	s.update(func() { s.conns = append(s.conns, plain) })
	if e, _ := begin(plain, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").next(); e.XMLName.Local != "starttls" {
		return
	}
	fmt.Fprint(plain, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
	conn := tls.Server(plain, s.config)
	e, _ := begin(conn, "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>").next()
	if given, _ := base64.StdEncoding.DecodeString(e.Text); string(given) != "\x00bot\x00"+Password {
		fmt.Fprint(conn, "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>")
		return
	}
	fmt.Fprint(conn, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
	stream := begin(conn, "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>")
	for {
		e, err := stream.next()
		if err != nil {
			break
		}
		s.update(func() { s.handle(conn, e) })
	}
	s.update(func() {
		if s.in == conn {
			s.in, s.held = nil, nil
		}
	})
}

// handle does what an element asks for; mu is held.
func (s *Server) handle(conn net.Conn, e element) {
	result := fmt.Sprintf("<iq type='result' id='%s'/>", e.ID)
	switch {
	case e.XMLName.Local == "message":
		s.said = append(s.said, e.To+" "+e.Body)
	case e.XMLName.Local == "presence":
		s.in = conn
		for _, message := range s.waiting {
			s.write(message)
		}
		s.waiting = nil
	case e.Bind == nil && s.hold:
		s.held = append(s.held, result)
	default:
		fmt.Fprint(conn, result)
	}
}

// stream is one of a client's.
type stream struct{ *xml.Decoder }

// begin waits for a client's stream, and answers with its own and what can be done on it.
func begin(conn net.Conn, features string) stream {
	d := xml.NewDecoder(conn)
	for {
		token, err := d.Token()
		if err != nil {
			return stream{d}
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "stream" {
			break
		}
	}
	fmt.Fprint(conn, "<?xml version='1.0'?><stream:stream from='toy.example' id='s1' version='1.0' xmlns='jabber:client'"+
		" xmlns:stream='http://etherx.jabber.org/streams'><stream:features>"+features+"</stream:features>")
	return stream{d}
}

// next is the next element of the stream, whole.
func (s stream) next() (e element, err error) {
	for {
		token, err := s.Token()
		if err != nil {
			return e, err
		}
		if start, ok := token.(xml.StartElement); ok {
			return e, s.DecodeElement(&e, &start)
		}
	}
}
