package xmpptest

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// archived is a message that is kept for an account.
type archived struct {
	id      string
	message *Element
	time    time.Time
	offline bool // nobody was there to hear it
}

// hear handles a stanza of a client's.
func (s *Server) hear(x *session, e *Element) bool {
	e.Attrs["from"] = x.jid
	switch e.Name {
	case "message":
		return s.hearMessage(x, e)
	case "presence":
		s.hearPresence(x, e)
	case "iq":
		s.hearIQ(x, e)
	}
	return true
}

// hearMessage takes a message, or what is to go wrong with it.
func (s *Server) hearMessage(x *session, e *Element) bool {
	f := &s.faults
	if e.Body() != "" && f.before > 0 {
		f.before--
		x.in-- // it was not taken
		s.end(x.stream)
		return false
	}
	after := e.Body() != "" && f.after > 0
	if after {
		f.after--
		s.end(x.stream) // what is written now comes when the client is back
	}
	s.deliver(x, e)
	return !after
}

// deliver hands a message on.
func (s *Server) deliver(x *session, e *Element) {
	to := e.Get("to")
	switch r := s.rooms[bare(to)]; {
	case domain(to) == Rooms && r == nil:
		s.refuse(x, e, "cancel", "item-not-found")
	case r != nil:
		r.hear(s, x, e)
	case s.people[bare(to)]:
		s.record(e)
		if e.Body() != "" {
			s.archive(bare(x.jid), e)
		}
	case domain(to) == Domain && s.config.Accounts[strings.TrimSuffix(bare(to), "@"+Domain)] != "":
		s.record(e)
		if e.Body() != "" {
			s.archive(bare(x.jid), e)
		}
		s.hand(bare(to), e)
	default:
		s.refuse(x, e, "cancel", "service-unavailable")
	}
}

// record notes what was said.
func (s *Server) record(e *Element) {
	s.messages = append(s.messages, Message{From: e.Get("from"), To: e.Get("to"), Text: e.Body(), Kind: e.Get("type"), Stanza: e, ID: e.Get("id"), Time: time.Now()})
	if e.Body() != "" && e.Kid("replace", "") == nil {
		s.onTaken()
	}
}

// archive keeps a message for an account, and returns it with its id there.
func (s *Server) archive(account string, e *Element) *archived {
	a := &archived{id: "mam-" + s.number(), message: e, time: time.Now()}
	if !s.config.NoArchive {
		s.archives[account] = append(s.archives[account], a)
	}
	return a
}

// hand gives a message to an account: to those who are there, or later.
func (s *Server) hand(account string, e *Element) {
	a := s.archive(account, e)
	out := e.copied()
	if !s.config.NoArchive {
		out.With(El("stanza-id", nsSID, "by", account, "id", a.id))
	}
	heard := false
	for jid, x := range s.sessions {
		if bare(jid) == account && x.available {
			x.send(out)
			heard = true
		}
	}
	if a.offline = !heard; a.offline && s.config.NoArchive {
		s.archives[account] = append(s.archives[account], a)
	}
}

func (s *Server) refuse(x *session, e *Element, kind, condition string) {
	x.send(El(e.Name, "", "type", "error", "from", e.Get("to"), "to", x.jid, "id", e.Get("id")).With(El("error", "", "type", kind).With(El(condition, nsErrors))))
}

// hearPresence: a client shows itself, or comes to a room.
func (s *Server) hearPresence(x *session, e *Element) {
	to := e.Get("to")
	switch {
	case domain(to) == Rooms && to != "":
		s.room(bare(to)).hearPresence(s, x, e)
	case to != "":
		s.messages = append(s.messages, Message{From: x.jid, To: to, Kind: "presence " + e.Get("type"), Stanza: e})
	case e.Get("type") == "unavailable":
		x.available = false
	default:
		x.available = true
		s.late(x)
	}
}

// late tells a client what was said while nobody was there (XEP-0160).
func (s *Server) late(x *session) {
	account := bare(x.jid)
	for _, a := range s.archives[account] {
		if !a.offline {
			continue
		}
		a.offline = false
		out := a.message.copied().With(El("delay", nsDelay, "stamp", stamp(a.time), "from", Domain))
		if !s.config.NoArchive {
			out.With(El("stanza-id", nsSID, "by", account, "id", a.id))
		}
		x.send(out)
	}
}

// hearIQ answers a question.
func (s *Server) hearIQ(x *session, e *Element) {
	to := e.Get("to")
	if kind := e.Get("type"); kind == "result" || kind == "error" {
		s.messages = append(s.messages, Message{From: x.jid, To: to, Kind: "iq " + kind, Stanza: e, ID: e.Get("id")})
		return
	}
	answer := func(kids ...*Element) {
		x.send(El("iq", "", "type", "result", "from", to, "to", x.jid, "id", e.Get("id")).With(kids...))
	}
	switch {
	case s.rooms[bare(to)] != nil: // its rules, say
		answer()
	case e.Kid("ping", "urn:xmpp:ping") != nil && !s.faults.silent:
		answer()
	case e.Kid("ping", "urn:xmpp:ping") != nil:
	case e.Kid("query", "jabber:iq:roster") != nil:
		answer(El("query", "jabber:iq:roster"))
	case e.Kid("session", "") != nil:
		answer()
	case e.Kid("query", nsItems) != nil && to == Domain:
		answer(El("query", nsItems).With(El("item", nsItems, "jid", Rooms), El("item", nsItems, "jid", Upload)))
	case e.Kid("query", nsInfo) != nil:
		answer(s.info(to, bare(x.jid)))
	case e.Kid("query", nsMAM) != nil && !s.config.NoArchive:
		s.page(x, e)
	case e.Kid("request", nsUpload) != nil && to == Upload:
		s.slot(x, e)
	default:
		s.refuse(x, e, "cancel", "service-unavailable")
	}
}

// info says what something is.
func (s *Server) info(to, account string) *Element {
	query := El("query", nsInfo)
	switch {
	case to == Upload:
		form := El("x", "jabber:x:data", "type", "result").With(
			El("field", "jabber:x:data", "var", "FORM_TYPE").With(El("value", "jabber:x:data").Words(nsUpload)),
			El("field", "jabber:x:data", "var", "max-file-size").With(El("value", "jabber:x:data").Words("1000000")))
		query.With(El("feature", nsInfo, "var", nsUpload), form)
	case to == account && !s.config.NoArchive:
		query.With(El("feature", nsInfo, "var", nsMAM))
	}
	return query
}

const pageSize = 10

// page answers a question to the archive: behind a message, or from a time on.
func (s *Server) page(x *session, e *Element) {
	query := e.Kid("query", nsMAM)
	after := ""
	if a := query.Kid("set", nsRSM).Kid("after", nsRSM); a != nil {
		after = a.Text
	}
	begin := time.Time{}
	for _, f := range query.Kid("x", "").kids() {
		if f.Get("var") == "start" {
			begin, _ = time.Parse(time.RFC3339, f.Kid("value", "").Text)
		}
	}
	var list []*archived
	found := after == ""
	for _, a := range s.archives[bare(x.jid)] {
		if found && !a.time.Before(begin) {
			list = append(list, a)
		}
		found = found || a.id == after
	}
	if !found {
		s.refuse(x, e, "cancel", "item-not-found")
		return
	}
	complete := "true"
	if len(list) > pageSize {
		list, complete = list[:pageSize], ""
	}
	set := El("set", nsRSM)
	for _, a := range list {
		x.send(El("message", "", "from", bare(x.jid), "to", x.jid).With(El("result", nsMAM, "queryid", query.Get("queryid"), "id", a.id).With(
			El("forwarded", "urn:xmpp:forward:0").With(El("delay", nsDelay, "stamp", stamp(a.time)), a.inClient()))))
		set.Kids = []*Element{El("last", nsRSM).Words(a.id)}
	}
	x.send(El("iq", "", "type", "result", "to", x.jid, "id", e.Get("id")).With(El("fin", nsMAM, "complete", complete).With(set)))
}

func (a *archived) inClient() *Element {
	m := a.message.copied()
	m.Space = nsClient
	for i, k := range m.Kids {
		if k.Space == "" {
			k = k.copied()
			k.Space = nsClient
			m.Kids[i] = k
		}
	}
	return m
}

func (e *Element) kids() []*Element {
	if e == nil {
		return nil
	}
	return e.Kids
}

// slot gives a place for a file.
func (s *Server) slot(x *session, e *Element) {
	request := e.Kid("request", nsUpload)
	if size, err := strconv.Atoi(request.Get("size")); err != nil || size > 1_000_000 {
		s.refuse(x, e, "modify", "not-acceptable")
		return
	}
	url := s.Files() + "/" + s.number() + "/" + request.Get("filename")
	x.send(El("iq", "", "type", "result", "from", Upload, "to", x.jid, "id", e.Get("id")).With(El("slot", nsUpload).With(
		El("put", nsUpload, "url", url).With(El("header", nsUpload, "name", "Authorization").Words("Basic place")), El("get", nsUpload, "url", url))))
}

// serveFile keeps files, and gives them out.
func (s *Server) serveFile(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPut:
		data, err := io.ReadAll(io.LimitReader(r.Body, 1_000_001))
		if err != nil || r.Header.Get("Authorization") != "Basic place" {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		s.update(func() { s.stored[r.URL.Path] = data })
		w.WriteHeader(http.StatusCreated)
	case http.MethodGet:
		s.mu.Lock()
		data, ok := s.stored[r.URL.Path]
		s.mu.Unlock()
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(data)
	}
}
