// Command go-websocket is a plugin that bridges a chat server over a WebSocket, which stays open while the plugin is
// replaced; see package toyhub for what the server understands.
package main

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

type hub struct{}

// state is what an account knows: whether the server has let it in, and the number of the last message, which is all that
// it takes to go on where it was.
type state struct {
	in   bool
	last int64
}

func read(data wit.JSON) state {
	value, _ := json.Parse(data) // there is none at first
	return state{value.Get("in").Bool(), value.Get("last").Int()}
}

func (s state) json() wit.JSON { return json.Object{}.Bool("in", s.in).Int("last", s.last).JSON() }

// Event keeps the connection. What it answers is committed before its frames are written, so a message that the server
// is told is seen is not lost.
func (hub) Event(_ *sdk.Host, event *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	state, answer := read(event.State), &wit.ChannelAnswer{}
	switch event.Kind {
	case wit.EventKindStart:
		state.in = false
		account, _ := json.Parse(event.Config) // the kernel has checked it
		answer.Open = []wit.OpenConnection{{Connection: "hub", Transport: wit.TransportWebsocket, URL: account.Get("url").Text()}}
		answer.Status = &wit.AccountStatus{State: wit.ConnectionStateConnecting}
	case wit.EventKindOpened:
		hello := frame(json.Object{}.Text("token", "{{credential:token}}").Int("after", state.last))
		hello.Fill = true
		answer.Frames = []wit.Frame{hello}
	case wit.EventKindMessage:
		if event.Message.Text == nil {
			return nil, nil
		}
		said, err := json.ParseText(*event.Message.Text)
		if err != nil {
			return nil, err
		}
		heard(answer, &state, said)
	case wit.EventKindClosed:
		state.in = false // sends wait until it is in again
		answer.Status = closed(event.Closed)
	default:
		return nil, nil
	}
	answer.State = state.json()
	return answer, nil
}

// heard does what the server's words ask for.
func heard(answer *wit.ChannelAnswer, state *state, said json.Value) {
	number := said.Get("number").Int()
	switch {
	case said.Get("welcome").Bool():
		state.in = true
		answer.Status = &wit.AccountStatus{State: wit.ConnectionStateConnected}
	case said.Get("key").Exists():
		answer.Confirmed = []wit.Confirmation{{Token: said.Get("key").Text(), IDs: []string{strconv.FormatInt(number, 10)}}}
	case number > state.last:
		state.last = number
		answer.Messages = []wit.Message{message(said)}
		answer.Frames = []wit.Frame{frame(json.Object{}.Int("seen", number))}
	}
}

func message(said json.Value) wit.Message {
	m := wit.Message{
		ID: strconv.FormatInt(said.Get("number").Int(), 10), Text: said.Get("text").Text(), Sender: wit.Person{ID: said.Get("from").Text()},
		Conversation: wit.Conversation{Kind: wit.ConversationKindGroup, ID: said.Get("room").Text()},
	}
	if m.Conversation.ID == "" {
		m.Conversation = wit.Conversation{Kind: wit.ConversationKindDirect, ID: m.Sender.ID}
	}
	return m
}

// closed is the end of a connection for the owner to see. It is opened again by itself.
func closed(by *wit.Closed) *wit.AccountStatus {
	status := &wit.AccountStatus{State: wit.ConnectionStateDisconnected, Message: &by.Reason}
	if by.Code == 4001 {
		status.State, status.Message = wit.ConnectionStateNeedsLogin, new("the server does not know the token: set another")
	}
	return status
}

// Send has the message written on the connection, and waits for the server's receipt. The server knows a repeated one
// by its key.
func (hub) Send(_ *sdk.Host, send *wit.ChannelSend) (*wit.Sent, error) {
	if !read(send.State).in {
		return nil, &wit.Error{Code: wit.CodeUnavailable, Retryable: true, Message: "the account is not on the server now"}
	}
	post := frame(json.Object{}.Text("to", send.To.ID).Text("text", send.Text).Text("key", send.IdempotencyKey))
	return &wit.Sent{Frames: []wit.Frame{post}, Awaits: &wit.Awaited{Token: send.IdempotencyKey}}, nil
}

func frame(words json.Object) wit.Frame {
	return wit.Frame{Connection: "hub", Text: new(string(words.JSON()))}
}

func init() { channel.Register("go-websocket", hub{}) }

func main() {}
