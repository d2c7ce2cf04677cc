package discord

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// answer is what handling one event comes to, while it is being put together. The functions that handle the event read
// and change the account's state, and add messages, frames, requests, timers and a status; the kernel commits the
// whole and then acts on it.
type answer struct {
	account.Turn[settings, state]
}

// newAnswer reads what the event brings. The error is invalid.
func newAnswer(host *sdk.Host, event *wit.ChannelEvent) (*answer, error) {
	t, err := account.Begin(host, event, readSettings, readState, (*state).json)
	if err != nil {
		return nil, err
	}
	return &answer{Turn: t}, nil
}

// message delivers a message to the kernel.
func (a *answer) message(m wit.Message) { a.Out.Messages = append(a.Out.Messages, m) }

// gateway names the account's one connection.
const gateway = "gateway"

// open connects to the gateway, in place of a connection that there is. The kernel ends that one without a close code, so
// that the session goes on ("Initiating a Disconnect").
func (a *answer) open(url string) {
	a.Out.Open = append(a.Out.Open, wit.OpenConnection{Connection: gateway, Transport: wit.TransportWebsocket, URL: withVersion(url)})
}

// close ends the connection, if there is one.
func (a *answer) close() { a.Out.Close = append(a.Out.Close, gateway) }

// say sends a payload ("Payload Structure") over the gateway.
func (a *answer) say(op int64, data wit.JSON) *wit.Frame {
	text := string(json.Object{}.Int("op", op).Raw("d", data).JSON())
	a.Out.Frames = append(a.Out.Frames, wit.Frame{Connection: gateway, Text: &text})
	return &a.Out.Frames[len(a.Out.Frames)-1]
}

// stopTimers stops all of the plugin's timers.
func (a *answer) stopTimers() {
	for _, id := range []string{beatTimer, retryTimer, placeTimer} {
		a.Timer(id, 0)
	}
}

// status tells the owner how the account is; message says what is wrong and what to do, or is empty.
func (a *answer) status(state wit.ConnectionState, message string) {
	var self *wit.Person
	if a.State.me.id != "" {
		self = a.State.me.wit()
	}
	a.Status(state, message, self)
}

// random is a number from 0 to below n that differs from event to event; nothing secret depends on it.
func (a *answer) random(n int64) int64 {
	x := uint64(a.Now)*0x9E3779B97F4A7C15 + uint64(a.State.seq)
	x ^= x >> 29
	return int64((x * 0xBF58476D1CE4E5B9 >> 33) % uint64(max(n, 1)))
}
