package hook

import "github.com/carapace-gateway/carapace/wit"

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
	BeforeCompaction  = Kind[wit.BeforeCompaction]{wit.HookNameBeforeCompaction}
	AfterCompaction   = Kind[wit.AfterCompaction]{wit.HookNameAfterCompaction}
	SessionStart      = Kind[wit.SessionStart]{wit.HookNameSessionStart}
	SessionEnd        = Kind[wit.SessionEnd]{wit.HookNameSessionEnd}
	GatewayStart      = Kind[wit.GatewayStart]{wit.HookNameGatewayStart}
	GatewayStop       = Kind[wit.GatewayStop]{wit.HookNameGatewayStop}
)

// Fired returns the hooks that are fired. A manifest that asks for another one is to be refused: its plugin would never
// be called.
func Fired() []wit.HookName {
	return []wit.HookName{
		MessageReceived.name, MessageSending.name, MessageSent.name, BeforeAgentStart.name, AgentEnd.name, BeforeToolCall.name,
		AfterToolCall.name, ToolResultPersist.name, BeforeCompaction.name, AfterCompaction.name, SessionStart.name, SessionEnd.name,
		GatewayStart.name, GatewayStop.name,
	}
}
