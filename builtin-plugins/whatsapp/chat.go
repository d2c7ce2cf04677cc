package whatsapp

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// chat makes the calls of one operation on a conversation, such as sending a message.
type chat struct {
	host     *sdk.Host
	settings settings
	state    state
	to       wit.Conversation
	id       string
	replyTo  string            // the message that is answered, "" for none
	key      string            // what comes back with the statuses of what is sent, "" for nothing
	moved    *wit.Conversation // the conversation's own id, when it is another one than was said
	shut     bool              // WhatsApp takes nothing but templates
}

// openChat reads what an operation is given. The error is invalid.
func openChat(host *sdk.Host, config, state wit.JSON, to wit.Conversation) (*chat, error) {
	settings, err := readSettings(config)
	if err != nil {
		return nil, err
	}
	known, err := readState(state)
	if err != nil {
		return nil, err
	}
	if settings.phone == "" {
		return nil, wit.NewError(wit.CodeInvalid, "phoneNumberId is not set: it stands below the number in the app's dashboard, WhatsApp > API Setup")
	}
	if to.ID == "" {
		return nil, wit.NewError(wit.CodeInvalid, "the message has nobody to go to")
	}
	return &chat{host: host, settings: settings, state: known, to: to, id: to.ID}, nil
}

// call makes a call of the number's edge.
func (c *chat) call(edge string, body json.Object) result { return c.do(c.settings.post(edge, body)) }

func (c *chat) do(request *wit.HTTPRequest) result {
	return decode(reply.Response(c.host.HTTP(request)))
}

// post sends a message of a type and returns its id (Messages API). A reply to what WhatsApp does not find is sent as no reply.
func (c *chat) post(kind string, content wit.JSON) (id string, r result) {
	body := c.addressed().Text("type", kind).Raw(kind, content)
	if c.key != "" {
		body = body.Text("biz_opaque_callback_data", c.key)
	}
	if c.replyTo != "" {
		answer := body.Raw("context", json.Object{}.Text("message_id", c.replyTo).JSON())
		if r = c.call("messages", answer); !r.refused() {
			return c.sent(r)
		}
		c.host.Warn("whatsapp: a reply was refused and is sent as no reply: " + r.message())
	}
	return c.sent(c.call("messages", body))
}

// addressed begins a message: to a phone number, a user id, or a group.
func (c *chat) addressed() json.Object {
	body := json.Object{}.Text("messaging_product", "whatsapp")
	switch {
	case c.to.Kind == wit.ConversationKindGroup:
		return body.Text("recipient_type", "group").Text("to", c.id)
	case strings.Contains(c.id, "."):
		return body.Text("recipient_type", "individual").Text("recipient", c.id)
	}
	return body.Text("recipient_type", "individual").Text("to", c.id)
}

// sent reads the id of a message that was taken, and where it went: numbers can be written in several ways, and WhatsApp
// says which is a person's own. An answer without an id is not WhatsApp's.
func (c *chat) sent(r result) (id string, of result) {
	for contact := range r.Value.Get("contacts").Items() {
		if own := contact.Get("wa_id").Text(); own != "" && own != c.id && !strings.Contains(c.id, ".") {
			c.moved = &wit.Conversation{Kind: wit.ConversationKindDirect, ID: own, Name: c.to.Name}
		}
	}
	for message := range r.Value.Get("messages").Items() {
		id = message.Get("id").Text()
	}
	if r.Success() && (id == "" || len(id) > maxID) {
		r.foreign()
	}
	return id, r
}

// seen marks a message as read and shows that an answer is being written.
func seen(message string) json.Object {
	return json.Object{}.Text("messaging_product", "whatsapp").Text("status", "read").Text("message_id", message).
		Raw("typing_indicator", json.Object{}.Text("type", "text").JSON())
}

// reacted is the content of a reaction.
func reacted(message, emoji string) wit.JSON {
	return json.Object{}.Text("message_id", message).Text("emoji", emoji).JSON()
}
