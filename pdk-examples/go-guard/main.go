// Command go-guard is a plugin with three hooks: a gate for tools, one that changes what tools answer, and one that
// looks on.
package main

import (
	"fmt"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/hook"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

type guard struct{}

// Handle is called for each of the hooks that the manifest names.
func (guard) Handle(host *sdk.Host, event *wit.HookEvent) (*wit.HookDecision, error) {
	switch event.Name {
	case wit.HookNameBeforeToolCall:
		return admit(event)
	case wit.HookNameToolResultPersist:
		return mask(event)
	case wit.HookNameAgentEnd:
		return note(host, event)
	}
	return nil, nil
}

// admit refuses calls of the tools that the owner has listed. Should it fail, the call is not made: a hook that may
// cancel is a gate, and a gate that says nothing about failures is shut by one.
func admit(event *wit.HookEvent) (*wit.HookDecision, error) {
	var call wit.BeforeToolCall
	if err := wit.Unmarshal(event.Event, &call); err != nil {
		return nil, err
	}
	config, err := json.Parse(event.Config)
	if err != nil {
		return nil, err
	}
	for name := range config.Get("forbid").Items() {
		if name.Text() == call.Tool {
			reason := "the owner has forbidden the tool " + call.Tool
			return &wit.HookDecision{Cancel: true, Reason: &reason}, nil
		}
	}
	return nil, nil // lets it pass
}

// mask takes keys out of a result, before the model reads it and the history keeps it.
func mask(event *wit.HookEvent) (*wit.HookDecision, error) {
	var kept wit.ToolResultPersist
	if err := wit.Unmarshal(event.Event, &kept); err != nil {
		return nil, err
	}
	text := kept.Result
	for word := range strings.FieldsSeq(kept.Result) {
		if strings.HasPrefix(word, "sk-") {
			text = strings.ReplaceAll(text, word, "[a key]")
		}
	}
	if text == kept.Result {
		return nil, nil
	}
	return &wit.HookDecision{Modify: json.Object{}.Text("result", text).JSON()}, nil
}

// note tells the owner's log of runs that took long. What it answers changes nothing.
func note(host *sdk.Host, event *wit.HookEvent) (*wit.HookDecision, error) {
	var end wit.AgentEnd
	if err := wit.Unmarshal(event.Event, &end); err != nil {
		return nil, err
	}
	if end.Duration > 60_000 {
		host.Warn(fmt.Sprintf("the run %s took %d seconds", event.Context.Run, end.Duration/1000))
	}
	return nil, nil
}

func init() { hook.Register("go-guard", guard{}) }

func main() {}
