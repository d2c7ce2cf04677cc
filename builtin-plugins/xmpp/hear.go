package xmpp

import (
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// hearStanza handles a message, a presence or a question.
func hearStanza(t *turn, n *node) {
	if len(n.get("from")) > maxJID {
		return
	}
	switch n.name {
	case "iq":
		hearIQ(t, n)
	case "presence":
		hearPresence(t, n)
	case "message":
		hearMessage(t, n)
	}
}

// fromServer reports whether a stanza is the server's own: what comes from somebody else has his address (RFC 6120, 8.1.2).
func (t *turn) fromServer(n *node) bool {
	switch from := n.get("from"); bare(from) {
	case "", domain(t.Settings.jid), t.Settings.jid:
		return resource(from) == "" || from == t.State.jid
	}
	return false
}

// hearIQ handles an answer, or answers a question.
func hearIQ(t *turn, n *node) {
	kind, id := n.get("type"), n.get("id")
	if kind == "get" || kind == "set" {
		answerIQ(t, n)
		return
	}
	head, rest, _ := strings.Cut(id, ":")
	switch {
	case id == bindID && t.State.phase == phaseStream:
		hearBound(t, n)
	case head == infoID && rest != "" && n.get("from") == rest:
		hearService(t, n, rest)
	case head == selfID && bare(n.get("from")) == rest:
		hearSelfPing(t, n, rest)
	case head == slotID && n.get("from") == t.State.upload.service:
		hearSlot(t, n, rest)
	case !t.fromServer(n):
	case id == infoID:
		hearInfo(t, n)
	case id == itemsID:
		hearItems(t, n)
	case strings.HasPrefix(id, inID):
		hearIn(t, id[len(inID):])
	case strings.HasPrefix(id, sentID):
		taken(t, id[len(sentID):], nil)
	case head == archiveID || head == againID:
		hearPage(t, n, head)
	}
}

// features are what clients are told that the bot understands.
var features = []string{nsInfo, nsPing, nsVersion, nsReceipts, nsChatStates, nsCorrect, nsRetract, nsReactions, nsReply, nsOOB, nsInvite, nsCommands, "urn:xmpp:styling:0"}

// answerIQ answers what anybody asks; each question gets an answer (RFC 6120, 8.2.3).
func answerIQ(t *turn, n *node) {
	if n.get("id") == "" || len(n.get("id")) > maxJID {
		return
	}
	get := n.get("type") == "get"
	answer, kind := "", "result"
	if n.kid("query", nsInfo).get("node") != "" || n.kid("query", nsItems) != nil || n.kid("command", nsCommands) != nil {
		answerNode(t, n, get)
		return
	}
	switch {
	case get && n.kid("ping", nsPing) != nil:
	case get && n.kid("query", nsVersion) != nil:
		answer = tag("query", leaf("name", "carapace"), "xmlns", nsVersion)
	case get && n.kid("query", nsInfo) != nil:
		var b strings.Builder
		b.WriteString(tag("identity", "", "category", "client", "type", "bot", "name", t.Settings.nick))
		for _, f := range features {
			b.WriteString(tag("feature", "", "var", f))
		}
		answer = tag("query", b.String(), "xmlns", nsInfo)
	case !get && n.kid("query", "jabber:iq:roster") != nil && t.fromServer(n): // a push (RFC 6121, 2.1.6)
	default:
		kind, answer = "error", declined("service-unavailable")
	}
	t.say(tag("iq", answer, "type", kind, "to", n.get("from"), "id", n.get("id")))
}

// answerNode answers who asks for a node of the bot's, which are its commands.
func answerNode(t *turn, n *node, get bool) {
	answer, kind := "", "result"
	switch asked := n.kid("command", nsCommands); {
	case !get && asked != nil:
		answer = t.run(n, asked)
	case get && n.kid("query", nsItems) != nil:
		answer = itemsOf(n, n.kid("query", nsItems))
	case get && n.kid("query", nsInfo) != nil:
		answer = infoOf(n.kid("query", nsInfo))
	}
	if answer == "" {
		kind, answer = "error", declined("item-not-found")
	}
	t.say(tag("iq", answer, "type", kind, "to", n.get("from"), "id", n.get("id")))
}

func declined(condition string) string {
	return tag("error", tag(condition, "", "xmlns", nsStanzas), "type", "cancel")
}

// hearPresence: somebody wants to see the bot, or something happens in a room.
func hearPresence(t *turn, n *node) {
	from, kind := n.get("from"), n.get("type")
	if p := t.State.place(bare(from)); p != nil {
		hearPlace(t, p, n)
		return
	}
	if kind == "subscribe" && t.Settings.acceptContacts && isJID(from) {
		t.say(tag("presence", "", "to", bare(from), "type", "subscribed"))
	}
}

// hearMessage handles a message of whatever kind.
func hearMessage(t *turn, n *node) {
	s := &t.State
	if result := n.kid("result", nsArchive); result != nil {
		hearArchived(t, n, result)
		return
	}
	kind, from := n.get("type"), n.get("from")
	switch {
	case kind == "error":
		refuse(t, n)
	case kind == "groupchat":
		if p := s.place(bare(from)); p != nil {
			hearGroup(t, p, n)
		}
	case hearInvitation(t, n):
	case isJID(from) && bare(from) != s.own():
		if by := s.idBy(n, s.own()); by != "" && s.phase == phaseIn {
			s.archive.last = by
		}
		hearDirect(t, n, s.idBy(n, s.own()), stampOf(n), false)
	}
}

// stampOf is when a message was said that comes late (XEP-0203), 0 for now.
func stampOf(n *node) int64 {
	d := n.kid("delay", nsDelay)
	if d == nil {
		return 0
	}
	said, err := time.Parse(time.RFC3339, d.get("stamp"))
	if err != nil || said.UnixMilli() < 0 {
		return 0
	}
	return said.UnixMilli()
}

// idBy is the id that an archive has given a message, "" for none (XEP-0359).
func (s *state) idBy(n *node, by string) string {
	for _, k := range n.all() {
		if k.name == "stanza-id" && k.space == nsIDs && bare(k.get("by")) == by && len(k.get("id")) <= maxID {
			return k.get("id")
		}
	}
	return ""
}

// maxID bounds ids of messages that others make.
const maxID = 500

// receipt tells of a sign of life.
func (t *turn) receipt(kind wit.ReceiptKind, c wit.Conversation, sender *wit.Person, id string) {
	if len(t.Out.Receipts) >= wit.ChannelAnswerReceiptsMax {
		return
	}
	r := wit.Receipt{Kind: kind, Conversation: c, Sender: sender}
	if id != "" {
		r.ID = &id
	}
	t.Out.Receipts = append(t.Out.Receipts, r)
}
