package mailtest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strings"
	"time"
)

// submission is a connection by SMTP.
type submission struct {
	server *Server
	conn   net.Conn
	in     bool
	from   string
	to     []string
}

func (c *submission) say(format string, args ...any) {
	_, _ = fmt.Fprintf(c.conn, format+"\r\n", args...)
}

func (c *submission) serve() {
	r := textproto.NewReader(bufio.NewReader(c.conn))
	c.say("220 mail.test ESMTP")
	for {
		line, err := r.ReadLine()
		if err != nil {
			return
		}
		command, args, _ := strings.Cut(line, " ")
		switch command = strings.ToUpper(command); command {
		case "EHLO", "HELO":
			c.say("250-mail.test\r\n250-SIZE %d\r\n250-8BITMIME\r\n250 AUTH%s", c.server.config.size(), c.server.config.ways(" "))
		case "AUTH":
			if !c.authenticate(r, args) {
				return
			}
		case "MAIL", "RCPT":
			c.address(command, args)
		case "DATA":
			if !c.data(r) {
				return
			}
		case "RSET":
			c.from, c.to = "", nil
			c.say("250 2.0.0 Ok")
		case "NOOP":
			c.say("250 2.0.0 Ok")
		case "QUIT":
			c.say("221 2.0.0 Bye")
			return
		default:
			c.say("502 5.5.2 Error: command not recognized")
		}
	}
}

// authenticate reports whether the connection goes on.
func (c *submission) authenticate(r *textproto.Reader, args string) (alive bool) {
	mechanism, initial, _ := strings.Cut(args, " ")
	if initial == "" {
		c.say("334 ")
		line, err := r.ReadLine()
		if err != nil {
			return false
		}
		initial = line
	}
	tells := false
	c.server.update(func() { c.in, tells = c.server.admits(mechanism, initial) })
	if !c.in && tells {
		c.say("334 " + why)
		if line, err := r.ReadLine(); err != nil || !heard(mechanism, line) {
			c.say("501 5.5.2 Error: that is no answer")
			return true
		}
	}
	if c.in {
		c.say("235 2.7.0 Authentication successful")
	} else {
		c.say("535 5.7.8 Error: authentication failed")
	}
	return true
}

func (c *submission) address(command, args string) {
	_, rest, _ := strings.Cut(args, "<")
	address, _, ok := strings.Cut(rest, ">")
	switch {
	case !c.in:
		c.say("530 5.7.0 Authentication required")
		return
	case !ok:
		c.say("501 5.1.7 Bad address syntax")
		return
	case command == "MAIL":
		c.from, c.to = address, nil
		c.say("250 2.1.0 Ok")
		return
	}
	refusal := ""
	c.server.update(func() {
		if r := c.server.replies; len(r) > 0 {
			refusal, c.server.replies = r[0], r[1:]
		}
	})
	if refusal != "" {
		c.say("%s", refusal)
		return
	}
	c.to = append(c.to, address)
	c.say("250 2.1.5 Ok")
}

// data takes a mail, and reports whether the connection goes on.
func (c *submission) data(r *textproto.Reader) (alive bool) {
	if len(c.to) == 0 {
		c.say("503 5.5.1 Error: need RCPT command")
		return true
	}
	c.say("354 End data with <CR><LF>.<CR><LF>")
	text, err := io.ReadAll(r.DotReader())
	if err != nil {
		return false
	}
	if most := c.server.config.MaxSize; most > 0 && len(text) > most {
		c.say("552 5.3.4 Error: message file too big")
		return true
	}
	s, quiet := c.server, false
	s.update(func() {
		if s.before > 0 {
			s.before--
			quiet = true
			return
		}
		if s.after > 0 {
			s.after--
			quiet = true
		}
		s.sent = append(s.sent, Sent{c.from, c.to, text, time.Now()})
		s.onTaken()
	})
	if quiet {
		return false
	}
	c.say("250 2.0.0 Ok: queued")
	return true
}
