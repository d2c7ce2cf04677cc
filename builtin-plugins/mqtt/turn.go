package mqtt

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// connection is the one that an account has.
const connection = "mqtt"

// turn is the handling of one event, while its answer is being put together.
type turn struct {
	account.Turn[settings, state]
}

// newTurn reads what the event brings. The error is invalid.
func newTurn(host *sdk.Host, event *wit.ChannelEvent) (*turn, error) {
	t, err := account.Begin(host, event, readSettings, readState, (*state).json)
	if err != nil {
		return nil, err
	}
	if t.State.epoch == 0 {
		t.State.epoch = t.Now
	}
	return &turn{Turn: t}, nil
}

// say writes a packet on the connection.
func (t *turn) say(data []byte) {
	t.Out.Frames = append(t.Out.Frames, wit.Frame{Connection: connection, Bytes: data})
}

// only5 is what stands in a packet of version 5 alone.
func (t *turn) only5(data []byte) []byte {
	if t.State.old {
		return nil
	}
	return data
}

// status tells the owner how the account is; message says what is wrong and what to do, or is empty.
func (t *turn) status(state wit.ConnectionState, message string) {
	var self *wit.Person
	if state == wit.ConnectionStateConnected {
		self = &wit.Person{ID: t.Settings.client, Name: &t.Settings.name, Bot: true}
	}
	t.Status(state, message, self)
}

// off closes the connection.
func (t *turn) off() {
	t.State.phase = phaseOff
	t.Out.Close = append(t.Out.Close, connection)
	for _, timer := range []string{aliveTimer, connectTimer, subscribeTimer} {
		t.Timer(timer, 0)
	}
}

// giveUp closes the connection and tells the owner why. It is opened again later: what is wrong may be mended on the
// server's side too.
func (t *turn) giveUp(state wit.ConnectionState, message string, again int64) {
	t.off()
	t.Timer(connectTimer, again)
	t.status(state, message)
}
