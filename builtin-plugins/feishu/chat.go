package feishu

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// chat makes the calls of one operation on a conversation, such as sending a message.
type chat struct {
	host     *sdk.Host
	settings settings
	to       wit.Conversation
	replyTo  string // the message that is answered, "" for none
	thread   bool   // the answer is in a thread
}

// openChat reads what an operation is given. The error is invalid.
func openChat(host *sdk.Host, config wit.JSON, to wit.Conversation) (*chat, error) {
	settings, err := readSettings(config)
	if err != nil {
		return nil, err
	}
	if to.ID == "" {
		return nil, wit.NewError(wit.CodeInvalid, "the message has nobody to go to")
	}
	return &chat{host: host, settings: settings, to: to}, nil
}

func (c *chat) call(method, path string, body json.Object) result {
	return c.do(c.settings.call(method, path, body))
}

func (c *chat) do(request *wit.HTTPRequest) result {
	return decode(reply.Response(c.host.HTTP(request)))
}

// done is the outcome of an operation on a message.
func (c *chat) done(id string, r result) (*wit.Sent, error) {
	if err := r.err(); err != nil {
		return nil, err
	}
	return &wit.Sent{IDs: []string{id}}, nil
}

// post sends a message of a type and returns its id ("Send message", "Reply message"). A reply to what is not there, and a message
// in a thread that is gone, is sent as none.
func (c *chat) post(kind string, content wit.JSON, uuid string) (id string, r result) {
	body := json.Object{}.Text("msg_type", kind).Text("content", string(content)).Text("uuid", uuid)
	if c.replyTo != "" {
		answer := body
		if c.thread {
			answer = answer.Bool("reply_in_thread", true)
		}
		if r = c.call("POST", "/im/v1/messages/"+form.Escape(c.replyTo)+"/reply", answer); !r.gone() {
			return sent(r)
		}
		c.host.Warn("feishu: what is answered is not there, and the message is sent as no reply: " + r.message())
		c.replyTo = ""
	}
	body = json.Object{}.Text("receive_id", c.to.ID).Text("msg_type", kind).Text("content", string(content)).Text("uuid", uuid)
	return sent(c.call("POST", "/im/v1/messages?receive_id_type="+idType(c.to.ID), body))
}

// idType is what an id is of: they are told apart by their beginning ("How to obtain different user IDs").
func idType(id string) string {
	switch {
	case strings.HasPrefix(id, "oc_"):
		return "chat_id"
	case strings.HasPrefix(id, "ou_"):
		return "open_id"
	case strings.HasPrefix(id, "on_"):
		return "union_id"
	case strings.Contains(id, "@"):
		return "email"
	}
	return "user_id"
}

// sent reads the id of a message that was taken. An answer without an id is not Feishu's.
func sent(r result) (id string, of result) {
	id = r.Value.Get("data", "message_id").Text()
	if r.ok() && (id == "" || len(id) > maxID) {
		r.foreign()
	}
	return id, r
}
