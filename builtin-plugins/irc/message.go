package irc

import (
	"hash/fnv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/wit"
)

// unproven stands before the id of a sender whom nothing but a nick tells from others. No nick and no account begins with
// it, so an allow-list names either those who have logged in (account-tag), or, with this mark, whoever has the nick.
const unproven = "~"

// hearMessage takes what somebody says: PRIVMSG and NOTICE. A notice never gets an answer (RFC 1459, 4.4.2); it is told as
// something that happened.
func hearMessage(t *turn, l *line) {
	s := &t.State
	b := s.batchOf(l)
	if b != nil && b.kind == historyBatch {
		b.lines++
	}
	if s.same(l.nick, s.nick) {
		confirmEcho(t, l)
		return
	}
	text := l.param(1)
	if inner, ok := strings.CutPrefix(text, ctcpMark); ok {
		if text = hearCTCP(t, l, strings.TrimSuffix(inner, ctcpMark), b != nil); text == "" {
			return
		}
	}
	m := t.message(l, text)
	if m == nil || strings.TrimSpace(m.Text) == "" {
		return
	}
	if l.command == "NOTICE" {
		m.Kind = wit.MessageKindService
	}
	if id := l.tags["+draft/reply"]; id != "" && len(id) <= 1024 {
		m.ReplyTo = &wit.Quoted{ID: id}
	}
	t.tell(m, b != nil)
}

// message is what a line says, nil where it is nobody's, such as a server's notice, or nowhere.
func (t *turn) message(l *line, text string) *wit.Message {
	s := &t.State
	where := s.place(l)
	if l.userAt == "" || target(l.nick) == "" || where == nil || s.phase != phaseIn {
		return nil
	}
	text, addressed := s.addressed(plain(text))
	m := &wit.Message{
		Kind: wit.MessageKindText, Conversation: *where, Sender: s.sender(l), Text: text, Time: t.timeOf(l),
		Mentioned: where.Kind == wit.ConversationKindDirect || addressed,
	}
	m.ID = t.idOf(l, m)
	return m
}

// place is where a line was said: in a room, also when only those with a rank there can read it (STATUSMSG), or to the bot.
func (s *state) place(l *line) *wit.Conversation {
	name := l.param(0)
	if bare := strings.TrimLeft(name, "@+%~&"); s.isRoom(bare) {
		name = bare
	}
	if name == "" || len(name) > 200 {
		return nil
	}
	if s.isRoom(name) {
		return &wit.Conversation{Kind: wit.ConversationKindGroup, ID: s.lower(name), Name: &name}
	}
	if !s.same(name, s.nick) {
		return nil // to all on a server, say
	}
	nick := l.nick
	return &wit.Conversation{Kind: wit.ConversationKindDirect, ID: s.lower(nick), Name: &nick}
}

// sender is who said a line: the account that the server vouches for, or whoever has the nick.
func (s *state) sender(l *line) wit.Person {
	nick := l.nick
	p := wit.Person{ID: unproven + s.lower(nick), Name: &nick, Username: &nick}
	if account := l.tags["account"]; account != "" && s.has("account-tag") && !strings.HasPrefix(account, unproven) {
		p.ID = s.lower(account)
	}
	_, p.Bot = l.tags["bot"]
	return p
}

// addressed reports whether the bot's nick stands in a text as a word of its own. In front of it, with a colon or a comma
// behind it, it is taken off: it only says whom the rest is for.
func (s *state) addressed(text string) (rest string, yes bool) {
	folded, nick := s.lower(text), s.lower(s.nick)
	for from := 0; nick != ""; {
		i := strings.Index(folded[from:], nick)
		if i < 0 {
			break
		}
		i += from
		end := i + len(nick)
		before, _ := utf8.DecodeLastRuneInString(folded[:i])
		after, size := utf8.DecodeRuneInString(folded[end:])
		if (i == 0 || !inNick(before)) && (size == 0 || !inNick(after)) {
			if i == 0 && (after == ':' || after == ',') && len(folded) == len(text) {
				return strings.TrimSpace(text[end+1:]), true
			}
			return text, true
		}
		from = i + 1
	}
	return text, false
}

// inNick reports whether a nick could go on with a character.
func inNick(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("[]\\`_^{|}-", r)
}

// timeOf is when a line was said (server-time), or came. While the bot has another nick than the one that people write to, what
// they write is yet to be asked for.
func (t *turn) timeOf(l *line) int64 {
	if said, err := time.Parse("2006-01-02T15:04:05.999Z", l.tags["time"]); err == nil && said.UnixMilli() > 0 {
		s := &t.State
		if b := s.batchOf(l); b != nil {
			b.last = max(b.last, said.UnixMilli())
		}
		if s.same(s.nick, t.Settings.nick) {
			s.newest = max(s.newest, said.UnixMilli())
		}
		if len(s.catching) == 0 { // else older ones may still be missing
			s.seen = max(s.seen, s.newest)
		}
		return said.UnixMilli()
	}
	return t.Now
}

// idOf is a message's id: the server's, which is the same when it comes again. Where it gives none but a time, as histories
// do, the id is made of what would come again. Else the message cannot come again, and is counted.
func (t *turn) idOf(l *line, m *wit.Message) string {
	if id := l.tags["msgid"]; id != "" && len(id) < 512 {
		return id
	}
	if l.tags["time"] != "" {
		return madeUp + hashed(l.tags["time"], m.Conversation.ID, m.Sender.ID, l.param(1))
	}
	t.State.count++
	return madeUp + number(uint64(t.State.count))
}

// madeUp begins ids that the server does not know.
const madeUp = "~"

// hashed is a short name of some texts.
func hashed(texts ...string) string {
	h := fnv.New64a()
	for _, s := range texts {
		_, _ = h.Write([]byte(s))
		_, _ = h.Write([]byte{0})
	}
	return number(h.Sum64())
}

// hearTags takes what clients tell each other beside messages ("message-tags"): reactions. That somebody is writing is
// nothing that anybody waits for.
func hearTags(t *turn, l *line) {
	s, emoji, of := &t.State, l.tags["+draft/react"], l.tags["+draft/reply"]
	back := l.tags["+draft/unreact"]
	if s.same(l.nick, s.nick) {
		confirmEcho(t, l)
		return
	}
	if emoji+back == "" || of == "" || len(of) > 1024 {
		return
	}
	if m := t.message(l, emoji+back); m != nil {
		m.Kind, m.Text, m.Target, m.Mentioned = wit.MessageKindReaction, emoji, &of, false
		t.tell(m, s.batchOf(l) != nil)
	}
}
