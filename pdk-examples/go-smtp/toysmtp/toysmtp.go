// Package toysmtp is a mail server for tests. It knows one user, and takes mail from nobody else; where it has a
// certificate, it offers STARTTLS, and lets nobody log in before.
package toysmtp

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"sync"
)

// User and Password are those that it knows.
const (
	User     = "bot"
	Password = "toy-password"
)

// Mail is one that was taken.
type Mail struct {
	To, ID, Text string
	// Encrypted says that it came by TLS.
	Encrypted bool
}

// Server is one on a port of this machine. It may be used concurrently.
type Server struct {
	listener net.Listener
	tls      *tls.Config // nil offers no STARTTLS

	mu      sync.Mutex
	changed chan struct{}
	mails   []Mail
	refuse  []string // replies to the next recipients
	mute    bool     // mail is taken, and nobody told so
	sly     bool     // more comes with the agreement to encrypt
}

// Listen starts a server, which has a certificate if config is not nil.
func Listen(config *tls.Config) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{listener: l, tls: config, changed: make(chan struct{})}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go (&session{server: s, conn: conn, r: bufio.NewReader(conn)}).serve()
		}
	}()
	return s, nil
}

// URL is where it is.
func (s *Server) URL() string { return "tcp://" + s.listener.Addr().String() }

// Close ends it.
func (s *Server) Close() { _ = s.listener.Close() }

// Refuse has the next recipients answered with these replies.
func (s *Server) Refuse(replies ...string) { s.update(func() { s.refuse = replies }) }

// Mute has mail taken without a word.
func (s *Server) Mute(mute bool) { s.update(func() { s.mute = mute }) }

// Sly has a reply sent in plain text behind the agreement to encrypt.
func (s *Server) Sly() { s.update(func() { s.sly = true }) }

// Mails returns what was taken, and what closes when there is more.
func (s *Server) Mails() ([]Mail, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.mails...), s.changed
}

func (s *Server) update(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn()
	close(s.changed)
	s.changed = make(chan struct{})
}

// session is one connection.
type session struct {
	server *Server
	conn   net.Conn
	r      *bufio.Reader
	mail   Mail
	known  bool
}

func (c *session) say(reply string) { _, _ = fmt.Fprintf(c.conn, "%s\r\n", reply) }

func (c *session) serve() {
	defer func() { _ = c.conn.Close() }()
	c.say("220 toy")
	for {
		line, err := c.r.ReadString('\n')
		if err != nil || !c.handle(strings.TrimRight(line, "\r\n")) {
			return
		}
	}
}

// handle answers a command; false ends the session.
func (c *session) handle(line string) bool {
	command, rest, _ := strings.Cut(line, " ")
	switch {
	case command == "EHLO" && c.server.tls != nil && !c.mail.Encrypted:
		c.say("250-toy\r\n250 STARTTLS")
	case command == "EHLO":
		c.say("250-toy\r\n250 AUTH PLAIN")
	case command == "STARTTLS" && c.server.tls != nil:
		return c.encrypt()
	case command == "AUTH" && (c.server.tls == nil || c.mail.Encrypted):
		said, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(rest, "PLAIN "))
		if c.known = string(said) == "\x00"+User+"\x00"+Password; c.known {
			c.say("235 welcome")
		} else {
			c.say("535 who are you?")
		}
	case !c.known:
		c.say("530 log in first")
	case command == "MAIL":
		c.say("250 ok")
	case command == "RCPT":
		c.mail.To = strings.Trim(strings.TrimPrefix(rest, "TO:"), "<>")
		c.say(c.server.recipient())
	case command == "DATA":
		c.say("354 go on")
		return c.take()
	default:
		c.say("502 what?")
	}
	return true
}

func (s *Server) recipient() (reply string) {
	reply = "250 ok"
	s.update(func() {
		if len(s.refuse) > 0 {
			reply, s.refuse = s.refuse[0], s.refuse[1:]
		}
	})
	return reply
}

func (c *session) encrypt() bool {
	agreement := "220 go"
	c.server.update(func() {
		if c.server.sly {
			agreement += "\r\n250 AUTH PLAIN"
		}
	})
	c.say(agreement)
	secure := tls.Server(c.conn, c.server.tls)
	c.conn, c.r, c.mail.Encrypted = secure, bufio.NewReader(secure), true
	return secure.Handshake() == nil
}

// take reads a mail and keeps it.
func (c *session) take() bool {
	head, body, inBody := "", "", false
	for {
		line, err := c.r.ReadString('\n')
		line = strings.TrimRight(line, "\r\n")
		switch {
		case err != nil:
			return false
		case line == ".":
			text, _ := base64.StdEncoding.DecodeString(body)
			_, id, _ := strings.Cut(head, "Message-ID: ")
			id, _, _ = strings.Cut(id, "\n")
			mute := false
			c.server.update(func() {
				mute = c.server.mute
				c.server.mails = append(c.server.mails, Mail{c.mail.To, id, string(text), c.mail.Encrypted})
			})
			if !mute {
				c.say("250 taken")
			}
			return true
		case line == "":
			inBody = true
		case inBody:
			body += line
		default:
			head += line + "\n"
		}
	}
}
