// Package mcp is the gateway as a server of the Model Context Protocol: at /mcp, over streamable HTTP, a program finds the agent's
// tools and calls them.
//
// Each request stands for itself: there are no sessions of the protocol, and the list is that of the moment. A call is made as a
// model's is, past the same hooks and approvals, for the session main or the one of the header X-Carapace-Session-Key, and ends
// when the caller goes away. A request is bounded to 1 MiB. Everything is safe for concurrent use.
package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"

	"github.com/hashicorp/go-hclog"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/endpoint"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

const maxBody = 1 << 20

// Deps is what the service uses.
type Deps struct {
	Admit   endpoint.Admission
	Tools   endpoint.Tools
	Version string // the gateway's
	Log     hclog.Logger
}

// Service answers requests.
type Service struct {
	Deps
	log    hclog.Logger
	server *mcp.StreamableHTTPHandler
}

// New returns the service; it starts nothing.
func New(d Deps) *Service {
	s := &Service{Deps: d, log: d.Log.Named("mcp")}
	s.server = mcp.NewStreamableHTTPHandler(s.serverFor, &mcp.StreamableHTTPOptions{
		Stateless: true, JSONResponse: true, MaxRequestBodyBytes: maxBody,
		DisableLocalhostProtection: true, // who may ask is decided before, also by the origin
	})
	return s
}

// Service describes the service to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{Name: "mcp", Routes: []service.Route{{Pattern: "/mcp", Handler: s, MaxBody: maxBody}}}
}

// ServeHTTP implements http.Handler.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, err := s.Admit(r)
	var body []byte
	if err == nil {
		body, err = endpoint.Body(w, r)
	}
	if err == nil {
		_, err = s.Tools.Session(r.Header.Get(sessionHeader))
	}
	if err != nil {
		e := endpoint.Said(err)
		http.Error(w, e.Message, endpoint.Status(w.Header(), e))
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	s.server.ServeHTTP(w, r)
}

const sessionHeader = "X-Carapace-Session-Key"

// serverFor is the server of one request: it has the tools of the moment.
func (s *Service) serverFor(r *http.Request) *mcp.Server {
	server := mcp.NewServer(&mcp.Implementation{Name: "carapace", Title: "carapace", Version: s.Version},
		&mcp.ServerOptions{Capabilities: &mcp.ServerCapabilities{Tools: &mcp.ToolCapabilities{}}})
	key, err := s.Tools.Session(r.Header.Get(sessionHeader))
	if err != nil {
		return nil // it was asked about already
	}
	for _, d := range s.Tools.List() {
		server.AddTool(tool(d), s.caller(r.Context(), d.Name, key))
	}
	return server
}

// caller makes the calls of a tool, until the request is given up.
func (s *Service) caller(request context.Context, name string, key session.Key) mcp.ToolHandler {
	return func(ctx context.Context, q *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(request, cancel)()
		args := wit.JSON(q.Params.Arguments)
		if len(args) == 0 || string(args) == "null" {
			args = wit.JSON(`{}`)
		}
		out, err := s.Tools.Invoke(ctx, wit.HookContext{Agent: key.Agent(), Session: string(key)}, name, args)
		if err != nil {
			e := endpoint.Said(err)
			s.log.Warn("call failed", "tool", name, "error", err)
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: e.Message}}, IsError: true}, nil
		}
		return &mcp.CallToolResult{Content: contents(out.Content), IsError: out.Failed}, nil
	}
}

// contents is a result in the protocol's words. Files are named and not sent: they are the gateway's to show.
func contents(parts []wit.Part) []mcp.Content {
	list := []mcp.Content{}
	for _, p := range parts {
		switch {
		case p.Text != nil:
			list = append(list, &mcp.TextContent{Text: *p.Text})
		case p.Media != nil:
			list = append(list, &mcp.TextContent{Text: "[" + string(p.Kind) + " kept by the gateway as " + *p.Media + "]"})
		}
	}
	return list
}

// tool is a definition in the protocol's words. Its arguments are an object there, whatever the plugin says.
func tool(d wit.ToolDefinition) *mcp.Tool {
	t := &mcp.Tool{Name: d.Name, Description: d.Description, InputSchema: json.RawMessage(`{"type":"object"}`)}
	var schema struct {
		Type any `json:"type"`
	}
	if json.Unmarshal(d.Parameters, &schema) == nil && schema.Type == "object" {
		t.InputSchema = json.RawMessage(d.Parameters)
	}
	reads := len(d.Effects) > 0
	for _, e := range d.Effects {
		reads = reads && e == wit.EffectReads
	}
	t.Annotations = &mcp.ToolAnnotations{ReadOnlyHint: reads}
	return t
}
