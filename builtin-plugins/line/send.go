package line

import (
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/progress"
	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// chat makes the calls of one operation on a conversation, such as sending a message.
type chat struct {
	host     *sdk.Host
	settings settings
	state    state
	to       string
	quote    string // the quote token of what is answered
	now      int64
}

// openChat reads what an operation is given. The error is invalid.
func openChat(host *sdk.Host, config, data wit.JSON, to wit.Conversation) (*chat, error) {
	settings, err := readSettings(config)
	if err != nil {
		return nil, err
	}
	state, err := readState(data)
	if err != nil {
		return nil, err
	}
	if to.ID == "" {
		return nil, wit.NewError(wit.CodeInvalid, "the message has nobody to go to")
	}
	return &chat{host: host, settings: settings, state: state, to: to.ID, now: time.Now().UnixMilli()}, nil
}

func (c *chat) do(request *wit.HTTPRequest) result {
	return decode(reply.Response(c.host.HTTP(request)))
}

// maxBatch is how many messages a request can have ("Send push message").
const maxBatch = 5

// Send delivers a text, attachments, or both, the text first, five messages in each request. A repeated send goes on where the first
// one failed. Of a message in which nothing can be seen nothing is sent, which is no error.
func (Line) Send(host *sdk.Host, send *wit.ChannelSend) (*wit.Sent, error) {
	c, err := openChat(host, send.Config, send.State, send.To)
	if err != nil {
		return nil, err
	}
	if send.ReplyTo != nil {
		c.quote = c.state.quotes.find(*send.ReplyTo).token
	}
	batches, plain := c.batches(send, false), c.batches(send, true)
	done := progress.Load(host, send.IdempotencyKey, len(batches))
	for i := len(done.Sent); i < len(batches); i++ {
		ids, r := c.deliver(batches[i], send.IdempotencyKey, i)
		if r.refused() && i < len(plain) {
			host.Warn("line: a message was refused, and is sent as a plain text: " + r.message())
			ids, r = c.push(plain[i], retryKey(send.IdempotencyKey+"/plain", i))
		}
		if err := r.err(); err != nil {
			return nil, err
		}
		done.Add(strings.Join(ids, " "))
	}
	return &wit.Sent{IDs: strings.Fields(strings.Join(done.Sent, " "))}, nil
}

// batches are the messages of a send by the request that has them.
func (c *chat) batches(send *wit.ChannelSend, plain bool) (out [][]wit.JSON) {
	messages := append(c.texts(send, plain), c.files(send, plain)...)
	for len(messages) > maxBatch {
		out, messages = append(out, messages[:maxBatch]), messages[maxBatch:]
	}
	if len(messages) > 0 {
		out = append(out, messages)
	}
	return out
}

// loading is for how many seconds it shows that an answer is being written: the gateway says so again before it ends.
const loading = 20

// Typing shows somebody that an answer is being written ("Display a loading animation"). In groups nothing can be shown, which is no error;
// neither is what is refused.
func (Line) Typing(host *sdk.Host, typing *wit.ChannelTyping) (*wit.Sent, error) {
	c, err := openChat(host, typing.Config, typing.State, typing.To)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(c.to, "U") {
		return &wit.Sent{}, nil
	}
	r := c.do(c.settings.post("/chat/loading/start", json.Object{}.Text("chatId", c.to).Int("loadingSeconds", loading)))
	if !r.Success() && !r.refused() {
		return nil, r.err()
	}
	return &wit.Sent{}, nil
}
