package translate

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/config"
)

// readAgents translates who answers, and where.
func (t *translation) readAgents(agents, whole section) {
	defaults := agents.section("defaults")
	if model, ok := t.chain("agents.defaults.model", defaults); ok {
		t.plan.Settings["agents.defaults.model"] = model
	}
	if zone := defaults.text("userTimezone"); zone != "" {
		t.plan.Settings["timeZone"] = zone
	}
	delete(defaults, "workspace")
	delete(defaults, "models")
	if len(defaults) > 0 {
		t.left("agents.defaults: nothing here is like %s", defaults.names())
	}
	var list []section
	agents.take("list", &list)
	entries := agents.section("entries")
	for _, id := range slices.Sorted(maps.Keys(entries)) {
		one := entries.section(id)
		one["id"], _ = json.Marshal(id)
		list = append(list, one)
	}
	for _, one := range list {
		t.agent(one)
	}
	if len(agents) > 0 {
		t.left("agents: nothing here is like %s", agents.names())
	}
	var bindings []section
	whole.take("bindings", &bindings)
	for _, b := range bindings {
		t.binding(b)
	}
}

func (t *translation) agent(s section) {
	e := config.AgentEntry{ID: config.AgentID(s.text("id")), Name: s.text("name")}
	if e.ID == "" {
		t.left("agents: one has no id")
		return
	}
	place := "agents." + e.ID
	s.take("default", &e.Default)
	s.take("identity", &e.Identity)
	e.ThinkingDefault, e.SystemPrompt = s.text("thinkingDefault"), s.text("systemPrompt")
	e.Model, _ = t.chain(place+".model", s)
	for _, mine := range []string{"workspace", "agentDir"} {
		delete(s, mine) // what an agent knows is in the store here
	}
	if len(s) > 0 {
		t.left("%s: nothing here is like %s", place, s.names())
	}
	t.plan.Agents = append(t.plan.Agents, e)
}

// chain takes the field model. Models of a provider that is not taken are left out.
func (t *translation) chain(place string, s section) (out config.ModelChain, ok bool) {
	var in config.ModelChain
	if !s.take("model", &in) {
		return out, false
	}
	for _, name := range append([]string{in.Primary}, in.Fallbacks...) {
		id, model, _ := strings.Cut(name, "/")
		plugin := t.providers[id]
		switch {
		case name == "":
		case plugin == "" || model == "":
			t.left("%s: %s is of no provider that is taken", place, name)
		case out.Primary == "":
			out.Primary = plugin + "/" + model
		default:
			out.Fallbacks = append(out.Fallbacks, plugin+"/"+model)
		}
	}
	return out, out.Primary != ""
}

func (t *translation) binding(s section) {
	b := config.Binding{AgentID: config.AgentID(s.text("agentId"))}
	match := s.section("match")
	place := "bindings of " + b.AgentID
	b.Match.Channel, b.Match.AccountID = match.text("channel"), strings.ToLower(match.text("accountId"))
	match.take("peer", &b.Match.Peer)
	if len(match) > 0 || len(s) > 0 {
		t.left("%s: nothing here is like %s", place, match.over(s).names())
		return // it would hold for more than it did
	}
	p, ok := platforms()[b.Match.Channel]
	if !ok {
		t.left("%s: %s is not taken", place, b.Match.Channel)
		return
	}
	b.Match.Channel = p.plugin
	t.plan.Bindings = append(t.plan.Bindings, b)
}

// readSession translates whose conversations are one, and when they end.
func (t *translation) readSession(s section) {
	if scope := s.text("dmScope"); scope != "" {
		t.plan.Settings["session.dmScope"] = scope
	}
	for _, name := range []string{"reset", "resetByType", "resetByChannel"} {
		var value any
		if s.take(name, &value) {
			t.plan.Settings["session."+name] = value
		}
	}
	delete(s, "mainKey")
	if len(s) > 0 {
		t.left("session: nothing here is like %s", s.names())
	}
}
