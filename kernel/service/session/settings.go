package session

// Scope says which direct messages share a conversation.
type Scope string

const (
	// ScopeMain is one conversation for all of them: the default.
	ScopeMain Scope = "main"
	// ScopePerPeer is one for each person, whatever the channel.
	ScopePerPeer Scope = "per-peer"
	// ScopePerChannelPeer is one for each person on each channel.
	ScopePerChannelPeer Scope = "per-channel-peer"
)

// Settings is the owner's part of how keys are made. The zero value works: agent main, conversation main.
type Settings struct {
	DefaultAgent string
	MainKey      string
	DMScope      Scope
}
