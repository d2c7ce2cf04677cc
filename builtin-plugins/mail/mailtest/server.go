// Package mailtest is a mail server for tests: one mailbox that is read by IMAP (RFC 3501, with IDLE, and
// AUTH=PLAIN or access tokens) and a
// submission server (RFC 6409) that takes what its owner sends. Tests deliver mails as other people do, see what was sent, and
// have things go wrong: connections that break, passwords that are refused, a mailbox that counts anew, replies of SMTP.
package mailtest

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"net"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/change"
)

// Config says what a server has.
type Config struct {
	// User and Password are the owner's; without, they are User and Password of this package.
	User, Password string
	// Token says whether an access token is good. With it the server takes those alone, by the Ways, which are XOAUTH2 where
	// nothing else is said.
	Token func(token string) bool
	Ways  []string
	// NoIdle leaves IDLE out.
	NoIdle bool
	// MaxSize is the largest mail that is taken, in bytes; SaysSize is what the server says that it takes, where that is another one.
	MaxSize, SaysSize int
}

// ways are those of logging in, each with a text before it.
func (c *Config) ways(before string) (list string) {
	ways := []string{"PLAIN"}
	if c.Token != nil {
		ways = c.Ways
		if ways == nil {
			ways = []string{"XOAUTH2"}
		}
	}
	for _, way := range ways {
		list += before + way
	}
	return list
}

// size is how large a mail may be, as SMTP says it.
func (c *Config) size() int { return cmp.Or(c.SaysSize, c.MaxSize, 30_000_000) }

// The owner of a mailbox that says nothing else.
const (
	User     = "bot@mail.test"
	Password = "pass-of-the-bot's-mailbox"
)

// letter is a mail in the mailbox.
type letter struct {
	uid  int
	came time.Time
	text []byte
}

// Sent is a mail that was handed over to be sent.
type Sent struct {
	From string
	To   []string
	Text []byte
	At   time.Time
}

// Message parses it.
func (s *Sent) Message() (*mail.Message, error) { return mail.ReadMessage(bytes.NewReader(s.Text)) }

// Server is one on two ports of this machine. It may be used concurrently.
type Server struct {
	change.Signal
	config     Config
	imap, smtp net.Listener

	mu       sync.Mutex
	conns    map[net.Conn]bool
	idling   map[*session]bool
	box      []letter
	uid      int
	validity int
	sent     []Sent
	logins   int
	opened   int // connections by IMAP
	selected int // folders

	replies       []string // of SMTP, to the next recipients
	before, after int      // mails at whose end the connection breaks, before they are taken or behind
	refuse        bool     // passwords
	refused       int      // logins by IMAP
	silent        bool
	asked         []string    // of mails, by FETCH
	withhold      map[int]int // how often a mail is not given, by UID
	onTaken       func()
}

// Listen starts a server.
func Listen(config Config) (*Server, error) {
	if config.User == "" {
		config.User, config.Password = User, Password
	}
	s := &Server{config: config, conns: map[net.Conn]bool{}, idling: map[*session]bool{}, uid: 1, validity: 1, withhold: map[int]int{}, onTaken: func() {}}
	var err error
	if s.imap, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	if s.smtp, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	go s.accept(s.imap, func(conn net.Conn) { newSession(s, conn).serve() })
	go s.accept(s.smtp, func(conn net.Conn) { (&submission{server: s, conn: conn}).serve() })
	return s, nil
}

func (s *Server) accept(l net.Listener, serve func(net.Conn)) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		s.update(func() {
			s.conns[conn] = true
			if l == s.imap {
				s.opened++
			}
		})
		go func() {
			serve(conn)
			_ = conn.Close()
			s.update(func() { delete(s.conns, conn) })
		}()
	}
}

// IMAP and SMTP are where it is.
func (s *Server) IMAP() string { return "tcp://" + s.imap.Addr().String() }

// SMTP is said at IMAP.
func (s *Server) SMTP() string { return "tcp://" + s.smtp.Addr().String() }

// Close ends the server and its connections.
func (s *Server) Close() {
	_ = s.imap.Close()
	_ = s.smtp.Close()
	s.Break()
}

// update changes the server, and tells who waits.
func (s *Server) update(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn()
	s.Raise()
}

// Deliver puts a mail into the mailbox.
func (s *Server) Deliver(text string) { s.DeliverAt(text, time.Now()) }

// DeliverAt is Deliver for a mail that has come at some time.
func (s *Server) DeliverAt(text string, came time.Time) {
	s.update(func() {
		s.box = append(s.box, letter{s.uid, came, []byte(text)})
		s.uid++
		for session := range s.idling {
			session.exists()
		}
	})
}

// Sent lists what was handed over.
func (s *Server) Sent() []Sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sent)
}

// Listening reports whether somebody is told of new mail.
func (s *Server) Listening() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.idling) > 0
}

// Logins is how often somebody has logged in by IMAP, Opened how many connections there were.
func (s *Server) Logins() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logins
}

// Refused is how often somebody was not let in by IMAP.
func (s *Server) Refused() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}

// Selected is how often a folder was opened.
func (s *Server) Selected() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.selected
}

// Opened is said at Logins.
func (s *Server) Opened() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

// Break ends all connections by IMAP; Refuse has the next recipients answered with these lines of SMTP; CutBefore and CutAfter
// break the connection at the end of the next n mails by SMTP, which are not taken, or are and nobody is told.
func (s *Server) Break() {
	s.update(func() {
		for conn := range s.conns {
			if conn.LocalAddr().String() == s.imap.Addr().String() {
				_ = conn.Close()
			}
		}
	})
}

// Refuse is said at Break.
func (s *Server) Refuse(replies ...string) { s.update(func() { s.replies = replies }) }

// CutBefore is said at Break.
func (s *Server) CutBefore(n int) { s.update(func() { s.before = n }) }

// CutAfter is said at Break.
func (s *Server) CutAfter(n int) { s.update(func() { s.after = n }) }

// Deny has no password be right; Silence has nothing answered by IMAP.
func (s *Server) Deny(deny bool) { s.update(func() { s.refuse = deny }) }

// Silence is said at Deny.
func (s *Server) Silence(silent bool) { s.update(func() { s.silent = silent }) }

// Withhold has the mail that comes next not be given so often.
func (s *Server) Withhold(times int) { s.update(func() { s.withhold[s.uid] = times }) }

// Expunge takes all mails out of the mailbox.
func (s *Server) Expunge() { s.update(func() { s.box = nil }) }

// Asked lists what was asked of mails: the UIDs and the items of each FETCH.
func (s *Server) Asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// Renumber gives the mails of the mailbox other UIDs, as a server does that has lost its index, and ends the connections.
func (s *Server) Renumber() {
	s.update(func() {
		s.validity++
		s.uid = 1
		for i := range s.box {
			s.box[i].uid = s.uid
			s.uid++
		}
	})
	s.Break()
}

// admits reports whether somebody who logs in by a way is the owner, and whether the server tells why not before it refuses; mu is held.
func (s *Server) admits(way, initial string) (in, tells bool) {
	data, err := base64.StdEncoding.DecodeString(initial)
	text := string(data)
	switch {
	case err != nil || !slices.Contains(strings.Fields(s.config.ways(" ")), strings.ToUpper(way)):
		return false, false
	case s.config.Token == nil:
		parts := strings.Split(text, "\x00")
		return len(parts) == 3 && s.right(parts[1], parts[2]), false
	}
	begins := "user=" + s.config.User + "\x01auth=Bearer "
	if strings.ToUpper(way) == "OAUTHBEARER" {
		begins = "n,a=" + s.config.User + ",\x01auth=Bearer "
	}
	token, ok := strings.CutPrefix(text, begins)
	token, ends := strings.CutSuffix(token, "\x01\x01")
	return ok && ends && !s.refuse && s.config.Token(token), true
}

// right reports whether somebody is the owner; mu is held.
func (s *Server) right(user, password string) bool {
	return !s.refuse && user == s.config.User && password == s.config.Password
}

// Letter writes a mail with a text in UTF-8. Fields come as name, value, name, value …
func Letter(from, to, text string, fields ...string) string {
	out := fmt.Sprintf("From: <%s>\r\nTo: <%s>\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n", from, to)
	for i := 0; i+1 < len(fields); i += 2 {
		out += fields[i] + ": " + fields[i+1] + "\r\n"
	}
	return out + "\r\n" + text + "\r\n"
}
