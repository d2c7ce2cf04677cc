// Package offer shows what plugins offer to the agent in the form in which clients list it: the tools of a plugin as a skill, the
// hooks at which it is asked, and the tools one by one, with those of MCP servers, and which of them an agent may use.
//
// A skill is elsewhere a page of instructions with the programs that it needs. Here what an agent can do beyond talking comes from
// plugins, so that each plugin with tools is one skill: it can be used when the plugin runs, and what it lacks is what the plugin
// lacks. Nothing is kept here; everything is safe for concurrent use.
package offer

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// Plugin is what is known of one that offers something.
type Plugin struct {
	ID, Name, Description string
	// Path is its folder or archive, empty for one that is built in.
	Path     string
	BuiltIn  bool
	Homepage string
	Enabled  bool
	// Runs says that it can be called; Reason is why it cannot.
	Runs   bool
	Reason string
	Tools  []string
	Hooks  []string
}

// Deps is what the service stands on.
type Deps struct {
	// Plugins lists those there are, by id.
	Plugins func() []Plugin
	// AgentOf is the agent that is meant, the default one where both are empty, and refuses one that there is not.
	AgentOf func(sessionKey, agent string) (string, error)
	Tools   Tools
	// Folder is where the owner's plugins are, empty where all is kept in memory.
	Folder string
}

// Service lists.
type Service struct{ Deps }

// New returns the service.
func New(d Deps) *Service { return &Service{d} }

// Service describes the service to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{Name: "offer", Methods: []rpc.Method{
		rpc.New("skills.status", wire.ScopeRead, s.skills).Doc("Lists the plugins with tools, as skills: which can be used, and what the others lack."),
		rpc.New("hooks.status", wire.ScopeRead, s.hooks).Doc("Lists the plugins that are asked at hooks."),
		rpc.New("tools.catalog", wire.ScopeRead, s.catalog).Doc("Lists the tools of plugins and MCP servers, by who brings them."),
		rpc.New("tools.effective", wire.ScopeRead, s.effective).Doc("Lists the tools that the agent of a session may use."),
	}}
}

// SkillsParams name an agent, or a session of one. All agents have the same skills.
type SkillsParams struct {
	AgentID    string `json:"agentId,omitempty" rpc:"min=1,max=64"`
	SessionKey string `json:"sessionKey,omitempty" rpc:"min=1,max=512"`
}

// SkillsResult is the skills there are.
type SkillsResult struct {
	WorkspaceDir     string  `json:"workspaceDir"`
	ManagedSkillsDir string  `json:"managedSkillsDir"`
	Skills           []Skill `json:"skills"`
}

// Origin is where something comes from, as clients show it.
type Origin struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	// Source is built-in or plugin.
	Source   string `json:"source" rpc:"enum=built-in|plugin"`
	PluginID string `json:"pluginId"`
	FilePath string `json:"filePath"`
	BaseDir  string `json:"baseDir"`
	Homepage string `json:"homepage,omitempty"`
	// Always says that it needs no condition: never.
	Always bool `json:"always"`
	// Requirements and Missing are what it needs of the machine: nothing, since a plugin brings what it needs.
	Requirements Requirements `json:"requirements"`
	Missing      Requirements `json:"missing"`
	ConfigChecks []string     `json:"configChecks"`
	// Install are ways to install what is missing: none.
	Install []string `json:"install"`
}

// Requirements are programs, variables, settings and systems.
type Requirements struct {
	Bins    []string `json:"bins"`
	AnyBins []string `json:"anyBins"`
	Env     []string `json:"env"`
	Config  []string `json:"config"`
	OS      []string `json:"os"`
}

// Skill is a plugin with tools.
type Skill struct {
	Origin
	SkillKey string `json:"skillKey"`
	Bundled  bool   `json:"bundled"`
	// Disabled is the owner's word; Eligible says that the agent can use it, and BlockedReason why not.
	Disabled           bool   `json:"disabled"`
	BlockedByAllowlist bool   `json:"blockedByAllowlist"`
	Eligible           bool   `json:"eligible"`
	BlockedReason      string `json:"blockedReason,omitempty"`
	// Tools are what the agent calls.
	Tools []string `json:"tools"`
}

func (s *Service) skills(_ context.Context, in SkillsParams) (SkillsResult, error) {
	out := SkillsResult{WorkspaceDir: s.Folder, ManagedSkillsDir: s.Folder, Skills: []Skill{}}
	if _, err := s.AgentOf(in.SessionKey, in.AgentID); err != nil {
		return out, err
	}
	for _, p := range s.Plugins() {
		if len(p.Tools) == 0 {
			continue
		}
		out.Skills = append(out.Skills, Skill{
			Origin: p.origin(), SkillKey: p.ID, Bundled: p.BuiltIn, Disabled: !p.Enabled, Eligible: p.Enabled && p.Runs, BlockedReason: p.Reason, Tools: p.Tools,
		})
	}
	return out, nil
}

// HooksParams name an agent. All agents have the same hooks.
type HooksParams struct {
	AgentID string `json:"agentId,omitempty" rpc:"min=1,max=64"`
}

// HooksResult is the plugins with hooks.
type HooksResult struct {
	WorkspaceDir    string `json:"workspaceDir"`
	ManagedHooksDir string `json:"managedHooksDir"`
	Hooks           []Hook `json:"hooks"`
}

// Hook is a plugin that is asked at hooks, which are its events.
type Hook struct {
	Origin
	HookKey       string   `json:"hookKey"`
	HandlerPath   string   `json:"handlerPath"`
	Events        []string `json:"events"`
	UnknownEvents []string `json:"unknownEvents"`
	// EnabledByConfig is the owner's word; Loadable says that it is asked, and BlockedReason why not.
	EnabledByConfig       bool   `json:"enabledByConfig"`
	RequirementsSatisfied bool   `json:"requirementsSatisfied"`
	Loadable              bool   `json:"loadable"`
	BlockedReason         string `json:"blockedReason,omitempty"`
	ManagedByPlugin       bool   `json:"managedByPlugin"`
}

func (s *Service) hooks(_ context.Context, in HooksParams) (HooksResult, error) {
	out := HooksResult{WorkspaceDir: s.Folder, ManagedHooksDir: s.Folder, Hooks: []Hook{}}
	if _, err := s.AgentOf("", in.AgentID); err != nil {
		return out, err
	}
	for _, p := range s.Plugins() {
		if len(p.Hooks) == 0 {
			continue
		}
		out.Hooks = append(out.Hooks, Hook{
			Origin: p.origin(), HookKey: p.ID, HandlerPath: p.Path, Events: p.Hooks, UnknownEvents: []string{}, EnabledByConfig: p.Enabled,
			RequirementsSatisfied: true, Loadable: p.Enabled && p.Runs, BlockedReason: p.Reason, ManagedByPlugin: true,
		})
	}
	return out, nil
}

// origin is where a plugin comes from.
func (p Plugin) origin() Origin {
	source := "plugin"
	if p.BuiltIn {
		source = "built-in"
	}
	return Origin{
		Name: p.Name, Description: p.Description, Source: source, PluginID: p.ID, FilePath: p.Path, BaseDir: p.Path, Homepage: p.Homepage,
		Requirements: nothing(), Missing: nothing(), ConfigChecks: []string{}, Install: []string{},
	}
}

func nothing() Requirements {
	return Requirements{Bins: []string{}, AnyBins: []string{}, Env: []string{}, Config: []string{}, OS: []string{}}
}
