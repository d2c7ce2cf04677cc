package chat

import (
	"context"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of chat.history, in messages and in bytes of JSON, about.
const (
	historyLimit = 200
	maxHistory   = 1000
	historyBytes = 6 << 20
)

// HistoryParams asks for a page of a conversation.
type HistoryParams struct {
	SessionKey string `json:"sessionKey" rpc:"required,min=1"`
	PageParams
}

// PageParams ask for a page of a conversation.
type PageParams struct {
	AgentID string `json:"agentId,omitempty" rpc:"min=1"`
	// Limit is how many messages there are, 200 when it is null.
	Limit *int `json:"limit,omitempty" rpc:"min=1,max=1000"`
	// Offset is how many newer ones are passed over.
	Offset int `json:"offset,omitempty" rpc:"min=0"`
	// Cursor asks for what was added since.
	Cursor string `json:"cursor,omitempty" rpc:"min=1"`
	// MaxChars cuts each text.
	MaxChars int `json:"maxChars,omitempty" rpc:"min=1,max=500000"`
	// MaxBytes, and 6 MiB at most, is about how much JSON the messages have together.
	MaxBytes int `json:"maxBytes,omitempty" rpc:"min=1"`
	// SessionID asks for an earlier history of the conversation: one that a reset has ended, or a branch.
	SessionID string `json:"sessionId,omitempty" rpc:"min=1"`
	// Those below are accepted and change nothing.
	PendingBefore int64    `json:"pendingBefore,omitempty" rpc:"min=1"`
	InputRunIDs   []string `json:"inputRunIds,omitempty" rpc:"min=1,max=50"`
	MessageID     string   `json:"messageId,omitempty" rpc:"min=1"`
}

// History is a page of a conversation, oldest message first.
type History struct {
	SessionKey    session.Key `json:"sessionKey,omitempty"`
	SessionID     string      `json:"sessionId,omitempty"`
	Messages      []Message   `json:"messages"`
	ThinkingLevel string      `json:"thinkingLevel,omitempty"`
	VerboseLevel  string      `json:"verboseLevel,omitempty"`
	HasMore       bool        `json:"hasMore"`
	NextOffset    int         `json:"nextOffset,omitempty"`
	TotalMessages uint64      `json:"totalMessages"`
	// DeltaCursor asks for what follows this page's newest message.
	DeltaCursor   string            `json:"deltaCursor,omitempty"`
	PendingInputs *PendingInputs    `json:"pendingInputs,omitempty"`
	SessionInfo   *session.Row      `json:"sessionInfo,omitempty"`
	InFlightRun   *InFlight         `json:"inFlightRun,omitempty"`
	Defaults      *session.Defaults `json:"defaults,omitempty"`
	// Metadata is there in the answer of chat.startup, and Resolution too where a conversation was named by a short id.
	Metadata   *Metadata   `json:"metadata,omitempty"`
	Resolution *Resolution `json:"resolution,omitempty"`
}

// HistoryDelta answers a cursor of an earlier answer: what was added since.
type HistoryDelta struct {
	Kind          string         `json:"kind"` // delta
	Messages      []Message      `json:"messages"`
	DeltaCursor   string         `json:"deltaCursor"`
	SessionInfo   *session.Row   `json:"sessionInfo"`
	PendingInputs *PendingInputs `json:"pendingInputs,omitempty"`
	InFlightRun   *InFlight      `json:"inFlightRun,omitempty"`
}

// HistoryReset answers a cursor into what is not the history any more.
type HistoryReset struct {
	Kind string `json:"kind"` // reset
}

// PendingInputs are what was said and waits; Items are the first 20 of Total.
type PendingInputs struct {
	Items []PendingInput `json:"items"`
	Total int            `json:"total"`
}

// PendingInput is a message that waits for its run.
type PendingInput struct {
	ID         string  `json:"id"`
	RunID      string  `json:"runId"`
	Message    Message `json:"message"`
	AcceptedAt int64   `json:"acceptedAt"`
	State      string  `json:"state"`
}

// InFlight is the run that is being answered.
type InFlight struct {
	RunID     string `json:"runId"`
	StartedAt int64  `json:"startedAt"`
}

// historyBasis is what a page is made of.
func (s *Service) historyBasis(ctx context.Context, p HistoryParams) (any, bool) {
	key, err := s.sessions.Settings().ParseKey(p.SessionKey, p.AgentID)
	b := pageBasis{s.sessions.Basis(s.models.Defaults(ctx)), s.settings().ThinkingOf(key.Agent()), 0}
	if s.links != nil {
		b.window = s.links.Window()
	}
	return b, err == nil && p.SessionID == "" // earlier histories are given up without a change of the session
}

type pageBasis struct {
	sessions session.Basis
	thinking string
	window   int64 // of the links
}

// history answers a History, or with a cursor a HistoryDelta or a HistoryReset.
// The page, the queue and the running run are of one moment, as they are read in one transaction; what SessionInfo
// adds is of a moment later. A session that does not exist has an empty history, and a cursor into it is reset.
func (s *Service) history(ctx context.Context, p HistoryParams) (any, error) {
	key, err := s.key("chat.history", p.SessionKey, p.AgentID)
	if err != nil {
		return nil, err
	}
	limit := historyLimit
	if p.Limit != nil {
		limit = *p.Limit
	}
	defaults := s.models.Defaults(ctx)
	res := History{SessionKey: key, Messages: []Message{}, ThinkingLevel: s.settings().ThinkingOf(key.Agent()), Defaults: &defaults}
	if res.ThinkingLevel == "" {
		res.ThinkingLevel = "off"
	}
	reset := false
	err = s.store.View(ctx, func(tx store.Tx) (err error) {
		reset, err = s.readHistory(tx, &res, p, limit)
		return err
	})
	if err != nil || reset {
		return HistoryReset{"reset"}, err
	}
	if res.SessionID != "" {
		if row, err := s.sessions.Describe(ctx, key, defaults); err == nil {
			res.SessionInfo = &row
		}
	}
	if c := rpc.CallerOf(ctx); c == nil || c.Protocol < 4 {
		res.SessionKey = session.Key(p.SessionKey) // its clients compare it with what they wrote
	}
	if p.Cursor != "" {
		return HistoryDelta{"delta", res.Messages, res.DeltaCursor, res.SessionInfo, res.PendingInputs, res.InFlightRun}, nil
	}
	return res, nil
}

// readHistory fills the page in; reset says that the cursor leads nowhere.
// A cursor is the id of the session's history and the number of a message. It leads nowhere once the session was
// reset, or when more was added than fits a page: the client reads the pages anew then.
func (s *Service) readHistory(tx store.Tx, res *History, p HistoryParams, limit int) (reset bool, err error) {
	e, err := s.sessions.Lookup(tx, res.SessionKey)
	if wit.CodeOf(err) == wit.CodeNotFound && p.SessionID == "" {
		return p.Cursor != "", nil
	}
	if err == nil || wit.CodeOf(err) == wit.CodeNotFound {
		e, err = chosen(tx, e, res.SessionKey, p.SessionID)
	}
	if err != nil {
		return false, err
	}
	res.SessionID, res.TotalMessages, res.VerboseLevel = e.SessionID, e.Last, e.Verbose
	if e.Thinking != "" {
		res.ThinkingLevel = e.Thinking
	}
	var messages []session.Message
	if p.Cursor != "" {
		id, after, ok := session.ParseMessageID(p.Cursor)
		if !ok || id != e.SessionID || after > e.Last || e.Last-after > maxHistory {
			return true, nil
		}
		if messages, err = s.sessions.After(tx, e.SessionID, after, maxHistory); err != nil {
			return false, err
		}
	} else if messages, err = s.sessions.Newest(tx, e.SessionID, min(p.Offset, 1<<30), limit, nil); err != nil {
		return false, err
	}
	res.DeltaCursor = session.MessageID(e.SessionID, e.Last)
	res.fit(s.links, e.SessionID, messages, p)
	if older := p.Offset + len(res.Messages); p.Cursor == "" && uint64(older) < e.Last {
		res.HasMore, res.NextOffset = true, older
	}
	return false, res.pending(tx)
}

// chosen is the history that a page is of: the present one, or an earlier one by its id. Errors: CodeInvalid for one that the
// conversation does not have.
func chosen(tx store.Tx, now session.Entry, key session.Key, id string) (session.Entry, error) {
	if id == "" || id == now.SessionID {
		return now, nil
	}
	now.Key = key // also of one that was deleted
	earlier, err := session.Earlier(tx, now)
	i := slices.IndexFunc(earlier, func(e session.Entry) bool { return e.SessionID == id })
	if err == nil && i < 0 {
		err = wit.Errorf(wit.CodeInvalid, "sessionId does not belong to sessionKey: %.64q is no history of %s", id, key)
	}
	if err != nil {
		return now, err
	}
	return earlier[i], nil
}

// fit takes the newest messages that are within the page's bytes together.
// One message is taken whatever its size, or a client could never page past it.
func (h *History) fit(links Links, sessionID string, messages []session.Message, p HistoryParams) {
	left := historyBytes
	if p.MaxBytes > 0 {
		left = min(left, p.MaxBytes)
	}
	for i := len(messages) - 1; i >= 0; i-- {
		m := shown(links, sessionID, messages[i], p.MaxChars)
		if left -= m.size(); left < 0 && len(h.Messages) > 0 {
			break
		}
		h.Messages = append(h.Messages, m)
	}
	slices.Reverse(h.Messages)
}

// maxPending is how many of the waiting messages are shown.
const maxPending = 20

// pending tells what runs and what waits.
// One more than is shown is read, because the one that runs is among them and is no input that waits.
func (h *History) pending(tx store.Tx) error {
	live, total, err := run.Queue(tx, h.SessionKey, maxPending+1)
	if err != nil {
		return err
	}
	h.PendingInputs = &PendingInputs{Items: []PendingInput{}, Total: total}
	for _, r := range live {
		if r.State == run.Running {
			h.InFlightRun = &InFlight{r.ID, r.Started}
			h.PendingInputs.Total--
		} else if len(h.PendingInputs.Items) < maxPending {
			h.PendingInputs.Items = append(h.PendingInputs.Items, PendingInput{
				ID: r.ID, RunID: r.ID, AcceptedAt: r.Queued, State: "queued",
				Message: Message{Role: "user", Content: []Content{{Type: "text", Text: r.Text}}, Timestamp: r.Queued, RunID: r.ID, IdempotencyKey: userKey(r.ID)},
			})
		}
	}
	return nil
}
