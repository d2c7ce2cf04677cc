package session

import (
	"cmp"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// Scope says which direct messages share a conversation.
type Scope string

const (
	// ScopeOwner is the main conversation for the owner, and ScopePerChannelPeer for everybody else: the default.
	ScopeOwner Scope = ""
	// ScopeMain is one conversation for all of them: whoever may write reads and steers it.
	ScopeMain Scope = "main"
	// ScopePerPeer is one for each person: the owner's accounts are one person, whatever the channel. Of others nobody
	// knows that, since equal ids on two channels may be two people, so that each has one on each channel.
	ScopePerPeer Scope = "per-peer"
	// ScopePerChannelPeer is one for each person on each channel.
	ScopePerChannelPeer Scope = "per-channel-peer"
	// ScopePerAccountChannelPeer is one for each person on each account of a channel.
	ScopePerAccountChannelPeer Scope = "per-account-channel-peer"
)

// Settings is the owner's part of how keys are made. The zero value works: agent main, conversation main.
type Settings struct {
	DefaultAgent string
	// Agents are who answers; without any there is only the default one.
	Agents []string
	// Bindings say which of them answers in which conversations; the default one does in all others.
	Bindings []Binding
	MainKey  string
	DMScope  Scope
	// Owners are the owner's own accounts on chat platforms, each as channel:id.
	Owners []string
	// Resets say when conversations end by themselves.
	Resets Resets
	// Keep is how long conversations stay that nobody uses, before they are put into the archive; 0 is forever.
	Keep time.Duration
	// KeepAnonymous is the same of those that Anonymous returns.
	KeepAnonymous time.Duration
}

// IsOwner reports whether a person of a channel, by the platform's id, is the owner. Nobody is without an id.
func (s Settings) IsOwner(channel, person string) bool {
	return person != "" && slices.Contains(s.Owners, channel+":"+person)
}

// Agent returns the id of the agent that is meant, the default one for an empty text. Errors: CodeInvalid for
// one that there is not.
func (s Settings) Agent(id string) (string, error) {
	main := name(s.DefaultAgent, "main")
	if id == "" || id == main || slices.Contains(s.Agents, id) {
		if id == "" {
			id = main
		}
		return id, nil
	}
	return "", wit.Errorf(wit.CodeInvalid, "unknown agent id %.64q: agents.list names those that there are", id)
}

// Answers refuses the session of an agent that there is not, or that is not the one that is meant besides; an
// empty agent means no one. Errors: CodeInvalid.
func (s Settings) Answers(k Key, agent string) error {
	if _, err := s.Agent(k.Agent()); err != nil {
		return err
	}
	return s.Meant(k, agent)
}

// Find is ParseKey that refuses also a key of an agent that there is not; without text it is the main conversation of
// agent.
func (s Settings) Find(text, agent string) (Key, error) {
	k, err := s.ParseKey(cmp.Or(text, "main"), agent)
	if err != nil {
		return "", err
	}
	return k, s.Answers(k, "")
}

// Meant refuses an agent that there is not, and a key of another one. An empty agent means no one.
func (s Settings) Meant(k Key, agent string) error {
	if agent == "" {
		return nil
	}
	id, err := s.Agent(agent)
	if err == nil && id != k.Agent() {
		err = wit.Errorf(wit.CodeInvalid, "agent %.64q does not match session key agent %q", agent, k.Agent())
	}
	return err
}
