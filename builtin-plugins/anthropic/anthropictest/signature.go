package anthropictest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// A signature says that thinking came from here, and what stood before it.

// sign signs thinking that was made after all of a request.
func (q *request) sign(thinking string) string {
	return "sig-" + digest("thinking "+thinking) + "-" + q.before(len(q.Messages))
}

// before is what stands before a message, in short.
func (q *request) before(n int) string {
	var all strings.Builder
	for _, t := range q.Tools {
		all.WriteString(unmarked(t) + "\n")
	}
	for _, b := range q.System {
		all.WriteString(b.raw + "\n")
	}
	for _, m := range q.Messages[:n] {
		for _, b := range m.Content {
			all.WriteString(m.Role + " " + b.raw + "\n")
		}
	}
	return digest(all.String())
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// checkSignatures: thinking comes back as it was, with calls of tools it has to, and for some models only after what stood
// before it.
func (q *request) checkSignatures(model *Model) *apiError {
	drop := q.Thinking.Binding != nil && q.Thinking.Binding.Mismatch == "drop_block"
	for i, m := range q.Messages {
		for j, b := range m.Content {
			if b.Type != "thinking" {
				continue
			}
			at := fmt.Sprintf("messages.%d.content.%d: Invalid `signature` in `thinking` block", i, j)
			rest, ok := strings.CutPrefix(b.Signature, "sig-"+digest("thinking "+b.Thinking)+"-")
			switch {
			case !ok:
				return invalid(at)
			case model.Bound && rest != q.before(i) && !drop:
				return invalid(at + ". The block is bound to a different conversation.")
			}
		}
	}
	if q.Thinking.Type != "enabled" {
		return nil
	}
	for i := len(q.Messages) - 1; i > 0 && q.Messages[i].Content[0].Type == "tool_result"; i -= 2 {
		if kind := q.Messages[i-1].Content[0].Type; kind != "thinking" && kind != "redacted_thinking" {
			return invalid(fmt.Sprintf("messages.%d.content.0.type: Expected `thinking` or `redacted_thinking`, but found `%s`", i-1, kind))
		}
	}
	return nil
}
