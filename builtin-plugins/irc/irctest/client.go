package irctest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/scram"
)

// client is a connection.
type client struct {
	server *Server
	conn   net.Conn
	out    chan string

	nick, user, account string
	pass                string
	caps                []string
	negotiating         bool
	authenticating      string // the mechanism of a login that goes on
	scram               *scram.Login
	proved              bool // that login has had the server's last word
	registered          bool
	level               time.Time // when all that it has said is worked off
	label               string    // of the line that is being handled
	answers             []string  // to that line
	late                []held    // answers that come later
	ended               bool
}

// maxQueue is how many lines wait to be written to a client that reads none.
const maxQueue = 20_000

func (s *Server) serve(conn net.Conn) {
	c := &client{server: s, conn: conn, out: make(chan string, maxQueue)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.writeAll()
	}()
	s.update(func() { s.conns[c] = true; s.opened++ })
	lines := bufio.NewScanner(conn)
	lines.Buffer(make([]byte, 0, 4096), 16<<10)
	for lines.Scan() && c.take(lines.Text()) {
	}
	s.update(func() { s.end(c, "Connection closed") })
	<-done
	// What the client has sent and nobody has read would make the system throw away what it has not read.
	_ = conn.SetReadDeadline(time.Now().Add(2 * time.Second))
	_, _ = io.Copy(io.Discard, conn)
	_ = conn.Close()
}

// writeAll writes what is sent, and then says that no more comes.
func (c *client) writeAll() {
	for line := range c.out {
		if _, err := c.conn.Write([]byte(line + "\r\n")); err != nil {
			_ = c.conn.Close()
		}
	}
	if half, ok := c.conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// end ends a connection, behind all that was said on it; mu is held.
func (s *Server) end(c *client, why string) {
	if c.ended {
		return
	}
	c.writeLate()
	c.ended = true
	s.quit(c, why)
	close(c.out)
}

// quit removes a client; mu is held.
func (s *Server) quit(c *client, why string) {
	delete(s.conns, c)
	if !c.registered || s.clients[lower(c.nick)] != c {
		return
	}
	delete(s.clients, lower(c.nick))
	told := map[*client]bool{c: true}
	for _, r := range s.rooms {
		if !r.members[lower(c.nick)] {
			continue
		}
		delete(r.members, lower(c.nick))
		for _, other := range s.in(r) {
			if !told[other] {
				told[other] = true
				other.send(nil, c.source()+" QUIT :"+why)
			}
		}
	}
}

// take handles a line, and reports whether the connection goes on.
func (c *client) take(text string) (alive bool) {
	alive = true
	c.server.update(func() {
		if alive = !c.ended; !alive {
			return
		}
		if c.floods() {
			c.send(nil, "ERROR :Closing Link: "+c.nick+" (Excess Flood)")
			alive = false
			return
		}
		l := parse(text)
		c.label, c.answers = "", nil
		if c.has("labeled-response") {
			c.label = l.tags["label"]
		}
		alive = c.handle(l)
		c.flush()
	})
	return alive
}

// floods counts a line; mu is held.
func (c *client) floods() bool {
	if c.server.config.Flood == 0 || !c.registered {
		return false
	}
	now := c.server.now()
	if c.level.Before(now) {
		c.level = now
	}
	c.level = c.level.Add(time.Second / 10)
	return c.level.Sub(now) > time.Duration(c.server.config.Flood)*time.Second/10
}

func (c *client) has(capability string) bool { return slices.Contains(c.caps, capability) }

// source is how others see it.
func (c *client) source() string { return ":" + c.nick + "!" + c.user + "@host.test" }

// send writes a line with those of its tags that the client understands; mu is held.
func (c *client) send(tags map[string]string, line string) {
	if c.ended {
		return
	}
	select {
	case c.out <- c.tagged(tags) + line:
	default:
		_ = c.conn.Close()
	}
}

func (c *client) tagged(tags map[string]string) string {
	var list []string
	for name, value := range tags {
		switch {
		case name == "time" && !c.has("server-time"), name == "account" && !c.has("account-tag"):
			continue
		case name == "batch" && !c.has("batch"), name == "label" && !c.has("labeled-response"):
			continue
		case !slices.Contains([]string{"time", "account", "batch", "label"}, name) && !c.has("message-tags"):
			continue
		}
		if value == "" {
			list = append(list, name)
		} else {
			list = append(list, name+"="+escape(value))
		}
	}
	if len(list) == 0 {
		return ""
	}
	slices.Sort(list)
	return "@" + strings.Join(list, ";") + " "
}

// answer adds a line to the answer to the one that is being handled; mu is held.
func (c *client) answer(tags map[string]string, line string) {
	c.answers = append(c.answers, c.tagged(tags)+line)
}

// numeric answers with one.
func (c *client) numeric(code int, params string) {
	nick := c.nick
	if nick == "" {
		nick = "*"
	}
	c.answer(map[string]string{"time": stamp(c.server.now())}, fmt.Sprintf(":%s %03d %s %s", Name, code, nick, params))
}

// flush sends the answer, with the label where there is one: at the line itself, at a batch of several, or at an ACK
// (labeled-response).
func (c *client) flush() {
	if c.server.faults.late > 0 && len(c.answers) > 0 && c.registered {
		c.late = append(c.late, held{c, c.answers, c.label})
		time.AfterFunc(c.server.faults.late, func() { c.server.update(c.writeLate) })
		return
	}
	c.writeLate()
	if c.server.faults.hold && c.registered && c.label != "" {
		c.server.faults.held = append(c.server.faults.held, held{c, c.answers, c.label})
		return
	}
	c.write(c.answers, c.label)
}

// writeLate sends the answers that were to come later; mu is held.
func (c *client) writeLate() {
	for _, h := range c.late {
		c.write(h.answers, h.label)
	}
	c.late = nil
}

func (c *client) write(answers []string, label string) {
	switch {
	case label == "":
	case len(answers) == 0:
		answers = []string{"@label=" + escape(label) + " :" + Name + " ACK"}
	case len(answers) == 1:
		answers = []string{withTag(answers[0], "label="+escape(label))}
	default:
		c.server.last++
		ref := fmt.Sprintf("b%d", c.server.last)
		c.send(nil, fmt.Sprintf("@label=%s :%s BATCH +%s labeled-response", escape(label), Name, ref))
		for _, line := range answers {
			c.send(nil, withTag(line, "batch="+ref))
		}
		c.send(nil, ":"+Name+" BATCH -"+ref)
		return
	}
	for _, line := range answers {
		c.send(nil, line)
	}
}

// withTag puts one more tag in front of a line.
func withTag(line, tag string) string {
	if rest, ok := strings.CutPrefix(line, "@"); ok {
		return "@" + tag + ";" + rest
	}
	return "@" + tag + " " + line
}
