package session

import "slices"

// Scope says which direct messages share a conversation.
type Scope string

const (
	// ScopeOwner is the main conversation for the owner, and ScopePerChannelPeer for everybody else: the default.
	ScopeOwner Scope = ""
	// ScopeMain is one conversation for all of them: whoever may write reads and steers it.
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
	// Owners are the owner's own accounts on chat platforms, each as channel:id.
	Owners []string
}

// IsOwner reports whether a person of a channel, by the platform's id, is the owner. Nobody is without an id.
func (s Settings) IsOwner(channel, person string) bool {
	return person != "" && slices.Contains(s.Owners, channel+":"+person)
}
