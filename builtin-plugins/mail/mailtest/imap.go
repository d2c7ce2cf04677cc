package mailtest

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// session is a connection by IMAP.
type session struct {
	server   *Server
	conn     net.Conn
	r        *bufio.Reader
	in       bool
	selected bool
	told     int // mails
}

func newSession(s *Server, conn net.Conn) *session {
	return &session{server: s, conn: conn, r: bufio.NewReader(conn)}
}

func (c *session) say(format string, args ...any) {
	_, _ = fmt.Fprintf(c.conn, format+"\r\n", args...)
}

func (c *session) serve() {
	defer c.server.update(func() { delete(c.server.idling, c) })
	c.say("* OK mailtest is ready")
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return
		}
		tag, rest, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		command, args, _ := strings.Cut(rest, " ")
		command = strings.ToUpper(command)
		if command == "UID" {
			word, more, _ := strings.Cut(args, " ")
			command, args = "UID "+strings.ToUpper(word), more
		}
		c.server.mu.Lock()
		silent := c.server.silent
		c.server.mu.Unlock()
		if silent {
			continue
		}
		if command == "LOGOUT" {
			c.say("* BYE bye")
			c.say("%s OK done", tag)
			return
		}
		c.command(tag, command, args)
	}
}

func (c *session) capabilities() string {
	list := "IMAP4rev1" + c.server.config.ways(" AUTH=")
	if !c.server.config.NoIdle {
		list += " IDLE"
	}
	return list
}

func (c *session) command(tag, command, args string) {
	switch command {
	case "CAPABILITY":
		c.say("* CAPABILITY %s", c.capabilities())
		c.say("%s OK done", tag)
	case "NOOP":
		c.say("%s OK done", tag)
	case "LOGIN":
		words := fields(args)
		c.logIn(tag, len(words) == 2, words...)
	case "AUTHENTICATE":
		c.authenticate(tag, args)
	case "SELECT", "EXAMINE":
		c.open(tag, command, fields(args))
	case "IDLE":
		c.idle(tag)
	case "UID SEARCH", "SEARCH":
		c.search(tag, command, args)
	case "UID FETCH":
		c.fetch(tag, args)
	default:
		c.say("%s BAD unknown command", tag)
	}
}

// fields are words, of which some are quoted.
func fields(args string) (list []string) {
	for _, m := range regexp.MustCompile(`"((?:[^"\\]|\\.)*)"|(\S+)`).FindAllStringSubmatch(args, -1) {
		if m[2] != "" {
			list = append(list, m[2])
		} else {
			list = append(list, regexp.MustCompile(`\\(.)`).ReplaceAllString(m[1], "$1"))
		}
	}
	return list
}

func (c *session) authenticate(tag, args string) {
	mechanism, initial, _ := strings.Cut(args, " ")
	if initial == "" {
		c.say("+ ")
		line, err := c.r.ReadString('\n')
		if err != nil {
			return
		}
		initial = strings.TrimRight(line, "\r\n")
	}
	in, tells := false, false
	c.server.update(func() { in, tells = c.server.admits(mechanism, initial) })
	if !in && tells {
		c.say("+ " + why)
		if line, err := c.r.ReadString('\n'); err != nil || !heard(mechanism, line) {
			c.say("%s BAD that is no answer", tag)
			return
		}
	}
	c.admit(tag, in)
}

// why is how a server tells why it does not take a token, in base64; heard reports whether a line
// says, as this way has it, no more than that it was heard.
var why = base64.StdEncoding.EncodeToString([]byte(`{"status":"400","schemes":"Bearer","scope":"https://mail.test/"}`))

func heard(way, line string) bool {
	if strings.ToUpper(way) == "OAUTHBEARER" {
		return strings.TrimSpace(line) == "AQ=="
	}
	return strings.TrimSpace(line) == ""
}

func (c *session) logIn(tag string, ok bool, login ...string) {
	in := false
	c.server.update(func() { in = ok && c.server.config.Token == nil && c.server.right(login[0], login[1]) })
	c.admit(tag, in)
}

func (c *session) admit(tag string, in bool) {
	c.server.update(func() {
		if c.in = in; in {
			c.server.logins++
		} else {
			c.server.refused++
		}
	})
	if !c.in {
		c.say("%s NO [AUTHENTICATIONFAILED] Authentication failed.", tag)
		return
	}
	c.say("%s OK [CAPABILITY %s] Logged in", tag, c.capabilities())
}

func (c *session) open(tag, command string, names []string) {
	c.server.update(func() { c.openNow(tag, command, names) })
}

// openNow is open while mu is held.
func (c *session) openNow(tag, command string, names []string) {
	s := c.server
	if !c.in || len(names) != 1 || strings.ToUpper(names[0]) != "INBOX" {
		c.say("%s NO [NONEXISTENT] there is no such folder", tag)
		return
	}
	c.selected = true
	s.selected++
	c.say(`* FLAGS (\Seen)`)
	c.exists()
	c.say("* 0 RECENT")
	c.say("* OK [UIDVALIDITY %d] UIDs valid", s.validity)
	c.say("* OK [UIDNEXT %d] next", s.uid)
	c.say("%s OK [READ-WRITE] %s done", tag, command)
}

// exists tells of new mail; mu is held.
func (c *session) exists() {
	c.told = len(c.server.box)
	c.say("* %d EXISTS", c.told)
}

func (c *session) idle(tag string) {
	if c.server.config.NoIdle || !c.selected {
		c.say("%s BAD not now", tag)
		return
	}
	c.say("+ idling")
	c.server.update(func() {
		c.server.idling[c] = true
		if c.told != len(c.server.box) {
			c.exists() // it has come since the folder was looked at
		}
	})
	line, err := c.r.ReadString('\n')
	c.server.update(func() { delete(c.server.idling, c) })
	if err == nil && strings.ToUpper(strings.TrimSpace(line)) == "DONE" {
		c.say("%s OK done", tag)
	}
}

// search understands ALL, SINCE, HEADER and UID sets.
func (c *session) search(tag, command, args string) {
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	words := fields(args)
	if len(words) > 2 && strings.ToUpper(words[0]) == "CHARSET" {
		words = words[2:]
	}
	keep := func(letter) bool { return true }
	switch {
	case !c.selected:
		c.say("%s BAD no folder", tag)
		return
	case len(words) == 2 && strings.ToUpper(words[0]) == "SINCE":
		since, err := time.Parse("2-Jan-2006", words[1])
		if err != nil {
			c.say("%s BAD date", tag)
			return
		}
		keep = func(l letter) bool { return !l.came.UTC().Before(since) }
	case len(words) == 3 && strings.ToUpper(words[0]) == "HEADER":
		keep = func(l letter) bool { return strings.Contains(parse(l.text).header.Get(words[1]), words[2]) }
	case len(words) == 2 && strings.ToUpper(words[0]) == "UID":
		keep = s.set(words[1])
	}
	found := ""
	for i, l := range s.box {
		if keep(l) && command == "SEARCH" {
			found += " " + strconv.Itoa(i+1)
		} else if keep(l) {
			found += " " + strconv.Itoa(l.uid)
		}
	}
	c.say("* SEARCH%s", found)
	c.say("%s OK done", tag)
}

// set is a set of UIDs: 3, 3:7, 3:*. The star is the last one there is, so a range with it is never empty; mu is held.
func (s *Server) set(text string) func(letter) bool {
	last := 0
	if len(s.box) > 0 {
		last = s.box[len(s.box)-1].uid
	}
	number := func(word string) int {
		if word == "*" {
			return last
		}
		n, _ := strconv.Atoi(word)
		return n
	}
	first, end, isRange := strings.Cut(text, ":")
	a := number(first)
	b := a
	if isRange {
		b = number(end)
	}
	return func(l letter) bool { return l.uid >= min(a, b) && l.uid <= max(a, b) }
}

// partial is a section of a mail that is asked for: all of it, its header or a part, or a piece of that.
var partial = regexp.MustCompile(`BODY(?:\.PEEK)?\[(HEADER|[0-9.]*)\](?:<(\d+)\.(\d+)>)?`)

func (c *session) fetch(tag, args string) {
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	set, items, _ := strings.Cut(args, " ")
	items = strings.ToUpper(items)
	keep := s.set(set)
	s.asked = append(s.asked, args)
	for i, l := range s.box {
		if !c.selected || !keep(l) {
			continue
		}
		if s.withhold[l.uid] > 0 {
			s.withhold[l.uid]--
			c.say("%s NO [UNAVAILABLE] not now", tag)
			return
		}
		out := fmt.Sprintf("* %d FETCH (UID %d INTERNALDATE \"%s\" RFC822.SIZE %d FLAGS ()", i+1, l.uid, l.came.UTC().Format("_2-Jan-2006 15:04:05 +0000"), len(l.text))
		if strings.Contains(items, "BODYSTRUCTURE") {
			out += " BODYSTRUCTURE " + parse(l.text).structure()
		}
		for _, m := range partial.FindAllStringSubmatch(items, -1) {
			out += l.section(m[1], m[2], m[3])
		}
		_, _ = c.conn.Write([]byte(out + ")\r\n"))
	}
	c.say("%s OK done", tag)
}

// section is a part of a mail, or a piece of it, as a FETCH has it.
func (l *letter) section(name, from, size string) string {
	text := l.text
	switch {
	case name == "HEADER":
		head, _, _ := bytes.Cut(text, []byte("\r\n\r\n"))
		text = append(slices.Clone(head), "\r\n\r\n"...)
	case name != "":
		part := parse(l.text).section(name)
		if part == nil {
			return " BODY[" + name + "] NIL"
		}
		text = part.body
	}
	if from == "" {
		return fmt.Sprintf(" BODY[%s] {%d}\r\n%s", name, len(text), text)
	}
	begin, _ := strconv.Atoi(from)
	n, _ := strconv.Atoi(size)
	text = text[min(begin, len(text)):min(begin+n, len(text))]
	return fmt.Sprintf(" BODY[%s]<%s> {%d}\r\n%s", name, from, len(text), text)
}
