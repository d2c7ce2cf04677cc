// Package redact is a hook that takes secrets out of messages before they are sent: API keys, bearer
// tokens, private keys, card numbers, and what the owner's own patterns describe.
//
// It reads a text once, from left to right, and looks at no byte more than a constant number of times,
// so no text makes it slow. Where it fails, the message is not sent.
package redact

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/hook"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// Hook has the hook message_sending. The zero value is ready to use.
type Hook struct{}

// New returns the hook.
func New() hook.Hook { return Hook{} }

// Handle changes the message's text when there is something to take out.
func (Hook) Handle(host *sdk.Host, event *wit.HookEvent) (*wit.HookDecision, error) {
	if event.Name != wit.HookNameMessageSending {
		return nil, nil
	}
	var message wit.MessageSending
	if err := wit.Unmarshal(event.Event, &message); err != nil {
		return nil, err
	}
	patterns, err := patternsOf(event.Config)
	if err != nil {
		return nil, err
	}
	text, count := clean(message.Text, patterns)
	if count == 0 {
		return nil, nil
	}
	reason := "secrets taken out: " + strconv.Itoa(count)
	host.Info(reason)
	return &wit.HookDecision{Modify: json.Object{}.Text("text", text).JSON(), Reason: &reason}, nil
}

// maxPatterns bounds what the owner can add, since each costs time for each word.
const maxPatterns = 50

// patternsOf reads the owner's patterns. The error is `invalid`.
func patternsOf(config wit.JSON) ([]string, error) {
	if len(config) == 0 {
		return nil, nil
	}
	value, err := json.Parse(config)
	if err != nil {
		return nil, err
	}
	var patterns []string
	for item := range value.Get("patterns").Items() {
		pattern := item.Text()
		if !usable(pattern) {
			return nil, wit.NewError(wit.CodeInvalid, "redact: pattern "+strconv.Quote(pattern)+" needs four characters besides * and ?, and no spaces")
		}
		if patterns = append(patterns, pattern); len(patterns) > maxPatterns {
			return nil, wit.NewError(wit.CodeInvalid, "redact: there are more than "+strconv.Itoa(maxPatterns)+" patterns")
		}
	}
	return patterns, nil
}
