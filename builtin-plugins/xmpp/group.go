package xmpp

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/wit"
)

// unproven stands before the id of a sender whom nothing but a nick in a room tells from others. No address begins with it, so
// an allow-list names either accounts, where the room tells them, or, with this mark, whoever has the nick there.
const unproven = "~"

// sender is who has a nick in a room: the account, where the room tells that; with a message from the room's past, the message does.
func (t *turn) sender(room, nick string, n *node) wit.Person {
	p := wit.Person{ID: unproven + room + "/" + nick, Name: &nick, Username: &nick}
	for _, o := range t.State.occupants {
		if o.room == room && o.nick == nick {
			p.ID = o.jid
			return p
		}
	}
	if item := n.kid("x", nsMUCUser).kid("item", nsMUCUser); item != nil && isJID(item.get("jid")) {
		p.ID = bare(item.get("jid"))
	}
	return p
}

// group is a room as a conversation.
func group(room string) wit.Conversation {
	name := local(room)
	return wit.Conversation{Kind: wit.ConversationKindGroup, ID: room, Name: &name}
}

// hearGroup takes what is said in a room (XEP-0045, 7.4 and 7.8).
func hearGroup(t *turn, p *place, n *node) {
	s, nick, said := &t.State, resource(n.get("from")), stampOf(n)
	if n.kid("subject", nsClient) != nil && n.kid("body", nsClient) == nil {
		entered(t, p) // the subject comes last of what a room tells who comes in (7.2.15)
		return
	}
	c := t.readContent(n)
	by := s.idBy(n, p.jid)
	if said == 0 {
		p.last = t.Now
		said = t.Now
	} else {
		p.last = max(p.last, said)
	}
	if nick == "" {
		moderated(t, p, n, c, by, said)
		return
	}
	own := nick == p.nick
	if !own || !isCorrection(c.id) { // a message that is corrected is known by its first id
		s.remember(p.jid, nick, c.id, by)
	}
	if own {
		reflected(t, c.id, by)
		return
	}
	where, who := group(p.jid), t.sender(p.jid, nick, n)
	t.signs(c, where, who)
	id := c.id
	if by != "" {
		id = "" // what others name it by
	}
	if !c.isSaid() && c.retracts == "" && c.reacts == "" {
		return
	}
	base := wit.Message{ID: t.idOf(id, by), Kind: wit.MessageKindText, Conversation: where, Sender: who, Time: said}
	c.text, base.Mentioned = addressed(c.text, p.nick)
	if c.reply != "" && s.isOwn(p, c.reply) {
		base.Mentioned = true
	}
	t.tell(c, base, func(id string) (string, bool) { return s.targetOf(p.jid, nick, id, c.reacts != "") })
}

// moderated: the room itself says that a moderator has taken a message back (XEP-0425).
func moderated(t *turn, p *place, n *node, c *content, by string, said int64) {
	r := n.kid("retract", nsRetract)
	if c.retracts == "" || r.kid("moderated", nsModerate) == nil {
		return
	}
	of := c.retracts
	t.Message(&wit.Message{ID: t.idOf(c.id, by), Kind: wit.MessageKindDeleted, Conversation: group(p.jid), Sender: wit.Person{ID: p.jid}, Target: &of, Time: said})
}

// remember keeps which ids a message has: its sender's and the room's.
func (s *state) remember(room, nick, id, by string) {
	if id != "" && by != "" && len(id)+len(by) < 200 {
		s.recent = bounded(s.recent, recent{room, nick, id, by}, maxRecent)
	}
}

// targetOf is the id by which a message is known that somebody in a room names. Nobody changes what somebody else has said.
func (s *state) targetOf(room, nick, id string, anybodys bool) (target string, ok bool) {
	ok = true
	for _, r := range slices.Backward(s.recent) {
		if r.room != room || r.id != id && r.by != id {
			continue
		}
		if anybodys || r.nick == nick {
			return r.by, true
		}
		ok = false // unless he has used the same id
	}
	return id, ok
}

// isOwn reports whether a message in a room is the bot's.
func (s *state) isOwn(p *place, id string) bool {
	return slices.ContainsFunc(s.recent, func(r recent) bool { return r.room == p.jid && r.nick == p.nick && (r.id == id || r.by == id) })
}

// sentAs is the id that the bot has given a message of its own in a room, which corrections name (XEP-0308, 3).
func (s *state) sentAs(room, id string) string {
	for _, r := range slices.Backward(s.recent) {
		if r.room == room && r.by == id {
			return r.id
		}
	}
	return id
}

// handedOnAs is the id that a room has given a message which the bot has sent with an id of its own, or that one.
func (s *state) handedOnAs(room, id string) string {
	for _, r := range slices.Backward(s.recent) {
		if r.room == room && r.id == id {
			return r.by
		}
	}
	return id
}

// addressed reports whether the bot's nick stands in a text as a word of its own. In front of it, with a colon or a comma
// behind it, it is taken off: it only says whom the rest is for.
func addressed(text, nick string) (rest string, yes bool) {
	folded, nick := strings.ToLower(text), strings.ToLower(nick)
	for from := 0; nick != ""; {
		i := strings.Index(folded[from:], nick)
		if i < 0 {
			break
		}
		i += from
		end := i + len(nick)
		before, _ := utf8.DecodeLastRuneInString(folded[:i])
		after, size := utf8.DecodeRuneInString(folded[end:])
		if (i == 0 || !inWord(before)) && (size == 0 || !inWord(after)) {
			if i == 0 && (after == ':' || after == ',') && len(folded) == len(text) {
				return strings.TrimSpace(text[end+1:]), true
			}
			return text, true
		}
		from = i + 1
	}
	return text, false
}

// inWord reports whether a nick could go on with a character.
func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' || r == '-' }
