package delivery

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/delivery/text"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Actor is a channel plugin's way to what was sent already. Its operations are those of the channel's facts.
type Actor interface {
	Facts() *wit.ChannelFacts
	// Each may block on the world until ctx ends; implementations fill in the configuration.
	Edit(ctx context.Context, e *wit.ChannelEdit) (*wit.Sent, error)
	Delete(ctx context.Context, d *wit.ChannelDelete) (*wit.Sent, error)
	React(ctx context.Context, x *wit.ChannelReaction) (*wit.Sent, error)
	Poll(ctx context.Context, p *wit.ChannelPoll) (*wit.Sent, error)
}

// actTimeout is how long a platform may take for an action.
const actTimeout = 30 * time.Second

// actionMethods are what clients do besides sending: message.action and poll. But for send nothing of it is queued: the client
// waits for the platform, and hears what has failed.
type actionMethods struct {
	send   *sendMethod
	actors func(channel string) (Actor, bool)
}

// methods lists the rows.
func (m *actionMethods) methods() []rpc.Method {
	return []rpc.Method{
		rpc.New("message.action", wire.ScopeWrite, m.act).Fails(wire.ForeignErrors()...).Emits("message.delivered", "message.failed").
			Doc("Sends a message, edits, deletes or reacts to one, or asks a poll, as the channel can."),
		rpc.New("poll", wire.ScopeAdmin, m.ask).In4(wire.ScopeWrite).Fails(wire.ForeignErrors()...).
			Doc("Asks a poll in a conversation, where the channel has polls."),
	}
}

// ActionParams say what is to be done on a channel.
type ActionParams struct {
	Channel string `json:"channel" rpc:"required,min=1,max=128"`
	Action  string `json:"action" rpc:"required,enum=send|edit|delete|unsend|react|poll"`
	// Params belong to the action. To or target names the conversation. send takes message, media, replyTo, threadId and silent;
	// edit messageId and message; delete and unsend messageId; react messageId, emoji and remove; poll pollQuestion, pollOption and pollMulti.
	Params    json.RawMessage `json:"params" rpc:"required"`
	AccountID string          `json:"accountId,omitempty" rpc:"max=128"`
	AgentID   string          `json:"agentId,omitempty" rpc:"min=1,max=128"`
	// SessionKey only shows in events and lists.
	SessionKey string `json:"sessionKey,omitempty" rpc:"max=512"`
	// IdempotencyKey is the client's choice: the same key twice is one message.
	IdempotencyKey string `json:"idempotencyKey" rpc:"required,min=1,max=512"`
	// Those below are accepted and change nothing.
	Reply                  json.RawMessage `json:"reply,omitempty"`
	RequesterAccountID     string          `json:"requesterAccountId,omitempty"`
	RequesterSenderID      string          `json:"requesterSenderId,omitempty"`
	SenderIsOwner          bool            `json:"senderIsOwner,omitempty"`
	SessionID              string          `json:"sessionId,omitempty"`
	InboundTurnKind        string          `json:"inboundTurnKind,omitempty" rpc:"enum=user_request|room_event"`
	ToolContext            json.RawMessage `json:"toolContext,omitempty"`
	ConversationReadOrigin string          `json:"conversationReadOrigin,omitempty" rpc:"enum=direct-operator"`
}

// ActionResult says what became of it.
type ActionResult struct {
	OK      bool   `json:"ok"`
	Action  string `json:"action" rpc:"enum=send|edit|delete|unsend|react|poll"`
	Channel string `json:"channel"`
	To      string `json:"to"`
	// MessageID is the platform's, empty until a message is sent.
	MessageID  string   `json:"messageId,omitempty"`
	MessageIDs []string `json:"messageIds,omitempty"`
	// Status is a sent message's: sent, queued (it is tried further) or held (the owner has to decide).
	Status     State  `json:"status,omitempty" rpc:"enum=sent|queued|held"`
	DeliveryID string `json:"deliveryId,omitempty"`
}

// arguments are an action's own parameters, as clients name them; others are passed over.
type arguments struct {
	To           label    `json:"to"`
	Target       label    `json:"target"`
	Message      string   `json:"message"`
	Media        string   `json:"media"`
	ReplyTo      label    `json:"replyTo"`
	ThreadID     label    `json:"threadId"`
	Silent       bool     `json:"silent"`
	MessageID    label    `json:"messageId"`
	Emoji        string   `json:"emoji"`
	Remove       bool     `json:"remove"`
	PollQuestion string   `json:"pollQuestion"`
	PollOption   []string `json:"pollOption"`
	PollMulti    bool     `json:"pollMulti"`
}

// label is a platform's id, which some write as a number.
type label string

// UnmarshalJSON implements json.Unmarshaler.
func (l *label) UnmarshalJSON(b []byte) error {
	var n json.Number
	if json.Unmarshal(b, (*string)(l)) == nil {
		return nil
	}
	err := json.Unmarshal(b, &n)
	*l = label(n)
	return err
}

// Bounds of what an action says, in bytes.
const (
	maxAct   = 1 << 20
	maxLabel = 1024
)

// argumentsOf reads them, and has the conversation in To.
func argumentsOf(raw json.RawMessage) (a arguments, err error) {
	if len(raw) > maxAct {
		return a, wit.Errorf(wit.CodeTooLarge, "invalid message.action params: at /params: must have at most %d bytes", maxAct)
	}
	if err := json.Unmarshal(raw, &a); err != nil {
		return a, wit.Errorf(wit.CodeInvalid, "invalid message.action params: at /params: %w", err)
	}
	a.To = cmp.Or(a.To, a.Target)
	for name, id := range map[string]label{"to": a.To, "messageId": a.MessageID, "replyTo": a.ReplyTo, "threadId": a.ThreadID} {
		if len(id) > maxLabel {
			return a, wit.Errorf(wit.CodeInvalid, "invalid message.action params: at /params/%s: must have at most %d bytes", name, maxLabel)
		}
	}
	if a.To == "" {
		return a, wit.NewError(wit.CodeInvalid, "invalid message.action params: at /params: name the conversation, as to")
	}
	return a, nil
}

// act does what a client wants done.
func (m *actionMethods) act(ctx context.Context, in ActionParams) (ActionResult, error) {
	a, err := argumentsOf(in.Params)
	if err != nil {
		return ActionResult{}, err
	}
	out := ActionResult{OK: true, Action: in.Action, Channel: in.Channel, To: string(a.To)}
	if in.Action == "send" {
		sent, err := m.send.send(ctx, SendParams{
			To: out.To, Message: a.Message, MediaURL: a.Media, Channel: in.Channel, AccountID: in.AccountID, AgentID: in.AgentID,
			ReplyToID: string(a.ReplyTo), ThreadID: string(a.ThreadID), Silent: a.Silent, SessionKey: in.SessionKey, IdempotencyKey: in.IdempotencyKey,
		})
		out.MessageID, out.MessageIDs, out.Status, out.DeliveryID = sent.MessageID, sent.MessageIDs, sent.Status, sent.DeliveryID
		return out, err
	}
	if err := m.send.answers(in.SessionKey, in.AgentID); err != nil {
		return out, err
	}
	t, err := m.target(ctx, in.Channel, in.AccountID, out.To, string(a.ThreadID))
	if err != nil {
		return out, err
	}
	out.MessageID = string(a.MessageID)
	ids, err := t.do(ctx, in, a)
	if len(ids) > 0 {
		out.MessageID, out.MessageIDs = ids[0], ids
	}
	return out, err
}

// target is a conversation with the plugin that acts there.
type target struct {
	actor   Actor
	account message.Account
	to      wit.Conversation
	link    Link
}

// target finds it. Errors: CodeInvalid for a channel that there is not, CodeUnavailable while nothing can be done there.
func (m *actionMethods) target(ctx context.Context, channel, account, to, thread string) (t target, err error) {
	if t.account, err = m.send.accounts.Account(channel, account); err != nil {
		return t, wit.Errorf(wit.CodeInvalid, "%w", err)
	}
	if t.to, err = m.send.address(ctx, t.account, to, thread); err != nil {
		return t, err
	}
	if err := m.send.accounts.Ready(channel, t.account.ID); err != nil {
		return t, wit.Errorf(wit.CodeUnavailable, "%w", err)
	}
	actor, ok := m.actors(channel)
	if !ok {
		return t, wit.Errorf(wit.CodeUnavailable, "the plugin of channel %s cannot be called now: look at plugins.status", channel)
	}
	t.actor = actor
	t.link, err = m.send.accounts.Link(channel, t.account.ID)
	return t, err
}

// do has the plugin act on a message, or ask a poll, and returns the ids of what it sent.
func (t target) do(ctx context.Context, in ActionParams, a arguments) ([]string, error) {
	if in.Action == "poll" {
		n := 1
		if a.PollMulti {
			n = len(a.PollOption)
		}
		return t.poll(ctx, wit.ChannelPoll{Question: a.PollQuestion, Options: a.PollOption, MaxSelections: uint32(n), IdempotencyKey: "action:" + in.IdempotencyKey})
	}
	id := string(a.MessageID)
	if id == "" {
		return nil, wit.Errorf(wit.CodeInvalid, "invalid message.action params: at /params: %s needs the messageId", in.Action)
	}
	switch in.Action {
	case "react":
		if a.Emoji == "" && !a.Remove {
			return nil, wit.NewError(wit.CodeInvalid, "invalid message.action params: at /params: react needs an emoji, or remove")
		}
		if a.Remove {
			a.Emoji = ""
		}
		return t.asked(ctx, "react", func(ctx context.Context, state wit.JSON) (*wit.Sent, error) {
			return t.actor.React(ctx, &wit.ChannelReaction{Account: t.account.ID, To: t.to, ID: id, Emoji: a.Emoji, State: state})
		})
	case "edit":
		if strings.TrimSpace(a.Message) == "" {
			return nil, wit.NewError(wit.CodeInvalid, "invalid message.action params: at /params: edit needs the new message")
		}
		plain, formatted := text.Shown(text.Shaped(a.Message, t.actor.Facts()), t.actor.Facts())
		return t.asked(ctx, "edit", func(ctx context.Context, state wit.JSON) (*wit.Sent, error) {
			return t.actor.Edit(ctx, &wit.ChannelEdit{Account: t.account.ID, To: t.to, ID: id, Text: plain, Formatted: formatted, State: state})
		})
	}
	return t.asked(ctx, "delete", func(ctx context.Context, state wit.JSON) (*wit.Sent, error) {
		return t.actor.Delete(ctx, &wit.ChannelDelete{Account: t.account.ID, To: t.to, ID: id, State: state})
	})
}

// asked calls an operation of the plugin, and writes the frames that it answers with.
func (t target) asked(ctx context.Context, operation string, call func(context.Context, wit.JSON) (*wit.Sent, error)) ([]string, error) {
	if !slices.Contains(t.actor.Facts().Operations, operation) {
		return nil, wit.Errorf(wit.CodeInvalid, "channel %s cannot %s", t.account.Channel, operation)
	}
	ctx, cancel := context.WithTimeout(ctx, actTimeout)
	defer cancel()
	state, err := t.link.State(ctx)
	if err != nil {
		return nil, err
	}
	sent, err := call(ctx, state)
	if err != nil || sent == nil {
		return nil, err
	}
	if len(sent.Frames) > 0 {
		if _, err := t.link.Write(ctx, sent.Frames); err != nil {
			return nil, err
		}
	}
	return sent.IDs, nil
}

// poll asks a poll.
func (t target) poll(ctx context.Context, p wit.ChannelPoll) ([]string, error) {
	const least, most = 2, 12
	if p.Question == "" || len(p.Options) < least || len(p.Options) > most || int(p.MaxSelections) > len(p.Options) {
		return nil, wit.Errorf(wit.CodeInvalid, "a poll needs a question, %d to %d options, and no more selections than options", least, most)
	}
	return t.asked(ctx, "poll", func(ctx context.Context, state wit.JSON) (*wit.Sent, error) {
		p.Account, p.To, p.State = t.account.ID, t.to, state
		return t.actor.Poll(ctx, &p)
	})
}

// PollParams are a poll.
type PollParams struct {
	// To is as of send.
	To       string   `json:"to" rpc:"required,min=1,max=1024"`
	Question string   `json:"question" rpc:"required,min=1,max=1024"`
	Options  []string `json:"options" rpc:"required,max=12"`
	// MaxSelections is 1 when left out.
	MaxSelections int `json:"maxSelections,omitempty" rpc:"min=1,max=12"`
	// Channel may be left out where only one is in use.
	Channel        string `json:"channel,omitempty" rpc:"max=128"`
	AccountID      string `json:"accountId,omitempty" rpc:"max=128"`
	ThreadID       string `json:"threadId,omitempty" rpc:"max=1024"`
	IdempotencyKey string `json:"idempotencyKey" rpc:"required,min=1,max=512"`
	// Those below are accepted and change nothing.
	DurationSeconds int  `json:"durationSeconds,omitempty" rpc:"min=1,max=604800"`
	DurationHours   int  `json:"durationHours,omitempty" rpc:"min=1"`
	Silent          bool `json:"silent,omitempty"`
	IsAnonymous     bool `json:"isAnonymous,omitempty"`
}

// PollResult says where a poll is.
type PollResult struct {
	// RunID is the idempotencyKey.
	RunID     string `json:"runId"`
	MessageID string `json:"messageId"`
	Channel   string `json:"channel"`
}

func (m *actionMethods) ask(ctx context.Context, in PollParams) (PollResult, error) {
	out := PollResult{RunID: in.IdempotencyKey, Channel: in.Channel}
	if out.Channel == "" {
		only, ok := m.send.accounts.Default()
		if !ok {
			return out, wit.NewError(wit.CodeInvalid, "invalid poll params: name the channel, there is none in use or more than one")
		}
		out.Channel = only
	}
	t, err := m.target(ctx, out.Channel, in.AccountID, in.To, in.ThreadID)
	if err != nil {
		return out, err
	}
	ids, err := t.poll(ctx, wit.ChannelPoll{Question: in.Question, Options: in.Options, MaxSelections: uint32(cmp.Or(in.MaxSelections, 1)), IdempotencyKey: "poll:" + in.IdempotencyKey})
	if len(ids) > 0 {
		out.MessageID = ids[0]
	}
	return out, err
}
