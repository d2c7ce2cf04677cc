package chattest

import (
	"encoding/json"
	"io"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// Say is an answer of these words.
func Say(words ...string) *wit.ProviderAnswer {
	stop := wit.StopReasonEnd
	a := &wit.ProviderAnswer{Stop: &stop, Usage: &wit.Usage{Input: 10, Output: 2}}
	for _, w := range words {
		a.Deltas = append(a.Deltas, wit.Delta{Kind: wit.DeltaKindText, Text: w})
	}
	return a
}

// Ask is an answer that asks for tools.
func Ask(calls ...wit.ToolCall) *wit.ProviderAnswer {
	stop := wit.StopReasonToolCalls
	return &wit.ProviderAnswer{ToolCalls: calls, Stop: &stop, Usage: &wit.Usage{Input: 5, Output: 1}}
}

// Call is a tool call.
func Call(id, name, args string) wit.ToolCall {
	return wit.ToolCall{ID: id, Name: name, Args: wit.JSON(args)}
}

// TextOf joins the texts of parts.
func TextOf(parts []wit.Part) string { return session.Message{Parts: parts}.Text() }

// LastUser is what the user said last.
func LastUser(c *wit.Chat) string {
	for i := len(c.Turns) - 1; i >= 0; i-- {
		if c.Turns[i].Role == wit.RoleUser {
			return TextOf(c.Turns[i].Content)
		}
	}
	return ""
}

// Results returns the texts of the tool turns at the end of a chat.
func Results(c *wit.Chat) (out []string) {
	for i := len(c.Turns) - 1; i >= 0 && c.Turns[i].Role == wit.RoleTool; i-- {
		out = append([]string{TextOf(c.Turns[i].Content)}, out...)
	}
	return out
}

// SSE makes a body of events, one per answer, that ends after them.
func SSE(answers ...*wit.ProviderAnswer) io.ReadCloser {
	var b strings.Builder
	for _, a := range answers {
		raw, _ := json.Marshal(a)
		b.WriteString("event: piece\ndata: " + string(raw) + "\n\n")
	}
	b.WriteString("data: [DONE]\n\n")
	return io.NopCloser(strings.NewReader(b.String()))
}

// Script makes the model give these answers, one for each request.
func Script(w *World, answers ...*wit.ProviderAnswer) {
	n := 0
	w.Model.Set(func(*wit.Chat) *wit.ProviderAnswer {
		n++
		return answers[min(n, len(answers))-1]
	})
}
