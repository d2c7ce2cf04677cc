package hook

import (
	"slices"

	"github.com/carapace-gateway/carapace/wit"
)

// None is the event of a hook that has only its context.
type None struct{}

// The hooks. Their methods fire them; none of these variables is ever assigned again.
var (
	MessageReceived   = Kind[wit.MessageReceived]{name: wit.HookNameMessageReceived}
	MessageSending    = Kind[wit.MessageSending]{name: wit.HookNameMessageSending, modifies: []string{"text"}, cancels: true}
	MessageSent       = Kind[wit.MessageSent]{name: wit.HookNameMessageSent}
	BeforeAgentStart  = Kind[wit.BeforeAgentStart]{name: wit.HookNameBeforeAgentStart, modifies: []string{"systemPrompt", "prependContext"}}
	AgentEnd          = Kind[wit.AgentEnd]{name: wit.HookNameAgentEnd}
	BeforeToolCall    = Kind[wit.BeforeToolCall]{name: wit.HookNameBeforeToolCall, modifies: []string{"args"}, cancels: true}
	AfterToolCall     = Kind[wit.AfterToolCall]{name: wit.HookNameAfterToolCall}
	ToolResultPersist = Kind[wit.ToolResultPersist]{name: wit.HookNameToolResultPersist, modifies: []string{"result"}}
	SessionStart      = Kind[None]{name: wit.HookNameSessionStart}
	SessionEnd        = Kind[None]{name: wit.HookNameSessionEnd}
	GatewayStart      = Kind[None]{name: wit.HookNameGatewayStart}
	GatewayStop       = Kind[None]{name: wit.HookNameGatewayStop}
)

// Row describes a hook for documentation and for the check of manifests.
type Row struct {
	Name wit.HookName
	// Modifies are the fields of the event that a plugin may give a new value.
	Modifies []string
	Cancels  bool
	// FiredBy is the package that fires it; empty where nothing does yet, so that a plugin that asks
	// for it would never be called and is refused.
	FiredBy string
}

// Table returns a row for each hook of the contract.
func Table() []Row {
	return []Row{
		row(MessageReceived, "agent"),
		row(MessageSending, "delivery"),
		row(MessageSent, "delivery"),
		row(BeforeAgentStart, "agent"),
		row(AgentEnd, "agent"),
		row(BeforeToolCall, "agent"),
		row(AfterToolCall, "agent"),
		row(ToolResultPersist, "agent"),
		row(SessionStart, "agent"),
		row(SessionEnd, "agent"),
		row(GatewayStart, "kernel"),
		row(GatewayStop, "kernel"),
		{Name: wit.HookNameBeforeCompaction},
		{Name: wit.HookNameAfterCompaction},
	}
}

func row[E any](k Kind[E], by string) Row {
	return Row{Name: k.name, Modifies: slices.Clone(k.modifies), Cancels: k.cancels, FiredBy: by}
}

// Fired returns the hooks that are fired. A manifest that asks for another one is to be refused.
func Fired() []wit.HookName {
	var names []wit.HookName
	for _, r := range Table() {
		if r.FiredBy != "" {
			names = append(names, r.Name)
		}
	}
	return names
}
