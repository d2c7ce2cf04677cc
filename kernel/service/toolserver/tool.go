package toolserver

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/carapace-gateway/carapace/wit"
)

// Tool is a tool of a server, over one connection with it.
type Tool struct {
	server     *server
	session    *mcp.ClientSession
	theirs     string // its name
	definition wit.ToolDefinition
	schema     Schema
}

// Definition is what the model is told of the tool.
func (t *Tool) Definition() wit.ToolDefinition { return t.definition }

// Origin is the tool's server, and what that calls it.
func (t *Tool) Origin() (server, name string) { return t.server.name, t.theirs }

// Invoke calls the tool. Until it returns, tell gets what the server says of the call's progress, at most once a second, in a
// context that ends with the call; it may be nil. When ctx ends, the server is told that nobody waits for the result.
//
// Errors: CodeInvalid for arguments that do not fit, which are not sent, and for what the server calls wrong;
// CodeTimeout; CodeUnavailable where the connection is lost, and the call may have been made.
func (t *Tool) Invoke(ctx context.Context, c *wit.ToolInvocation, tell func(ctx context.Context, text string)) (*wit.ToolOutput, error) {
	if err := t.schema.Check(ctx, c.Args); err != nil {
		return nil, wit.Errorf(wit.CodeInvalid, "arguments of %s: %w", t.definition.Name, err)
	}
	q := &mcp.CallToolParams{Name: t.theirs, Arguments: json.RawMessage(c.Args)}
	calling, cancel := context.WithTimeout(ctx, t.server.timeout())
	defer cancel()
	if tell != nil {
		said := t.server.talk.begin(calling, func(ctx context.Context, text string) { tell(ctx, t.server.Redact(text)) })
		defer said.end()
		q.SetProgressToken(said.token)
	}
	res, err := t.session.CallTool(calling, q)
	if err != nil {
		return nil, t.failed(ctx, calling, err)
	}
	return t.output(ctx, res), nil
}

// failed is why a call came to nothing.
func (t *Tool) failed(ctx, calling context.Context, err error) error {
	s := t.server
	var wire *jsonrpc.Error
	switch {
	case ctx.Err() != nil:
		return wit.Errorf(wit.CodeTimeout, "the call of %s was given up: %w", t.definition.Name, context.Cause(ctx))
	case calling.Err() != nil:
		return wit.Errorf(wit.CodeTimeout, "the MCP server %s has not answered within %s: mcp.servers.%s.timeoutSeconds gives it more time", s.name, s.timeout(), s.name)
	case errors.As(err, &wire):
		return wit.Errorf(wit.CodeInvalid, "the MCP server %s refuses the call: %s", s.name, clip(s.Redact(wire.Message), maxProblem))
	}
	s.poke() // whether it is still there
	return wit.Errorf(wit.CodeUnavailable, "the connection with the MCP server %s was lost during the call, which may have been made: %s", s.name, s.said(err))
}

// talks are the calls whose progress is wanted, by the token under which servers tell of it.
type talks struct {
	mu   sync.Mutex
	open map[string]*talk
}

// talk is one of them. What is said while somebody is told is joined, which keeps the latest.
type talk struct {
	of     *talks
	token  string
	latest chan string
	cancel context.CancelFunc
	over   chan struct{}
}

// begin opens a talk whose reports are told one after the other.
func (t *talks) begin(ctx context.Context, tell func(ctx context.Context, text string)) *talk {
	ctx, cancel := context.WithCancel(ctx)
	k := &talk{of: t, token: uuid.NewString(), latest: make(chan string, 1), cancel: cancel, over: make(chan struct{})}
	t.mu.Lock()
	if t.open == nil {
		t.open = map[string]*talk{}
	}
	t.open[k.token] = k
	t.mu.Unlock()
	go k.run(ctx, tell)
	return k
}

func (k *talk) run(ctx context.Context, tell func(ctx context.Context, text string)) {
	defer close(k.over)
	pause := time.NewTicker(time.Second)
	defer pause.Stop()
	for {
		select {
		case text := <-k.latest:
			tell(ctx, text)
		case <-ctx.Done():
			return
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return
		}
	}
}

// end returns when nothing is told any more.
func (k *talk) end() {
	k.of.mu.Lock()
	delete(k.of.open, k.token)
	k.of.mu.Unlock()
	k.cancel()
	<-k.over
}

// heard is what a server says of a call's progress.
func (t *talks) heard(_ context.Context, n *mcp.ProgressNotificationClientRequest) {
	token, _ := n.Params.ProgressToken.(string)
	t.mu.Lock()
	defer t.mu.Unlock()
	k, text := t.open[token], clip(n.Params.Message, wit.ProgressReportTextCut)
	if k == nil || text == "" {
		return
	}
	select {
	case <-k.latest:
	default:
	}
	k.latest <- text // there is room: this is the only writer, under the lock
}
