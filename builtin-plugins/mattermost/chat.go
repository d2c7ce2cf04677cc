package mattermost

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/names"
	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// chat makes the requests of one operation in a conversation, such as sending a message or editing one.
type chat struct {
	host     *sdk.Host
	account  string
	settings settings
	state    state
	to       wit.Conversation
	channel  string // where that is for Mattermost
	callable *bool  // the server can call the gateway; nil while that was not looked at
}

// newChat reads what an operation brings.
func newChat(host *sdk.Host, account string, config, kept wit.JSON, to wit.Conversation) (*chat, error) {
	settings, err := readSettings(config)
	if err != nil {
		return nil, err
	}
	state, err := readState(kept)
	if err != nil {
		return nil, err
	}
	return &chat{host: host, account: account, settings: settings, state: state, to: to}, nil
}

// find finds the channel of the conversation. That with a person is asked for, and made where there is none (channels/direct).
func (c *chat) find() error {
	if !isID(c.to.ID) {
		return wit.NewError(wit.CodeInvalid, "the message has no channel of Mattermost's to go to")
	}
	if c.channel = c.to.ID; c.to.Kind != wit.ConversationKindDirect {
		return nil
	}
	known, id := names.Of(c.host, c.account), "dm:"+c.to.ID
	if channel, ok := known.Find(id); ok && isID(channel) {
		c.channel = channel
		return nil
	}
	if c.state.me.id == "" {
		e := wit.NewError(wit.CodeUnavailable, "Mattermost has not said yet who the bot is")
		e.Retryable = true
		return e
	}
	r := c.call("POST", "/channels/direct", json.Array{}.Add(json.Text(c.state.me.id)).Add(json.Text(c.to.ID)).JSON())
	if err := r.err(); err != nil {
		return err
	}
	if c.channel = idOf(r.Value); !isID(c.channel) {
		return wit.NewError(wit.CodeUnavailable, "Mattermost names no channel for the person")
	}
	known.Keep(id, c.channel)
	return nil
}

// call makes a request with the bot's token.
func (c *chat) call(method, path string, body wit.JSON) result {
	return c.do(c.settings.call("", method, path, body))
}

func (c *chat) do(request wit.HTTPRequest) result {
	request.ID = request.Method
	return decode(reply.Response(c.host.HTTP(&request)))
}

// done is what an operation on a post comes to.
func (c *chat) done(id string, r result) (*wit.Sent, error) {
	if err := r.err(); err != nil {
		return nil, err
	}
	return &wit.Sent{IDs: []string{id}}, nil
}

// openPost returns the chat of an operation on a post that is there already.
func openPost(host *sdk.Host, account string, config, kept wit.JSON, to wit.Conversation, id string) (*chat, error) {
	if !isID(id) {
		return nil, wit.NewError(wit.CodeInvalid, id+" is not a post of Mattermost's")
	}
	return newChat(host, account, config, kept, to)
}
