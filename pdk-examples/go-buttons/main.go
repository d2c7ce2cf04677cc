// Command go-buttons is a channel whose messages have buttons, and that knows its people by name; see package toyboard for
// what its server understands.
package main

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

type board struct{}

// Event takes what the server posts: something said, or a button that somebody has pressed. The gateway has checked the
// server's token, and it knows what the value of a button means and who may press it.
func (board) Event(_ *sdk.Host, event *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	if event.Kind == wit.EventKindStart {
		return &wit.ChannelAnswer{Status: &wit.AccountStatus{State: wit.ConnectionStateConnected}}, nil
	}
	if event.Webhook == nil || event.Webhook.Text == nil {
		return nil, nil
	}
	post, err := json.ParseText(*event.Webhook.Text)
	if err != nil {
		return nil, err
	}
	from := post.Get("from").Text()
	m := wit.Message{ID: post.Get("id").Text(), Text: post.Get("text").Text(), Time: event.Now,
		Conversation: wit.Conversation{Kind: wit.ConversationKindDirect, ID: from}, Sender: wit.Person{ID: from}}
	if at := post.Get("pressedAt"); at.Exists() {
		m.Kind, m.Target = wit.MessageKindAction, new(at.Text())
	}
	return &wit.ChannelAnswer{Messages: []wit.Message{m}}, nil
}

// Send posts a message with its buttons.
func (board) Send(host *sdk.Host, send *wit.ChannelSend) (*wit.Sent, error) {
	message := json.Object{}.Text("to", send.To.ID).Text("text", send.Text).Text("key", send.IdempotencyKey)
	id, err := call(host, send.Config, "/messages", message.Raw("buttons", buttons(send.Actions)))
	if err == nil && id.Text() == "" {
		err = wit.NewError(wit.CodeUnavailable, "the board has not said the message's id: check the account's url")
	}
	return &wit.Sent{IDs: []string{id.Text()}}, err
}

// Edit gives a message another text, and other buttons or none.
func (board) Edit(host *sdk.Host, edit *wit.ChannelEdit) (*wit.Sent, error) {
	change := json.Object{}.Raw("buttons", buttons(edit.Actions))
	if edit.Text != "" {
		change = change.Text("text", edit.Text)
	}
	_, err := call(host, edit.Config, "/messages/"+edit.ID, change)
	return &wit.Sent{IDs: []string{edit.ID}}, err
}

// buttons is all of a message's in one list: the server knows no rows.
func buttons(rows []wit.ActionRow) wit.JSON {
	list := json.Array{}
	for _, row := range rows {
		for _, action := range row.Actions {
			list = list.Add(json.Object{}.Text("label", action.Label).Text("value", action.Value).JSON())
		}
	}
	return list.JSON()
}

// Directory finds people by a part of their names.
func (board) Directory(host *sdk.Host, query *wit.DirectoryQuery) (*wit.DirectoryAnswer, error) {
	people, err := call(host, query.Config, "/people", json.Object{})
	if err != nil {
		return nil, err
	}
	answer := &wit.DirectoryAnswer{}
	for person := range people.Items() {
		id, name := person.Get("id").Text(), person.Get("name").Text()
		if id == query.Query || strings.Contains(strings.ToLower(name), strings.ToLower(query.Query)) {
			answer.Entries = append(answer.Entries, wit.DirectoryEntry{ID: id, Name: &name})
		}
	}
	return answer, nil
}

// call posts to the account's server and returns its answer.
func call(host *sdk.Host, config wit.JSON, path string, body json.Object) (json.Value, error) {
	account, _ := json.Parse(config) // the kernel has checked it
	response, err := host.HTTP(&wit.HTTPRequest{Method: "POST", URL: account.Get("url").Text() + path, JSON: body.JSON(),
		Headers: []wit.Header{{Name: "Authorization", Value: "Bearer {{credential:token}}"}}})
	switch {
	case err != nil:
		return json.Value{}, err
	case response.Status != 200 || response.Text == nil:
		return json.Value{}, &wit.Error{Code: wit.CodeUnavailable, Retryable: response.Status >= 500,
			Message: "the server answered " + strconv.Itoa(int(response.Status)) + ": check the account's url and token"}
	}
	return json.ParseText(*response.Text)
}

func init() { channel.Register("go-buttons", board{}) }

func main() {}
