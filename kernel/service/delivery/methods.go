package delivery

import (
	"context"
	"encoding/base64"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// sendWait is how long a client waits for the outcome before it hears that the message is queued.
const sendWait = 10 * time.Second

// Methods lists the service's rows.
func (s *Service) Methods() []rpc.Method {
	return []rpc.Method{
		rpc.New("send", wire.ScopeWrite, s.sendMethod).Doc("Sends a message through a channel and waits at most ten seconds for the outcome."),
		rpc.New("delivery.list", wire.ScopeRead, s.list).Doc("Lists outgoing messages: those that are not over, the oldest first, or those of one state."),
		rpc.New("delivery.release", wire.ScopeAdmin, s.release).Doc("Sends a held message after all."),
		rpc.New("delivery.drop", wire.ScopeAdmin, s.drop).Doc("Takes a message that is not over out of the queue."),
	}
}

// SendParams is the union of what clients of both protocols send.
type SendParams struct {
	// To is the conversation's id, behind an optional channel: of the plugin's name and an optional user:,
	// group: or channel:, and before an optional :topic:thread.
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
	AgentID   string `json:"agentId,omitempty" rpc:"max=128"`
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

// ListParams select outgoing messages.
type ListParams struct {
	Channel string `json:"channel,omitempty" rpc:"max=128"`
	// State of sent, failed or cancelled gives the newest first; without one all that is not over comes.
	State State `json:"state,omitempty" rpc:"enum=queued|held|sent|failed|cancelled"`
	// Limit is 100 when left out.
	Limit int `json:"limit,omitempty" rpc:"min=1,max=1000"`
}

// ListResult is a list of outgoing messages.
type ListResult struct {
	Messages []Row `json:"messages"`
}

// Row is an outgoing message. Times are Unix milliseconds.
type Row struct {
	ID         string `json:"id"`
	State      State  `json:"state" rpc:"enum=queued|held|sent|failed|cancelled"`
	Channel    string `json:"channel"`
	AccountID  string `json:"accountId"`
	To         string `json:"to"`
	RunID      string `json:"runId,omitempty"`
	SessionKey string `json:"sessionKey,omitempty"`
	// Pieces is in how many the message is cut, SentPieces how many of them have arrived, as IDs.
	Pieces     int      `json:"pieces"`
	SentPieces int      `json:"sentPieces"`
	IDs        []string `json:"ids,omitempty"`
	Attempts   int      `json:"attempts,omitempty"`
	// NextAt is when it is tried again.
	NextAt    int64      `json:"nextAt,omitempty"`
	CreatedAt int64      `json:"createdAt"`
	DoneAt    int64      `json:"doneAt,omitempty"`
	Error     *wit.Error `json:"error,omitempty"`
	// Waiting says why nothing is tried now.
	Waiting string `json:"waiting,omitempty"`
}

// IDParams name a message by the id of delivery.list.
type IDParams struct {
	ID string `json:"id" rpc:"required,min=1,max=1024"`
}

// IDResult names the message that was changed.
type IDResult struct {
	OK bool   `json:"ok"`
	ID string `json:"id"`
}

// sendMethod enqueues a client's message and waits a while for what becomes of it.
func (s *Service) sendMethod(ctx context.Context, in SendParams) (SendResult, error) {
	o, err := s.compose(ctx, in)
	if err != nil {
		return SendResult{}, err
	}
	w := make(chan outcome, 1)
	s.mu.Lock()
	s.waiters[o.ID] = append(s.waiters[o.ID], w)
	s.mu.Unlock()
	defer s.forget(o.ID, w)
	var r record
	err = s.Store.Update(ctx, func(tx store.Tx) error {
		if err := s.Queue.Enqueue(tx, o); err != nil {
			return err
		}
		_, r, err = lookup(tx, o.ID)
		return err
	})
	if err != nil {
		return SendResult{}, err
	}
	s.Queue.Wake()
	out := outcome{r.State, r.ids(), r.Error}
	if r.State == StateQueued {
		ctx, cancel := context.WithTimeout(ctx, sendWait)
		defer cancel()
		select {
		case out = <-w:
		case <-ctx.Done():
		}
	}
	res := SendResult{RunID: in.IdempotencyKey, Channel: o.Channel, Status: out.state, DeliveryID: o.ID, MessageIDs: out.ids}
	if len(out.ids) > 0 {
		res.MessageID = out.ids[0]
	}
	if out.state == StateFailed || out.state == StateCancelled {
		e := out.err
		if e == nil {
			e = wit.NewError(wit.CodeInternal, "the message was not sent")
		}
		return res, wit.Errorf(e.Code, "the message was not sent: %w", e)
	}
	return res, nil
}

func (s *Service) forget(id string, w chan outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiters[id] = slices.DeleteFunc(s.waiters[id], func(c chan outcome) bool { return c == w })
	if len(s.waiters[id]) == 0 {
		delete(s.waiters, id)
	}
}

// compose makes the message that the parameters describe.
func (s *Service) compose(ctx context.Context, in SendParams) (message.Outbound, error) {
	name := in.Channel
	if name == "" || name == "last" {
		only, ok := s.Accounts.Default()
		if !ok {
			return message.Outbound{}, wit.NewError(wit.CodeInvalid, "invalid send params: name the channel, there is none in use or more than one")
		}
		name = only
	}
	account, err := s.Accounts.Account(name, in.AccountID)
	if err != nil {
		return message.Outbound{}, wit.Errorf(wit.CodeInvalid, "%w", err)
	}
	files, err := s.attachments(ctx, in)
	if err != nil {
		return message.Outbound{}, err
	}
	return message.Outbound{ID: "send:" + in.IdempotencyKey, Channel: name, Account: account.ID, To: Address(name, in.To, in.ThreadID),
		Text: in.Message, Attachments: files, ReplyTo: in.ReplyToID, Silent: in.Silent, SessionKey: in.SessionKey,
		RunID: in.IdempotencyKey, Agent: in.AgentID}, nil
}

// Address reads a conversation as clients write it: an id, behind an optional `channel:` of the plugin's
// name, an optional `user:`, `group:` or `channel:`, and before an optional `:topic:thread`.
func Address(channel, to, thread string) wit.Conversation {
	to = strings.TrimPrefix(to, channel+":")
	c := wit.Conversation{Kind: wit.ConversationKindDirect, ID: to}
	for prefix, kind := range map[string]wit.ConversationKind{"user:": wit.ConversationKindDirect, "direct:": wit.ConversationKindDirect,
		"group:": wit.ConversationKindGroup, "channel:": wit.ConversationKindChannel} {
		if id, ok := strings.CutPrefix(to, prefix); ok && id != "" {
			c.Kind, c.ID = kind, id
			break
		}
	}
	if id, topic, ok := strings.Cut(c.ID, ":topic:"); ok && id != "" && topic != "" {
		c.ID, c.Thread = id, &topic
	}
	if thread != "" {
		c.Thread = &thread
	}
	return c
}

func (s *Service) attachments(ctx context.Context, in SendParams) ([]wit.Attachment, error) {
	var files []wit.Attachment
	for _, u := range append([]string{in.MediaURL}, in.MediaURLs...) {
		if u == "" {
			continue
		}
		if !strings.HasPrefix(u, "https://") && !strings.HasPrefix(u, "http://") {
			return nil, wit.Errorf(wit.CodeInvalid, "invalid send params: mediaUrl must begin with https:// or http://")
		}
		name := path.Base(strings.SplitN(u, "?", 2)[0])
		files = append(files, wit.Attachment{Kind: kindOf(in, "", name), Fetch: &wit.HTTPRequest{URL: u}, Name: &name})
	}
	if in.Buffer == "" {
		return files, nil
	}
	data, err := base64.StdEncoding.DecodeString(in.Buffer)
	if err != nil {
		return nil, wit.NewError(wit.CodeInvalid, "invalid send params: buffer must be base64")
	}
	if s.Media == nil {
		return nil, wit.NewError(wit.CodeUnavailable, "this gateway keeps no files")
	}
	id, err := s.Media.Put(ctx, in.ContentType, in.Filename, data)
	if err != nil {
		return nil, err
	}
	size, name, mime := int64(len(data)), in.Filename, in.ContentType
	return append(files, wit.Attachment{Kind: kindOf(in, mime, name), Media: &id, Name: &name, Mime: &mime, Size: &size}), nil
}

// kindOf tells by a type or a name what kind of file it is.
func kindOf(in SendParams, mime, name string) wit.AttachmentKind {
	if in.AsVoice {
		return wit.AttachmentKindVoice
	}
	if in.ForceDocument {
		return wit.AttachmentKindDocument
	}
	major, _, _ := strings.Cut(mime, "/")
	if major == "" {
		major = map[string]string{".png": "image", ".jpg": "image", ".jpeg": "image", ".gif": "image", ".webp": "image",
			".mp3": "audio", ".ogg": "audio", ".wav": "audio", ".m4a": "audio", ".mp4": "video", ".webm": "video", ".mov": "video"}[strings.ToLower(path.Ext(name))]
	}
	switch major {
	case "image":
		return wit.AttachmentKindImage
	case "audio":
		return wit.AttachmentKindAudio
	case "video":
		return wit.AttachmentKindVideo
	}
	return wit.AttachmentKindDocument
}
