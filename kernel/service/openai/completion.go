package openai

import (
	"cmp"
	"encoding/json"
	"net/http"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/endpoint"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/wit"
)

// completionRequest is what is asked of /v1/chat/completions. What it does not name is passed over.
type completionRequest struct {
	Model         string        `json:"model"`
	Messages      []chatMessage `json:"messages"`
	Stream        bool          `json:"stream"`
	StreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
	// User says whose session it is; without one the request has its own.
	User                string          `json:"user"`
	Tools               []chatTool      `json:"tools"`
	ToolChoice          json.RawMessage `json:"tool_choice"`
	MaxTokens           *uint32         `json:"max_tokens"`
	MaxCompletionTokens *uint32         `json:"max_completion_tokens"`
	Temperature         *float64        `json:"temperature"`
	ReasoningEffort     string          `json:"reasoning_effort"`
	ResponseFormat      jsonFormat      `json:"response_format"`
	wishes
}

// completion is a whole answer, or with Object chat.completion.chunk a piece of one.
type completion struct {
	ID      string   `json:"id"`
	Object  string   `json:"object"`
	Created int64    `json:"created"`
	Model   string   `json:"model"`
	Choices []choice `json:"choices"`
	Usage   *usage   `json:"usage,omitempty"`
}

type choice struct {
	Index        int      `json:"index"`
	Message      *message `json:"message,omitempty"`
	Delta        *delta   `json:"delta,omitempty"`
	Logprobs     *string  `json:"logprobs"`
	FinishReason *string  `json:"finish_reason"`
}

type message struct {
	Role      string     `json:"role"`
	Content   *string    `json:"content"`
	Refusal   *string    `json:"refusal"`
	ToolCalls []toolCall `json:"tool_calls,omitempty"`
}

type delta struct {
	Role      string     `json:"role,omitempty"`
	Content   *string    `json:"content,omitempty"`
	ToolCalls []toolCall `json:"tool_calls,omitempty"`
}

// usage is tokens as this API counts them: those from caches are among the prompt's.
type usage struct {
	Prompt     uint64 `json:"prompt_tokens"`
	Completion uint64 `json:"completion_tokens"`
	Total      uint64 `json:"total_tokens"`
	Details    struct {
		Cached uint64 `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
}

func usageOf(u wit.Usage) *usage {
	out := &usage{Prompt: u.Input + u.CacheRead + u.CacheWrite, Completion: u.Output}
	out.Total, out.Details.Cached = out.Prompt+out.Completion, u.CacheRead
	return out
}

// completions serves /v1/chat/completions.
func (s *Service) completions(w http.ResponseWriter, r *http.Request) error {
	var q completionRequest
	if err := endpoint.Decode(w, r, &q); err != nil {
		return err
	}
	asked, err := s.asked(r, q)
	if err != nil {
		return err
	}
	head := completion{ID: asked.ID, Created: time.Now().Unix(), Model: cmp.Or(q.Model, clients()[0])}
	if q.Stream {
		return s.stream(w, r, q, asked, head)
	}
	done, err := s.turn(r.Context(), asked, nobody{})
	if err = cmp.Or(err, done.Failure()); err != nil {
		return err
	}
	head.Object, head.Usage = "chat.completion", usageOf(done.Usage)
	said := &message{Role: "assistant", ToolCalls: toolCalls(done.Calls)}
	if done.Answer != "" {
		said.Content = &done.Answer
	}
	head.Choices = []choice{{Message: said, FinishReason: new(finish(done))}}
	endpoint.Write(w, http.StatusOK, head)
	return nil
}

// asked is a request as a run.
func (s *Service) asked(r *http.Request, q completionRequest) (out run.Run, err error) {
	tools, err := functions(q.Tools)
	if err != nil {
		return out, err
	}
	asked := terms(tools, cmp.Or(q.MaxCompletionTokens, q.MaxTokens), q.Temperature)
	if asked.Format, err = q.ResponseFormat.format("response_format"); err != nil {
		return out, err
	}
	if err := q.wishes.fill(asked); err != nil {
		return out, err
	}
	if err := s.address(r, &out, "chatcmpl-", q.Model, q.User); err != nil {
		return out, err
	}
	read := &reader{ctx: r.Context(), media: s.Media}
	said, err := read.conversation(q.Messages)
	if err != nil {
		return out, err
	}
	said.fill(&out, asked)
	if err := s.able(&out, q.User == "" && header(r, "Session-Key") == "", "response_format"); err != nil {
		return out, err
	}
	out.Thinking = effort(q.ReasoningEffort)
	return out, choose(&out, q.ToolChoice)
}

// effort is how much the model is to think, in the gateway's words.
func effort(level string) string {
	if level == "none" {
		return "off"
	}
	return level
}

// finish is the API's word for why an answer ended.
func finish(r run.Run) string {
	switch {
	case len(r.Calls) > 0:
		return "tool_calls"
	case r.Stop == string(wit.StopReasonLength):
		return "length"
	case r.Stop == string(wit.StopReasonRefused):
		return "content_filter"
	}
	return "stop"
}

// toolCalls are calls as the API has them.
func toolCalls(list []wit.ToolCall) (out []toolCall) {
	for _, c := range list {
		out = append(out, toolCall{ID: c.ID, Type: "function", Function: functionCall{c.Name, string(c.Args)}})
	}
	return out
}
