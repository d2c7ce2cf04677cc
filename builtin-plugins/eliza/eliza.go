// Package eliza is a model provider that needs no network: a conversational program in the manner of
// Joseph Weizenbaum's ELIZA of 1966, which turns what it is told into questions.
//
// It lets a new gateway answer before any key is set, and it is what tests talk to, so it is exact: the
// same conversation always gets the same answer. It keeps no memory of its own; what an ELIZA
// remembers it works out again from the turns of the chat.
//
// Sums and questions about the time it leaves to the tools calc and time, when the chat offers them.
package eliza

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/provider"
	"github.com/carapace-gateway/carapace/wit"
)

// Provider answers without a request. The zero value is ready to use.
type Provider struct{}

// New returns the provider.
func New() Provider { return Provider{} }

var (
	_ provider.Provider = Provider{}
	_ provider.Lister   = Provider{}
)

// Request answers the chat's last turn at once.
func (Provider) Request(_ *sdk.Host, chat *wit.Chat) (*wit.ProviderPlan, error) {
	answer := &wit.ProviderAnswer{Stop: new(wit.StopReasonEnd)}
	if call := toolFor(chat); call != nil {
		answer.ToolCalls = []wit.ToolCall{*call}
		answer.Stop = new(wit.StopReasonToolCalls)
	} else {
		answer.Deltas = deltas(reply(chat))
	}
	answer.Usage = usage(chat, answer)
	return &wit.ProviderPlan{Answer: answer}, nil
}

// Chunk has nothing to read: no request was made.
func (Provider) Chunk(*sdk.Host, *wit.ProviderChunk) (*wit.ProviderAnswer, error) {
	return nil, wit.NewError(wit.CodeInvalid, "eliza makes no requests, so there is no response to read")
}

// Models lists the one there is.
func (Provider) Models(*sdk.Host, *wit.ModelsQuery) (*wit.ModelsAnswer, error) {
	return &wit.ModelsAnswer{Models: []wit.Model{{
		ID: "eliza", Name: "ELIZA", ContextWindow: 8192, MaxOutput: 256, Tools: true,
	}}}, nil
}

// reply is what there is to say after the last turn.
func reply(chat *wit.Chat) string {
	if last := lastTurn(chat); last != nil && last.Role == wit.RoleTool {
		return afterTool(chat, last)
	}
	return talk(chat)
}

// rememberedTurns bounds how much of a long chat is gone through again.
const rememberedTurns = 200

// talk goes through the person's side of the chat from the start, since what ELIZA says next depends
// on what it has said and kept before, and returns the last reply.
func talk(chat *wit.Chat) string {
	doctor := newDoctor()
	said := ""
	turns := chat.Turns[max(0, len(chat.Turns)-rememberedTurns):]
	for i := range turns {
		if turns[i].Role == wit.RoleUser {
			said = doctor.reply(addressed(textOf(&turns[i])))
		}
	}
	if said == "" {
		return doctor.reply("")
	}
	return said
}

// lastTurn is nil in an empty chat.
func lastTurn(chat *wit.Chat) *wit.ChatTurn {
	if len(chat.Turns) == 0 {
		return nil
	}
	return &chat.Turns[len(chat.Turns)-1]
}

// textOf joins the text of a turn's parts.
func textOf(turn *wit.ChatTurn) string {
	var parts []string
	for _, part := range turn.Content {
		if part.Text != nil {
			parts = append(parts, *part.Text)
		}
	}
	return strings.Join(parts, " ")
}

// addressed returns what a person says to the assistant itself: without what the gateway puts before it
// in brackets (who speaks, what was said in a group, what is replied to), and without the assistant's
// @name.
func addressed(text string) string {
	for _, note := range []struct{ begin, end string }{{"[from ", "]"}, {"[said before ", "\n]\n"}, {"[in reply to ", "]\n"}} {
		if strings.HasPrefix(text, note.begin) {
			if _, rest, ok := strings.Cut(text, note.end); ok {
				text = strings.TrimSpace(rest)
			}
		}
	}
	if name, rest, ok := strings.Cut(text, " "); ok && strings.HasPrefix(name, "@") && strings.TrimSpace(rest) != "" {
		return strings.TrimSpace(rest)
	}
	return text
}

// wordsPerDelta is how much of an answer comes at a time.
const wordsPerDelta = 3

// deltas cuts a text where a person who writes would pause. Put together they are the text again.
func deltas(text string) []wit.Delta {
	var list []wit.Delta
	start, words := 0, 0
	for i, c := range text {
		if c != ' ' {
			continue
		}
		if words++; words%wordsPerDelta == 0 {
			list = append(list, wit.Delta{Kind: wit.DeltaKindText, Text: text[start:i]})
			start = i
		}
	}
	return append(list, wit.Delta{Kind: wit.DeltaKindText, Text: text[start:]})
}

// usage counts words, which are what an ELIZA reads and writes.
func usage(chat *wit.Chat, answer *wit.ProviderAnswer) *wit.Usage {
	count := len(strings.Fields(chat.System))
	for i := range chat.Turns {
		count += len(strings.Fields(textOf(&chat.Turns[i])))
	}
	var said strings.Builder
	for _, delta := range answer.Deltas {
		said.WriteString(delta.Text)
	}
	for _, call := range answer.ToolCalls {
		said.Write(call.Args)
	}
	return &wit.Usage{Input: uint64(count), Output: uint64(len(strings.Fields(said.String())))}
}
