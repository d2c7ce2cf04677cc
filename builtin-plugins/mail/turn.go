package mail

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// connection is the one that an account has.
const connection = "imap"

// turn is the handling of one event, while its answer is being put together.
type turn struct {
	account.Turn[settings, state]
}

func newTurn(host *sdk.Host, event *wit.ChannelEvent) (*turn, error) {
	t, err := account.Begin(host, event, readSettings, readState, (*state).json)
	if err != nil {
		return nil, err
	}
	return &turn{Turn: t}, nil
}

// ask says a command, whose tag is the step that it is.
func (t *turn) ask(s step, command string) {
	t.State.step, t.State.asked, t.State.done = s, t.Now, false
	t.say(string(s) + " " + command + "\r\n")
	t.Timer(aliveTimer, answerTime)
}

// say writes a text as it is.
func (t *turn) say(text string) {
	t.Out.Frames = append(t.Out.Frames, wit.Frame{Connection: connection, Text: &text})
}

// status tells the owner how the account is.
func (t *turn) status(state wit.ConnectionState, message string) {
	var self *wit.Person
	if state == wit.ConnectionStateConnected {
		self = &wit.Person{ID: lower(t.Settings.address), Name: &t.Settings.address, Bot: true}
	}
	t.Status(state, message, self)
}

// giveUp closes the connection and tells the owner why. It is opened again later.
func (t *turn) giveUp(state wit.ConnectionState, message string, again int64) {
	t.State.step, t.State.unread = stepOff, nil
	t.Out.Close = append(t.Out.Close, connection)
	t.Timer(aliveTimer, 0)
	t.Timer(connectTimer, again)
	t.status(state, message)
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }
