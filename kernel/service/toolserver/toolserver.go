// Package toolserver has the tools of other programs: of servers of the Model Context Protocol that the owner's settings name.
//
// A server is reached over HTTP, under the rules of the gateway's network, or is a program of this machine that the gateway
// starts, as the owner, and ends with itself. Each is looked after by a goroutine of its own, which connects, reads the list
// of tools, reads it again when the server says that it has changed, and connects anew, less and less often, when the
// connection is lost. Nothing that a server does holds up another one or the gateway: messages, lists, descriptions, schemas,
// results and waiting are bounded, and what is over a bound is left out and said. What a server says of its tools' effects
// is believed as far as the approvals ask about: what does not call itself harmless is not. Settings are in force at once.
// Everything is safe for concurrent use.
package toolserver

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/wit"
)

// Network makes requests under a policy: *egress.Client.
type Network interface {
	Stream(ctx context.Context, p egress.Policy, creds egress.Credentials, req *wit.HTTPRequest) (*egress.Response, error)
	Forget(owner string)
}

// Vault keeps credentials by an owner, an account and a name. Get fails with CodeNotFound for one that is not there.
type Vault interface {
	Get(ctx context.Context, owner, account, name string) (string, error)
	Put(ctx context.Context, owner, account, name, value string) error
}

// Schema checks arguments; its error is a phrase that names the field.
type Schema interface {
	Check(ctx context.Context, args wit.JSON) error
}

// Deps is what the service stands on.
type Deps struct {
	Bus      *event.Bus
	Settings func() map[string]config.MCPServer
	Network  Network
	Vault    Vault
	// Keep stores a file and returns its id.
	Keep func(ctx context.Context, mime, name string, data []byte) (string, error)
	// Compile reads the schema of a tool's arguments. Its error is a phrase.
	Compile func(text wit.JSON) (Schema, error)
	// Redact takes secrets out of what servers say.
	Redact  func(string) string
	Version string // the gateway's
	Log     hclog.Logger
}

// Service looks after the servers.
type Service struct {
	Deps
	changed chan struct{}

	mu      sync.Mutex
	servers map[string]*server
}

// New returns what does nothing until Run.
func New(d Deps) *Service {
	d.Log = d.Log.Named("toolserver")
	return &Service{Deps: d, changed: make(chan struct{}, 1), servers: map[string]*server{}}
}

// Service describes the service to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{
		Name: "toolserver", Methods: s.methods(), Events: []event.Row{ChangedKind.Row()}, Run: s.Run,
		Checks: []func(context.Context) service.Check{s.check},
	}
}

// Reconfigured has Run read the settings again.
func (s *Service) Reconfigured() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// Run looks after the servers until ctx ends and all are left alone. The error is nil.
func (s *Service) Run(ctx context.Context) error {
	var working sync.WaitGroup
	defer working.Wait()
	for {
		for _, srv := range s.reconcile() {
			running, stop := context.WithCancel(ctx)
			go func() {
				<-srv.over
				stop()
			}()
			working.Go(func() {
				defer srv.close()
				srv.run(running)
			})
		}
		select {
		case <-s.changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// reconcile ends the servers whose settings are gone or others now, and returns those that are to be begun.
func (s *Service) reconcile() (begin []*server) {
	want := maps.Clone(s.Settings())
	maps.DeleteFunc(want, func(_ string, c config.MCPServer) bool { return !c.On() })
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, srv := range s.servers {
		if c, ok := want[name]; !ok || !reflect.DeepEqual(c, srv.settings) {
			srv.close()
			delete(s.servers, name)
			if !ok {
				s.announce(name, phaseOff)
			}
		}
	}
	for name, c := range want {
		if s.servers[name] == nil {
			s.servers[name] = newServer(s, name, c)
			begin = append(begin, s.servers[name])
		}
	}
	return begin
}

// list are the servers in the order of their names.
func (s *Service) list() []*server {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Values(s.servers), func(a, b *server) int { return strings.Compare(a.name, b.name) })
}

// Offered lists the tools of all servers that are connected.
func (s *Service) Offered() []*Tool {
	var list []*Tool
	for _, srv := range s.list() {
		list = append(list, srv.now.Load().tools...)
	}
	return list
}

// Tools lists the definitions of those.
func (s *Service) Tools() []wit.ToolDefinition {
	var list []wit.ToolDefinition
	for _, t := range s.Offered() {
		list = append(list, t.definition)
	}
	return list
}

// Away lists the servers that are wanted and not connected.
func (s *Service) Away() []string {
	var list []string
	for _, srv := range s.list() {
		if srv.now.Load().phase != phaseReady {
			list = append(list, srv.name)
		}
	}
	return list
}

// Tool finds one by its name.
func (s *Service) Tool(name string) (*Tool, bool) {
	owner, _, _ := strings.Cut(name, separator)
	s.mu.Lock()
	srv := s.servers[owner]
	s.mu.Unlock()
	if srv == nil {
		return nil, false
	}
	for _, t := range srv.now.Load().tools {
		if t.definition.Name == name {
			return t, true
		}
	}
	return nil, false
}

// check is what the doctor says.
func (s *Service) check(context.Context) service.Check {
	c, ill, tools := service.Check{Name: "mcp", OK: true}, []string{}, 0
	all := s.list()
	for _, srv := range all {
		now := srv.now.Load()
		tools += len(now.tools)
		if now.phase != phaseReady && now.problem != "" {
			ill = append(ill, srv.name+": "+now.problem)
		}
	}
	switch {
	case len(ill) > 0:
		c.OK, c.Message, c.Hint = false, strings.Join(ill, "; "), "`carapace mcp test NAME` tries again; `carapace mcp remove NAME` takes a server out"
	case len(all) == 0:
		c.Message = "no MCP server is configured"
	default:
		c.Message = service.Count(len(all), "MCP server") + " with " + service.Count(tools, "tool")
	}
	return c
}
