package channel_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/claim/claimtest"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/proof"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/channel"
	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// fakePlugin is a channel whose handler is a Go function.
type fakePlugin struct {
	mu      sync.Mutex
	facts   wit.ChannelFacts
	version string
	build   string
	event   func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error)
	skip    func(e *wit.ChannelEvent) (*wit.NewState, error)
	migrate func(m *wit.Migration) (*wit.NewState, error)
	do      func(ctx context.Context, r *wit.HTTPRequest) (*wit.HTTPResponse, error)
	texts   map[string]string // of the configuration
	events  []wit.ChannelEvent
}

func (p *fakePlugin) Facts() *wit.ChannelFacts { return &p.facts }
func (p *fakePlugin) Version() string          { return p.version }
func (p *fakePlugin) Build() string            { return p.version + p.build }

func (p *fakePlugin) Event(_ context.Context, e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	p.mu.Lock()
	p.events = append(p.events, *e)
	p.mu.Unlock()
	if p.event == nil {
		return &wit.ChannelAnswer{}, nil
	}
	return asAnswered(p.event(e))
}

// asAnswered gives an answer the way that one of a plugin has: as JSON, and past the contract's validation.
func asAnswered(a *wit.ChannelAnswer, err error) (*wit.ChannelAnswer, error) {
	if a == nil || err != nil {
		return a, err
	}
	for i := range a.Open { // what is dialled is no matter of these tests
		a.Open[i].URL = cmp.Or(a.Open[i].URL, "wss://chat.example/")
	}
	out := new(wit.ChannelAnswer)
	if err := wit.Unmarshal(wit.Marshal(a), out); err != nil {
		return nil, err
	}
	return out, out.Validate()
}

func (p *fakePlugin) Skip(_ context.Context, e *wit.ChannelEvent) (*wit.NewState, error) {
	return p.skip(e)
}

func (p *fakePlugin) Migrate(_ context.Context, m *wit.Migration) (*wit.NewState, error) {
	return p.migrate(m)
}

func (p *fakePlugin) Do(ctx context.Context, _ string, r *wit.HTTPRequest) (*wit.HTTPResponse, error) {
	return p.do(ctx, r)
}

func (p *fakePlugin) Setting(_, field string) string { return p.texts[field] }

// kinds lists the events that the plugin has seen.
func (p *fakePlugin) kinds() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []string
	for _, e := range p.events {
		list = append(list, string(e.Kind))
	}
	return strings.Join(list, " ")
}

// world is what a channel service stands on, in memory.
type world struct {
	t          *testing.T
	store      store.Store
	bus        *event.Bus
	mu         sync.Mutex
	plugins    map[string]*fakePlugin
	previous   map[string]*fakePlugin
	rollbacks  []string
	accounts   []channel.Account
	perChannel map[string][]channel.Account // instead of accounts, if it is not nil
	secrets    map[string]string
	public     string // the gateway's address
	refuse     error  // what Accept answers
	refuses    string // the id of a message that Accept refuses
	wakes      int
	registry   channel.Plugins // instead of the world, if it is not nil
	dialer     channel.Dialer
	claims     claimtest.Claims
	inbox      *inbox.Service
	log        bytes.Buffer // what the services log
	logger     hclog.Logger // of all of them: it keeps them apart
}

// known is the accounts, which the inbox is made before.
type known struct{ s **channel.Service }

func (k known) Accounts() []message.Account { return (*k.s).Accounts() }
func (k known) Account(id, account string) (message.Account, error) {
	return (*k.s).Account(id, account)
}
func (k known) Label(id string) string { return (*k.s).Label(id) }

func newWorld(t *testing.T, p *fakePlugin) *world {
	w := &world{t: t, store: store.OpenMemory(), bus: &event.Bus{}, plugins: map[string]*fakePlugin{}, previous: map[string]*fakePlugin{},
		secrets: map[string]string{}, accounts: []channel.Account{{ID: "main", Enabled: true, Access: inbox.Access{DM: inbox.PolicyOpen}, Config: wit.JSON(`{}`)}}}
	w.logger = hclog.New(&hclog.LoggerOptions{Output: &w.log})
	if p.version == "" {
		p.version = "1.0.0"
	}
	w.plugins["chat"] = p
	return w
}

func (w *world) Channels() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var ids []string
	for id := range w.plugins {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func (w *world) Channel(id string) (channel.Plugin, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, ok := w.plugins[id]
	if !ok {
		return nil, false
	}
	return p, true
}

func (w *world) Rollback(id, reason string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rollbacks = append(w.rollbacks, reason)
	old, ok := w.previous[id]
	if !ok {
		return wit.NewError(wit.CodeNotFound, "there is no version before")
	}
	w.plugins[id] = old
	return nil
}

// upgrade replaces the plugin, as the registry does between two events.
func (w *world) upgrade(p *fakePlugin) {
	w.mu.Lock()
	w.previous["chat"], w.plugins["chat"] = w.plugins["chat"], p
	w.mu.Unlock()
	event.Kind[string]{Name: "plugins.changed"}.Publish(w.bus, "chat")
}

func (w *world) Accounts(id string) []channel.Account {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.perChannel != nil {
		return w.perChannel[id]
	}
	return slices.Clone(w.accounts)
}

func (w *world) configure(accounts ...channel.Account) {
	w.mu.Lock()
	w.accounts = accounts
	w.mu.Unlock()
	event.Kind[string]{Name: "config.changed"}.Publish(w.bus, "chat")
}

func (w *world) Get(_ context.Context, _, _, name string) (string, error) {
	if s, ok := w.secrets[name]; ok {
		return s, nil
	}
	return "", wit.NewError(wit.CodeNotFound, "there is no such credential")
}

func (w *world) Accept(tx store.Tx, t message.Inbound) (string, error) {
	if w.refuse != nil {
		return "", w.refuse
	}
	if w.refuses == t.Message.ID {
		return "", wit.NewError(wit.CodeInvalid, "not this one")
	}
	return t.Message.Conversation.ID, store.Table[message.Inbound]("test.turns").Insert(tx, t.ID, t)
}

func (w *world) Wake(...string) { w.mu.Lock(); w.wakes++; w.mu.Unlock() }

type outbox struct{ *world }

func (o outbox) Wake() { o.world.Wake() }

func (o outbox) Enqueue(tx store.Tx, n message.Outbound) error {
	return store.Table[message.Outbound]("test.notices").Put(tx, n.ID, n)
}

// turns lists the accepted turns by message id.
func (w *world) turns() map[string]message.Inbound {
	turns := map[string]message.Inbound{}
	_ = w.store.View(context.Background(), func(tx store.Tx) error {
		for row, err := range (store.Table[message.Inbound]("test.turns")).Scan(tx, store.Range{}) {
			if err != nil {
				w.t.Error(err)
			}
			turns[row.Value.Message.ID] = row.Value
		}
		return nil
	})
	return turns
}

func (w *world) sent() []message.Outbound {
	var list []message.Outbound
	_ = w.store.View(context.Background(), func(tx store.Tx) error {
		for row, err := range (store.Table[message.Outbound]("test.notices")).Scan(tx, store.Range{}) {
			if err != nil {
				w.t.Error(err)
			}
			list = append(list, row.Value)
		}
		return nil
	})
	return list
}

// make makes a service that does not run, and its inbox.
func (w *world) make() *channel.Service {
	var s *channel.Service // whom the inbox asks for accounts
	redact := func(s string) string { return strings.ReplaceAll(s, "hunter2", "…") }
	in := inbox.New(inbox.Deps{Store: w.store, Log: hclog.NewNullLogger(), Acceptor: w, Outbox: outbox{w}, Accounts: known{&s}, Redact: redact})
	s = channel.New(channel.Deps{
		Bus: w.bus, Log: w.logger, Plugins: cmp.Or[channel.Plugins](w.registry, w), Settings: w, Credentials: w, Proofs: proof.New(w.store, func() string { return w.public }),
		Inbox: in, DeadLetters: in.DeadLetters(), Claims: &w.claims, Dialer: w.dialer, Redact: redact,
	})
	w.inbox = in
	return s
}

// run starts a service; the end of the test, or calling stop, ends it.
func (w *world) run() (s *channel.Service, stop func()) {
	s = w.make()
	in := w.inbox
	ctx, cancel := context.WithCancel(context.Background())
	done, pruned := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Run(ctx)
	}()
	go func() {
		defer close(pruned)
		_ = in.Run(ctx)
	}()
	stop = func() {
		cancel()
		<-done
		<-pruned
	}
	w.t.Cleanup(stop)
	return s, stop
}

// call calls a method as the owner and decodes the result into out, which may be nil.
func call(t *testing.T, s *channel.Service, method, params string, out any) error {
	t.Helper()
	return callTable(t, s.Service().Methods, method, params, out)
}

// call calls a method of the inbox.
func (w *world) call(method, params string, out any) error {
	w.t.Helper()
	return callTable(w.t, w.inbox.Service().Methods, method, params, out)
}

func callTable(t *testing.T, methods []rpc.Method, method, params string, out any) error {
	t.Helper()
	table, err := rpc.NewTable(methods...)
	if err != nil {
		t.Fatal(err)
	}
	owner := &rpc.Caller{Role: wire.RoleOperator, Scopes: []wire.Scope{wire.ScopeAdmin}}
	res, err := table.Call(context.Background(), owner, method, json.RawMessage(params), nil)
	if err != nil || out == nil {
		return err
	}
	b, err := json.Marshal(res)
	if err != nil {
		t.Fatal(err)
	}
	return json.Unmarshal(b, out)
}

// status returns the account's row of channels.status.
func status(t *testing.T, s *channel.Service) map[string]any {
	t.Helper()
	var r struct {
		ChannelAccounts map[string][]map[string]any `json:"channelAccounts"`
	}
	if err := call(t, s, "channels.status", "{}", &r); err != nil {
		t.Fatal(err)
	}
	if len(r.ChannelAccounts["chat"]) == 0 {
		t.Fatal("channels.status has no account of chat")
	}
	return r.ChannelAccounts["chat"][0]
}

func text(id, body string) wit.Message {
	return wit.Message{ID: id, Kind: wit.MessageKindText, Text: body, Conversation: wit.Conversation{Kind: wit.ConversationKindDirect, ID: "c1"},
		Sender: wit.Person{ID: "u1"}}
}

func ptr[T any](v T) *T { return &v }

// platform is a chat service with a long poll: updates 1, 2, 3, … from an offset.
type platform struct {
	mu      sync.Mutex
	updates []wit.Message
	news    chan struct{}
}

func newPlatform() *platform { return &platform{news: make(chan struct{}, 100)} }

func (p *platform) say(m ...wit.Message) {
	p.mu.Lock()
	p.updates = append(p.updates, m...)
	p.mu.Unlock()
	p.news <- struct{}{}
}

// poll answers the updates behind offset, or none after 30 seconds.
func (p *platform) poll(ctx context.Context, r *wit.HTTPRequest) (*wit.HTTPResponse, error) {
	var offset int
	if _, err := fmt.Sscanf(r.URL, "poll:%d", &offset); err != nil {
		return nil, wit.NewError(wit.CodeInvalid, err.Error())
	}
	deadline := time.After(30 * time.Second)
	for {
		p.mu.Lock()
		body, _ := json.Marshal(p.updates[min(offset, len(p.updates)):])
		n := len(p.updates)
		p.mu.Unlock()
		if n > offset {
			return &wit.HTTPResponse{Status: 200, Text: ptr(string(body))}, nil
		}
		select {
		case <-p.news:
		case <-deadline:
			return &wit.HTTPResponse{Status: 200, Text: ptr("[]")}, nil
		case <-ctx.Done():
			return nil, wit.NewError(wit.CodeUnavailable, "cancelled")
		}
	}
}

// poller is the plugin for platform: its state is the offset.
func poller(p *platform) *fakePlugin {
	f := &fakePlugin{do: p.poll}
	f.event = func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
		var offset int
		if e.State != nil {
			if err := json.Unmarshal(e.State, &offset); err != nil {
				return nil, wit.NewError(wit.CodeInvalid, "state: "+err.Error())
			}
		}
		a := &wit.ChannelAnswer{}
		switch {
		case e.Kind == wit.EventKindStart:
			a.Status = &wit.AccountStatus{State: wit.ConnectionStateConnected, Self: &wit.Person{ID: "bot"}}
		case e.Kind == wit.EventKindResponse && e.Response.Error == nil:
			if err := json.Unmarshal([]byte(*e.Response.Text), &a.Messages); err != nil {
				return nil, wit.NewError(wit.CodeInvalid, err.Error())
			}
			offset += len(a.Messages)
			a.State = wit.JSON(fmt.Sprint(offset))
		case e.Kind == wit.EventKindResponse:
			a.Timers = []wit.Timer{{ID: "again", After: 1000}}
			return a, nil
		case e.Kind == wit.EventKindTimer:
		default:
			return a, nil
		}
		a.Requests = []wit.HTTPRequest{{ID: "poll", URL: fmt.Sprintf("poll:%d", offset)}}
		return a, nil
	}
	return f
}

// inBubble runs a test in a bubble of its own time.
func inBubble(name string, t *testing.T, fn func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, fn) })
}

// seen lists the events that the plugin has seen.
func (p *fakePlugin) seen() []wit.ChannelEvent {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.events)
}
