package xmpptest

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/xml"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/scram"
)

// stream is a connection of a client.
type stream struct {
	s       *Server
	conn    atomic.Pointer[net.Conn]
	d       *xml.Decoder
	secured bool
	user    string   // that has logged in
	session *session // once it has a resource
	scram   *scram.Login

	out  chan string // is written by one goroutine, so that nobody waits for a client
	once sync.Once
}

// session is a client with a resource, which may outlive its stream (XEP-0198).
type session struct {
	jid       string
	stream    *stream // nil while it waits to be resumed
	available bool

	id      string // "" where it is not managed
	in, out uint32
	queue   []string // what was sent and is not acknowledged
}

// serve speaks with a client until one of both ends it.
func (s *Server) serve(conn net.Conn) {
	st := &stream{s: s, secured: s.config.Direct, out: make(chan string, 4096)}
	st.conn.Store(&conn)
	s.update(func() {
		s.streams[st] = true
		s.opened++
	})
	st.begin()
	go st.pump()
	for st.next() {
	}
	s.update(func() { s.end(st) })
}

func (st *stream) pump() {
	for text := range st.out {
		if text == "" {
			break
		}
		if _, err := (*st.conn.Load()).Write([]byte(text)); err != nil {
			break
		}
	}
	_ = (*st.conn.Load()).Close()
}

// say writes something behind all else.
func (st *stream) say(text string) {
	select {
	case st.out <- text:
	default: // a client that does not read
		_ = (*st.conn.Load()).Close()
	}
}

// end ends a stream, behind what was written on it. Its session waits where it is managed.
func (s *Server) end(st *stream) {
	if !s.streams[st] {
		return
	}
	delete(s.streams, st)
	st.once.Do(func() { st.say("") })
	if x := st.session; x != nil && x.stream == st {
		x.stream = nil
		if x.id == "" {
			s.forget(x)
		}
	}
}

// forget ends a session.
func (s *Server) forget(x *session) {
	delete(s.managed, x.id)
	if s.sessions[x.jid] == x {
		delete(s.sessions, x.jid)
	}
	for _, r := range s.rooms {
		r.leave(s, x)
	}
	if x.stream != nil {
		x.stream.session = nil
		s.end(x.stream)
	}
}

// next handles the next element.
func (st *stream) next() bool {
	token, err := st.d.Token()
	if err != nil {
		return false
	}
	start, ok := token.(xml.StartElement)
	if !ok {
		_, ends := token.(xml.EndElement)
		if ends {
			st.s.update(func() {
				st.say("</stream:stream>")
				if st.session != nil { // who takes leave is not waited for
					st.s.forget(st.session)
				}
			})
		}
		return !ends
	}
	if start.Name.Space == nsStream && start.Name.Local == "stream" {
		st.s.update(st.header)
		return true
	}
	e, err := read(st.d, start)
	if err != nil {
		return false
	}
	if e.Space == nsTLS && e.Name == "starttls" {
		return st.encrypt()
	}
	goesOn := true
	st.s.update(func() { goesOn = st.take(e) })
	return goesOn
}

// header answers the beginning of a stream with what it offers.
func (st *stream) header() {
	var b strings.Builder
	b.WriteString("<?xml version='1.0'?><stream:stream from='" + Domain + "' id='" + strconv.Itoa(st.s.opened) + "' version='1.0' xmlns='" + nsClient + "' xmlns:stream='" + nsStream + "'><stream:features>")
	switch {
	case st.s.config.TLS != nil && !st.secured:
		b.WriteString("<starttls xmlns='" + nsTLS + "'><required/></starttls>")
	case st.user == "":
		b.WriteString("<mechanisms xmlns='" + nsSASL + "'><mechanism>" + strings.Join(st.s.config.mechanisms(), "</mechanism><mechanism>") + "</mechanism></mechanisms>")
	default:
		b.WriteString("<bind xmlns='" + nsBind + "'/>")
		if !st.s.config.NoManagement {
			b.WriteString("<sm xmlns='" + nsManage + "'/>")
		}
	}
	st.say(b.String() + "</stream:features>")
}

// encrypt goes on under TLS. Nothing else is written until the client begins anew.
func (st *stream) encrypt() bool {
	if _, err := (*st.conn.Load()).Write([]byte("<proceed xmlns='" + nsTLS + "'/>")); err != nil || st.s.config.TLS == nil {
		return false
	}
	secure := tls.Server(*st.conn.Load(), st.s.config.TLS)
	if secure.Handshake() != nil {
		return false
	}
	var conn net.Conn = secure
	st.conn.Store(&conn)
	st.s.update(func() { st.secured = true })
	st.begin()
	return true
}

// begin reads a new stream on the connection.
func (st *stream) begin() { st.d = xml.NewDecoder(*st.conn.Load()) }

// take handles an element, while mu is held.
func (st *stream) take(e *Element) bool {
	switch {
	case !st.s.streams[st]:
		return false
	case e.Space == nsSASL && e.Name == "auth":
		return st.logIn(e)
	case e.Space == nsSASL && e.Name == "response" && st.scram != nil:
		return st.goOn(e)
	case st.user == "":
		return false
	case e.Space == nsManage:
		return st.manage(e)
	case st.session == nil:
		return st.bind(e)
	}
	if x := st.session; x.id != "" {
		x.in++
	}
	return st.s.hear(st.session, e)
}

func (st *stream) logIn(e *Element) bool {
	mechanism := e.Get("mechanism")
	st.s.mechanism = mechanism
	if st.scram = scram.Begin(mechanism, func(user string) string { return st.s.config.Accounts[user] }); st.scram != nil && slices.Contains(st.s.config.mechanisms(), mechanism) {
		st.scram.Forged = st.s.config.Forged
		return st.goOn(e)
	}
	login, _ := base64.StdEncoding.DecodeString(e.Text)
	words := strings.Split(string(login), "\x00")
	if len(words) != 3 || mechanism != "PLAIN" || st.s.config.Accounts[words[1]] != words[2] || words[2] == "" {
		st.say("<failure xmlns='" + nsSASL + "'><not-authorized/></failure>")
		return true
	}
	return st.let(words[1], "")
}

// goOn hears the client's next message of a login by SCRAM.
func (st *stream) goOn(e *Element) bool {
	answer, done, ok := st.scram.Hear(e.Text)
	switch {
	case !ok:
		st.say("<failure xmlns='" + nsSASL + "'><not-authorized/></failure>")
	case done:
		return st.let(st.scram.User, answer)
	default:
		st.say("<challenge xmlns='" + nsSASL + "'>" + answer + "</challenge>")
	}
	return true
}

// let lets somebody in.
func (st *stream) let(user, last string) bool {
	st.user, st.scram = user, nil
	st.s.logins++
	st.say("<success xmlns='" + nsSASL + "'>" + last + "</success>")
	st.begin()
	return true
}

// bind gives a resource, which whoever had it loses.
func (st *stream) bind(e *Element) bool {
	b := e.Kid("bind", nsBind)
	if b == nil {
		return false
	}
	name := "client" + st.s.number()
	if r := b.Kid("resource", nsBind); r != nil && r.Text != "" {
		name = r.Text
	}
	jid := st.user + "@" + Domain + "/" + name
	if old := st.s.sessions[jid]; old != nil {
		if old.stream != nil {
			old.stream.say("<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>")
		}
		st.s.forget(old)
	}
	st.session = &session{jid: jid, stream: st}
	st.s.sessions[jid] = st.session
	st.session.send(El("iq", "", "type", "result", "id", e.Get("id")).With(El("bind", nsBind).With(El("jid", nsBind).Words(jid))))
	return true
}

// manage handles what a managed stream needs.
func (st *stream) manage(e *Element) bool {
	x, h := st.session, uint32(0)
	if n, err := strconv.ParseUint(e.Get("h"), 10, 32); err == nil {
		h = uint32(n)
	}
	switch e.Name {
	case "enable":
		if x == nil || st.s.config.NoManagement {
			return false
		}
		x.id, x.in, x.out, x.queue = "sm"+st.s.number(), 0, 0, nil
		st.s.managed[x.id] = x
		st.say("<enabled xmlns='" + nsManage + "' id='" + x.id + "' resume='true'/>")
	case "r":
		if x != nil {
			st.say("<a xmlns='" + nsManage + "' h='" + strconv.FormatUint(uint64(x.in), 10) + "'/>")
		}
	case "a":
		if x != nil {
			return x.acknowledge(h)
		}
	case "resume":
		st.resume(e.Get("previd"), h)
	}
	return true
}

// acknowledge drops what a client has handled. One that has handled more than it was sent, or less than it has said, is mistaken.
func (x *session) acknowledge(h uint32) bool {
	unacknowledged := x.out - h
	if int(unacknowledged) > len(x.queue) {
		return false
	}
	x.queue = x.queue[len(x.queue)-int(unacknowledged):]
	return true
}

// resume gives a stream the session that it had.
func (st *stream) resume(id string, h uint32) {
	x := st.s.managed[id]
	if x == nil || st.session != nil || bare(x.jid) != st.user+"@"+Domain || !x.acknowledge(h) {
		st.say("<failed xmlns='" + nsManage + "'><item-not-found xmlns='" + nsErrors + "'/></failed>")
		return
	}
	if old := x.stream; old != nil {
		old.session = nil
		st.s.end(old)
	}
	st.session, x.stream = x, st
	st.s.resumed++
	st.say("<resumed xmlns='" + nsManage + "' previd='" + id + "' h='" + strconv.FormatUint(uint64(x.in), 10) + "'/>")
	for _, text := range x.queue {
		st.say(text)
	}
	if len(x.queue) > 0 {
		st.say("<r xmlns='" + nsManage + "'/>")
	}
}

// send writes a stanza to a client, or keeps it until the client is back.
func (x *session) send(e *Element) { x.write(e.String()) }

func (x *session) write(text string) {
	if x.id != "" {
		x.out++
		x.queue = append(x.queue, text)
	}
	if x.stream != nil {
		x.stream.say(text)
		if x.id != "" && len(x.queue)%5 == 1 {
			x.stream.say("<r xmlns='" + nsManage + "'/>")
		}
	}
}
