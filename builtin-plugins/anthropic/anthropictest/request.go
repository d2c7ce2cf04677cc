package anthropictest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// request is what of a request is looked at.
type request struct {
	Model         string
	MaxTokens     *int `json:"max_tokens"`
	Stream        bool
	System        content
	Messages      []message
	Tools         []json.RawMessage
	ToolChoice    *struct{ Type, Name string } `json:"tool_choice"`
	Temperature   *float64
	StopSequences []string `json:"stop_sequences"`
	Thinking      struct {
		Type    string
		Budget  int `json:"budget_tokens"`
		Binding *struct {
			Mismatch string `json:"prefix_mismatch_behavior"`
		} `json:"block_binding"`
	}
	OutputConfig *struct {
		Effort string
		Format *struct {
			Type   string
			Schema json.RawMessage
		}
	} `json:"output_config"`
}

type message struct {
	Role    string
	Content content
}

// content is a list of blocks, or a text, which is one.
type content []block

type block struct {
	Type, Text, Thinking, Signature, Data, ID, Name string
	Input                                           json.RawMessage
	ToolUseID                                       string `json:"tool_use_id"`
	Content                                         content
	Source                                          *struct {
		Type, Data, URL string
		MediaType       string `json:"media_type"`
	}
	CacheControl *struct{ Type, TTL string } `json:"cache_control"`

	raw string // without its mark
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *content) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*c = content{{Type: "text", Text: text, raw: text}}
		return nil
	}
	return json.Unmarshal(data, (*[]block)(c))
}

// UnmarshalJSON implements json.Unmarshaler.
func (b *block) UnmarshalJSON(data []byte) error {
	type fields block
	if err := json.Unmarshal(data, (*fields)(b)); err != nil {
		return err
	}
	b.raw = unmarked(data)
	return nil
}

// unmarked is a block in one way of writing, without its mark for the cache.
func unmarked(data []byte) string {
	var fields map[string]any
	if json.Unmarshal(data, &fields) != nil {
		return string(data)
	}
	delete(fields, "cache_control")
	text, _ := json.Marshal(fields) // it was JSON before
	return string(text)
}

// check refuses what the API would.
func (s *Server) check(q *request, betas []string) (*Model, *apiError) {
	i := slices.IndexFunc(s.models, func(m Model) bool { return m.ID == q.Model })
	if i < 0 {
		return nil, &apiError{404, "not_found_error", "model: " + q.Model}
	}
	m := &s.models[i]
	switch {
	case q.MaxTokens == nil:
		return nil, invalid("max_tokens: Field required")
	case *q.MaxTokens < 1 || *q.MaxTokens > m.Output:
		return nil, invalid(fmt.Sprintf("max_tokens: %d > %d, which is the maximum allowed number of output tokens for %s", *q.MaxTokens, m.Output, m.ID))
	case len(q.Messages) == 0:
		return nil, invalid("messages: at least one message is required")
	}
	for _, check := range []func() *apiError{
		func() *apiError { return q.checkThinking(m, betas) }, func() *apiError { return q.checkParameters(m) },
		q.checkMessages, q.checkTools, q.checkMarks, func() *apiError { return q.checkSignatures(m) },
	} {
		if e := check(); e != nil {
			return nil, e
		}
	}
	return m, nil
}

func (q *request) checkThinking(m *Model, betas []string) *apiError {
	t := q.Thinking
	switch {
	case t.Type == "":
		return nil
	case !slices.Contains(m.Thinking, t.Type):
		return invalid(fmt.Sprintf("%q is not supported for this model.", "thinking.type."+t.Type))
	case t.Type == "enabled" && t.Budget < 1024:
		return invalid("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
	case t.Type == "enabled" && t.Budget >= *q.MaxTokens:
		return invalid("`max_tokens` must be greater than `thinking.budget_tokens`")
	case t.Binding != nil && !strings.Contains(strings.Join(betas, ","), "thinking-binding-controls-2026-08-01"):
		return invalid("thinking.block_binding: Extra inputs are not permitted")
	case t.Type != "disabled" && q.ToolChoice != nil && (q.ToolChoice.Type == "any" || q.ToolChoice.Type == "tool"):
		return invalid("Thinking may not be enabled when tool_choice forces tool use.")
	case t.Type != "disabled" && q.Temperature != nil && *q.Temperature != 1:
		return invalid("`temperature` may only be set to 1 when thinking is enabled.")
	}
	return nil
}

func (q *request) checkParameters(m *Model) *apiError {
	switch {
	case q.Temperature != nil && !m.Samples:
		return invalid("temperature: is not supported for this model")
	case q.Temperature != nil && (*q.Temperature < 0 || *q.Temperature > 1):
		return invalid("temperature: range: 0..1")
	case q.ToolChoice != nil && !m.Forced && q.ToolChoice.Type != "auto" && q.ToolChoice.Type != "none":
		return invalid("tool_choice: forced tool use is not supported for this model")
	case slices.ContainsFunc(q.StopSequences, func(s string) bool { return strings.TrimSpace(s) == "" }):
		return invalid("stop_sequences: each stop sequence must contain non-whitespace")
	case q.OutputConfig != nil && q.OutputConfig.Format != nil && (!m.Formats || q.OutputConfig.Format.Type != "json_schema"):
		return invalid("output_config.format: is not supported for this model")
	case q.OutputConfig != nil && q.OutputConfig.Effort != "" && m.Thinking == nil:
		return invalid("output_config.effort: is not supported for this model")
	}
	return nil
}

// checkMessages: texts are not blank, the user begins and ends, and what is shown is of a known type.
func (q *request) checkMessages() *apiError {
	if q.Messages[0].Role != "user" {
		return invalid("messages: first message must use the \"user\" role")
	}
	if q.Messages[len(q.Messages)-1].Role != "user" {
		return invalid("This model does not support assistant message prefill. The conversation must end with a user message.")
	}
	for i, m := range q.Messages {
		if m.Role != "user" && m.Role != "assistant" {
			return invalid(fmt.Sprintf("messages.%d.role: Input should be 'user' or 'assistant'", i))
		}
		if len(m.Content) == 0 {
			return invalid(fmt.Sprintf("messages.%d: all messages must have non-empty content", i))
		}
		if e := checkBlocks(m.Content, fmt.Sprintf("messages.%d.content", i)); e != nil {
			return e
		}
	}
	return nil
}

func checkBlocks(list content, path string) *apiError {
	for i := range list {
		b := &list[i]
		at := fmt.Sprintf("%s.%d", path, i)
		switch b.Type {
		case "text":
			if strings.TrimSpace(b.Text) == "" {
				return invalid(at + ": text content blocks must contain non-whitespace text")
			}
		case "image", "document":
			if b.Source == nil || !slices.Contains([]string{"base64 image/jpeg", "base64 image/png", "base64 image/gif", "base64 image/webp", "base64 application/pdf", "url "}, b.Source.Type+" "+b.Source.MediaType) {
				return invalid(at + ".source: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'")
			}
		case "tool_use":
			if !strings.HasPrefix(string(b.Input), "{") || !legal(b.ID, 64) || !legal(b.Name, 128) {
				return invalid(at + ".input: Input should be a valid dictionary")
			}
		case "tool_result":
			if len(b.Content) == 1 && b.Content[0].Type == "text" {
				continue // an empty text is no result, which is one
			}
			if e := checkBlocks(b.Content, at+".content"); e != nil {
				return e
			}
		case "thinking", "redacted_thinking":
		default:
			return invalid(at + ": Input tag '" + b.Type + "' found using 'type' does not match any of the expected tags")
		}
	}
	return nil
}

// legal reports whether a name has letters, digits, _ and - only.
func legal(name string, most int) bool {
	return name != "" && len(name) <= most && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == ""
}

// checkTools: all calls have their results at once, at the beginning of the next message, and ids of their own.
func (q *request) checkTools() *apiError {
	seen, open := map[string]bool{}, map[string]bool{}
	for i, m := range q.Messages {
		for j, b := range m.Content {
			switch {
			case b.Type == "tool_result" && !open[b.ToolUseID]:
				return invalid(fmt.Sprintf("messages.%d.content.%d: unexpected `tool_use_id` found in `tool_result` blocks: %s", i, j, b.ToolUseID))
			case b.Type == "tool_result":
				delete(open, b.ToolUseID)
			case len(open) > 0 && m.Role == "user":
				return invalid(fmt.Sprintf("messages.%d: `tool_use` ids were found without `tool_result` blocks immediately after", i))
			case b.Type == "tool_use" && seen[b.ID]:
				return invalid(fmt.Sprintf("messages.%d.content.%d: `tool_use` ids must be unique", i, j))
			case b.Type == "tool_use":
				seen[b.ID], open[b.ID] = true, true
			}
		}
		if len(open) > 0 && m.Role == "user" {
			return invalid(fmt.Sprintf("messages.%d: `tool_use` ids were found without `tool_result` blocks immediately after", i))
		}
	}
	for i, raw := range q.Tools {
		var t struct {
			Name   string
			Schema struct{ Type string } `json:"input_schema"`
		}
		if json.Unmarshal(raw, &t) != nil || !legal(t.Name, 128) || t.Schema.Type != "object" {
			return invalid(fmt.Sprintf("tools.%d.custom.input_schema.type: Field required", i))
		}
	}
	return nil
}
