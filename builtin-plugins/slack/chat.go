package slack

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/names"
	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/wit"
)

// chat makes the calls of one operation in a conversation, such as sending a message or editing one.
type chat struct {
	host     *sdk.Host
	account  string
	settings settings
	state    state
	to       wit.Conversation
	channel  string // where that is for Slack
	opened   bool   // channel is one, and not the person whom it is with
}

// newChat finds the channel of a conversation. That with a person is opened, which Slack does not mind for one that is
// open (conversations.open).
func newChat(host *sdk.Host, account string, config, kept wit.JSON, to wit.Conversation) (*chat, error) {
	settings, err := readSettings(config)
	if err != nil {
		return nil, err
	}
	state, err := readState(kept)
	if err != nil {
		return nil, err
	}
	if to.ID == "" {
		return nil, wit.NewError(wit.CodeInvalid, "the message has no channel to go to")
	}
	c := &chat{host: host, account: account, settings: settings, state: state, to: to, channel: to.ID, opened: !isUser(to.ID)}
	if !c.opened {
		err = c.open()
	}
	return c, err
}

// open finds the channel of a direct conversation, and remembers it. An app that may open none posts to the person
// (chat.postMessage, channel), which finds it too.
func (c *chat) open() error {
	known, id := names.Of(c.host, c.account), "dm:"+c.to.ID
	if channel, ok := known.Find(id); ok && channel != "" {
		c.channel, c.opened = channel, true
		return nil
	}
	r := c.call("conversations.open", form.Of("users", c.to.ID))
	switch channel := r.Value.Get("channel", "id").Text(); {
	case r.is("missing_scope", "method_not_supported_for_channel_type"):
		return nil
	case !r.ok:
		return r.err()
	case channel != "":
		known.Keep(id, channel)
		c.channel, c.opened = channel, true
	}
	return nil
}

// call calls a method with the bot's token.
func (c *chat) call(method string, f form.Form) result {
	request := c.settings.call(method, botToken, method, f)
	response, err := c.host.HTTP(&request)
	if err != nil {
		return result{Reply: reply.Failed(wit.AsError(err))}
	}
	return decode(response)
}

// done is what an operation on a message comes to. already are the errors by which Slack says that what is wanted is so.
func (c *chat) done(id string, r result, already ...string) (*wit.Sent, error) {
	if r.ok || r.is(already...) {
		return &wit.Sent{IDs: []string{id}}, nil
	}
	return nil, r.err()
}

// split takes a message's id apart: "<channel>:<ts>", or "<channel>:file:<id>" of files whose message Slack has not named.
func split(id string) (channel, ts string) {
	channel, ts, _ = strings.Cut(id, ":")
	return channel, ts
}

// isTime reports whether s is a ts, such as 1700000000.000100.
func isTime(s string) bool {
	whole, fraction, found := strings.Cut(s, ".")
	return found && isNumber(whole) && isNumber(fraction)
}

func isNumber(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != "" && len(s) <= 18
}

// openMessage returns the chat of a message that was sent, and its ts. The message says itself which channel it is in.
func openMessage(host *sdk.Host, account string, config, kept wit.JSON, to wit.Conversation, id string) (*chat, string, error) {
	channel, ts := split(id)
	if channel == "" || !isTime(ts) {
		return nil, "", wit.NewError(wit.CodeInvalid, id+" is not a message of Slack's")
	}
	to.ID = channel
	c, err := newChat(host, account, config, kept, to)
	return c, ts, err
}
