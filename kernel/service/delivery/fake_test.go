package delivery_test

import (
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

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/logs/logstest"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// send is one call of the fake plugin.
type send struct {
	key, to, text, replyTo string
	files                  int
	at                     time.Duration
	rows                   string // the labels of its buttons, as "a,b/c"
}

// world is a platform with its plugin, and what a delivery service stands on.
type world struct {
	t     *testing.T
	store store.Store
	bus   *event.Bus
	queue *delivery.Queue
	began time.Time
	facts wit.ChannelFacts
	hold  bool
	hooks delivery.Hooks
	media delivery.Media
	voice delivery.Voice
	// drafts are those that messages take the place of, and editing is why one cannot be changed.
	drafts  delivery.Drafts
	editing error
	log     logstest.Buffer
	// failMove has every move fail.
	failMove bool

	mu     sync.Mutex
	ready  error
	absent bool      // the plugin is not loaded
	line   line      // how the account is connected
	since  time.Time // when the account was connected
	sends  []send
	answer func(ctx context.Context, n int, s *wit.ChannelSend) (*wit.Sent, error) // nil is success
	events []string
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, store: store.OpenMemory(), bus: &event.Bus{}, queue: delivery.NewQueue(), began: time.Now(),
		facts: wit.ChannelFacts{Markup: wit.MarkupMarkdown}}
	delivery.DeliveredKind.Subscribe(w.bus, func(d delivery.Delivered) {
		w.note(fmt.Sprintf("delivered %s %v", d.ID, d.IDs))
	})
	delivery.FailedKind.Subscribe(w.bus, func(d delivery.Failed) {
		w.note(fmt.Sprintf("%s %s %s", d.State, d.ID, d.Error.Code))
	})
	return w
}

func (w *world) note(s string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, s)
}

func (w *world) Ready(string, string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ready
}

func (w *world) ConnectedSince(string, string) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.since
}

// connect lets the account be connected since now, or not at all.
func (w *world) connect(is bool) {
	w.mu.Lock()
	w.since = time.Time{}
	if is {
		w.since = time.Now()
	}
	w.mu.Unlock()
	event.Kind[string]{Name: "channels.changed"}.Publish(w.bus, "chat/main")
}

func (w *world) Link(string, string) (delivery.Link, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.line
	return &now, nil
}

// line is an account's connection, on which write writes; nil is one that takes everything and never ends.
type line struct {
	state wit.JSON
	err   error // of reading the state
	write func(ctx context.Context, frames []wit.Frame) (<-chan struct{}, error)
}

func (l *line) State(context.Context) (wit.JSON, error) { return l.state, l.err }

func (l *line) Write(ctx context.Context, frames []wit.Frame) (<-chan struct{}, error) {
	if l.write == nil {
		return nil, nil
	}
	return l.write(ctx, frames)
}

func (w *world) setReady(err error) {
	w.mu.Lock()
	w.ready = err
	w.mu.Unlock()
	event.Kind[string]{Name: "channels.changed"}.Publish(w.bus, "chat/main")
}

func (w *world) Account(name, account string) (message.Account, error) {
	if name != "chat" || account != "" && account != "main" {
		return message.Account{}, wit.Errorf(wit.CodeNotFound, "unsupported channel: %s", name)
	}
	return message.Account{Channel: "chat", ID: "main"}, nil
}

func (w *world) Default() (string, bool)  { return "chat", true }
func (w *world) Facts() *wit.ChannelFacts { return &w.facts }

func (w *world) Sender(string) (delivery.Sender, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w, !w.absent
}

func (w *world) Send(ctx context.Context, s *wit.ChannelSend) (*wit.Sent, error) {
	w.mu.Lock()
	replyTo := ""
	if s.ReplyTo != nil {
		replyTo = *s.ReplyTo
	}
	w.sends = append(w.sends, send{s.IdempotencyKey, s.To.ID, s.Text, replyTo, len(s.Attachments), time.Since(w.began), labels(s.Actions)})
	n, answer := len(w.sends), w.answer
	w.mu.Unlock()
	if answer == nil {
		return &wit.Sent{IDs: []string{fmt.Sprint("p", n)}}, nil
	}
	return answer(ctx, n, s)
}

func labels(rows []wit.ActionRow) string {
	var list []string
	for _, row := range rows {
		var labels []string
		for _, a := range row.Actions {
			labels = append(labels, a.Label)
		}
		list = append(list, strings.Join(labels, ","))
	}
	return strings.Join(list, "/")
}

// Edit notes a change as a send that has the key of what it changes, with a plus before it.
func (w *world) Preview(context.Context, *wit.ChannelPreview) (*wit.Sent, error) {
	panic("not declared")
}

func (w *world) Edit(_ context.Context, e *wit.ChannelEdit) (*wit.Sent, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sends = append(w.sends, send{key: "+" + e.ID, to: e.To.ID, text: e.Text, at: time.Since(w.began)})
	return &wit.Sent{IDs: []string{e.ID}}, w.editing
}

func (w *world) sent() []send {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.sends)
}

func (w *world) texts() []string {
	var list []string
	for _, s := range w.sent() {
		list = append(list, s.text)
	}
	return list
}

func (w *world) news() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.events)
}

// logged waits until nothing goes on, and returns the lines of the log without what belongs to them.
func (w *world) logged() (lines []string) {
	synctest.Wait()
	for line := range strings.Lines(w.log.String()) {
		_, line, _ = strings.Cut(line, "delivery: ")
		what, _, _ := strings.Cut(line, ": ")
		lines = append(lines, what)
	}
	return lines
}

// enqueue commits messages and wakes the service.
func (w *world) enqueue(messages ...message.Outbound) {
	w.t.Helper()
	err := w.store.Update(context.Background(), func(tx store.Tx) error {
		for _, m := range messages {
			if err := w.queue.Enqueue(tx, m); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.queue.Wake()
}

func (w *world) deps() delivery.Deps {
	log := hclog.New(&hclog.LoggerOptions{Output: &w.log, DisableTime: true})
	return delivery.Deps{Store: storetest.Bounded(w.store, 40_000), Bus: w.bus, Log: log, Queue: w.queue, Accounts: w, Senders: w,
		Hooks: w.hooks, Media: w.media, Voice: w.voice, Drafts: w.drafts, Moved: w.moved, Hold: w.hold, Redact: func(s string) string { return strings.ReplaceAll(s, "hunter2", "…") }}
}

func (w *world) run() (s *delivery.Service, stop func()) {
	s = delivery.New(w.deps())
	return s, w.serve(s)
}

// serve runs a service until stop is called, or the test ends.
func (w *world) serve(s *delivery.Service) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Run(ctx)
	}()
	stop = func() {
		cancel()
		<-done
	}
	w.t.Cleanup(stop)
	return stop
}

func outgoing(id, to, text string) message.Outbound {
	return message.Outbound{ID: id, Channel: "chat", Account: "main", To: wit.Conversation{Kind: wit.ConversationKindDirect, ID: to}, Text: text}
}

func call(t *testing.T, s *delivery.Service, method, params string, out any) error {
	t.Helper()
	table, err := rpc.NewTable(s.Service().Methods...)
	if err != nil {
		t.Fatal(err)
	}
	res, err := table.Call(context.Background(), &rpc.Caller{Role: wire.RoleOperator, Scopes: []wire.Scope{wire.ScopeAdmin}}, method, json.RawMessage(params), nil)
	if err != nil || out == nil {
		return err
	}
	b, err := json.Marshal(res)
	if err != nil {
		t.Fatal(err)
	}
	return json.Unmarshal(b, out)
}

func inBubble(name string, t *testing.T, fn func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, fn) })
}
