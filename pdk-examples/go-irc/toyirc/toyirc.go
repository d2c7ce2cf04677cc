// Package toyirc is an IRC server for tests, of one room per name and with what go-irc needs of IRCv3: it says a
// labelled message back with its label, and refuses one to #closed.
//
// It is for one bot. Tests speak to it as people do, keep answers back, and end its connections.
package toyirc

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
)

// Server is one on a port of this machine. It may be used concurrently.
type Server struct {
	listener net.Listener

	mu      sync.Mutex
	changed chan struct{}
	conns   []net.Conn // in the order in which they came
	in      net.Conn   // the bot's; nil while it is not in
	joined  []string
	said    []string // by the bot, as "to text"
	hold    bool
	held    []string // lines that are kept back
}

// Listen starts a server.
func Listen() (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{listener: l, changed: make(chan struct{})}
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
		s.conns = nil
	})
}

// Hold keeps back what answers the bot's messages, until it is called with false.
func (s *Server) Hold(hold bool) {
	s.update(func() {
		s.hold = hold
		if !hold {
			for _, line := range s.held {
				s.write(line)
			}
			s.held = nil
		}
	})
}

// Say makes a person say something, to the bot's nick or in a room, and reports whether the bot is there.
func (s *Server) Say(from, to, text string) (there bool) {
	s.update(func() {
		there = s.in != nil
		s.write(fmt.Sprintf(":%s!%[1]s@host PRIVMSG %s :%s", from, to, text))
	})
	return there
}

// Said returns what the bot has said, as "to text", how many connections there are and what closes when that changes.
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

// write sends the bot a line; mu is held.
func (s *Server) write(line string) {
	if s.in != nil {
		_, _ = fmt.Fprintf(s.in, "%s\r\n", line)
	}
}

// answer is write for what can be kept back.
func (s *Server) answer(line string) {
	if s.hold {
		s.held = append(s.held, line)
	} else {
		s.write(line)
	}
}

func (s *Server) serve(conn net.Conn) {
	defer conn.Close()
	s.update(func() { s.conns = append(s.conns, conn) })
	nick, able := "", false
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		label, line := "", lines.Text()
		if tag, rest, ok := strings.Cut(line, " "); ok && strings.HasPrefix(tag, "@label=") {
			label, line = tag, rest
		}
		command, rest, _ := strings.Cut(line, " ")
		switch command {
		case "CAP":
			if able = able || strings.Contains(rest, "labeled-response"); rest != "END" {
				fmt.Fprintf(conn, ":toy CAP * ACK %s\r\n", strings.TrimPrefix(rest, "REQ "))
			} else if able && nick != "" {
				fmt.Fprintf(conn, "PING :1\r\n")
			}
		case "NICK":
			nick = rest
		case "PONG":
			s.update(func() { s.in = conn; s.write(":toy 001 " + nick + " :Welcome") })
		case "JOIN":
			s.update(func() { s.joined = append(s.joined, rest) })
		case "PRIVMSG":
			s.update(func() { s.post(conn, nick, label, rest) })
		}
	}
	s.update(func() {
		if s.in == conn {
			s.in, s.held = nil, nil
		}
	})
}

// post takes a message of the bot's.
func (s *Server) post(conn net.Conn, nick, label, rest string) {
	to, text, ok := strings.Cut(rest, " :")
	switch {
	case s.in != conn:
		fmt.Fprintf(conn, "%s :toy 451 * :You have not registered\r\n", label)
	case !ok || to == "#closed":
		s.answer(fmt.Sprintf("%s :toy 404 %s %s :Cannot send to channel", label, nick, to))
	default:
		s.said = append(s.said, to+" "+text)
		s.answer(fmt.Sprintf("%s :%s!bot@host PRIVMSG %s", label, nick, rest))
	}
}
