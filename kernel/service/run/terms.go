package run

import (
	"slices"

	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// Terms are what a client asks of a run beside its question. They are kept until the run has ended.
type Terms struct {
	// Before is what was said before, as the client has it. It begins the history of a session that has none yet.
	Before []session.Message `json:"before,omitempty"`
	// Since is what the client adds to the history before its question, such as the results of its tools. With it a run
	// may do without a question.
	Since []session.Message `json:"since,omitempty"`
	// Functions are the client's own tools. They win over the gateway's of the same name. When the model calls one, the
	// run ends, and the calls are the client's to make.
	Functions []wit.ToolSpec `json:"functions,omitempty"`
	// MaxTokens bounds an answer of the model, 0 leaves it to the settings. Temperature is the provider's choice when nil.
	MaxTokens   uint32   `json:"maxTokens,omitempty"`
	Temperature *float64 `json:"temperature,omitempty"`
	// Format is what the last answer has to be, Stop ends an answer, and Seed makes answers alike: for providers that heed it.
	Format *wit.AnswerFormat `json:"format,omitempty"`
	Stop   []string          `json:"stop,omitempty"`
	Seed   *int64            `json:"seed,omitempty"`
}

// Function reports whether a name is that of a tool of the client's own.
func (t *Terms) Function(name string) bool {
	return t != nil && slices.ContainsFunc(t.Functions, func(f wit.ToolSpec) bool { return f.Name == name })
}

// Asks reports whether the run has a question of its own, which it lacks where its client only adds to the history.
func (r Run) Asks() bool {
	return r.Text != "" || len(r.Parts)+len(r.Attachments) > 0 || r.Terms == nil || len(r.Terms.Since) == 0
}
