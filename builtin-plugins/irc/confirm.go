package irc

import (
	"slices"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// What the bot's own PINGs begin with: one that asks whether the server is alive, and one behind a send.
const (
	alivePrefix = "alive-"
	sendPrefix  = "sent-"
)

func decimal(n int) string { return strconv.Itoa(n) }

// token names a send: its label, where the server gives that back, else what is in the PING behind it, which also says
// whom the send is to.
func (s *state) token(to, key string) string {
	if s.labels() {
		return hashed(key)
	}
	return sendPrefix + hashed(s.lower(to)) + "-" + hashed(key)
}

// confirm says what became of a send.
func confirm(t *turn, token string, ids []string, e *wit.Error) {
	t.Out.Confirmed = append(t.Out.Confirmed, wit.Confirmation{Token: token, IDs: ids, Error: e})
}

// confirmEcho takes what the bot has said itself, as the server tells it back.
func confirmEcho(t *turn, l *line) {
	label := t.State.labelOf(l)
	if label == "" {
		return
	}
	var ids []string
	if id := l.tags["msgid"]; id != "" && len(id) < 512 {
		ids = []string{id}
	}
	confirm(t, label, ids, nil)
}

// hearPong takes the answer to a PING behind a send: what the server has not refused before it, it has taken.
func hearPong(t *turn, l *line) {
	token := l.param(-1)
	to, ok := strings.CutPrefix(token, sendPrefix)
	if !ok {
		return
	}
	to, _, _ = strings.Cut(to, "-")
	s := &t.State
	var why *wit.Error
	s.refused = slices.DeleteFunc(s.refused, func(r refusal) bool {
		if hashed(r.target) != to {
			return false
		}
		why = refused(r.numeric, r.text)
		return true
	})
	confirm(t, token, nil, why)
}

// hearRefusal takes a numeric that says that something was not sent: to whom, or with which label.
func hearRefusal(t *turn, l *line) {
	s := &t.State
	if l.command == noCodes && s.isRoom(l.param(1)) && target(l.param(1)) != "" {
		s.bare = bounded(s.bare, s.lower(l.param(1)), maxRooms)
	}
	if label := s.labelOf(l); label != "" {
		confirm(t, label, nil, refused(l.command, l.param(-1)))
		return
	}
	if name := l.param(1); !s.labels() && name != "" && len(name) <= 200 {
		text := l.param(-1)
		s.refused = bounded(s.refused, refusal{s.lower(name), l.command, strings.ToValidUTF8(text[:min(len(text), 200)], "")}, maxRefused)
	}
}

// noCodes is what some servers say: the room takes no text with colours or other codes.
const noCodes = "408"

// meanings are the codes of the contract for numerics, where it is not invalid.
var meanings = map[string]struct {
	code wit.Code
	hint string
}{
	"401": {wit.CodeNotFound, "nobody has that nick now"},
	"402": {wit.CodeNotFound, "there is no such server"},
	"403": {wit.CodeNotFound, "there is no such room"},
	"404": {wit.CodeForbidden, "the bot may not speak there: it is not in the room, or needs a voice (/mode +v)"},
	"415": {wit.CodeForbidden, "the room does not take that"},
	"417": {wit.CodeTooLarge, "the line is too long"},
	"477": {wit.CodeForbidden, "only those with an account may speak there: set `account` and `password`"},
	"486": {wit.CodeForbidden, "the other one hears only those with an account: set `account` and `password`"},
	"531": {wit.CodeForbidden, "the other one does not want to hear from the bot"},
	"716": {wit.CodeForbidden, "the other one has a filter, and has not let the bot through"},
}

// refused is the error of a numeric, or of a standard reply's code.
func refused(numeric, text string) *wit.Error {
	m, known := meanings[numeric]
	if !known {
		m.code = wit.CodeInvalid
	}
	message := "the server did not take it: " + text
	if m.hint != "" {
		message += "; " + m.hint
	}
	e := wit.NewError(m.code, message)
	if numeric == noCodes { // again, and without
		e.Code, e.Retryable = wit.CodeUnavailable, true
	}
	return e
}
