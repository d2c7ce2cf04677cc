package irc

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// connection is the one that an account has.
const connection = "irc"

// turn is the handling of one event, while its answer is being put together. The kernel commits the messages and the state
// and then acts on the rest.
type turn struct {
	account.Turn[settings, state]
}

// newTurn reads what the event brings. The error is invalid.
func newTurn(host *sdk.Host, event *wit.ChannelEvent) (*turn, error) {
	t, err := account.Begin(host, event, readSettings, readState, (*state).json)
	if err != nil {
		return nil, err
	}
	return &turn{Turn: t}, nil
}

// say writes a line on the connection.
func (t *turn) say(line string) { t.Out.Frames = append(t.Out.Frames, frame(line)) }

// frame is a line to write; the kernel puts its end behind it.
func frame(line string) wit.Frame { return wit.Frame{Connection: connection, Text: &line} }

// status tells the owner how the account is; message says what is wrong and what to do, or is empty.
func (t *turn) status(state wit.ConnectionState, message string) {
	var self *wit.Person
	if state == wit.ConnectionStateConnected {
		self = &wit.Person{ID: t.State.lower(t.State.nick), Name: &t.State.nick, Username: &t.State.nick, Bot: true}
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
func number(n uint64) string { return strconv.FormatUint(n, 36) }
