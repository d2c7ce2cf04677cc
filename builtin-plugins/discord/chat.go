package discord

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// chat makes the calls of one operation on a channel, such as sending a message or editing one. What one call finds out about
// the channel holds for those after it.
type chat struct {
	host     *sdk.Host
	settings settings
	channel  string // where it is; "" for a direct chat that has not been opened
	user     string // whom a direct chat is with
	parent   string // the channel of a thread, which takes what the thread does not
	left     bool   // the thread is gone, or closed: it is the parent now
}

// newChat finds where a conversation is. A direct chat that somebody has written in is known by the state. The error is
// invalid.
func newChat(host *sdk.Host, config, state wit.JSON, to wit.Conversation) (*chat, error) {
	settings, err := readSettings(config)
	if err != nil {
		return nil, err
	}
	c := &chat{host: host, settings: settings, channel: to.ID}
	if !isID(to.ID) {
		return nil, wit.NewError(wit.CodeInvalid, "Discord's ids are numbers, and "+texts.Clip(to.ID, 60)+" is none: give user:ID or channel:ID")
	}
	if to.Thread != nil && *to.Thread != "" {
		if c.channel, c.parent = *to.Thread, to.ID; !isID(c.channel) {
			return nil, wit.NewError(wit.CodeInvalid, "a thread's id is a number, not "+texts.Clip(c.channel, 60))
		}
		return c, nil
	}
	if to.Kind != wit.ConversationKindDirect && to.Kind != "" {
		return c, nil
	}
	c.user, c.channel = to.ID, ""
	known, err := readState(state)
	if err != nil {
		return nil, err
	}
	for i := range known.places {
		if p := &known.places[i]; p.kind == typeDirect && p.user == c.user {
			c.channel = p.id
		}
	}
	return c, nil
}

// call calls the API; a body that is nil is none.
func (c *chat) call(method, path string, body wit.JSON) result {
	return c.do(new(c.settings.request("call", method, path, body)))
}

func (c *chat) do(request *wit.HTTPRequest) result {
	return decode(reply.Response(c.host.HTTP(request)))
}

// enter finds the channel of a direct chat, which Discord opens (Create DM). An id that is nobody's is taken for a channel's:
// nothing in it says what it is of.
func (c *chat) enter() result {
	if c.channel != "" {
		return result{ok: true}
	}
	r := c.call("POST", "/users/@me/channels", json.Object{}.Text("recipient_id", c.user).JSON())
	switch id := r.Value.Get("id").Text(); {
	case r.ok && isID(id):
		c.channel = id
	case r.ok:
		return result{Reply: reply.Failed(wit.NewError(wit.CodeUnavailable, "Discord opened a direct chat and did not say where"))}
	case r.code == errorRecipient || r.code == errorUnknownUser || r.hasFieldError("recipient_id"):
		c.channel = c.user
		return result{ok: true}
	}
	return r
}

// message returns the path of a message. One of another channel is where its id says: a direct chat's channel is known by it.
func (c *chat) message(id string) (path string, r result) {
	channel, message := splitID(id)
	if !isID(message) || channel != "" && !isID(channel) {
		return "", result{Reply: reply.Failed(wit.NewError(wit.CodeInvalid, texts.Clip(id, 100)+" is not a message of Discord's"))}
	}
	if channel != "" {
		c.channel = channel
	}
	if r = c.enter(); !r.ok {
		return "", r
	}
	return "/channels/" + c.channel + "/messages/" + message, r
}

// leaves reports whether a call is to be made again outside of its thread, since that was deleted or closed.
func (c *chat) leaves(r result) bool {
	if c.parent == "" || !r.lostThread() {
		return false
	}
	c.host.Warn("discord: thread " + c.channel + " takes nothing any more (" + r.words() + "); the message goes to channel " + c.parent)
	c.channel, c.parent, c.left = c.parent, "", true
	return true
}
