// Command go-sse is a plugin that bridges a chat server over server-sent events, and whose rooms may get other ids; see
// package toyfeed for what the server understands.
package main

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

type feed struct{}

// Event keeps the stream, which the kernel opens again by itself, behind the last event that was handled. After a restart the
// state says which one that was.
func (feed) Event(_ *sdk.Host, event *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	switch event.Kind {
	case wit.EventKindStart:
		status := &wit.AccountStatus{State: wit.ConnectionStateConnecting}
		return &wit.ChannelAnswer{Open: []wit.OpenConnection{stream(event)}, Status: status}, nil
	case wit.EventKindOpened:
		return &wit.ChannelAnswer{Status: &wit.AccountStatus{State: wit.ConnectionStateConnected}}, nil
	case wit.EventKindClosed:
		status := &wit.AccountStatus{State: wit.ConnectionStateDisconnected, Message: &event.Closed.Reason}
		return &wit.ChannelAnswer{Status: status}, nil
	case wit.EventKindMessage:
		return heard(event.Message), nil
	}
	return nil, nil
}

// stream is where the server says what happens, from behind the last event.
func stream(event *wit.ChannelEvent) wit.OpenConnection {
	url := address(event.Config) + "/events"
	o := wit.OpenConnection{Connection: "feed", Transport: wit.TransportSSE, URL: url, Headers: signed()}
	if last, err := json.Parse(event.State); err == nil && last.IsText() { // there is none at first
		o.Headers = append(o.Headers, wit.Header{Name: "Last-Event-ID", Value: last.Text()})
	}
	return o
}

// heard takes an event in: a message, or the news that a room has another id. What counts is committed with the event's id.
func heard(event *wit.Frame) *wit.ChannelAnswer {
	if event.Text == nil || event.ID == nil {
		return nil
	}
	said, _ := json.ParseText(*event.Text) // what is no JSON says nothing
	answer := &wit.ChannelAnswer{State: json.Text(*event.ID)}
	from, to, in := said.Get("from").Text(), said.Get("to").Text(), said.Get("room").Text()
	switch {
	case event.Event != nil && *event.Event == "moved" && from != "" && to != "":
		answer.Moved = []wit.Move{{From: from, To: room(to)}}
	case event.Event == nil && from != "" && in != "":
		text := said.Get("text").Text()
		answer.Messages = []wit.Message{{ID: *event.ID, Conversation: room(in), Sender: wit.Person{ID: from}, Text: text,
			Mentioned: strings.Contains(text, "@bot")}}
	}
	return answer
}

func room(id string) wit.Conversation {
	return wit.Conversation{Kind: wit.ConversationKindGroup, ID: id}
}

// Send posts a message. The server knows a repeated one by its key. In a room that has another id nothing is posted: the
// answer says where it is, and the kernel sends it again to there.
func (feed) Send(host *sdk.Host, send *wit.ChannelSend) (*wit.Sent, error) {
	response, err := host.HTTP(&wit.HTTPRequest{Method: "POST", URL: address(send.Config) + "/messages", Headers: signed(),
		JSON: json.Object{}.Text("room", send.To.ID).Text("text", send.Text).Text("key", send.IdempotencyKey).JSON()})
	if err != nil {
		return nil, err
	}
	body := json.Value{}
	if response.Text != nil {
		body, _ = json.ParseText(*response.Text) // what is no JSON has no number
	}
	switch {
	case response.Status == 410 && body.Get("to").Text() != "":
		return &wit.Sent{Moved: new(room(body.Get("to").Text()))}, nil
	case response.Status == 200 && body.Int() > 0:
		return &wit.Sent{IDs: []string{strconv.FormatInt(body.Int(), 10)}}, nil
	}
	return nil, &wit.Error{Code: wit.CodeUnavailable, Retryable: response.Status == 429 || response.Status >= 500,
		Message: "the server answered " + strconv.Itoa(int(response.Status)) + ": check the account's url and token"}
}

func address(config wit.JSON) string {
	account, _ := json.Parse(config) // the kernel has checked it
	return account.Get("url").Text()
}

func signed() []wit.Header {
	return []wit.Header{{Name: "Authorization", Value: "Bearer {{credential:token}}"}}
}

func init() { channel.Register("go-sse", feed{}) }

func main() {}
