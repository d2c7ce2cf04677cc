// Command go-channel is a plugin that bridges a chat server by long poll; see package toychat for what
// the server understands.
package main

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

type toy struct{}

// Event is pure: it says what to do, and the kernel does it once messages and state are committed. The
// state is the number of the last message, which is all that it takes to go on after a crash.
func (toy) Event(_ *sdk.Host, event *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	state, _ := json.Parse(event.State) // there is none at first
	answer, last := &wit.ChannelAnswer{}, state.Int()
	switch event.Kind {
	case wit.EventKindStart, wit.EventKindTimer:
	case wit.EventKindResponse:
		list, err := received(event.Response)
		if err != nil {
			failed(answer, wit.AsError(err))
			return answer, nil
		}
		for item := range list.Items() {
			last = item.Get("number").Int()
			answer.Messages = append(answer.Messages, message(item))
		}
		answer.Status = &wit.AccountStatus{State: wit.ConnectionStateConnected}
	default:
		return nil, nil
	}
	number := strconv.FormatInt(last, 10)
	answer.State = wit.JSON(number)
	answer.Requests = []wit.HTTPRequest{request(event.Config, "GET", "/messages?after="+number)}
	return answer, nil
}

func message(item json.Value) wit.Message {
	from := item.Get("from").Text()
	return wit.Message{
		ID: strconv.FormatInt(item.Get("number").Int(), 10), Text: item.Get("text").Text(),
		Conversation: wit.Conversation{Kind: wit.ConversationKindDirect, ID: from}, Sender: wit.Person{ID: from},
	}
}

// received is the value in a good response. What is wrong with another one is told in the contract's words, by which the kernel knows
// whether, and when, it is tried again.
func received(response *wit.HTTPResponse) (json.Value, error) {
	r := reply.Read(response)
	if r.Success() && r.Value.Exists() {
		return r.Value, nil
	}
	if r.Success() {
		r.Foreign("the chat server", "url")
	}
	m := r.Meaning()
	if m.Hint = "check the account's url"; m.Code == wit.CodeUnauthorized {
		m.Hint = "the server does not know the token: set another"
	}
	return json.Value{}, r.Error(m, r.Message("the chat server", "", "", m.Hint))
}

// failed shows the owner what is wrong and polls again in five seconds; a wrong token waits for another.
func failed(answer *wit.ChannelAnswer, err *wit.Error) {
	answer.Status = &wit.AccountStatus{State: wit.ConnectionStateDisconnected, Message: &err.Message}
	if err.Code == wit.CodeUnauthorized {
		answer.Status.State = wit.ConnectionStateNeedsLogin
		return
	}
	answer.Timers = []wit.Timer{{ID: "again", After: 5000}}
}

// Send posts a message. The server knows a repeated one by its key.
func (toy) Send(host *sdk.Host, send *wit.ChannelSend) (*wit.Sent, error) {
	post := request(send.Config, "POST", "/messages")
	post.JSON = json.Object{}.Text("to", send.To.ID).Text("text", send.Text).Text("key", send.IdempotencyKey).JSON()
	number, err := received(reply.Response(host.HTTP(&post)))
	if err != nil {
		return nil, err
	}
	if number.Int() == 0 {
		return nil, wit.NewError(wit.CodeUnavailable, "the server has not said the message's number: check the account's url")
	}
	return &wit.Sent{IDs: []string{string(number.Raw())}}, nil
}

// request is one to the account's server, signed with its token.
func request(config wit.JSON, method, path string) wit.HTTPRequest {
	account, _ := json.Parse(config) // the kernel has checked it
	return wit.HTTPRequest{ID: "poll", Method: method, URL: account.Get("url").Text() + path,
		Headers: []wit.Header{{Name: "Authorization", Value: "Bearer {{credential:token}}"}}}
}

func init() { channel.Register("go-channel", toy{}) }

func main() {}
