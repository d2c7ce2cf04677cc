package kernel

import (
	"cmp"
	"context"
	"math"
	"sync/atomic"
	"time"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// identities is what the settings say of those who answer, as the services ask for it all the time. It is made anew when the
// settings are others.
type identities struct {
	settings *config.Settings
	zone     *time.Location
	last     atomic.Pointer[who]
}

// who is made of one reading of the settings.
type who struct {
	of      *config.Config
	agent   agent.Settings
	session session.Settings
}

func (i *identities) now() *who {
	c := i.settings.Config()
	if last := i.last.Load(); last != nil && last.of == c {
		return last
	}
	w := &who{c, agentsOf(c, i.zone), keysOf(c, i.zone)}
	i.last.Store(w)
	return w
}

// agentsOf is what the settings say of how agents answer.
func agentsOf(c *config.Config, zone *time.Location) agent.Settings {
	d := c.Agents.Defaults
	s := agent.Settings{
		Model: cmp.Or(d.Model.Primary, c.Agent.Model), Fallbacks: d.Model.Fallbacks, Thinking: d.ThinkingDefault,
		Transcriber: c.Agent.Transcriber, System: c.Agent.SystemPrompt, Zone: zone,
		Aliases: c.Aliases(), Facts: map[string]agent.ModelFacts{}, Places: map[agent.Place]agent.Chain{},
	}
	for name, m := range d.Models {
		s.Facts[name] = agent.ModelFacts{Alias: m.Alias, Context: uint32(min(m.ContextWindow, math.MaxUint32)), Images: m.Images, Tools: m.Tools}
	}
	for channel, section := range c.Channels {
		s.Places[agent.Place{Channel: channel}] = chainOf(section.Model)
		for id, account := range section.Accounts {
			s.Places[agent.Place{Channel: channel, Account: id}] = chainOf(account.Model)
		}
	}
	for _, a := range c.Roster() {
		s.Agents = append(s.Agents, agent.Agent{
			ID: a.ID, Name: a.Name, Alias: a.Identity.Name, Theme: a.Identity.Theme, Emoji: a.Identity.Emoji, Avatar: a.Identity.Avatar,
			Model: a.Model.Primary, Fallbacks: a.Model.Fallbacks, System: a.SystemPrompt, Thinking: a.ThinkingDefault, Tools: agent.ToolPolicy(a.Tools),
		})
	}
	return s
}

func chainOf(m config.ModelChain) agent.Chain {
	return agent.Chain{Model: m.Primary, Fallbacks: m.Fallbacks}
}

// keysOf is what the settings say of sessions, and of which agent has them.
func keysOf(c *config.Config, zone *time.Location) session.Settings {
	s := session.Settings{
		DefaultAgent: c.DefaultAgent(), DMScope: session.Scope(c.Session.DMScope), Owners: c.Owners, Resets: resets(c.Session, zone),
		Keep:          time.Duration(c.Session.ArchiveAfterDays) * 24 * time.Hour,
		KeepAnonymous: time.Duration(cmp.Or(c.Session.ArchiveRequestsAfterDays, 1)) * 24 * time.Hour,
	}
	for _, a := range c.Roster() {
		if a.ID != s.DefaultAgent {
			s.Agents = append(s.Agents, a.ID)
		}
	}
	for _, b := range c.Bindings {
		s.Bindings = append(s.Bindings, session.Binding{
			Agent: config.AgentID(b.AgentID), Channel: b.Match.Channel, Account: some(b.Match.AccountID), Kind: peerKind(b.Match.Peer.Kind), Peer: some(b.Match.Peer.ID),
		})
	}
	return s
}

// some is a name that a binding asks for, "" where it takes any.
func some(name string) string {
	if name == "*" {
		return ""
	}
	return name
}

// peerKind is a kind of conversations in the contract's word.
func peerKind(kind string) wit.ConversationKind {
	if kind == "dm" {
		return wit.ConversationKindDirect
	}
	return wit.ConversationKind(kind)
}

// texts is agent's view of roster, which is made later, or left out.
type texts struct{ w *wiring }

func (t texts) Texts(ctx context.Context, id string, private bool) (list []agent.Text, err error) {
	if t.w.roster == nil {
		return nil, nil
	}
	found, err := t.w.roster.Texts(ctx, id, private)
	for _, text := range found {
		list = append(list, agent.Text(text))
	}
	return list, err
}
