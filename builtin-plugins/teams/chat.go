package teams

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// How long calls may take, in milliseconds: those that the connector answers at once, and those that carry a file.
const (
	callTimeout     = 20_000
	transferTimeout = 120_000
)

// authorized are the headers of every call. The kernel fills the token in.
func authorized() []wit.Header {
	return []wit.Header{{Name: "Authorization", Value: "Bearer {{credential:accessToken}}"}}
}

// chat makes the calls of one operation on a conversation, such as sending a message.
type chat struct {
	host     *sdk.Host
	settings settings
	service  string // where the conversation is
	to       wit.Conversation
	moved    *wit.Conversation // the conversation's own id, when it is another one than was said
	replyTo  string            // the activity that is answered, "" for none
}

// openChat reads what an operation is given. The error is invalid.
func openChat(host *sdk.Host, config, known wit.JSON, to wit.Conversation) (*chat, error) {
	settings, err := readSettings(config)
	if err != nil {
		return nil, err
	}
	state, err := readState(known)
	if err != nil {
		return nil, err
	}
	if to.ID == "" {
		return nil, wit.NewError(wit.CodeInvalid, "the message has nowhere to go to")
	}
	service := state.service(to.ID)
	if service == "" {
		service = settings.service
	}
	return &chat{host: host, settings: settings, service: slashed(service) + "v3/conversations", to: to}, nil
}

// call makes a call. embed are files whose places are in the body.
func (c *chat) call(method, path string, body json.Object, embed ...string) result {
	request := &wit.HTTPRequest{ID: "call", Method: method, URL: c.service + path, Headers: authorized(), Timeout: callTimeout, Embed: embed}
	if body != nil {
		request.JSON = body.JSON()
	}
	if len(embed) > 0 {
		request.Timeout = transferTimeout
	}
	return decode(reply.Response(c.host.HTTP(request)))
}

// post sends an activity and returns its id (Bot Connector API, "Send to Conversation", "Reply to Activity"). What begins a thread of
// a channel, and what goes to somebody who has never written, creates a conversation.
func (c *chat) post(body json.Object, embed ...string) (id string, r result) {
	switch {
	case c.to.Kind == wit.ConversationKindChannel && c.to.Thread == nil && c.replyTo == "":
		return c.begin(body, embed...)
	case c.moved == nil && isPerson(c.to.ID):
		if r := c.meet(); !r.Success() {
			return "", r
		}
	}
	path := "/" + form.Escape(joinedID(c.to)) + "/activities"
	if c.replyTo != "" {
		if r = c.call("POST", path+"/"+form.Escape(c.replyTo), body.Text("replyToId", c.replyTo), embed...); !r.refused() && !r.is("ActivityNotFoundInConversation") && r.Status != 404 {
			return c.sent(joinedID(c.to), r.Value.Get("id").Text(), r)
		}
		c.host.Warn("teams: a reply was refused and is sent as no reply: " + r.err().Message)
	}
	r = c.call("POST", path, body, embed...)
	return c.sent(joinedID(c.to), r.Value.Get("id").Text(), r)
}

// begin begins a thread of a channel (Proactive messages, "Create the conversation").
func (c *chat) begin(activity json.Object, embed ...string) (id string, r result) {
	channel := json.Object{}.Raw("channel", json.Object{}.Text("id", c.to.ID).JSON()).JSON()
	body := json.Object{}.Bool("isGroup", true).Raw("bot", c.bot()).Text("tenantId", c.settings.tenant).Raw("channelData", channel).Raw("activity", activity.JSON())
	r = c.call("POST", "", body, embed...)
	where := r.Value.Get("id").Text()
	if base, thread := divided(where); r.Success() && base == c.to.ID && thread != "" {
		c.to.Thread = &thread // what follows belongs to it
	}
	return c.sent(where, r.Value.Get("activityId").Text(), r)
}

// meet creates the conversation with a person, which is the same each time (Proactive messages).
func (c *chat) meet() result {
	tenant := json.Object{}.Raw("tenant", json.Object{}.Text("id", c.settings.tenant).JSON()).JSON()
	members := json.Array{}.Add(json.Object{}.Text("id", c.to.ID).JSON()).JSON()
	r := c.call("POST", "", json.Object{}.Bool("isGroup", false).Raw("bot", c.bot()).Raw("members", members).Text("tenantId", c.settings.tenant).Raw("channelData", tenant))
	id := r.Value.Get("id").Text()
	if r.Success() && (id == "" || len(id) > maxID) {
		r.foreign()
	}
	if r.Success() {
		c.to.ID, c.to.Kind = id, wit.ConversationKindDirect
		c.moved = &wit.Conversation{Kind: wit.ConversationKindDirect, ID: id, Name: c.to.Name}
	}
	return r
}

func (c *chat) bot() wit.JSON { return json.Object{}.Text("id", c.settings.me()).JSON() }

// sent reads the id of an activity that was taken. An answer without an id is not the connector's.
func (c *chat) sent(conversation, activity string, r result) (string, result) {
	if r.Success() && (conversation == "" || activity == "" || len(activity) > maxID || len(conversation) > maxID) {
		r.foreign()
	}
	return messageID(conversation, activity), r
}
