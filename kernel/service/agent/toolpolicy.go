package agent

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// ToolPolicy says which tools an agent may use, by their names, in which * stands for any letters.
type ToolPolicy struct {
	// Allow are the only ones: all when nil.
	Allow []string
	// Deny are not to be used, whatever Allow says.
	Deny []string
}

// permits reports whether a tool may be used.
func (p ToolPolicy) permits(name string) bool {
	matches := func(rule string) bool { return matchesRule(rule, name) }
	return (p.Allow == nil || slices.ContainsFunc(p.Allow, matches)) && !slices.ContainsFunc(p.Deny, matches)
}

// matchesRule reports whether a name is one that a rule means.
func matchesRule(rule, name string) bool {
	parts := strings.Split(rule, "*")
	rest, ok := strings.CutPrefix(name, parts[0])
	if !ok || len(parts) == 1 {
		return ok && rest == ""
	}
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(rest, part)
		if i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return strings.HasSuffix(rest, last)
}

// Tools are those that an agent may use at the moment of each question: every path to a tool, for models and for programs,
// goes through these.
func (s *Service) Tools(agent string) Tools {
	return restricted{s.tools, func() func(string) bool { return s.settings().Agent(agent).Tools.permits }}
}

// allowed are the tools that a run may use: all if names is nil.
func allowed(tools Tools, names []string) Tools {
	if names == nil {
		return tools
	}
	named := func(name string) bool { return slices.Contains(names, name) }
	return restricted{tools, func() func(string) bool { return named }}
}

// restricted are those of the tools whose names are permitted, by what holds when they are asked for.
type restricted struct {
	all  Tools
	rule func() (permits func(name string) bool)
}

func (r restricted) Tools() []wit.ToolDefinition {
	permits := r.rule()
	return slices.DeleteFunc(slices.Clone(r.all.Tools()), func(d wit.ToolDefinition) bool { return !permits(d.Name) })
}

func (r restricted) Tool(name string) (Tool, bool) {
	if !r.rule()(name) {
		return nil, false
	}
	return r.all.Tool(name)
}
