package config

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// Agents are several who answer, each with its own name, model, prompt, tools and conversations.
type Agents struct {
	// Defaults are for all of them.
	Defaults AgentDefaults `json:"defaults,omitzero"`
	// List has all of them. Without any there is one, main, which the section agent describes.
	List []AgentEntry `json:"list,omitempty"`
}

// AgentEntry is one agent. What it leaves out, the section agent says for all.
type AgentEntry struct {
	// ID names it in keys of sessions and in bindings: up to 64 letters, digits, - and _, whatever the case.
	ID string `json:"id"`
	// Default makes it the one that answers where nothing else is said. Without it that is the first of the list.
	Default bool `json:"default,omitempty"`
	// Name is how it is called; Identity is how clients show it.
	Name     string   `json:"name,omitempty"`
	Identity Identity `json:"identity,omitzero"`
	// Model is who answers for it. One that it names has the fallbacks that it names, and no others.
	Model ModelChain `json:"model,omitzero"`
	// SystemPrompt begins what the model is told, in place of agent.systemPrompt.
	SystemPrompt string `json:"systemPrompt,omitempty"`
	// ThinkingDefault is how long the model thinks where a session says nothing.
	ThinkingDefault string `json:"thinkingDefault,omitempty"`
	// Tools are those that it may use: all when left out.
	Tools ToolPolicy `json:"tools,omitzero"`
	// Heartbeat is when it wakes by itself; when any agent has one, those alone wake, and the section heartbeat has the rest of
	// their settings.
	Heartbeat *Heartbeat `json:"heartbeat,omitempty"`
	// Workspace and AgentDir are accepted and mean nothing: what an agent knows is in the store.
	Workspace string `json:"workspace,omitempty"`
	AgentDir  string `json:"agentDir,omitempty"`
}

// Identity is how clients show an agent.
type Identity struct {
	Name string `json:"name,omitempty"`
	// Theme is its manner in a few words, which the model is told too.
	Theme string `json:"theme,omitempty"`
	Emoji string `json:"emoji,omitempty"`
	// Avatar is an address of a picture, or a letter or two.
	Avatar string `json:"avatar,omitempty"`
}

// ToolPolicy says which tools an agent may use. A name may have * for any letters.
type ToolPolicy struct {
	// Allow are the only ones that it may use: all when left out, none when empty.
	Allow []string `json:"allow,omitzero"`
	// Deny are not to be used, whatever Allow says.
	Deny []string `json:"deny,omitempty"`
}

// Binding says which agent answers what is written in some conversations. The most special one that fits wins: by the id of
// a peer, then by the kind of it, then by an account, then by the channel alone; of equals the first.
type Binding struct {
	AgentID string       `json:"agentId"`
	Match   BindingMatch `json:"match,omitzero"`
}

// BindingMatch is which conversations a binding is for.
type BindingMatch struct {
	Channel string `json:"channel"`
	// AccountID is one of the channel's accounts; any when left out, or *.
	AccountID string      `json:"accountId,omitempty"`
	Peer      BindingPeer `json:"peer,omitzero"`
	// GuildID and TeamID cannot be matched: no channel says in which guild or team a conversation is.
	GuildID string `json:"guildId,omitempty"`
	TeamID  string `json:"teamId,omitempty"`
}

// BindingPeer is with whom a conversation is.
type BindingPeer struct {
	// Kind is direct (or dm), group or channel.
	Kind string `json:"kind,omitempty"`
	// ID is the platform's, of the group or channel, or of the person; any when left out, or *.
	ID string `json:"id,omitempty"`
}

// Bounds of what a file may say of agents.
const (
	maxAgents   = 256
	maxBindings = 1024
	maxRules    = 256
	maxToolName = 128
	maxPeerID   = 256
	maxShown    = 2048
	maxPrompt   = 64 << 10
)

var (
	agentID  = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)
	toolRule = regexp.MustCompile(`^[A-Za-z0-9_.*/-]+$`)
)

// AgentID is an agent's id as keys of sessions have it.
func AgentID(id string) string { return strings.ToLower(strings.TrimSpace(id)) }

// Roster lists the agents, at least one, with their ids as keys have them, and the name of the section agent where the default
// one has none.
func (c *Config) Roster() []AgentEntry {
	list := slices.Clone(c.Agents.List)
	if len(list) == 0 {
		list = []AgentEntry{{ID: DefaultAgent}}
	}
	main := c.DefaultAgent()
	for i := range list {
		list[i].ID = AgentID(list[i].ID)
		if list[i].ID == main && list[i].Name == "" {
			list[i].Name = c.Agent.Name
		}
	}
	return list
}

// DefaultAgent is the id of the agent that answers where nothing else is said.
func (c *Config) DefaultAgent() string {
	list := c.Agents.List
	if i := slices.IndexFunc(list, func(a AgentEntry) bool { return a.Default }); i >= 0 {
		return AgentID(list[i].ID)
	}
	if len(list) > 0 {
		return AgentID(list[0].ID)
	}
	return DefaultAgent
}

// agentIDs lists the ids of the agents.
func (c *Config) agentIDs() (ids []string) {
	for _, a := range c.Roster() {
		ids = append(ids, a.ID)
	}
	return ids
}

// UnknownAgent is why there is no agent of an id, and which there are: CodeInvalid; nil where there is one.
func (c *Config) UnknownAgent(id string) error {
	ids := c.agentIDs()
	if slices.Contains(ids, AgentID(id)) {
		return nil
	}
	return wit.Errorf(wit.CodeInvalid, "there is no agent %.64q: there are %s", id, strings.Join(ids, ", "))
}

// checkAgents names the first value that cannot be.
func (c *Config) checkAgents() *fieldError {
	list := c.Agents.List
	if len(list) > maxAgents {
		return wrong("agents.list", "there may be %d", maxAgents)
	}
	seen, main := map[string]bool{}, ""
	for i, a := range list {
		where := []string{"agents", "list", strconv.Itoa(i)}
		id := AgentID(a.ID)
		switch {
		case !agentID.MatchString(id):
			return &fieldError{where, "an agent's id is up to 64 letters, digits, - and _"}
		case seen[id]:
			return &fieldError{where, "there are two agents " + id}
		case a.Default && main != "":
			return &fieldError{where, "the agents " + main + " and " + id + " are both the default: one can be"}
		case a.Default:
			main = id
		}
		seen[id] = true
		if wrong := a.check(where); wrong != nil {
			return wrong
		}
	}
	return c.checkBindings()
}

func (a AgentEntry) check(where []string) *fieldError {
	at := func(field string) []string {
		return append(where[:len(where):len(where)], strings.Split(field, ".")...)
	}
	if wrong := oneOf(at("thinkingDefault"), a.ThinkingDefault); wrong != nil {
		return wrong
	}
	for field, text := range map[string]string{
		"name": a.Name, "identity.name": a.Identity.Name, "identity.theme": a.Identity.Theme, "identity.emoji": a.Identity.Emoji, "identity.avatar": a.Identity.Avatar,
	} {
		if len(text) > maxShown {
			return &fieldError{at(field), "may have " + strconv.Itoa(maxShown) + " bytes"}
		}
	}
	if len(a.SystemPrompt) > maxPrompt {
		return &fieldError{at("systemPrompt"), "may have " + strconv.Itoa(maxPrompt) + " bytes"}
	}
	for field, rules := range map[string][]string{"tools.allow": a.Tools.Allow, "tools.deny": a.Tools.Deny} {
		if wrong := checkRules(at(field), rules); wrong != nil {
			return wrong
		}
	}
	if a.Heartbeat != nil {
		if wrong := a.Heartbeat.check(); wrong != nil {
			return &fieldError{at(strings.Join(wrong.path, ".")), wrong.text}
		}
	}
	return nil
}

// checkRules reads names of tools. One that can be none would forbid nothing where it is denied.
func checkRules(where []string, rules []string) *fieldError {
	if len(rules) > maxRules {
		return &fieldError{where, "may have " + strconv.Itoa(maxRules) + " names"}
	}
	for _, rule := range rules {
		if len(rule) > maxToolName || !toolRule.MatchString(rule) {
			return &fieldError{where, strconv.Quote(rule) + " is no name of a tool: there are no groups of tools, but * in a name stands for any letters"}
		}
	}
	return nil
}

func (c *Config) checkBindings() *fieldError {
	if len(c.Bindings) > maxBindings {
		return wrong("bindings", "there may be %d", maxBindings)
	}
	for i, b := range c.Bindings {
		where := []string{"bindings", strconv.Itoa(i)}
		if err := c.UnknownAgent(b.AgentID); err != nil {
			return &fieldError{append(where, "agentId"), wit.AsError(err).Message}
		}
		if wrong := b.Match.check(append(where, "match")); wrong != nil {
			return wrong
		}
	}
	for i, m := range c.Hooks.Mappings {
		if err := c.UnknownAgent(m.AgentID); m.AgentID != "" && err != nil {
			return &fieldError{[]string{"hooks", "mappings", strconv.Itoa(i), "agentId"}, wit.AsError(err).Message}
		}
	}
	return nil
}

func (m BindingMatch) check(where []string) *fieldError {
	at := func(fields ...string) []string { return append(where[:len(where):len(where)], fields...) }
	switch {
	case !accountID.MatchString(m.Channel):
		return &fieldError{at("channel"), strconv.Quote(m.Channel) + " is no id of a channel's plugin"}
	case m.AccountID != "" && m.AccountID != "*" && !accountID.MatchString(m.AccountID):
		return &fieldError{at("accountId"), strconv.Quote(m.AccountID) + " is no account's name: lower-case letters, digits, - and _, or *"}
	case m.GuildID != "" || m.TeamID != "":
		return &fieldError{at("guildId"), "no channel says in which guild or team a conversation is: bind its conversations by peer"}
	case m.Peer.ID != "" && m.Peer.Kind == "":
		return &fieldError{at("peer", "kind"), "an id stands beside its kind: direct, group or channel"}
	case len(m.Peer.ID) > maxPeerID:
		return &fieldError{at("peer", "id"), "may have " + strconv.Itoa(maxPeerID) + " bytes"}
	}
	return oneOf(at("peer", "kind"), m.Peer.Kind)
}
