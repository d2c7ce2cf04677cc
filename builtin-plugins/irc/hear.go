package irc

import (
	"strings"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/wit"
)

// hearing are the handlers of lines, by command.
var hearing = map[string]func(*turn, *line){
	"PING":         func(t *turn, l *line) { t.say("PONG :" + l.param(-1)) },
	"PONG":         hearPong,
	"CAP":          hearCap,
	"AUTHENTICATE": hearAuthenticate,
	"CHATHISTORY":  hearTarget,
	"BATCH":        hearBatch,
	"ERROR":        hearError,
	"FAIL":         hearFail,

	"PRIVMSG": hearMessage,
	"NOTICE":  hearMessage,
	"TAGMSG":  hearTags,

	"NICK":    hearNick,
	"QUIT":    hearQuit,
	"JOIN":    hearJoin,
	"PART":    hearPart,
	"KICK":    hearKick,
	"INVITE":  hearInvite,
	"CHGHOST": hearNewHost,

	"001": hearWelcome,
	"005": hearSupport,
	"396": hearHost,

	"401": hearRefusal, "402": hearRefusal, "404": hearRefusal, "407": hearRefusal, "408": hearRefusal, "411": hearRefusal,
	"412": hearRefusal, "413": hearRefusal, "414": hearRefusal, "415": hearRefusal, "417": hearRefusal, "477": hearNotRegistered,
	"486": hearRefusal, "531": hearRefusal, "716": hearRefusal,
	"403": hearNoRoom,
	"405": hearNotJoined, "437": hearUnavailable, "471": hearNotJoined, "473": hearNotJoined, "474": hearNotJoined, "475": hearNotJoined,
	"476": hearNotJoined, "489": hearNotJoined, "520": hearNotJoined,

	"432": hearBadNick, "433": hearNickTaken, "436": hearNickTaken,

	"464": hearWrongPassword, "465": hearBanned,
	"903": hearLoggedIn, "902": hearNotLoggedIn, "904": hearNotLoggedIn, "905": hearNotLoggedIn, "906": hearNotLoggedIn, "908": hearNotLoggedIn,
}

// heardEvery is how exactly it is remembered when the server was heard, in milliseconds.
const heardEvery = 15_000

// hearFrame handles one line. What is no UTF-8 is taken as Latin-1, as people with old clients write it.
func hearFrame(t *turn, f *wit.Frame) {
	text := ""
	switch {
	case f.Text != nil:
		text = *f.Text
	case utf8.Valid(f.Bytes):
		text = string(f.Bytes)
	default:
		text = latin1(f.Bytes)
	}
	if t.State.asked || t.Now-t.State.heard > heardEvery {
		t.State.asked, t.State.heard = false, t.Now
	}
	l := parseLine(text)
	if handle := hearing[l.command]; handle != nil {
		handle(t, l)
	}
}

func latin1(data []byte) string {
	var b strings.Builder
	for _, c := range data {
		b.WriteRune(rune(c))
	}
	return b.String()
}

// hearBatch begins or ends a batch: `BATCH +ref type param`, `BATCH -ref`. The answer to a send that has more than one line,
// such as that somebody is away, has its label at the batch alone ("labeled-response").
func hearBatch(t *turn, l *line) {
	s, ref := &t.State, l.param(0)
	if len(ref) < 2 {
		return
	}
	if ref[0] == '+' {
		s.batches = bounded(s.batches, batch{ref: ref[1:], kind: l.param(1), label: l.tags["label"], room: l.param(2)}, maxBatches)
		return
	}
	for i, b := range s.batches {
		if b.ref == ref[1:] {
			s.batches = append(s.batches[:i], s.batches[i+1:]...)
			historyEnds(t, b)
			return
		}
	}
}

// batchOf is the batch that a line is in, nil for none.
func (s *state) batchOf(l *line) *batch {
	ref := l.tags["batch"]
	for i := range s.batches {
		if ref != "" && s.batches[i].ref == ref {
			return &s.batches[i]
		}
	}
	return nil
}

// labelOf is the label of what a line answers.
func (s *state) labelOf(l *line) string {
	if label := l.tags["label"]; label != "" {
		return label
	}
	if b := s.batchOf(l); b != nil {
		return b.label
	}
	return ""
}
