package chattest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/claim"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/kerneltest/bubble"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/agent/cooldown"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/service/hook"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/service/session/sessiontest"
	"github.com/carapace-gateway/carapace/kernel/service/session/transfer"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/hashicorp/go-hclog"
)

// World is what the services stand on. Its parts outlive them, as the outside world does.
type World struct {
	T     *testing.T
	Store store.Store
	// Model is the only provider, unless Providers is set.
	Model     *Model
	Providers agent.Providers
	// Transcribers are nil unless a test sets them: nothing is transcribed then.
	Transcribers agent.Transcribers
	Tools        *Tools
	Hooks        *Hooks
	// Typed counts how often typing was shown.
	Typed    Counter
	Settings agent.Settings
	// Woken counts how often delivery was told that there is something to send.
	Woken Counter
	// Log is what the services write to; nothing keeps it unless a test does.
	Log hclog.Logger
	// Watchers are the connections that asked to see tool calls.
	Watchers []string

	// Mu guards Events, which are all that was published.
	Mu     sync.Mutex
	Events []event.Event
}

// MainKey is the main session.
const MainKey = session.Key("agent:main:main")

// NewWorld returns a world whose model repeats what it is told.
func NewWorld(t *testing.T) *World {
	bubble.Limit(t)
	w := &World{T: t, Store: store.OpenMemory(), Model: &Model{}, Tools: newTools(), Hooks: &Hooks{}, Log: hclog.NewNullLogger()}
	w.Model.Reply = func(c *wit.Chat) *wit.ProviderAnswer { return Say("you said: " + LastUser(c)) }
	return w
}

// Process is one life of the services.
type Process struct {
	*World
	Runs     *run.Service
	Agents   *agent.Service
	Models   *agent.Models
	Intake   *agent.Intake
	Sessions *session.Service
	Table    *rpc.Table

	stops []func()
}

// Start makes the services on the world's store, or on st, and runs them until Stop, or the end of the test.
func (w *World) Start(st store.Store) *Process {
	p := w.Build(st)
	p.Run()
	w.T.Cleanup(p.Stop)
	return p
}

// Feed is the model's, closed when the test ends. It is called before Start, so that the services stop first.
func (w *World) Feed() chan<- *wit.ProviderAnswer {
	feed := w.Model.Feed()
	w.T.Cleanup(func() { close(feed) })
	return feed
}

// Run lets the services run until Stop, which ends them in reverse order.
func (p *Process) Run() {
	for _, fn := range []func(context.Context) error{p.Sessions.Run, p.Agents.Run, p.Runs.Run} {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = fn(ctx)
		}()
		p.stops = append(p.stops, func() { cancel(); <-done })
	}
}

// Build makes the services without running them.
func (w *World) Build(st store.Store) *Process {
	if st == nil {
		st = w.Store
	}
	bus := &event.Bus{}
	bus.Subscribe(func(e event.Event) {
		w.Mu.Lock()
		defer w.Mu.Unlock()
		w.Events = append(w.Events, e)
	})
	var providers agent.Providers = w.Model
	if w.Providers != nil {
		providers = w.Providers
	}
	log := w.Log
	settings := func() agent.Settings { return w.Settings }
	sessions := session.New(session.Deps{
		Store: st, Bus: bus, Queue: run.SessionQueue{}, Settings: w.keys, Log: log,
	})
	models := agent.NewModels(providers, settings, cooldown.New(st, log), nil, log)
	agents := agent.New(agent.Deps{
		Store: st, Sessions: sessions, Models: models, Tools: w.Tools, Hooks: hook.New(w.Hooks.Of, log), Outbox: outbox{w},
		Observer: chat.NewWriter(bus, w, nil), Typing: &w.Typed, Files: media{}, Transcribers: w.Transcribers, Settings: settings, Log: log,
	})
	runs := run.New(run.Deps{Store: st, Sessions: sessions, Executor: agents, Claims: new(claim.Local), Accounts: accounts{}, Log: log})
	chats := chat.New(chat.Deps{
		Store: st, Bus: bus, Sessions: sessions, Runs: runs, Models: models, Media: media{}, Settings: settings,
	})
	table, err := rpc.NewTable(slices.Concat(
		sessions.Service(session.Ports{Runs: runs, Models: models, Ended: agents.SessionEnded}).Methods, chats.Service().Methods,
		transfer.New(transfer.Deps{Store: st, Sessions: sessions}).Service().Methods,
	)...)
	if err != nil {
		w.T.Fatal(err)
	}
	return &Process{
		World: w, Runs: runs, Agents: agents, Models: models, Intake: agent.NewIntake(sessions, runs, outbox{w}), Sessions: sessions, Table: table,
	}
}

// keys are for the agents of Settings.
func (w *World) keys() session.Settings {
	s := session.Settings{Owners: []string{"chat:42"}}
	for _, a := range w.Settings.Agents {
		s.Agents = append(s.Agents, a.ID)
	}
	return s
}

// ToolWatchers implements chat.Watchers.
func (w *World) ToolWatchers() []string { return w.Watchers }

// Stop ends the services as a shutdown does.
func (p *Process) Stop() {
	for i := len(p.stops) - 1; i >= 0; i-- {
		p.stops[i]()
	}
}

// Call calls a method as an administrator.
func (p *Process) Call(method string, params any) (map[string]any, error) {
	p.T.Helper()
	out, err := p.CallAs(method, params, nil)
	return out, err
}

// CallAs is Call with a first answer.
func (p *Process) CallAs(method string, params any, accept func(any)) (map[string]any, error) {
	p.T.Helper()
	raw, err := json.Marshal(params)
	if err != nil {
		p.T.Fatal(err)
	}
	caller := &rpc.Caller{ConnID: "c1", Role: wire.RoleOperator, Scopes: []wire.Scope{wire.ScopeAdmin}}
	res, err := p.Table.Call(context.Background(), caller, method, raw, accept)
	if err != nil {
		return nil, err
	}
	return AsMap(p.T, res), nil
}

// Must is Call that may not fail.
func (p *Process) Must(method string, params any) map[string]any {
	p.T.Helper()
	out, err := p.Call(method, params)
	if err != nil {
		p.T.Fatalf("%s: %v", method, err)
	}
	return out
}

// Send says something in the main session; id is the run's.
func (p *Process) Send(id, text string) map[string]any {
	p.T.Helper()
	return p.Must("chat.send", map[string]any{"sessionKey": "main", "message": text, "idempotencyKey": id})
}

// Wait waits for the end of a run.
func (p *Process) Wait(id string) run.Run {
	p.T.Helper()
	r, err := p.Runs.Wait(context.Background(), id)
	if err != nil {
		p.T.Fatalf("wait for %s: %v", id, err)
	}
	return r
}

// AsMap is a value as JSON has it.
func AsMap(t *testing.T, v any) map[string]any {
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

// Chats returns the chat events of a run that have this state, or all for "".
func (w *World) Chats(run, state string) []chat.Event {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	var out []chat.Event
	for _, e := range w.Events {
		if c, ok := e.Payload.(chat.Event); ok && c.RunID == run && (state == "" || c.State == state) {
			out = append(out, c)
		}
	}
	return out
}

// Agents returns the agent events of a run in this stream, or all for "".
func (w *World) Agents(run, stream string) []chat.AgentEvent {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	var out []chat.AgentEvent
	for _, e := range w.Events {
		if a, ok := e.Payload.(chat.AgentEvent); ok && a.RunID == run && (stream == "" || a.Stream == stream) {
			out = append(out, a)
		}
	}
	return out
}

// Told returns the events session.message as "number role: text" lines, each as it is in the history.
func (w *World) Told() []string {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	var out []string
	for _, e := range w.Events {
		if m, ok := e.Payload.(chat.MessageEvent); ok {
			line := fmt.Sprintf("%d %s:", m.MessageSeq, m.Message.Role)
			for _, c := range m.Message.Content {
				line += " " + c.Text + c.Name
			}
			if m.Message.Place.Seq != m.MessageSeq || m.Message.ID != m.MessageID || session.MessageID(sessionOf(m.MessageID), m.MessageSeq) != m.MessageID {
				line += " under another number"
			}
			out = append(out, line)
		}
	}
	return out
}

func sessionOf(messageID string) string {
	id, _, _ := session.ParseMessageID(messageID)
	return id
}

// History returns a session's messages as "role: text" lines; calls are "call name".
func (w *World) History(key session.Key) []string {
	w.T.Helper()
	var out []string
	for _, m := range w.Messages(key) {
		if text := m.Text(); text != "" {
			out = append(out, string(m.Role)+": "+text)
		}
		for _, c := range m.ToolCalls {
			out = append(out, "call "+c.Name)
		}
	}
	return out
}

// Messages returns a session's history.
func (w *World) Messages(key session.Key) []session.Message {
	w.T.Helper()
	return sessiontest.Messages(w.T, w.Store, key)
}

// Sent returns the outbound queue: key → text.
func (w *World) Sent() map[string]string { return w.outbound("test.out") }

// SentFiles returns the files of the outbound queue: key → their references, with blanks between.
func (w *World) SentFiles() map[string]string { return w.outbound("test.files") }

func (w *World) outbound(space string) map[string]string {
	out := map[string]string{}
	_ = w.Store.View(context.Background(), func(tx store.Tx) error {
		for rec, err := range tx.Scan(space, store.Range{}) {
			if err != nil {
				return err
			}
			out[rec.Key] = string(rec.Value)
		}
		return nil
	})
	return out
}

type outbox struct{ w *World }

// Enqueue implements message.Outbox.
func (outbox) Enqueue(tx store.Tx, m message.Outbound) error {
	var files []string
	for _, a := range m.Attachments {
		files = append(files, *a.Media)
	}
	if len(files) > 0 {
		if err := tx.Insert("test.files", m.RunID, []byte(strings.Join(files, " "))); err != nil {
			return err
		}
	}
	return tx.Insert("test.out", m.RunID, []byte(m.Text)) // a second one is a bug: it conflicts
}

// Wake implements message.Outbox.
func (o outbox) Wake() { o.w.Woken.Add(1) }

// accounts are one, bot, on the channel chat.
type accounts struct{}

// Account implements run.Accounts.
func (accounts) Account(channel, account string) (message.Account, error) {
	if channel != "chat" || account != "" && account != "bot" {
		return message.Account{}, wit.Errorf(wit.CodeNotFound, "unsupported channel: %s has no account %s", channel, account)
	}
	return message.Account{Channel: channel, ID: "bot"}, nil
}

type media struct{}

// Put implements chat.Media.
func (media) Put(_ context.Context, mime, name string, data []byte) (string, error) {
	return fmt.Sprintf("media-%s-%d", name, len(data)), nil
}

// Fetch implements agent.Files: the file's name is its reference, and a request without a URL fails.
func (media) Fetch(_ context.Context, _ message.Account, a *wit.Attachment) (string, error) {
	if a.Fetch.URL == "" {
		return "", wit.NewError(wit.CodeNotFound, "it is gone")
	}
	return "media-" + *a.Name, nil
}

// FetchURL implements chat.Media: a file is what its address ends in.
func (media) FetchURL(_ context.Context, address string, _ int64, _ ...string) (id, mimeType string, err error) {
	return "media-" + path.Base(address), "image/png", nil
}

// Stat implements agent.Files and chat.Media.
func (media) Stat(_ context.Context, id string) (wit.MediaInfo, error) {
	if !strings.HasPrefix(id, "media-") {
		return wit.MediaInfo{}, wit.Errorf(wit.CodeNotFound, "there is no file %s", id)
	}
	name := strings.TrimPrefix(id, "media-")
	return wit.MediaInfo{Media: id, Mime: "image/png", Name: &name, Size: 2048}, nil
}

// Keep implements agent.Files: a file is called after its beginning, and is a picture unless that is <.
func (media) Keep(_ context.Context, body io.Reader) (wit.MediaInfo, error) {
	b, err := io.ReadAll(body)
	if err != nil {
		return wit.MediaInfo{}, wit.Errorf(wit.CodeUnavailable, "the file was not read to its end: %w", err)
	}
	info := wit.MediaInfo{Media: "media-" + string(b[:min(len(b), 40)]), Mime: "image/png", Size: int64(len(b))}
	if bytes.HasPrefix(b, []byte("<")) {
		info.Mime = "text/html"
	}
	return info, nil
}

// Head implements agent.Files: no file is text.
func (media) Head(context.Context, string, int) ([]byte, error) { return []byte{0}, nil }

// Inbound is a direct message of one person.
func Inbound(id, text string) message.Inbound {
	return message.Inbound{
		ID: "in-" + id, Account: message.Account{Channel: "chat", ID: "bot"},
		Message: wit.Message{
			ID: id, Text: text, Conversation: wit.Conversation{Kind: wit.ConversationKindDirect, ID: "42"}, Sender: wit.Person{ID: "42"},
		},
	}
}

// Accept gives the process a direct message that a channel has taken.
func (w *World) Accept(p *Process, id, text string) {
	w.T.Helper()
	if err := w.Store.Update(context.Background(), func(tx store.Tx) error { _, err := p.Intake.Accept(tx, Inbound(id, text)); return err }); err != nil {
		w.T.Fatal(err)
	}
	p.Runs.Wake()
}

// Only waits for the run that was enqueued last.
func (w *World) Only(p *Process) run.Run {
	w.T.Helper()
	var last run.Run
	if err := w.Store.View(context.Background(), func(tx store.Tx) error {
		for row, err := range store.Table[run.Run]("runs").Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			if row.Value.Ticket > last.Ticket {
				last = row.Value
			}
		}
		return nil
	}); err != nil || last.ID == "" {
		w.T.Fatalf("no run: %v", err)
	}
	return p.Wait(last.ID)
}
