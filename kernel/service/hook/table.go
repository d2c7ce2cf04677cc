package hook

import "github.com/carapace-gateway/carapace/wit"

// None is the event of a hook that has only its context.
type None struct{}

// The hooks. Their methods fire them; none of these variables is ever assigned again.
var (
	MessageReceived   = Kind[wit.MessageReceived]{wit.HookNameMessageReceived}
	MessageSending    = Kind[wit.MessageSending]{wit.HookNameMessageSending}
	MessageSent       = Kind[wit.MessageSent]{wit.HookNameMessageSent}
	BeforeAgentStart  = Kind[wit.BeforeAgentStart]{wit.HookNameBeforeAgentStart}
	AgentEnd          = Kind[wit.AgentEnd]{wit.HookNameAgentEnd}
	BeforeToolCall    = Kind[wit.BeforeToolCall]{wit.HookNameBeforeToolCall}
	AfterToolCall     = Kind[wit.AfterToolCall]{wit.HookNameAfterToolCall}
	ToolResultPersist = Kind[wit.ToolResultPersist]{wit.HookNameToolResultPersist}
	SessionStart      = Kind[None]{wit.HookNameSessionStart}
	SessionEnd        = Kind[None]{wit.HookNameSessionEnd}
	GatewayStart      = Kind[None]{wit.HookNameGatewayStart}
	GatewayStop       = Kind[None]{wit.HookNameGatewayStop}
)

// Row says who fires a hook.
type Row struct {
	Name wit.HookName
	// FiredBy is the package that fires it; empty where nothing does yet, so that a plugin that asks
	// for it would never be called and is refused.
	FiredBy string
}

// Table returns a row for each hook of the contract.
func Table() []Row {
	return []Row{
		{MessageReceived.name, "agent"},
		{MessageSending.name, "delivery"},
		{MessageSent.name, "delivery"},
		{BeforeAgentStart.name, "agent"},
		{AgentEnd.name, "agent"},
		{BeforeToolCall.name, "agent"},
		{AfterToolCall.name, "agent"},
		{ToolResultPersist.name, "agent"},
		{SessionStart.name, "agent"},
		{SessionEnd.name, "agent"},
		{GatewayStart.name, "kernel"},
		{GatewayStop.name, "kernel"},
		{Name: wit.HookNameBeforeCompaction},
		{Name: wit.HookNameAfterCompaction},
	}
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
