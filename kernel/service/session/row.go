package session

import (
	"cmp"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// Defaults is what answers where a session makes no choice of its own.
type Defaults struct {
	ModelProvider string `json:"modelProvider"`
	Model         string `json:"model"`
	// ContextTokens is how many tokens the model reads at most.
	ContextTokens uint32 `json:"contextTokens"`
}

// Name is the full name of the model: see ModelName.
func (d Defaults) Name() string { return ModelName(d.ModelProvider, d.Model) }

// ModelName is provider/model, the provider alone for its default model, and empty where nothing can answer.
func ModelName(provider, model string) string {
	if model == "" {
		return provider
	}
	return provider + "/" + model
}

// Row is a session as sessions.list shows it, with the fields of protocol 3 and the cheap ones of 4.
type Row struct {
	Key Key `json:"key"`
	// SessionID names the history; a reset gives a new one.
	SessionID string `json:"sessionId"`
	Kind      string `json:"kind" rpc:"enum=direct|group"`
	// ChatType is direct, group or channel.
	ChatType    string `json:"chatType"`
	AgentID     string `json:"agentId"`
	IsMain      bool   `json:"isMain,omitempty"`
	Label       string `json:"label,omitempty"`
	DisplayName string `json:"displayName,omitempty"`
	// DerivedTitle is the beginning of the first message.
	DerivedTitle       string     `json:"derivedTitle,omitempty"`
	LastMessagePreview string     `json:"lastMessagePreview,omitempty"`
	Channel            string     `json:"channel,omitempty"`
	Subject            string     `json:"subject,omitempty"`
	Origin             *RowOrigin `json:"origin,omitempty"`
	Marks
	// CreatedAt and UpdatedAt are in Unix milliseconds. LastActivityAt and LastInteractionAt are UpdatedAt.
	CreatedAt         int64 `json:"createdAt"`
	UpdatedAt         int64 `json:"updatedAt"`
	LastActivityAt    int64 `json:"lastActivityAt"`
	LastInteractionAt int64 `json:"lastInteractionAt"`
	// SystemSent says that a run has begun in this history.
	SystemSent     bool   `json:"systemSent"`
	AbortedLastRun bool   `json:"abortedLastRun"`
	ThinkingLevel  string `json:"thinkingLevel,omitempty"`
	TTSAuto        string `json:"ttsAuto,omitempty"`
	VerboseLevel   string `json:"verboseLevel,omitempty"`
	ReasoningLevel string `json:"reasoningLevel,omitempty"`
	ResponseUsage  string `json:"responseUsage,omitempty"`
	SpawnedBy      string `json:"spawnedBy,omitempty"`
	// ParentSessionKey is the session that this one was begun from.
	ParentSessionKey Key `json:"parentSessionKey,omitempty"`
	// InputTokens and OutputTokens are the sums over this history.
	InputTokens  uint64 `json:"inputTokens"`
	OutputTokens uint64 `json:"outputTokens"`
	// TotalTokens is how many the last request and its answer had: what fills the context.
	TotalTokens     uint64    `json:"totalTokens"`
	ModelProvider   string    `json:"modelProvider,omitempty"`
	Model           string    `json:"model,omitempty"`
	ContextTokens   uint32    `json:"contextTokens,omitempty"`
	DeliveryContext *Delivery `json:"deliveryContext,omitempty"`
	// LastChannel is webchat where only clients have spoken.
	LastChannel   string `json:"lastChannel,omitempty"`
	LastTo        string `json:"lastTo,omitempty"`
	LastAccountID string `json:"lastAccountId,omitempty"`
	// HasActiveRun says that one is being answered.
	HasActiveRun bool `json:"hasActiveRun"`
	// Status is running, queued, or how the last run ended: done, failed or killed.
	Status       string `json:"status,omitempty"`
	LastRunID    string `json:"lastRunId,omitempty"`
	LastRunError string `json:"lastRunError,omitempty"`
	// QueuedRuns is how many runs wait behind the running one.
	QueuedRuns int `json:"queuedRuns,omitempty"`
	// RunningRun is the one that is being answered.
	RunningRun string `json:"runningRunId,omitempty"`
}

// RowOrigin says where a session began.
type RowOrigin struct {
	Provider  string `json:"provider,omitempty"`
	Surface   string `json:"surface,omitempty"`
	ChatType  string `json:"chatType,omitempty"`
	From      string `json:"from,omitempty"`
	To        string `json:"to,omitempty"`
	AccountID string `json:"accountId,omitempty"`
	ThreadID  string `json:"threadId,omitempty"`
}

// Delivery is where the session's answers were asked for last.
type Delivery struct {
	Channel   string `json:"channel"`
	To        string `json:"to,omitempty"`
	AccountID string `json:"accountId,omitempty"`
	ThreadID  string `json:"threadId,omitempty"`
}

// row shows an entry; live are the ids of its runs that are not finished.
func (s *Service) row(e Entry, d Defaults, live []string) Row {
	r := Row{
		Key: e.Key, SessionID: e.SessionID, AgentID: e.Key.Agent(), IsMain: s.Settings().IsMain(e.Key),
		Kind: "direct", ChatType: "direct", Label: e.Label, Marks: e.marks(),
		CreatedAt: e.Created, UpdatedAt: e.Updated, LastActivityAt: e.Updated, LastInteractionAt: e.Updated,
		SystemSent: e.Runs > 0, AbortedLastRun: e.LastRunState == RunAborted,
		ThinkingLevel: e.Thinking, TTSAuto: e.Speech, VerboseLevel: e.Verbose, ReasoningLevel: e.Reasoning,
		ResponseUsage: e.ResponseUsage, SpawnedBy: e.SpawnedBy, ParentSessionKey: e.Parent,
		InputTokens: e.Usage.Input, OutputTokens: e.Usage.Output, TotalTokens: e.Context,
		ModelProvider: d.ModelProvider, Model: d.Model, ContextTokens: d.ContextTokens,
		LastRunID: e.LastRun, LastRunError: e.LastRunError, Status: status(e.LastRunState, live),
	}
	if e.Used != "" {
		r.ModelProvider, r.Model = e.Provider, e.Used
	}
	if provider, model, ok := strings.Cut(e.Model, "/"); ok {
		r.ModelProvider, r.Model = provider, model
	}
	r.QueuedRuns = len(live)
	if e.LastRunState == RunRunning && len(live) > 0 {
		r.QueuedRuns, r.RunningRun, r.HasActiveRun = len(live)-1, live[0], true
	}
	r.place(e)
	return r
}

// place fills in where the session is spoken to.
func (r *Row) place(e Entry) {
	if c := e.Origin.Conversation; c != nil {
		if c.Kind != "" {
			r.ChatType = string(c.Kind)
		}
		if c.Kind == wit.ConversationKindGroup || c.Kind == wit.ConversationKindChannel {
			r.Kind = "group"
		}
		if c.Name != nil {
			r.DisplayName, r.Subject = *c.Name, *c.Name
		}
	}
	if o := e.Origin; o.Channel != "" {
		r.Channel = o.Channel
		r.Origin = &RowOrigin{Provider: o.Channel, Surface: o.Channel, ChatType: r.ChatType, AccountID: o.Account}
		if o.Sender != nil {
			r.Origin.From = o.Sender.ID
		}
		if o.Conversation != nil {
			r.Origin.To = o.Conversation.ID
			r.Origin.ThreadID = thread(o.Conversation)
		}
	}
	r.DisplayName = cmp.Or(r.DisplayName, senderName(e.Origin.Sender), e.Label)
	r.LastChannel, r.DeliveryContext = noChannel, &Delivery{Channel: noChannel}
	if o := e.Route; o != nil && o.Conversation != nil {
		r.LastChannel, r.LastTo, r.LastAccountID = o.Channel, o.Conversation.ID, o.Account
		r.DeliveryContext = &Delivery{Channel: o.Channel, To: o.Conversation.ID, AccountID: o.Account, ThreadID: thread(o.Conversation)}
	}
}

// noChannel is how protocol 3 calls the clients of the gateway, where a channel is asked for.
const noChannel = "webchat"

// senderName is the name of whoever began a direct conversation.
func senderName(p *wit.Person) string {
	if p == nil || p.Name == nil {
		return ""
	}
	return *p.Name
}

func thread(c *wit.Conversation) string {
	if c.Thread == nil {
		return ""
	}
	return *c.Thread
}

// status is protocol 4's word for how the session stands.
func status(last RunState, live []string) string {
	if len(live) > 0 {
		if last == RunRunning {
			return "running"
		}
		return "queued"
	}
	switch last {
	case RunAborted:
		return "killed"
	case RunRunning:
		return ""
	}
	return string(last)
}
