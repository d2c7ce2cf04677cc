package eliza

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// The tools that are called, by the names that their plugins give them.
const (
	calcTool = "calc"
	timeTool = "time"
)

// toolFor returns the tool call that answers the last message best, nil when there is none or when the
// chat does not offer the tool.
func toolFor(chat *wit.Chat) *wit.ToolCall {
	last := lastTurn(chat)
	if last == nil || last.Role != wit.RoleUser {
		return nil
	}
	message := addressed(textOf(last))
	id := "call_" + strconv.Itoa(len(chat.Turns))
	if sum := expression(message); sum != "" && offers(chat, calcTool) {
		return &wit.ToolCall{ID: id, Name: calcTool, Args: json.Object{}.Text("expression", sum).JSON()}
	}
	if place, ok := clock(message); ok && offers(chat, timeTool) {
		args := json.Object{}
		if place != "" {
			args = args.Text("zone", place)
		}
		return &wit.ToolCall{ID: id, Name: timeTool, Args: args.JSON()}
	}
	return nil
}

// offers reports whether the chat lets the model call a tool.
func offers(chat *wit.Chat, tool string) bool {
	for i := range chat.Tools {
		if chat.Tools[i].Name == tool {
			return true
		}
	}
	return false
}

// afterTool says what a tool found.
func afterTool(chat *wit.Chat, result *wit.ChatTurn) string {
	found := strings.TrimSpace(textOf(result))
	call := callOf(chat, result)
	switch {
	case found == "":
		return "I tried, but nothing came back."
	case call == nil || call.Name != calcTool:
		return found
	case !strings.ContainsAny(found[:1], "-0123456789"):
		return "I could not work that out: " + found
	}
	args, _ := json.Parse(call.Args) // without arguments the sum is simply not named
	if sum := args.Get("expression").Text(); sum != "" {
		return sum + " is " + found + "."
	}
	return "It is " + found + "."
}

// callOf finds the call that a tool's turn answers, nil when the chat does not hold it.
func callOf(chat *wit.Chat, result *wit.ChatTurn) *wit.ToolCall {
	if result.ToolCallID == nil {
		return nil
	}
	for i := len(chat.Turns) - 1; i >= 0; i-- {
		for j := range chat.Turns[i].ToolCalls {
			if call := &chat.Turns[i].ToolCalls[j]; call.ID == *result.ToolCallID {
				return call
			}
		}
	}
	return nil
}

// clock recognises a question about the time or the date, and returns the place it is about.
func clock(message string) (place string, ok bool) {
	message = strings.ReplaceAll(message, "’", "'")
	folded := strings.ToLower(message)
	if len(folded) != len(message) { // places are the same in both
		message = folded
	}
	for _, question := range []string{
		"what time is it", "what's the time", "what is the time", "what day is it", "what's the date",
		"what is the date", "what date is it", "what is today's date", "tell me the time", "current time",
	} {
		at := strings.Index(folded, question)
		if at < 0 {
			continue
		}
		return placeIn(message[at+len(question):]), true
	}
	return "", false
}

// placeIn takes the name after "in" up to the sentence's end.
func placeIn(rest string) string {
	words := strings.Fields(rest)
	for len(words) > 0 && isOneOf(strings.ToLower(words[0]), "now right currently today") {
		words = words[1:]
	}
	if len(words) < 2 || strings.ToLower(words[0]) != "in" {
		return ""
	}
	place := strings.Join(words[1:], " ")
	if end := strings.IndexAny(place, "?!,;"); end >= 0 {
		place = place[:end]
	}
	return strings.TrimRight(place, " .")
}
