package xmpp

import (
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// connection is the one that an account has.
const connection = "xmpp"

// turn is the handling of one event, while its answer is being put together. The kernel commits the messages and the state
// and then acts on the rest.
type turn struct {
	account.Turn[settings, state]
	words strings.Builder // to write on the connection
}

// finish returns the answer, with the state if that changed.
func (t *turn) finish() *wit.ChannelAnswer {
	t.flush()
	return t.Turn.Finish()
}

// say writes on the connection. What one answer says goes out together.
func (t *turn) say(xml string) { t.words.WriteString(xml) }

func (t *turn) flush() {
	if t.words.Len() > 0 {
		t.Out.Frames = append(t.Out.Frames, frame(t.words.String()))
		t.words.Reset()
	}
}

func frame(xml string) wit.Frame { return wit.Frame{Connection: connection, Text: &xml} }

// ask asks a server or a room for something; its answer has the same id.
func (t *turn) ask(kind, to, id, inside string) {
	t.say(tag("iq", inside, "type", kind, "to", to, "id", id))
}

// status tells the owner how the account is; message says what is wrong and what to do, or is empty.
func (t *turn) status(state wit.ConnectionState, message string) {
	var self *wit.Person
	if state == wit.ConnectionStateConnected {
		self = &wit.Person{ID: t.Settings.jid, Name: &t.Settings.nick, Username: &t.Settings.jid, Bot: true}
	}
	t.Status(state, message, self)
}

// giveUp closes the connection and tells the owner why. It is opened again later: what is wrong may be mended on the
// server's side too.
func (t *turn) giveUp(state wit.ConnectionState, message string, again int64) {
	t.State.phase = phaseOff
	t.Out.Close = append(t.Out.Close, connection)
	t.Timer(aliveTimer, 0)
	t.Timer(connectTimer, again)
	t.status(state, message)
}

// number writes a number in few characters.
func number(n int64) string { return strconv.FormatInt(n, 36) }

// hashed is a name of some texts, which nobody else comes by.
func hashed(texts ...string) string {
	h := fnv.New128a()
	for _, s := range texts {
		_, _ = h.Write([]byte(s))
		_, _ = h.Write([]byte{0})
	}
	const digits = "0123456789abcdef"
	var b strings.Builder
	for _, c := range h.Sum(nil) {
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}

// bounded appends to a list of which only the last ones are kept.
func bounded[T any](items []T, item T, most int) []T {
	items = append(items, item)
	return items[max(len(items)-most, 0):]
}
