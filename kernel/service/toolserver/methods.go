package toolserver

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// ChangedKind says that a server has come to another state, or has other tools.
var ChangedKind = event.Kind[Changed]{Name: "mcp.changed", Scope: wire.ScopeRead}

// Changed names the server.
type Changed struct {
	Name  string `json:"name"`
	State string `json:"state" rpc:"enum=connecting|ready|failed|off"`
}

func (s *Service) announce(name string, p phase) {
	ChangedKind.Publish(s.Bus, Changed{Name: name, State: string(p)})
}

func (s *Service) methods() []rpc.Method {
	return []rpc.Method{
		rpc.New("mcp.status", wire.ScopeRead, s.status).Doc("Lists the MCP servers whose tools the agent has, and how they are."),
		rpc.New("mcp.test", wire.ScopeAdmin, s.test).Fails(wire.NotFound, wire.Conflict, wire.AgentTimeout).Emits("mcp.changed").
			Doc("Connects to an MCP server anew where that has failed, or reads its list of tools again, and says how it is then."),
		rpc.New("mcp.login", wire.ScopeAdmin, s.login).Audited().Fails(wire.NotFound).Emits("mcp.changed").
			Doc("Keeps a credential of an MCP server, which its headers or its environment name as {{credential:name}}, and connects anew."),
	}
}

// Server is an MCP server. Times are Unix milliseconds.
type Server struct {
	Name string `json:"name"`
	// Transport is how it is spoken to.
	Transport string `json:"transport" rpc:"enum=stdio|streamable|sse"`
	State     string `json:"state" rpc:"enum=connecting|ready|failed|off"`
	Since     int64  `json:"since,omitempty"`
	// Target is the URL, or the command.
	Target string `json:"target"`
	// Title is what the server calls itself.
	Title string `json:"title,omitempty"`
	// Protocol is the version of the protocol that is spoken.
	Protocol string `json:"protocol,omitempty"`
	// Problem is why it is not ready, or the first of LeftOut.
	Problem string `json:"problem,omitempty"`
	// Next is when it is connected to again.
	Next int64 `json:"next,omitempty"`
	// Tools are its tools by the names that the agent knows, with their effects.
	Tools []ServerTool `json:"tools"`
	// LeftOut are tools that cannot be used, with the reason.
	LeftOut []string `json:"leftOut,omitempty"`
}

// ServerTool is a tool of a server.
type ServerTool struct {
	Name    string       `json:"name"`
	Effects []wit.Effect `json:"effects"`
}

// StatusResult lists the servers by their names.
type StatusResult struct {
	Servers []Server `json:"servers"`
}

// NameParams name a server.
type NameParams struct {
	Name string `json:"name" rpc:"required,min=1,max=64"`
}

// LoginParams are a credential of a server. plugins.revoke with the id @mcp and the server as the account forgets it.
type LoginParams struct {
	Name       string `json:"name" rpc:"required,min=1,max=64"`
	Credential string `json:"credential" rpc:"required,min=1,max=64"`
	Value      string `json:"value" rpc:"required,min=1,max=8192"`
}

// LoginResult names what is kept.
type LoginResult struct {
	OK         bool   `json:"ok"`
	Name       string `json:"name"`
	Credential string `json:"credential"`
}

func (s *Service) status(context.Context, rpc.None) (StatusResult, error) {
	all := s.Settings()
	out := StatusResult{Servers: []Server{}}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out.Servers = append(out.Servers, s.server(name, all[name]))
	}
	return out, nil
}

// server describes a server of the settings.
func (s *Service) server(name string, c config.MCPServer) Server {
	is := Server{Name: name, Transport: "streamable", Target: c.URL, State: string(phaseOff), Tools: []ServerTool{}}
	switch {
	case c.Command != "":
		is.Transport, is.Target = "stdio", c.Command
	case c.Transport != "":
		is.Transport = c.Transport
	}
	s.mu.Lock()
	srv := s.servers[name]
	s.mu.Unlock()
	if srv == nil {
		if c.On() {
			is.State = string(phaseConnecting) // it is about to be
		}
		return is
	}
	now := srv.now.Load()
	is.State, is.Since, is.Title, is.Protocol, is.Problem, is.LeftOut = string(now.phase), now.since.UnixMilli(), now.title, now.protocol, now.problem, now.leftOut
	if !now.next.IsZero() {
		is.Next = now.next.UnixMilli()
	}
	for _, t := range now.tools {
		is.Tools = append(is.Tools, ServerTool{t.definition.Name, t.definition.Effects})
	}
	return is
}

// test looks at a server now and waits for what comes of it.
func (s *Service) test(ctx context.Context, p NameParams) (Server, error) {
	c, ok := s.Settings()[p.Name]
	switch {
	case !ok:
		return Server{}, wit.Errorf(wit.CodeNotFound, "there is no MCP server %.64q: `carapace mcp list` shows which there are", p.Name)
	case !c.On():
		return Server{}, wit.Errorf(wit.CodeConflict, "the MCP server %s is switched off: set mcp.servers.%s.enabled to true", p.Name, p.Name)
	}
	came := make(chan struct{}, 1)
	cancel := s.Bus.Subscribe(func(e event.Event) {
		if of, is := e.Payload.(Changed); is && of.Name == p.Name {
			select {
			case came <- struct{}{}:
			default:
			}
		}
	})
	defer cancel()
	s.mu.Lock()
	srv := s.servers[p.Name]
	s.mu.Unlock()
	if srv != nil {
		srv.poke()
	}
	t := time.NewTimer(2 * patience)
	defer t.Stop()
	for {
		select {
		case <-came:
			if is := s.server(p.Name, c); is.State == string(phaseReady) || is.State == string(phaseFailed) {
				return is, nil
			}
		case <-t.C:
			return s.server(p.Name, c), nil
		case <-ctx.Done():
			return Server{}, wit.Errorf(wit.CodeTimeout, "the MCP server %s has not answered yet", p.Name)
		}
	}
}

func (s *Service) login(ctx context.Context, p LoginParams) (LoginResult, error) {
	if _, ok := s.Settings()[p.Name]; !ok {
		return LoginResult{}, wit.Errorf(wit.CodeNotFound, "there is no MCP server %.64q: `carapace mcp list` shows which there are", p.Name)
	}
	if err := s.Vault.Put(ctx, credentialOwner, p.Name, p.Credential, p.Value); err != nil {
		return LoginResult{}, err
	}
	s.mu.Lock()
	if srv := s.servers[p.Name]; srv != nil {
		srv.close() // it begins anew with the credential
		delete(s.servers, p.Name)
	}
	s.mu.Unlock()
	s.Reconfigured()
	return LoginResult{OK: true, Name: p.Name, Credential: p.Credential}, nil
}
