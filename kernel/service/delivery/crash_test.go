package delivery_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/claim"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/service/channel"
	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// These tests run a whole conversation (platform → inbox → turn → queue → platform) and kill the
// gateway before and after every store transaction, plugin call and request, one run for each. A killed
// gateway reaches nothing any more: neither its store nor the platform.

// life is one process. It dies at its nth step.
type life struct {
	mu      sync.Mutex
	asked   int // steps, and what is tried after the death
	steps   int
	crashAt int
	dead    bool
	crash   chan struct{}
}

func (l *life) step() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asked++; l.asked > 100_000 {
		panic("a process goes round and round")
	}
	if l.dead {
		return wit.NewError(wit.CodeUnavailable, "the process is dead")
	}
	if l.steps++; l.steps == l.crashAt {
		l.dead = true
		close(l.crash)
		return wit.NewError(wit.CodeUnavailable, "the process is dead")
	}
	return nil
}

// mortal is a store that its process's death cuts off.
type mortal struct {
	store.Store
	*life
}

func (m mortal) Update(ctx context.Context, fn func(store.Tx) error) error {
	if err := m.step(); err != nil {
		return err
	}
	err := m.Store.Update(ctx, fn)
	if dead := m.step(); dead != nil {
		return dead
	}
	return err
}

func (m mortal) View(ctx context.Context, fn func(store.Tx) error) error {
	if err := m.step(); err != nil {
		return err
	}
	return m.Store.View(ctx, fn)
}

// city is the platform. It outlives the gateways. It forgets updates once a poll has confirmed them.
type city struct {
	mu       sync.Mutex
	first    int // the id of updates[0]
	updates  []wit.Message
	received map[string]int // idempotency key → how often
	order    []string
	dedup    bool
}

func (c *city) poll(ctx context.Context, offset int) ([]wit.Message, error) {
	deadline := time.After(30 * time.Second)
	for {
		c.mu.Lock()
		for c.first < offset && len(c.updates) > 0 {
			c.first, c.updates = c.first+1, c.updates[1:]
		}
		got := slices.Clone(c.updates[:min(2, len(c.updates))])
		c.mu.Unlock()
		if len(got) > 0 {
			return got, nil
		}
		select {
		case <-time.After(time.Second):
		case <-deadline:
			return nil, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (c *city) receive(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dedup && c.received[key] > 0 {
		return
	}
	c.received[key]++
	if c.received[key] == 1 {
		c.order = append(c.order, key)
	}
}

// cable is a connection to the city, which says each key that it was sent back to confirm it.
type cable struct {
	*gateway
	said  chan string
	close context.CancelFunc
	open  context.Context
}

func (g *gateway) Dial(ctx context.Context, _, _ string, _ wit.OpenConnection) (channel.Conn, error) {
	if err := g.step(); err != nil {
		return nil, err
	}
	open, end := context.WithCancel(ctx)
	return &cable{g, make(chan string, 100), end, open}, g.step()
}

func (w *cable) Write(f wit.Frame) error {
	if err := w.step(); err != nil {
		return err
	}
	w.receive(*f.Text)
	w.said <- *f.Text
	return w.step()
}

func (w *cable) Read() (wit.Frame, error) {
	select {
	case text := <-w.said:
		return wit.Frame{Text: &text}, w.step()
	case <-w.open.Done():
		return wit.Frame{}, wit.NewError(wit.CodeUnavailable, "closed")
	}
}

func (w *cable) Close() error  { w.close(); return nil }
func (w *cable) Secure() error { return nil }

// gateway is one process: both services, their plugin and their ports.
type gateway struct {
	*life
	*city
	db       mortal
	bus      event.Bus
	queue    *delivery.Queue
	channels *channel.Service
	out      *delivery.Service
	turns    store.Table[message.Inbound]
	wired    bool // what is sent goes over a connection
}

func (g *gateway) Channels() []string                    { return []string{"chat"} }
func (g *gateway) Channel(string) (channel.Plugin, bool) { return g, true }
func (g *gateway) Rollback(string, string) error         { return wit.NewError(wit.CodeNotFound, "none") }
func (g *gateway) Sender(string) (delivery.Sender, bool) { return g, true }
func (g *gateway) Version() string                       { return "1.0.0" }
func (g *gateway) Build() string                         { return "1" }
func (g *gateway) Accounts(string) []channel.Account {
	return []channel.Account{{ID: "main", Enabled: true, Access: inbox.Access{DM: inbox.PolicyOpen}}}
}
func (g *gateway) Wake(...string)                                              { g.queue.Wake() }
func (g *gateway) Get(context.Context, string, string, string) (string, error) { return "", nil }

func (g *gateway) Facts() *wit.ChannelFacts {
	return &wit.ChannelFacts{Markup: wit.MarkupMarkdown, MaxLength: 12, Deduplicates: g.dedup, Webhook: &wit.WebhookFacts{Auth: wit.WebhookAuthNone}}
}

func (g *gateway) Edit(context.Context, *wit.ChannelEdit) (*wit.Sent, error) { panic("not declared") }
func (g *gateway) Preview(context.Context, *wit.ChannelPreview) (*wit.Sent, error) {
	panic("not declared")
}
func (g *gateway) Skip(context.Context, *wit.ChannelEvent) (*wit.NewState, error) {
	panic("not declared")
}
func (g *gateway) Migrate(context.Context, *wit.Migration) (*wit.NewState, error) {
	panic("not declared")
}

// Accept is a turn whose answer, of two pieces, is known at once.
func (g *gateway) Accept(tx store.Tx, t message.Inbound) (string, error) {
	if err := g.turns.Insert(tx, t.ID, t); err != nil {
		return "", err
	}
	return "", g.queue.Enqueue(tx, message.Outbound{ID: t.Message.ID, Channel: t.Account.Channel, Account: t.Account.ID, To: t.Message.Conversation,
		Text: "answer to\n\n" + t.Message.Text})
}

// Event keeps the offset of a long poll, and takes webhooks.
func (g *gateway) Event(_ context.Context, e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	if err := g.step(); err != nil {
		return nil, err
	}
	offset, a := 0, &wit.ChannelAnswer{}
	if e.State != nil {
		if err := json.Unmarshal(e.State, &offset); err != nil {
			return nil, err
		}
	}
	var body *string
	switch {
	case e.Kind == wit.EventKindWebhook:
		body = e.Webhook.Text
	case e.Response != nil && e.Response.Error == nil:
		body = e.Response.Text
	}
	if body != nil {
		if err := json.Unmarshal([]byte(*body), &a.Messages); err != nil {
			return nil, err
		}
	}
	switch {
	case e.Kind == wit.EventKindStart && g.wired:
		a.Open = []wit.OpenConnection{{Connection: "wire", Transport: wit.TransportTCP}}
	case e.Kind == wit.EventKindMessage:
		a.Confirmed = []wit.Confirmation{{Token: *e.Message.Text, IDs: []string{*e.Message.Text}}}
		return a, g.step()
	case e.Kind == wit.EventKindOpened, e.Kind == wit.EventKindClosed:
		return a, g.step()
	}
	if e.Kind != wit.EventKindWebhook {
		offset += len(a.Messages)
		a.State = wit.JSON(fmt.Sprint(offset))
		a.Requests = []wit.HTTPRequest{{ID: "poll", URL: fmt.Sprint(offset)}}
	}
	return a, g.step()
}

func (g *gateway) Setting(string, string) string { return "" }

func (g *gateway) Do(ctx context.Context, _ string, r *wit.HTTPRequest) (*wit.HTTPResponse, error) {
	if err := g.step(); err != nil {
		return nil, err
	}
	var offset int
	if _, err := fmt.Sscan(r.URL, &offset); err != nil {
		return nil, err
	}
	got, err := g.poll(ctx, offset)
	if dead := g.step(); dead != nil || err != nil {
		return nil, wit.NewError(wit.CodeUnavailable, "no answer")
	}
	b, err := json.Marshal(got)
	text := string(b)
	return &wit.HTTPResponse{Status: 200, Text: &text}, err
}

func (g *gateway) Send(_ context.Context, s *wit.ChannelSend) (*wit.Sent, error) {
	if err := g.step(); err != nil {
		return nil, err
	}
	if g.wired {
		key := s.IdempotencyKey
		return &wit.Sent{Frames: []wit.Frame{{Connection: "wire", Text: &key}}, Awaits: &wit.Awaited{Token: key}}, g.step()
	}
	g.receive(s.IdempotencyKey)
	if err := g.step(); err != nil {
		return nil, err
	}
	return &wit.Sent{IDs: []string{s.IdempotencyKey}}, nil
}

// linked is the channels as delivery sees them.
type linked struct{ *channel.Service }

func (l linked) Link(name, account string) (delivery.Link, error) {
	return l.Service.Link(name, account)
}

// boot starts a gateway that dies at a step (0 is never).
func boot(c *city, db store.Store, crashAt int, hold, wired bool) (g *gateway, stop func()) {
	l := &life{crashAt: crashAt, crash: make(chan struct{})}
	g = &gateway{life: l, city: c, db: mortal{db, l}, queue: delivery.NewQueue(), turns: "test.turns", wired: wired}
	in := inbox.New(inbox.Deps{Store: g.db, Log: hclog.NewNullLogger(), Acceptor: g, Outbox: g.queue, Confirmer: g.queue})
	g.channels = channel.New(channel.Deps{
		Claims: new(claim.Local),
		Bus:    &g.bus, Log: hclog.NewNullLogger(), Plugins: g, Settings: g, Credentials: g, Inbox: in, DeadLetters: in.DeadLetters(), Dialer: g,
	})
	g.out = delivery.New(delivery.Deps{Store: g.db, Bus: &g.bus, Log: hclog.NewNullLogger(), Queue: g.queue, Accounts: linked{g.channels}, Senders: g, Hold: hold})
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = g.channels.Run(ctx) })
	wg.Go(func() { _ = g.out.Run(ctx) })
	return g, func() {
		l.mu.Lock()
		l.dead = true // what happens while it stops is no crash any more, nor is it wanted
		l.mu.Unlock()
		cancel()
		wg.Wait()
	}
}

// finished lists the messages that the store knows as sent, and those that it holds.
func finished(t *testing.T, db store.Store) (sent, held []string) {
	t.Helper()
	reader := delivery.New(delivery.Deps{Store: db, Bus: &event.Bus{}, Log: hclog.NewNullLogger(), Queue: delivery.NewQueue()})
	for state, into := range map[string]*[]string{"sent": &sent, "held": &held} {
		var r struct{ Messages []struct{ ID string } }
		if err := call(t, reader, "delivery.list", `{"state":"`+state+`","limit":1000}`, &r); err != nil {
			t.Fatal(err)
		}
		for _, m := range r.Messages {
			*into = append(*into, m.ID)
		}
	}
	return sent, held
}

// sentPieces lists the pieces that the store knows, by their idempotency keys, and whether they are sent.
func sentPieces(t *testing.T, db store.Store) map[string]bool {
	t.Helper()
	keys := map[string]bool{}
	err := db.View(context.Background(), func(tx store.Tx) error {
		for rec, err := range tx.Scan("delivery.queue", store.Range{}) {
			if err != nil {
				return err
			}
			var r struct {
				ID     string
				Pieces []struct{ Sent bool }
			}
			if err := json.Unmarshal(rec.Value, &r); err != nil {
				return err
			}
			for i, p := range r.Pieces {
				keys[fmt.Sprintf("%s:%d", r.ID, i)] = p.Sent
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sent, _ := finished(t, db)
	for _, id := range sent {
		keys[id+":0"], keys[id+":1"] = true, true
	}
	return keys
}

type crashRun struct {
	hold, dedup, webhook, wired bool
	crashes                     []int // steps at which the first lives end
}

// run lets the lives end one after the other and the last one finish. It returns the steps of the last.
func (r crashRun) run(t *testing.T) (steps int) {
	t.Helper()
	const messages = 5
	c, db := &city{received: map[string]int{}, dedup: r.dedup}, store.OpenMemory()
	var all []wit.Message
	for i := range messages {
		all = append(all, wit.Message{ID: fmt.Sprint("m", i), Text: fmt.Sprint("message ", i), Sender: wit.Person{ID: "u"},
			Conversation: wit.Conversation{Kind: wit.ConversationKindDirect, ID: fmt.Sprint("c", i%2)}})
	}
	var mu sync.Mutex
	var now *gateway
	posted := make(chan struct{})
	if r.webhook {
		go func() { // a platform that calls until it is answered
			defer close(posted)
			for _, m := range all {
				body := marshal(t, []wit.Message{m})
				for code, tries := 0, 0; code != 200; time.Sleep(time.Second) {
					if tries++; tries > 3600 {
						t.Errorf("%+v: %s is not taken", r, m.ID)
						return
					}
					mu.Lock()
					g := now
					mu.Unlock()
					if g == nil {
						continue
					}
					w := httptest.NewRecorder()
					g.channels.Service().Routes[0].Handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/plugins/chat/main/in", strings.NewReader(body)))
					if code = w.Code; g.step() != nil {
						code = 0 // the answer of a dead process reaches nobody
					}
				}
			}
		}()
	} else {
		c.updates = all
		close(posted)
	}
	window := map[string]int{}
	for _, at := range append(slices.Clone(r.crashes), 0) {
		g, stop := boot(c, db, at, r.hold, r.wired)
		mu.Lock()
		now = g
		mu.Unlock()
		select {
		case <-g.crash:
		case <-time.After(5 * time.Minute):
		}
		stop()
		steps = g.steps
		if at == 0 {
			break
		}
		known := sentPieces(t, db)
		for key := range c.received {
			if !known[key] {
				window[key]++
			}
		}
	}
	<-posted
	r.verify(t, c, db, all, window)
	return steps
}

func (r crashRun) verify(t *testing.T, c *city, db store.Store, all []wit.Message, window map[string]int) {
	t.Helper()
	var turns []string
	err := db.View(context.Background(), func(tx store.Tx) error {
		for row, err := range (store.Table[message.Inbound]("test.turns")).Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			turns = append(turns, row.Value.Message.ID)
		}
		return nil
	})
	if err != nil || len(turns) != len(all) {
		t.Errorf("%+v: turns %v of %d messages, %v", r, turns, len(all), err)
	}
	sent, held := finished(t, db)
	if len(sent)+len(held) != len(all) || len(held) > 0 && (!r.hold || r.dedup) {
		t.Errorf("%+v: sent %v, held %v", r, sent, held)
	}
	for _, m := range all {
		for i := range 2 {
			key := fmt.Sprintf("%s:%d", m.ID, i)
			most := 1
			if !r.hold && !r.dedup {
				most += window[key]
			}
			n := c.received[key]
			if lost := n == 0 && !slices.Contains(held, m.ID); lost || n > most {
				t.Errorf("%+v: %s was received %d times, in the send window at %d crashes, held %v", r, key, n, window[key], held)
			}
		}
	}
	if len(held) == 0 {
		inOrder(t, r, c)
	}
}

// inOrder checks that each conversation's pieces arrived first in the order of its messages.
func inOrder(t *testing.T, r crashRun, c *city) {
	t.Helper()
	for conversation := range 2 {
		var keys []string
		for _, k := range c.order {
			if int(k[1]-'0')%2 == conversation {
				keys = append(keys, k)
			}
		}
		if !slices.IsSorted(keys) {
			t.Errorf("%+v: conversation %d got %v", r, conversation, keys)
		}
	}
}

func marshal(t *testing.T, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

func TestACrashAtAnyPointLosesAndRepeatsNothing(t *testing.T) {
	kinds := map[string]crashRun{
		"poll, resend":          {},
		"poll, hold":            {hold: true},
		"poll, deduplicated":    {hold: true, dedup: true},
		"wire, resend":          {wired: true},
		"wire, hold":            {wired: true, hold: true},
		"wire, deduplicated":    {wired: true, hold: true, dedup: true},
		"webhook, resend":       {webhook: true},
		"webhook, deduplicated": {webhook: true, dedup: true},
	}
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		t.Run(name, func(t *testing.T) {
			kind, steps, runs := kinds[name], 0, 0
			synctest.Test(t, func(t *testing.T) { steps = kind.run(t) })
			once := func(crashes ...int) {
				kind.crashes = crashes
				runs++
				synctest.Test(t, func(t *testing.T) { kind.run(t) })
			}
			busy := min(steps, 110) // behind that is an idle gateway's poll
			if kind.wired {
				busy = min(steps, 200)
			}
			for at := 1; at <= busy && !t.Failed(); at++ {
				once(at)
				if kind.wired && at%4 > 0 { // it has many more steps
					continue
				}
				once(at, at)           // and its successor as well
				once(at, 7, at/2+1, 9) // and three more
			}
			t.Logf("%d steps, %d runs with crashes", steps, runs)
		})
	}
}
