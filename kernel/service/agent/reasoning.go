package agent

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
)

// reasoningBytes is how much of what a model thought is shown in a chat.
const reasoningBytes = 3000

// showsReasoning reports whether a session's chats are shown what the model thought. Clients of the protocol get it anyway, as events.
func showsReasoning(e session.Entry) bool { return e.Reasoning == "on" || e.Reasoning == "stream" }

// withReasoning is an answer below what the model thought before it.
func withReasoning(thoughts []string, answer string) string {
	thought := strings.TrimSpace(strings.Join(thoughts, "\n\n"))
	if thought == "" || answer == "" {
		return answer
	}
	var b strings.Builder
	for line := range strings.Lines(message.Clip(thought, reasoningBytes)) {
		b.WriteString("> " + strings.TrimRight(line, "\n") + "\n")
	}
	return b.String() + "\n" + answer
}

// chooseReasoning shows whether a session's chats are shown what the model thought, or changes it.
func chooseReasoning(a *run.Active, mode string) (string, func(*session.Entry), error) {
	switch mode = strings.ToLower(mode); {
	case mode == "":
		e, err := entryOf(a)
		now := "off"
		if showsReasoning(e) {
			now = "on"
		}
		return "Reasoning is " + now + ". Choose with /reasoning on or off.", nil, err
	case mode == "off":
		return "I keep what I think to myself now.", func(e *session.Entry) { e.Reasoning = "" }, nil
	case slices.Contains([]string{"on", "stream"}, mode):
		return "I say what I thought above my answers now, where the model tells it. Such answers are not spoken.", func(e *session.Entry) { e.Reasoning = "on" }, nil
	}
	return "I do not know that. There are on and off.", nil, nil
}
