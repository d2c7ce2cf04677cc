// Package mcp is the gateway as a server of the Model Context Protocol: at /mcp, over streamable HTTP, a program finds the agent's
// tools and calls them.
//
// A program that introduces itself by initialize gets a session, by the header Mcp-Session-Id; its later requests name it, and
// DELETE ends it with all that is under way in it. By GET it has a stream on which it is told that the tools are others than those
// that it has listed, as when a plugin was loaded or removed. A session is for the conversation that the first request has named by
// X-Carapace-Session-Key, or main. There are 256 sessions at most, those that were used last, and each is over when nobody has
// used it for a day. Who names none, as in the protocol of 2026-07-28, which has no sessions, asks for each request by itself.
//
// The list of tools is that of the moment. A call is made as a model's is, past the same hooks and approvals, and ends when the
// caller goes away. A request is bounded to 1 MiB. Everything is safe for concurrent use.
package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"

	"github.com/hashicorp/go-hclog"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/rpc"
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
	Bus     *event.Bus
	Version string // the gateway's
	Log     hclog.Logger
}

// Service answers requests.
type Service struct {
	Deps
	log      hclog.Logger
	server   *mcp.StreamableHTTPHandler
	sessions *sessions
}

// New returns the service; it starts nothing.
func New(d Deps) *Service {
	s := &Service{Deps: d, log: d.Log.Named("mcp"), sessions: newSessions()}
	s.server = mcp.NewStreamableHTTPHandler(s.serverFor, &mcp.StreamableHTTPOptions{
		Stateless: true, JSONResponse: true, MaxRequestBodyBytes: maxBody, // the sessions are ours, which are bounded
		DisableLocalhostProtection: true, // who may ask is decided before, also by the origin
	})
	return s
}

// Service describes the service to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{Name: "mcp", Run: s.run, Routes: []service.Route{{Pattern: "/mcp", Handler: s, MaxBody: maxBody}}}
}

// run waits for ctx to end, and ends the sessions with what is under way in them.
func (s *Service) run(ctx context.Context) error {
	<-ctx.Done()
	s.sessions.end()
	return nil
}

// Headers of requests. sessionHeader is the protocol's (Streamable HTTP, Session Management); conversationHeader is the
// gateway's own.
const (
	sessionHeader      = "Mcp-Session-Id"
	conversationHeader = "X-Carapace-Session-Key"
)

// ServeHTTP implements http.Handler.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	caller, err := s.Admit(r)
	switch {
	case err != nil:
	case r.Method == http.MethodDelete:
		err = s.end(w, r)
	case r.Method == http.MethodGet:
		err = s.listen(w, r)
	case endpoint.Allows(w, r, http.MethodGet, http.MethodPost, http.MethodDelete):
		err = s.answer(w, r, caller)
	}
	if err != nil {
		e := endpoint.Said(err)
		http.Error(w, e.Message, endpoint.Status(w.Header(), e))
	}
}

// end answers to DELETE.
func (s *Service) end(w http.ResponseWriter, r *http.Request) error {
	id := r.Header.Get(sessionHeader)
	if id == "" {
		return wit.NewError(wit.CodeInvalid, "name the session that is to end by the header "+sessionHeader)
	}
	if err := s.sessions.close(id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// answer has a request answered, in its session if it has one.
func (s *Service) answer(w http.ResponseWriter, r *http.Request, caller *rpc.Caller) error {
	body, err := endpoint.Body(w, r)
	if err != nil {
		return err
	}
	key, err := s.Tools.Session(r.Header.Get(conversationHeader))
	if err != nil {
		return err
	}
	var m said
	_ = json.Unmarshal(body, &m) // what cannot be read is refused below
	v, err := s.visit(r, m, caller, key)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	if v != nil {
		defer s.sessions.leave(v, string(m.ID))
		defer context.AfterFunc(v.ctx, cancel)()
		s.sessions.call(v, string(m.ID), cancel)
		caller, key = v.caller, v.key
		if m.Method == "tools/list" {
			s.sessions.told(v, s.print(key), true)
		}
		if r.Header.Get(sessionHeader) == "" {
			w = &welcome{ResponseWriter: w, visit: v, of: s.sessions}
		}
	}
	r = r.WithContext(context.WithValue(rpc.WithCaller(ctx, caller), conversation{}, place{key, v != nil}))
	r.Body = io.NopCloser(bytes.NewReader(body))
	s.server.ServeHTTP(w, r)
	return nil
}

// said is what sessions need of a message.
type said struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params struct {
		RequestID json.RawMessage `json:"requestId"`
	} `json:"params"`
}

// conversation is where a request's context has its place.
type conversation struct{}

// place is the gateway's session that a request's calls are made for, and whether the request belongs to a session of the protocol.
type place struct {
	key       session.Key
	inSession bool
}

// visit is the session of a request, or a new one for who introduces itself, or nil. Errors: CodeNotFound; CodeConflict for
// another conversation than the session's; CodeUnavailable.
func (s *Service) visit(r *http.Request, m said, caller *rpc.Caller, key session.Key) (*visit, error) {
	id := r.Header.Get(sessionHeader)
	if id == "" && m.Method != "initialize" {
		return nil, nil
	}
	if id == "" {
		return s.sessions.open(caller, key)
	}
	v, err := s.sessions.enter(id)
	if err != nil {
		return nil, err
	}
	if r.Header.Get(conversationHeader) != "" && key != v.key {
		s.sessions.leave(v, "")
		return nil, wit.Errorf(wit.CodeConflict, "the session is for %s: begin another one for %s", v.key, key)
	}
	if m.Method == "notifications/cancelled" {
		s.sessions.cancel(v, string(m.Params.RequestID))
	}
	return v, nil
}

// welcome tells a program its session with the answer to initialize. Where that fails there is none.
type welcome struct {
	http.ResponseWriter
	visit *visit
	of    *sessions
	said  bool
}

// WriteHeader implements http.ResponseWriter.
func (w *welcome) WriteHeader(status int) {
	if !w.said && status == http.StatusOK {
		w.Header().Set(sessionHeader, w.visit.id)
	} else if !w.said {
		_ = w.of.close(w.visit.id) // it may have made room meanwhile
	}
	w.said = true
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *welcome) Write(p []byte) (int, error) {
	if !w.said {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach what is below.
func (w *welcome) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// serverFor is the server of one request: it has the tools of the moment.
func (s *Service) serverFor(r *http.Request) *mcp.Server {
	at, _ := r.Context().Value(conversation{}).(place)
	server := mcp.NewServer(&mcp.Implementation{Name: "carapace", Title: "carapace", Version: s.Version},
		&mcp.ServerOptions{Capabilities: &mcp.ServerCapabilities{Tools: &mcp.ToolCapabilities{ListChanged: at.inSession}}})
	for _, d := range s.Tools.List(at.key.Agent()) {
		server.AddTool(tool(d), s.caller(r.Context(), d.Name, at.key))
	}
	return server
}

// caller makes the calls of a tool, until the request is given up, or its session has ended.
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
