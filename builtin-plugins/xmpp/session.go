package xmpp

import (
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// The ids of what the bot asks. Answers count only when they come from whom it was asked of.
const (
	infoID  = "info" // what the account's server has
	itemsID = "items"
	inID    = "in-"
	aliveID = "alive"
	sentID  = "sent-" // and the token of the send in front of it
)

func ping() string { return tag("ping", "", "xmlns", nsPing) }

// startSession begins a session of its own: what was missed comes from the archive, before the bot shows itself.
func startSession(t *turn) {
	s := &t.State
	s.phase, s.settled, s.occupants, s.upload = phaseSync, false, nil, upload{slots: s.upload.slots}
	for i := range s.rooms {
		s.rooms[i].in = false
	}
	t.ask("get", s.own(), infoID, tag("query", "", "xmlns", nsInfo))
	t.ask("get", domain(s.jid), itemsID, tag("query", "", "xmlns", nsItems))
}

// own is the account's address.
func (s *state) own() string { return bare(s.jid) }

// resumed goes on with the session of before. What broke off comes now, before the answer to the ping. A session that had not
// asked for all that it needs asks again.
func resumed(t *turn) {
	if !t.State.settled {
		startSession(t)
		return
	}
	t.State.phase = phaseSync
	if t.State.archive.has && t.State.archive.since != 0 {
		catchUp(t, archiveID) // for what the bot had said when the connection broke: the archive has what the server took
		return
	}
	askIn(t)
}

// askIn asks for an answer that comes behind all that has to come before the bot is in.
func askIn(t *turn) { t.ask("get", domain(t.State.jid), inID+number(t.State.session), ping()) }

// hearInfo: what the account has, or nothing on a server that does not say.
func hearInfo(t *turn, n *node) {
	s := &t.State
	s.archive.has = false
	for _, f := range n.kid("query", nsInfo).all() {
		s.archive.has = s.archive.has || f.name == "feature" && f.get("var") == nsArchive
	}
	if s.archive.has && s.archive.since != 0 {
		catchUp(t, archiveID)
		return
	}
	appear(t)
}

// appear shows the bot, which has the server tell it what is said from now on, and what it has kept until now.
func appear(t *turn) {
	s := &t.State
	t.say(tag("presence", ""))
	joinAll(t)
	if s.archive.has && s.archive.since != 0 {
		catchUp(t, againID) // what came between the last page and this
	}
	askIn(t)
}

// hearIn: all that came before was handled.
func hearIn(t *turn, id string) {
	s := &t.State
	if s.phase != phaseSync || id != number(s.session) {
		return
	}
	s.phase, s.settled = phaseIn, true
	if s.archive.since == 0 {
		s.archive.since = t.Now
	}
	t.showPlace()
}

// maxServices is how many services of a server are asked what they are.
const maxServices = 20

// hearItems asks the services of a server whether files can be put there (XEP-0363, 3).
func hearItems(t *turn, n *node) {
	asked := 0
	for _, item := range n.kid("query", nsItems).all() {
		if jid := item.get("jid"); jid != "" && len(jid) < maxJID && asked < maxServices {
			t.ask("get", jid, infoID+":"+jid, tag("query", "", "xmlns", nsInfo))
			asked++
		}
	}
	t.ask("get", domain(t.State.jid), infoID+":"+domain(t.State.jid), tag("query", "", "xmlns", nsInfo))
}

// hearService notes where files can be put.
func hearService(t *turn, n *node, jid string) {
	query := n.kid("query", nsInfo)
	for _, f := range query.all() {
		if f.name == "feature" && f.get("var") == nsUpload && t.State.upload.service == "" {
			t.State.upload.service = jid
			t.State.upload.most = formNumber(query, nsUpload, "max-file-size")
		}
	}
}

// formNumber is a number in a form of a kind (XEP-0128), 0 where there is none.
func formNumber(query *node, kind, field string) (n int64) {
	for _, x := range query.all() {
		if x.name != "x" || x.space != nsForm {
			continue
		}
		is := false
		value := ""
		for _, f := range x.kids {
			switch f.get("var") {
			case "FORM_TYPE":
				is = f.words("value", nsForm) == kind
			case field:
				value = f.words("value", nsForm)
			}
		}
		if is {
			return wholeNumber(value)
		}
	}
	return 0
}

// wholeNumber reads one, 0 where there is none.
func wholeNumber(s string) (n int64) {
	s = strings.TrimSpace(s)
	if len(s) == 0 || len(s) > 15 {
		return 0
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0
		}
		n = 10*n + int64(c-'0')
	}
	return n
}

// showPlace tells the owner where the bot is, and what it lacks.
func (t *turn) showPlace() {
	if t.State.phase != phaseIn {
		return
	}
	var lacks []string
	for _, p := range t.State.rooms {
		if p.why != "" && len(lacks) < 5 {
			lacks = append(lacks, "it is not in "+p.jid+": "+p.why)
		} else if p.in && p.nick != t.Settings.nick && len(lacks) < 5 {
			lacks = append(lacks, "in "+p.jid+" it is called "+p.nick+", since somebody else has its nick")
		}
	}
	t.status(wit.ConnectionStateConnected, strings.Join(lacks, "; "))
}
