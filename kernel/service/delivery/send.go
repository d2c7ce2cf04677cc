package delivery

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// sendWait is how long a client waits for the outcome before it hears that the message is queued.
const sendWait = 10 * time.Second

// sendMethod is how clients send: the method send. It enqueues as everybody does and has no way of its own
// to the platform.
type sendMethod struct {
	store    store.Store
	queue    *Queue
	accounts Accounts
	media    Media // nil where no files are kept
	answers  func(sessionKey, agent string) error
	resolve  Resolver // nil where every name is an id
	waiters  *waiters
}

// method is its row.
func (m *sendMethod) method() rpc.Method {
	return rpc.New("send", wire.ScopeWrite, m.send).Fails(wire.ForeignErrors()...).Emits("message.delivered", "message.failed").
		Doc("Sends a message through a channel and waits at most ten seconds for the outcome.")
}

// SendParams is the union of what clients of both protocols send.
type SendParams struct {
	// To is the conversation's id, behind an optional channel: of the plugin's name and an optional user:,
	// group: or channel:, and before an optional :topic:thread. Without user:, group: or channel: it may also be a name or a
	// @username that only one has.
	To      string `json:"to" rpc:"required,min=1,max=1024"`
	Message string `json:"message,omitempty" rpc:"max=1000000"`
	// MediaURL and MediaURLs are files on the web, http or https.
	MediaURL  string   `json:"mediaUrl,omitempty" rpc:"max=8192"`
	MediaURLs []string `json:"mediaUrls,omitempty" rpc:"max=10"`
	// Buffer is a file in base64, with its filename and contentType.
	Buffer      string `json:"buffer,omitempty"`
	Filename    string `json:"filename,omitempty" rpc:"max=255"`
	ContentType string `json:"contentType,omitempty" rpc:"max=255"`
	// AsVoice sends the file as a voice message, ForceDocument as a plain file.
	AsVoice       bool `json:"asVoice,omitempty"`
	ForceDocument bool `json:"forceDocument,omitempty"`
	// Channel may be left out, or last, where only one is in use.
	Channel   string `json:"channel,omitempty" rpc:"max=128"`
	AccountID string `json:"accountId,omitempty" rpc:"max=128"`
	AgentID   string `json:"agentId,omitempty" rpc:"min=1,max=128"`
	ReplyToID string `json:"replyToId,omitempty" rpc:"max=1024"`
	ThreadID  string `json:"threadId,omitempty" rpc:"max=1024"`
	Silent    bool   `json:"silent,omitempty"`
	// SessionKey only shows in events and lists.
	SessionKey string `json:"sessionKey,omitempty" rpc:"max=512"`
	// IdempotencyKey is the client's choice: the same key twice is one message.
	IdempotencyKey string `json:"idempotencyKey" rpc:"required,min=1,max=512"`
	// GifPlayback and ParseMode are accepted and change nothing.
	GifPlayback bool   `json:"gifPlayback,omitempty"`
	ParseMode   string `json:"parseMode,omitempty" rpc:"enum=HTML"`
}

// SendResult says where a message is.
type SendResult struct {
	// RunID is the idempotencyKey.
	RunID string `json:"runId"`
	// MessageID is the platform's, of the first piece, and empty until that is sent.
	MessageID  string   `json:"messageId"`
	MessageIDs []string `json:"messageIds,omitempty"`
	Channel    string   `json:"channel"`
	// Status is sent, queued (it is tried further) or held (the owner has to decide).
	Status     State  `json:"status" rpc:"enum=sent|queued|held"`
	DeliveryID string `json:"deliveryId"`
}

// send enqueues a client's message and waits a while for what becomes of it. A key that is known already gets
// the outcome of its message.
func (m *sendMethod) send(ctx context.Context, in SendParams) (SendResult, error) {
	o, err := m.compose(ctx, in)
	if err != nil {
		return SendResult{}, err
	}
	told, remove := m.waiters.add(o.ID)
	defer remove()
	out, err := m.enqueue(ctx, o)
	if err != nil {
		return SendResult{}, err
	}
	if out.state == StateQueued {
		ctx, cancel := context.WithTimeout(ctx, sendWait)
		defer cancel()
		select {
		case out = <-told:
		case <-ctx.Done(): // it stays queued, and the client is told so
		}
	}
	return result(in, o, out)
}

// enqueue commits a message and returns what is known of it: queued, unless its id was there already.
func (m *sendMethod) enqueue(ctx context.Context, o message.Outbound) (outcome, error) {
	var e entry
	err := m.store.Update(ctx, func(tx store.Tx) (err error) {
		if err := m.queue.Enqueue(tx, o); err != nil {
			return err
		}
		e, err = lookup(tx, o.ID)
		rpc.Yield(ctx) // its place in the queue is taken
		return err
	})
	if err != nil {
		return outcome{}, err
	}
	m.queue.Wake()
	return outcome{e.State, e.ids(), e.Error}, nil
}

// result says to the client where its message is. A failure has the code of its cause.
func result(in SendParams, o message.Outbound, out outcome) (SendResult, error) {
	res := SendResult{RunID: in.IdempotencyKey, Channel: o.Channel, Status: out.state, DeliveryID: o.ID, MessageIDs: out.ids}
	if len(out.ids) > 0 {
		res.MessageID = out.ids[0]
	}
	if out.state == StateFailed || out.state == StateCancelled {
		return res, wit.Errorf(out.err.Code, "the message was not sent: %w", out.err)
	}
	return res, nil
}

// compose makes the message that the parameters describe. Its id has a prefix, so that no client's key is
// taken for a message of the gateway.
func (m *sendMethod) compose(ctx context.Context, in SendParams) (message.Outbound, error) {
	if err := m.answers(in.SessionKey, in.AgentID); err != nil {
		return message.Outbound{}, err
	}
	name := in.Channel
	if name == "" || name == "last" {
		only, ok := m.accounts.Default()
		if !ok {
			return message.Outbound{}, wit.NewError(wit.CodeInvalid, "invalid send params: name the channel, there is none in use or more than one")
		}
		name = only
	}
	account, err := m.accounts.Account(name, in.AccountID)
	if err != nil {
		return message.Outbound{}, wit.Errorf(wit.CodeInvalid, "%w", err)
	}
	to, err := m.address(ctx, account, in.To, in.ThreadID)
	if err != nil {
		return message.Outbound{}, err
	}
	files, err := attachments(ctx, m.media, in)
	if err != nil {
		return message.Outbound{}, err
	}
	return message.Outbound{
		ID: "send:" + in.IdempotencyKey, Channel: name, Account: account.ID, To: to,
		Text: in.Message, Attachments: files, ReplyTo: in.ReplyToID, Silent: in.Silent, SessionKey: in.SessionKey,
		RunID: in.IdempotencyKey, Agent: in.AgentID,
	}, nil
}
