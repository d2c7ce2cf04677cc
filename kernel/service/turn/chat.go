package turn

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// ChatSendParams is what a client says. Fields of protocol 4 for what this gateway does not do (tool
// bindings, provenance, expectations about permissions) are taken without effect.
type ChatSendParams struct {
	SessionKey     string       `json:"sessionKey"`
	AgentID        string       `json:"agentId"`
	SessionID      string       `json:"sessionId"`
	Message        string       `json:"message"`
	Thinking       string       `json:"thinking"`
	Deliver        bool         `json:"deliver"`
	Attachments    []Attachment `json:"attachments"`
	TimeoutMs      int64        `json:"timeoutMs"`
	IdempotencyKey string       `json:"idempotencyKey"`
	// SuppressCommandInterpretation sends a text command to the model.
	SuppressCommandInterpretation bool `json:"suppressCommandInterpretation"`

	OriginatingChannel             string          `json:"originatingChannel"`
	OriginatingTo                  string          `json:"originatingTo"`
	OriginatingAccountID           string          `json:"originatingAccountId"`
	OriginatingThreadID            string          `json:"originatingThreadId"`
	ReplyToID                      string          `json:"replyToId"`
	QueueMode                      string          `json:"queueMode"`
	FastMode                       json.RawMessage `json:"fastMode"`
	FastAutoOnSeconds              int64           `json:"fastAutoOnSeconds"`
	Intent                         json.RawMessage `json:"intent"`
	ToolBindings                   json.RawMessage `json:"toolBindings"`
	SystemInputProvenance          json.RawMessage `json:"systemInputProvenance"`
	SystemProvenanceReceipt        string          `json:"systemProvenanceReceipt"`
	ExpectedLeafEntryID            *string         `json:"expectedLeafEntryId"`
	ExpectedSessionRoutingContract string          `json:"expectedSessionRoutingContract"`
	ExpectedPermissionMode         *string         `json:"expectedPermissionMode"`
	ExpectedToolOverrides          json.RawMessage `json:"expectedToolOverrides"`
}

// Attachment is a file that a client sends along.
type Attachment struct {
	Type       string          `json:"type"`
	MimeType   string          `json:"mimeType"`
	FileName   string          `json:"fileName"`
	Content    json.RawMessage `json:"content"`
	Source     json.RawMessage `json:"source"`
	SizeBytes  float64         `json:"sizeBytes"`
	DurationMs float64         `json:"durationMs"`
	Width      float64         `json:"width"`
	Height     float64         `json:"height"`
}

type chatSendResult struct {
	RunID string `json:"runId"`
	// Status is started for a new run, in_flight for one that was sent before, ok or error for one that
	// has ended.
	Status string `json:"status"`
	// Queued is how many runs of the session go before it.
	Queued  int    `json:"queued,omitempty"`
	Summary string `json:"summary,omitempty"`
}

func (s *Service) chatSend(ctx context.Context, p ChatSendParams) (chatSendResult, error) {
	res := chatSendResult{RunID: p.IdempotencyKey}
	key, err := s.key("chat.send", p.SessionKey, p.AgentID)
	if err != nil {
		return res, err
	}
	if p.IdempotencyKey == "" {
		return res, wit.NewError(wit.CodeInvalid, "invalid chat.send params: must have required property 'idempotencyKey'")
	}
	if p.TimeoutMs < 0 {
		return res, wit.NewError(wit.CodeInvalid, "invalid chat.send params: timeoutMs is not negative")
	}
	r := session.Run{ID: p.IdempotencyKey, Session: key, Text: p.Message, Thinking: p.Thinking, Timeout: p.TimeoutMs}
	if err := s.fill(ctx, &r, "chat.send", p.Attachments); err != nil {
		return res, err
	}
	if !p.SuppressCommandInterpretation {
		r = asCommand(r)
	}
	var to route
	if p.Deliver {
		to = route{last: true, channel: p.OriginatingChannel, to: p.OriginatingTo, account: p.OriginatingAccountID, thread: p.OriginatingThreadID, replyTo: p.ReplyToID}
	}
	run, existed, ahead, err := s.submit(ctx, r, to, "")
	if err != nil {
		return res, err
	}
	res.Queued = ahead
	switch {
	case !existed:
		res.Status = "started"
	case run.State.Live():
		res.Status = "in_flight"
	case run.State == session.RunDone:
		res.Status = "ok"
	default:
		res.Status, res.Summary = "error", failed(run).Error()
	}
	return res, nil
}

// fill checks the text and stores the attachments of a run.
func (s *Service) fill(ctx context.Context, r *session.Run, method string, files []Attachment) error {
	r.Text = strings.ToValidUTF8(r.Text, "\uFFFD")
	if len(r.Text) > maxText {
		return wit.Errorf(wit.CodeTooLarge, "invalid %s params: message has %d bytes, at most %d fit", method, len(r.Text), maxText)
	}
	if strings.TrimSpace(r.Text) == "" && len(files) == 0 {
		return wit.Errorf(wit.CodeInvalid, "invalid %s params: message or attachment required", method)
	}
	if len(files) > 16 {
		return wit.Errorf(wit.CodeTooLarge, "invalid %s params: at most 16 attachments", method)
	}
	for _, a := range files {
		part, err := s.keep(ctx, a)
		if err != nil {
			return wit.Errorf(wit.CodeOf(err), "%s: attachment %.60q: %w", method, a.FileName, err)
		}
		r.Parts = append(r.Parts, part)
	}
	return nil
}

// maxImage is the largest picture that a client may attach, in bytes.
const maxImage = 6 << 20

// keep puts an attached picture into the media store.
func (s *Service) keep(ctx context.Context, a Attachment) (wit.Part, error) {
	var p wit.Part
	if s.Media == nil {
		return p, wit.NewError(wit.CodeUnavailable, "attachments cannot be kept here: send text")
	}
	var content string
	if err := json.Unmarshal(a.Content, &content); err != nil || content == "" {
		return p, wit.NewError(wit.CodeInvalid, "content must be a string in base64")
	}
	mime := a.MimeType
	if head, body, ok := strings.Cut(content, ","); ok && strings.HasPrefix(head, "data:") {
		content = body
		if mime == "" {
			mime, _, _ = strings.Cut(strings.TrimPrefix(head, "data:"), ";")
		}
	}
	if !strings.HasPrefix(mime, "image/") {
		return p, wit.Errorf(wit.CodeInvalid, "only pictures can be attached, not %.60q", mime)
	}
	if base64.StdEncoding.DecodedLen(len(content)) > maxImage+3 {
		return p, wit.Errorf(wit.CodeTooLarge, "a picture may have %d bytes", maxImage)
	}
	data, err := base64.StdEncoding.DecodeString(content)
	if err != nil {
		return p, wit.Errorf(wit.CodeInvalid, "content is not base64: %w", err)
	}
	ref, err := s.Media.Put(ctx, mime, a.FileName, data)
	return wit.Part{Kind: wit.PartKindImage, Media: &ref, Mime: &mime}, err
}

// route is where a client wants the answer delivered. The zero value is nowhere.
type route struct {
	// last is the session's last conversation, where channel and to are empty.
	last                                  bool
	channel, to, account, thread, replyTo string
}

// resolve finds the conversation, nil where there is none.
func (r route) resolve(e session.Entry) *message.Origin {
	switch {
	case !r.last:
		return nil
	case r.to != "" && r.channel != "" && r.channel != "last":
		c := wit.Conversation{Kind: wit.ConversationKindDirect, ID: r.to}
		if r.thread != "" {
			c.Thread = &r.thread
		}
		return &message.Origin{Channel: r.channel, Account: r.account, Conversation: &c, MessageID: r.replyTo}
	case e.Route == nil || r.channel != "" && r.channel != "last" && r.channel != e.Route.Channel:
		return nil
	}
	return e.Route.Room()
}

// submit enqueues a client's run and wakes the service. ahead is how many runs go before a new one.
func (s *Service) submit(ctx context.Context, r session.Run, to route, sessionID string) (run session.Run, existed bool, ahead int, err error) {
	err = s.Store.Update(ctx, func(tx store.Tx) error {
		e, err := session.EnsureAs(tx, r.Session, message.Origin{}, sessionID)
		if err != nil {
			return err
		}
		if ahead, err = session.Count(tx, r.Session); err != nil {
			return err
		}
		r.Reply = to.resolve(e)
		run, existed, err = session.Enqueue(tx, r)
		return err
	})
	if err != nil || existed {
		return run, existed, 0, err
	}
	s.Wake()
	s.Sessions.Changed(r.Session, "run")
	return run, false, ahead, nil
}
