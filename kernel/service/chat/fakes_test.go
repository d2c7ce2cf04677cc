package chat_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/claim"
	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/service/hook"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/hashicorp/go-hclog"
)

// world is what a service stands on. Its parts outlive the service, as the outside world does.
type world struct {
	t        *testing.T
	store    store.Store
	model    *model
	tools    *tools
	hooks    *plugins
	typed    counter
	settings agent.Settings
	shelf    *shelf // the providers, if there is more than the model
	watchers []string

	mu     sync.Mutex
	events []event.Event
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, store: store.OpenMemory(), model: &model{}, tools: newTools(), hooks: &plugins{}}
	w.model.reply = func(c *wit.Chat) *wit.ProviderAnswer { return say("you said: " + lastUser(c)) }
	return w
}

// process is one life of the services.
type process struct {
	*world
	runs     *run.Service
	agents   *agent.Service
	models   *agent.Models
	intake   *agent.Intake
	sessions *session.Service
	table    *rpc.Table
	cancel   context.CancelFunc
	done     chan struct{}
}

// start makes the services on the world's store, or on st, and runs them.
func (w *world) start(st store.Store) *process {
	p := w.build(st)
	p.run()
	return p
}

// run lets the services run until stop.
func (p *process) run() {
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	go func() {
		defer close(p.done)
		var wg sync.WaitGroup
		for _, fn := range []func(context.Context) error{p.sessions.Run, p.agents.Run, p.runs.Run} {
			wg.Go(func() { _ = fn(ctx) })
		}
		wg.Wait()
	}()
}

func (w *world) build(st store.Store) *process {
	if st == nil {
		st = w.store
	}
	bus := &event.Bus{}
	bus.Subscribe(func(e event.Event) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.events = append(w.events, e)
	})
	var providers agent.Providers = w.model
	if w.shelf != nil {
		providers = w.shelf
	}
	log := hclog.NewNullLogger()
	settings := func() agent.Settings { return w.settings }
	sessions := session.New(session.Deps{
		Store: st, Bus: bus, Queue: run.SessionQueue{}, Settings: func() session.Settings { return session.Settings{} }, Log: log,
	})
	models := agent.NewModels(providers, settings, log)
	agents := agent.New(agent.Deps{
		Sessions: sessions, Models: models, Tools: w.tools, Hooks: hook.New(w.hooks.of, log), Outbox: outbox{},
		Observer: chat.NewWriter(bus, w), Typing: &w.typed, Settings: settings, Log: log,
	})
	runs := run.New(run.Deps{Store: st, Sessions: sessions, Executor: agents, Claims: new(claim.Local), Log: log})
	chats := chat.New(chat.Deps{
		Store: st, Bus: bus, Sessions: sessions, Runs: runs, Models: models, Media: media{}, Settings: settings,
	})
	table, err := rpc.NewTable(slices.Concat(
		sessions.Service(session.Ports{Runs: runs, Models: models, Ended: agents.SessionEnded}).Methods, chats.Service().Methods,
	)...)
	if err != nil {
		w.t.Fatal(err)
	}
	return &process{
		world: w, runs: runs, agents: agents, models: models, intake: agent.NewIntake(sessions, runs), sessions: sessions,
		table: table, done: make(chan struct{}),
	}
}

func (w *world) ToolWatchers() []string { return w.watchers }

// stop ends the services as a shutdown does.
func (p *process) stop() {
	p.cancel()
	<-p.done
}

func (p *process) call(method string, params any) (map[string]any, error) {
	p.t.Helper()
	out, err := p.callAs(method, params, nil)
	return out, err
}

func (p *process) callAs(method string, params any, accept func(any)) (map[string]any, error) {
	p.t.Helper()
	raw, err := json.Marshal(params)
	if err != nil {
		p.t.Fatal(err)
	}
	caller := &rpc.Caller{ConnID: "c1", Role: wire.RoleOperator, Scopes: []wire.Scope{wire.ScopeAdmin}}
	res, err := p.table.Call(context.Background(), caller, method, raw, accept)
	if err != nil {
		return nil, err
	}
	return asMap(p.t, res), nil
}

func (p *process) must(method string, params any) map[string]any {
	p.t.Helper()
	out, err := p.call(method, params)
	if err != nil {
		p.t.Fatalf("%s: %v", method, err)
	}
	return out
}

func (p *process) send(id, text string) map[string]any {
	p.t.Helper()
	return p.must("chat.send", map[string]any{"sessionKey": "main", "message": text, "idempotencyKey": id})
}

func (p *process) wait(id string) run.Run {
	p.t.Helper()
	r, err := p.runs.Wait(context.Background(), id)
	if err != nil {
		p.t.Fatalf("wait for %s: %v", id, err)
	}
	return r
}

func asMap(t *testing.T, v any) map[string]any {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// chats returns the chat events of a run that have this state, or all for "".
func (w *world) chats(run, state string) []chat.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []chat.Event
	for _, e := range w.events {
		if c, ok := e.Payload.(chat.Event); ok && c.RunID == run && (state == "" || c.State == state) {
			out = append(out, c)
		}
	}
	return out
}

func (w *world) agents(run, stream string) []chat.AgentEvent {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []chat.AgentEvent
	for _, e := range w.events {
		if a, ok := e.Payload.(chat.AgentEvent); ok && a.RunID == run && (stream == "" || a.Stream == stream) {
			out = append(out, a)
		}
	}
	return out
}

// history returns a session's messages as "role: text" lines; calls are "call name".
func (w *world) history(key session.Key) []string {
	w.t.Helper()
	var out []string
	for _, m := range w.messages(key) {
		if text := m.Text(); text != "" {
			out = append(out, string(m.Role)+": "+text)
		}
		for _, c := range m.ToolCalls {
			out = append(out, "call "+c.Name)
		}
	}
	return out
}

func (w *world) messages(key session.Key) (out []session.Message) {
	w.t.Helper()
	err := w.store.View(context.Background(), func(tx store.Tx) error {
		e, err := session.Get(tx, key)
		if err != nil {
			return err
		}
		out, err = session.Newest(tx, e.SessionID, 0, 10000, nil)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// sent returns the outbound queue: key → text.
func (w *world) sent() map[string]string {
	out := map[string]string{}
	_ = w.store.View(context.Background(), func(tx store.Tx) error {
		for rec, err := range tx.Scan("test.out", store.Range{}) {
			if err != nil {
				return err
			}
			out[rec.Key] = string(rec.Value)
		}
		return nil
	})
	return out
}

type outbox struct{}

func (outbox) Enqueue(tx store.Tx, m message.Outbound) error {
	return tx.Insert("test.out", m.ID, []byte(m.Text)) // a second one is a bug: it conflicts
}
func (outbox) Wake() {}

type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) Typing(context.Context, message.Account, wit.Conversation) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return nil
}

func (c *counter) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

type media struct{}

func (media) Put(_ context.Context, mime, name string, data []byte) (string, error) {
	return fmt.Sprintf("media-%s-%d", name, len(data)), nil
}

// model is a provider. With reply it answers at once; with res it is asked through the network.
type model struct {
	mu    sync.Mutex
	reply func(*wit.Chat) *wit.ProviderAnswer
	res   func(*wit.Chat) (*egress.Response, error)
	frame wit.Framing
	asked []*wit.Chat
	// noModels: it has no list of models.
	noModels bool
}

func (m *model) Providers() []agent.ProviderInfo {
	name := "mock-1"
	return []agent.ProviderInfo{{ID: "mock", Facts: wit.ProviderFacts{Label: "Mock", DefaultModel: &name, Offline: true}}}
}

func (m *model) Provider(id string) (agent.Provider, bool) { return m, id == "mock" }

func (m *model) Request(ctx context.Context, c *wit.Chat) (*wit.ProviderPlan, error) {
	m.mu.Lock()
	m.asked = append(m.asked, c)
	reply, res := m.reply, m.res
	m.mu.Unlock()
	if res != nil {
		raw, _ := json.Marshal(c)
		body := string(raw)
		return &wit.ProviderPlan{Request: &wit.HTTPRequest{URL: "http://model", Text: &body}, Framing: m.frame}, nil
	}
	a := reply(c)
	if a.Error != nil && len(a.Deltas) == 0 {
		return nil, a.Error
	}
	return &wit.ProviderPlan{Answer: a}, nil
}

// Chunk reads frames that are answers as JSON; its state counts them.
func (m *model) Chunk(_ context.Context, c *wit.ProviderChunk) (*wit.ProviderAnswer, error) {
	n := 0
	_ = json.Unmarshal(c.State, &n)
	a := &wit.ProviderAnswer{}
	switch {
	case c.Kind == wit.ChunkKindData && c.Status >= 300:
		return nil, &wit.Error{Code: wit.CodeRateLimited, Message: "slow down: " + c.Data, Retryable: true}
	case c.Kind == wit.ChunkKindData && c.Data != "[DONE]":
		if err := json.Unmarshal([]byte(c.Data), a); err != nil {
			return nil, wit.Errorf(wit.CodeInternal, "chunk %d: %w", n, err)
		}
	}
	a.State = wit.JSON(fmt.Sprint(n + 1))
	return a, nil
}

func (m *model) Models(_ context.Context, q *wit.ModelsQuery) (*wit.ModelsAnswer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.noModels {
		return nil, wit.NewError(wit.CodeNotFound, "no list")
	}
	if q.Response == nil {
		return &wit.ModelsAnswer{Request: &wit.HTTPRequest{URL: "http://model/list"}}, nil
	}
	return &wit.ModelsAnswer{Models: []wit.Model{{ID: "mock-1", Name: "Mock One", ContextWindow: 100_000, Tools: true, Images: true}}}, nil
}

func (m *model) Stream(_ context.Context, r *wit.HTTPRequest) (*egress.Response, error) {
	var c wit.Chat
	if err := json.Unmarshal([]byte(*r.Text), &c); err != nil {
		return nil, err
	}
	return m.res(&c)
}

func (m *model) Do(context.Context, *wit.HTTPRequest) (*wit.HTTPResponse, error) {
	return &wit.HTTPResponse{Status: 200}, nil
}

func (m *model) requests() []*wit.Chat {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.asked)
}

func (m *model) set(reply func(*wit.Chat) *wit.ProviderAnswer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reply = reply
}

func say(words ...string) *wit.ProviderAnswer {
	stop := wit.StopReasonEnd
	a := &wit.ProviderAnswer{Stop: &stop, Usage: &wit.Usage{Input: 10, Output: 2}}
	for _, w := range words {
		a.Deltas = append(a.Deltas, wit.Delta{Kind: wit.DeltaKindText, Text: w})
	}
	return a
}

func ask(calls ...wit.ToolCall) *wit.ProviderAnswer {
	stop := wit.StopReasonToolCalls
	return &wit.ProviderAnswer{ToolCalls: calls, Stop: &stop, Usage: &wit.Usage{Input: 5, Output: 1}}
}

func call(id, name, args string) wit.ToolCall {
	return wit.ToolCall{ID: id, Name: name, Args: wit.JSON(args)}
}

func textOf(parts []wit.Part) string { return session.Message{Parts: parts}.Text() }

func lastUser(c *wit.Chat) string {
	for i := len(c.Turns) - 1; i >= 0; i-- {
		if c.Turns[i].Role == wit.RoleUser {
			return textOf(c.Turns[i].Content)
		}
	}
	return ""
}

// results returns the texts of the tool turns at the end of a chat.
func results(c *wit.Chat) (out []string) {
	for i := len(c.Turns) - 1; i >= 0 && c.Turns[i].Role == wit.RoleTool; i-- {
		out = append([]string{textOf(c.Turns[i].Content)}, out...)
	}
	return out
}

// sse makes a body of events, one per answer, that ends after them.
func sse(answers ...*wit.ProviderAnswer) io.ReadCloser {
	var b strings.Builder
	for _, a := range answers {
		raw, _ := json.Marshal(a)
		b.WriteString("event: piece\ndata: " + string(raw) + "\n\n")
	}
	b.WriteString("data: [DONE]\n\n")
	return io.NopCloser(strings.NewReader(b.String()))
}

// tools are add (reads) and pay (spends), which count their calls.
type tools struct {
	mu    sync.Mutex
	calls map[string]int
	do    func(ctx context.Context, c *wit.ToolInvocation) (*wit.ToolOutput, error)
}

func newTools() *tools {
	return &tools{calls: map[string]int{}, do: func(_ context.Context, c *wit.ToolInvocation) (*wit.ToolOutput, error) {
		return &wit.ToolOutput{Content: []wit.Part{session.TextPart(c.Name + " ok " + string(c.Args))}}, nil
	}}
}

func (x *tools) Tools() []wit.ToolDefinition {
	return []wit.ToolDefinition{
		{Name: "add", Description: "adds", Parameters: wit.JSON(`{}`), Effects: []wit.Effect{wit.EffectReads}},
		{Name: "pay", Description: "pays", Parameters: wit.JSON(`{}`), Effects: []wit.Effect{wit.EffectReads, wit.EffectSpends}},
	}
}

func (x *tools) Tool(name string) (agent.Tool, bool) {
	for _, d := range x.Tools() {
		if d.Name == name {
			return tool{x, d}, true
		}
	}
	return nil, false
}

func (x *tools) count(name string) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.calls[name]
}

type tool struct {
	x *tools
	d wit.ToolDefinition
}

func (t tool) Definition() wit.ToolDefinition { return t.d }

func (t tool) Invoke(ctx context.Context, c *wit.ToolInvocation) (*wit.ToolOutput, error) {
	var args map[string]any
	if err := json.Unmarshal(c.Args, &args); err != nil || t.d.Name == "add" && args["a"] == nil {
		return nil, wit.Errorf(wit.CodeInvalid, "the argument a is missing: %w", err)
	}
	t.x.mu.Lock()
	t.x.calls[t.d.Name]++
	do := t.x.do
	t.x.mu.Unlock()
	return do(ctx, c)
}

// plugins are hook plugins by the hook they handle.
type plugins struct {
	mu    sync.Mutex
	asked []wit.HookEvent
	on    map[wit.HookName]func(wit.HookEvent) *wit.HookDecision
}

func (p *plugins) of(name wit.HookName) []hook.Plugin { return []hook.Plugin{plugin{p, name}} }

func (p *plugins) names() (out []wit.HookName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.asked {
		out = append(out, e.Name)
	}
	return out
}

type plugin struct {
	p    *plugins
	name wit.HookName
}

func (plugin) ID() string             { return "watcher" }
func (x plugin) Facts() wit.HookFacts { return wit.HookFacts{Name: x.name} }

func (plugin) Prepare(context.Context) error { return nil }

func (x plugin) Handle(_ context.Context, e *wit.HookEvent) (*wit.HookDecision, error) {
	x.p.mu.Lock()
	defer x.p.mu.Unlock()
	x.p.asked = append(x.p.asked, *e)
	if fn := x.p.on[e.Name]; fn != nil {
		return fn(*e), nil
	}
	return nil, nil
}
